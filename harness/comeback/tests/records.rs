//! Records of real runs, judged again: complete ones, ones whose run was killed, and ones that were tampered with.

#![allow(clippy::unwrap_used)]

mod formats;
mod outsider;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use comeback_record::document::RunDocument;
use comeback_record::read::read;
use comeback_record::replay::replay;
use comeback_verdict::{RunVerdict, Verdict};
use outsider::{CommandOutput, comeback, run};
use rstest::rstest;
use serde_json::Value;

const REPRODUCE: &str = "reproduce";
const RED: &str = "red";
const SELFTEST: &str = "selftest";
const COMPARE: &str = "compare";
/// A run on an image that plants dangerous text, and on one that ends at once (`images/hostile`).
const HOSTILE: &str = "hostile";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../record/tests/fixtures/records")
        .join(name)
}

/// A copy of a record that a test may change.
fn copy(name: &str) -> tempfile::TempDir {
    fn all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                all(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    all(&fixture(name), folder.path());
    folder
}

fn judge(record: &Path, flags: &[&str]) -> CommandOutput {
    run(comeback().arg("judge").arg(record).args(flags))
}

fn judged(record: &Path) -> RunDocument {
    replay(&read(record).unwrap_or_else(|e| panic!("{e}"))).unwrap_or_else(|e| panic!("{e}"))
}

fn document_of(record: &Path) -> Value {
    serde_json::from_slice(&fs::read(record.join("run.json")).unwrap()).unwrap()
}

/// A document without the record's place.
fn anywhere(mut document: Value) -> Value {
    document["record"].take();
    for case in document["cases"].as_array_mut().unwrap() {
        case["evidence"].take();
    }
    document
}

/// Asserts that `now` has everything that `then` has. Keys may have been added since.
fn includes(now: &Value, then: &Value, at: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (key, value) in then {
                let at = format!("{at}/{key}");
                includes(now.get(key).unwrap_or_else(|| panic!("{at} is gone")), value, &at);
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}");
            for (i, (now, then)) in now.iter().zip(then).enumerate() {
                includes(now, then, &format!("{at}/{i}"));
            }
        }
        _ => assert_eq!(now, then, "{at}"),
    }
}

#[rstest]
#[case(REPRODUCE)]
#[case(RED)]
#[case(SELFTEST)]
#[case(COMPARE)]
#[case(HOSTILE)]
fn a_record_gives_the_verdict_of_its_run(#[case] name: &str) {
    let record = fixture(name);
    let then = document_of(&record);
    let seen = judge(&record, &["--format", "json", "--color", "never"]);
    assert_eq!(seen.code, then["exit_code"], "{seen}");
    assert_eq!(seen.err, "", "{seen}");
    let now = seen.json();
    includes(&anywhere(now.clone()), &anywhere(then), "");
    assert_eq!(now["record"], record.display().to_string());
}

#[test]
fn events_are_streamed_with_the_document_at_their_end() {
    let seen = judge(&fixture(REPRODUCE), &["--format", "jsonl"]);
    let lines: Vec<Value> = seen
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert!(
        events.contains(&"run-started") && events.contains(&"case-judged"),
        "{events:?}"
    );
    assert_eq!(events.iter().filter(|e| **e == "document").count(), 1);
    assert_eq!(events.last(), Some(&"document"));
}

/// Wherever the ledger ends, the rest is judged, and nothing that is not known counts as held.
#[test]
fn a_ledger_that_ends_anywhere_never_holds() {
    let folder = copy(REPRODUCE);
    let path = folder.path().join("ledger.jsonl");
    let whole = fs::read(&path).unwrap();
    let complete = judged(folder.path());
    let ends = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(i, _)| i + 1);
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let cuts: Vec<usize> = ends.flat_map(|end| [end, end.saturating_sub(20)]).collect();
    for cut in cuts.into_iter().filter(|cut| (first..whole.len() - 1).contains(cut)) {
        fs::write(&path, &whole[..cut]).unwrap();
        let document = judged(folder.path());
        assert_ne!(document.verdict, RunVerdict::Held, "cut at {cut}");
        assert!(
            [2, 3].contains(&document.exit_code),
            "cut at {cut}: {}",
            document.exit_code
        );
        assert!(document.failure.unwrap().contains("the record ends before the run did"));
        for case in &document.cases {
            let same = complete
                .cases
                .iter()
                .find(|c| (&c.scenario, &c.image) == (&case.scenario, &case.image));
            let told = case.reason.as_deref().unwrap_or_default();
            assert!(
                case.verdict == same.unwrap().verdict || told.starts_with("the record ends"),
                "{told}"
            );
        }
    }
}

