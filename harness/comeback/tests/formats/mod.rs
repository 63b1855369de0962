//! All formats of a record and the exit code agree, for records of real runs and for variants with another
//! expectation or end.

use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use super::outsider::{FORMATS, comeback, inert, run};
use super::{COMPARE, HOSTILE, RED, REPRODUCE, SELFTEST, copy, edit, fixture};

#[rstest]
#[case(REPRODUCE)]
#[case(RED)]
#[case(SELFTEST)]
#[case(COMPARE)]
#[case(HOSTILE)]
fn all_formats_agree(#[case] name: &str) {
    agreed(&fixture(name));
}

/// A change of a record: for 0.16.0 and 0.17.0 each, the expectation and the end of the attempt; and a signal.
#[derive(Default)]
struct Variant {
    /// The release that an image counts as. Its own column is expected.
    natural: [Option<&'static str>; 2],
    end: [Option<&'static str>; 2],
    signal: Option<u8>,
}

#[rstest]
#[case::mismatch(Variant::default(), ["mismatch", "held"], "regression", 1)]
#[case::known_bad(Variant { natural: [Some("0.16.0"), Some("0.17.0")], ..Variant::default() }, ["known-bad", "held"],
    "held", 0)]
#[case::newly_fixed(Variant { natural: [Some("0.16.0"), Some("0.16.0")], ..Variant::default() },
    ["known-bad", "newly-fixed"], "held", 0)]
#[case::regression(Variant { natural: [Some("0.17.0"), Some("0.17.0")], ..Variant::default() }, ["regression", "held"],
    "regression", 1)]
#[case::inconclusive(Variant { end: [Some("inconclusive"), None], ..Variant::default() }, ["inconclusive", "held"],
    "inconclusive", 2)]
#[case::red_beats_doubt(Variant { end: [None, Some("inconclusive")], ..Variant::default() },
    ["mismatch", "inconclusive"], "regression", 1)]
#[case::error(Variant { end: [Some("error"), None], ..Variant::default() }, ["error", "held"], "error", 3)]
#[case::unsupported(Variant { end: [Some("unsupported"), None], ..Variant::default() }, ["unsupported", "held"], "held",
    0)]
#[case::nothing_but_unsupported(Variant { end: [Some("unsupported"); 2], ..Variant::default() },
    ["unsupported", "unsupported"], "error", 4)]
#[case::interrupted(Variant { natural: [Some("0.16.0"), Some("0.17.0")], signal: Some(130), ..Variant::default() },
    ["known-bad", "held"], "error", 130)]
fn all_formats_agree_on_each_verdict(
    #[case] otherwise: Variant,
    #[case] verdicts: [&str; 2],
    #[case] verdict: &str,
    #[case] code: u8,
) {
    let record = copy(RED);
    for (i, image) in ["0.16.0", "0.17.0"].into_iter().enumerate() {
        if let Some(release) = otherwise.natural[i] {
            edit(record.path(), "ledger.jsonl", |text| {
                let was = format!(r#""expect":"fixed","subject":{{"release":"{image}","shutdown_release":"{image}""#);
                let is = format!(r#""expect":null,"subject":{{"release":"{release}","shutdown_release":"{release}""#);
                assert!(text.contains(&was), "{text}");
                text.replace(&was, &is)
            });
        }
        if let Some(end) = otherwise.end[i] {
            let file = format!("cases/docker-restart@release-{image}.1/case.json");
            edit(record.path(), &file, |text| {
                let mut case: Value = serde_json::from_str(&text).unwrap();
                case["end"] = json!(end);
                case["reason"] = json!("the engine answered 500");
                case.to_string()
            });
        }
    }
    if let Some(signal) = otherwise.signal {
        edit(record.path(), "ledger.jsonl", |text| {
            text.replace(r#""interrupted":null"#, &format!(r#""interrupted":{signal}"#))
        });
    }
    let document = agreed(record.path());
    let cases = document["cases"].as_array().unwrap();
    let found: Vec<&str> = cases.iter().map(|case| case["verdict"].as_str().unwrap()).collect();
    assert_eq!(found, verdicts);
    assert_eq!(
        (&document["verdict"], &document["exit_code"]),
        (&json!(verdict), &json!(code))
    );
}

/// Renders a record in every format, compares each with the document, and returns the document.
fn agreed(record: &Path) -> Value {
    let out = tempfile::tempdir().unwrap();
    let path = |file: &str| out.path().join(file);
    let mut command = comeback();
    command.arg("judge").arg(record);
    for format in FORMATS {
        command
            .arg("--output")
            .arg(format!("{format}={}", path(format).display()));
    }
    let seen = run(&mut command);
    let text = |file: &str| fs::read_to_string(path(file)).unwrap();
    for format in FORMATS {
        inert(&text(format), format);
    }
    let document: Value = serde_json::from_str(&text("json")).unwrap();
    let code = seen.code;
    assert_eq!(document["exit_code"], code, "{seen}");
    assert!(seen.out.trim_end().ends_with(&format!("exit {code}")), "{seen}");
    assert_eq!(text("human"), seen.out);

    let last: Value = serde_json::from_str(text("jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["document"]),
        (&Value::from("document"), &document)
    );

    // Valid for an independent parser too.
    let parsed = std::process::Command::new("python3")
        .args(["-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])"])
        .arg(path("junit"))
        .output()
        .unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let junit = quick_junit::Report::deserialize_from_str(&text("junit")).unwrap();
    assert_eq!(junit.failures > 0, code == 1, "{}", text("junit"));
    assert_eq!(junit.failures + junit.errors > 0, code != 0, "{}", text("junit"));
    if document["command"] == "check" {
        let red = |case: &&Value| case["verdict"] == "regression" || case["verdict"] == "mismatch";
        let red = document["cases"].as_array().unwrap().iter().filter(red).count();
        assert_eq!(junit.failures, red, "{}", text("junit"));
    }

    let ctrf: Value = serde_json::from_str(&text("ctrf")).unwrap();
    let count = |key: &str| ctrf["results"]["summary"][key].as_u64().unwrap();
    assert_eq!(
        [count("tests"), count("failed"), count("other"), count("skipped")].map(|n| usize::try_from(n).unwrap()),
        [junit.tests, junit.failures, junit.errors, junit.skipped],
        "{ctrf}"
    );

    let verdict = document["verdict"].as_str().unwrap();
    let said = text("markdown");
    let heading = said.lines().next().unwrap();
    assert!(heading.ends_with(&format!("{verdict} · exit {code}")), "{heading}");
    let said = text("html");
    let (_, heading) = said.split_once("<h1>").unwrap();
    let (heading, _) = heading.split_once("</h1>").unwrap();
    assert!(heading.contains(&format!("{verdict}</span>")), "{heading}");
    assert!(heading.contains(&format!("exit {code}<")), "{heading}");

    let annotations = text("annotations");
    let worst = annotations.lines().next().and_then(|line| line.split(' ').next());
    let wanted = match code {
        0 => None,
        2 => Some("::warning"),
        _ => Some("::error"),
    };
    assert_eq!(worst, wanted, "{annotations}");
    document
}