#[test]
fn an_unfinished_attempt_is_inconclusive() {
    let folder = copy(REPRODUCE);
    let ledger = folder.path().join("ledger.jsonl");
    let text = fs::read_to_string(&ledger).unwrap();
    let without_end: String = text
        .lines()
        .filter(|l| !l.contains("\"entry\":\"ended\""))
        .map(|l| format!("{l}\n"))
        .collect();
    fs::write(&ledger, without_end).unwrap();
    let case = folder.path().join("cases/docker-restart@release-0.17.0.1");
    fs::remove_file(case.join("case.json")).unwrap();
    let history = fs::read_to_string(case.join("history.jsonl")).unwrap();
    let step = history.find("step-began").unwrap();
    let line = history[step..].find('\n').unwrap() + step;
    // In the middle of the next line.
    fs::write(case.join("history.jsonl"), &history[..line + 30]).unwrap();
    let seen = judge(folder.path(), &["--color", "never"]);
    assert_eq!(seen.code, 2, "{seen}");
    let said: String = seen.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = "the record ends here, while this attempt was running during step 1 engine-restart";
    assert!(said.contains(why), "{seen}");
    let document = judged(folder.path());
    let cut = document.cases.iter().filter(|c| c.verdict == Verdict::Inconclusive);
    assert_eq!(cut.count(), 1);
}

/// A change of the table does not change the verdict on a record, but a change of the record's own scenarios does.
#[test]
fn a_record_is_judged_by_its_own_scenarios() {
    let folder = copy(REPRODUCE);
    edit(folder.path(), "ledger.jsonl", |text| {
        text.replace("fixed = \\\"started\\\"", "fixed = \\\"skipped\\\"")
    });
    let document = judged(folder.path());
    assert_eq!(document.verdict, RunVerdict::Regression);
}

#[test]
fn missing_observations_are_inconclusive() {
    let folder = copy(REPRODUCE);
    edit(
        folder.path(),
        "cases/docker-restart@release-0.17.0.1/history.jsonl",
        |text| text.lines().take(5).map(|l| format!("{l}\n")).collect(),
    );
    let document = judged(folder.path());
    assert_eq!((document.verdict, document.exit_code), (RunVerdict::Inconclusive, 2));
}

/// The record has a field for it. Records from before that field have it in the words of the note.
#[rstest]
#[case::a_field(r#""note":"it took 60 s","came_true":false"#, Verdict::Inconclusive)]
#[case::words_of_an_older_record(
    r#""note":"did not come true: marker of default to be absent""#,
    Verdict::Inconclusive
)]
#[case::a_field_outweighs_words(r#""note":"did not come true: nothing","came_true":true"#, Verdict::Held)]
#[case::other_words(r#""note":"it nearly did not come true: well""#, Verdict::Held)]
fn a_missed_wait_until_is_inconclusive(#[case] end: &str, #[case] verdict: Verdict) {
    let record = copy(REPRODUCE);
    let history = "cases/docker-restart@release-0.17.0.1/history.jsonl";
    edit(record.path(), history, |text| {
        let changed = text.replacen(r#""note":null"#, end, 1);
        assert_ne!(changed, text);
        changed
    });
    let document = judged(record.path());
    let case = document.cases.iter().find(|case| {
        case.evidence
            .as_deref()
            .unwrap_or_default()
            .contains("docker-restart@release-0.17.0")
    });
    assert_eq!(case.unwrap().verdict, verdict);
}

fn edit(record: &Path, file: &str, with: impl FnOnce(String) -> String) {
    let path = record.join(file);
    let text = with(fs::read_to_string(&path).unwrap());
    fs::write(path, text).unwrap();
}

const CASE: &str = "cases/docker-restart@release-0.17.0.1";

#[rstest]
#[case::ledger("ledger.jsonl", 3, "not a valid line of a record")]
#[case::events("events.jsonl", 2, "not a valid line of a record")]
#[case::history(
    "cases/docker-restart@release-0.17.0.1/history.jsonl",
    4,
    "not a valid line of a record"
)]
fn garbage_is_reported_with_file_and_line(#[case] file: &str, #[case] line: usize, #[case] said: &str) {
    let folder = copy(REPRODUCE);
    edit(folder.path(), file, |text| {
        let spoil = |(i, l): (usize, &str)| {
            if i + 1 == line {
                "{\u{1b}[2J}\n".into()
            } else {
                format!("{l}\n")
            }
        };
        text.lines().enumerate().map(spoil).collect()
    });
    refused(folder.path(), &format!("{file}:{line}: {said}"));
}

#[rstest]
#[case::unknown_exit_code(
    "ledger.jsonl",
    "\"failure\":null",
    "\"failure\":{\"why\":\"w\",\"exit\":9}",
    "no exit code 9"
)]
#[case::a_scenario_that_is_none("ledger.jsonl", "schema = 1", "schema = 7", "its scenario is invalid")]
#[case::a_case_without_scenario(
    "ledger.jsonl",
    "\"entry\":\"case\",\"scenario\":\"docker-restart\"",
    "\"entry\":\"case\",\"scenario\":\"gone\"",
    "there is no scenario `gone`"
)]
#[case::another_version(
    "ledger.jsonl",
    "\"entry\":\"began\",\"schema\":1",
    "\"entry\":\"began\",\"schema\":2",
    "version 2"
)]
#[case::folder_outside_the_record(
    "ledger.jsonl",
    "\"folder\":\"docker-restart@release-0.17.0.1\"",
    "\"folder\":\"../elsewhere\"",
    "is no valid folder of an attempt"
)]
#[case::the_folder_itself(
    "ledger.jsonl",
    "\"folder\":\"docker-restart@release-0.17.0.1\"",
    "\"folder\":\"..\"",
    "is no valid folder of an attempt"
)]
#[case::observations_out_of_order(
    "cases/docker-restart@release-0.17.0.1/history.jsonl",
    "\"seq\":3",
    "\"seq\":4",
    "observation 4 instead of 3"
)]
fn contradictions_are_refused(#[case] file: &str, #[case] from: &str, #[case] to: &str, #[case] said: &str) {
    let folder = copy(REPRODUCE);
    edit(folder.path(), file, |text| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    refused(folder.path(), said);
}

/// Nothing outside a record is read, by any kind of link.
#[rstest]
#[case::a_file("cases/docker-restart@release-0.17.0.1/case.json")]
#[case::a_log("cases/docker-restart@release-0.17.0.1/log.1")]
#[case::a_folder("cases/docker-restart@release-0.17.0.1")]
#[case::all_cases("cases")]
#[case::the_ledger("ledger.jsonl")]
fn links_are_not_followed(#[case] what: &str) {
    let folder = copy(REPRODUCE);
    let elsewhere = tempfile::tempdir().unwrap();
    let aside = elsewhere.path().join("aside");
    fs::rename(folder.path().join(what), &aside).unwrap();
    symlink(&aside, folder.path().join(what)).unwrap();
    refused(folder.path(), "links in a record are not followed");
}

#[test]
fn a_pipe_is_refused() {
    let folder = copy(REPRODUCE);
    let path = folder.path().join(CASE).join("case.json");
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    refused(folder.path(), "not a plain file");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let folder = copy(REPRODUCE);
    let file = fs::File::create(folder.path().join("ledger.jsonl")).unwrap();
    file.set_len(80 << 20).unwrap();
    refused(folder.path(), "larger than 64 MiB");
}

#[test]
fn a_folder_without_a_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), "is this the folder of a run's record?");
    let ledger = folder.path().join("ledger.jsonl");
    fs::write(&ledger, "").unwrap();
    refused(folder.path(), "the run was killed before its record began");
    refused(&ledger, "this is a file, but a record is a folder");
}

/// Exit code 64, one error with file and line, nothing on stdout, and no control characters.
fn refused(record: &Path, said: &str) {
    let seen = judge(record, &["--format", "json"]);
    assert_eq!(seen.code, 64, "{seen}");
    assert_eq!(seen.out, "", "{seen}");
    assert!(seen.err.starts_with(&format!("error: {}", record.display())), "{seen}");
    assert!(seen.err.contains(said), "{seen}");
    assert!(!seen.err.contains('\u{1b}'), "{seen}");
}
