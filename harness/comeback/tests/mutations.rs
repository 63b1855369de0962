//! External input changed at random: records, messages of the observer, scenario files. Each is read or refused.
//! Nothing panics, and no change makes a verdict better.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use comeback_history::facts::{Observation, Source};
use comeback_history::now::Now;
use comeback_observe::wire::Message;
use comeback_record::document::RunDocument;
use comeback_record::excerpt::{reconciler_lines, shutdown_lines, timeline};
use comeback_record::read::{ReadError, read};
use comeback_record::replay::replay;
use comeback_record::spans::spans;
use comeback_report::{annotations, ctrf, html, human, json, junit, markdown};
use comeback_scenario::parse_file;
use comeback_text::terminal::Style;
use comeback_verdict::RunVerdict;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;

/// A record of a red run. Its evidence makes it red.
const RED: &str = "red";
const FIXTURES: [&str; 5] = ["compare", "hostile", RED, "reproduce", "selftest"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../record/tests/fixtures/records")
}

/// The files of a record: path below its folder, and content.
fn files(root: &Path, below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(root.join(below)).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(root, &path));
        } else {
            all.push((path.clone(), fs::read(root.join(path)).unwrap()));
        }
    }
    all
}

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Put(Index, Vec<u8>),
    Cut(Index),
    Without(Index),
    Twice(Index),
    Swapped(Index, Index),
}

impl Change {
    fn make(&self, bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let mut bytes = bytes.to_vec();
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        match self {
            Self::Flip(at, with) => {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
                return bytes;
            }
            Self::Put(at, what) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, what.iter().copied());
                return bytes;
            }
            Self::Cut(at) => {
                bytes.truncate(at.index(bytes.len()));
                return bytes;
            }
            Self::Without(line) => {
                lines.remove(line.index(lines.len()));
            }
            Self::Twice(line) => {
                let line = line.index(lines.len());
                lines.insert(line, lines[line].clone());
            }
            Self::Swapped(one, other) => {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
            }
        }
        lines.concat()
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 1..=255_u8).prop_map(|(at, with)| Change::Flip(at, with)),
        (index(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, what)| Change::Put(at, what)),
        index().prop_map(Change::Cut),
        index().prop_map(Change::Without),
        index().prop_map(Change::Twice),
        (index(), index()).prop_map(|(one, other)| Change::Swapped(one, other)),
    ]
}

fn judged(root: &Path) -> Result<RunDocument, ReadError> {
    replay(&read(root)?)
}

/// Renders a document in every format.
fn reported(document: &RunDocument) {
    human::render(document, Style::PLAIN);
    markdown::render(document);
    annotations::render(document);
    html::render(document).unwrap();
    json::render(document).unwrap();
    ctrf::render(document).unwrap();
    let xml = junit::render(document).unwrap();
    quick_junit::Report::deserialize_from_str(&xml).unwrap();
}

/// Judges a copy of a record with changes in the files that `which` selects.
fn changed(name: &str, which: impl Fn(&Path) -> bool, changes: &[(Index, Change)]) -> Result<RunDocument, ReadError> {
    let root = fixtures().join(name);
    let mut all = files(&root, Path::new(""));
    let of: Vec<usize> = (0..all.len()).filter(|i| which(&all[*i].0)).collect();
    for (file, change) in changes {
        let file = &mut all[*file.get(&of)];
        file.1 = change.make(&file.1);
    }
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in all {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    judged(folder.path())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// A changed record is judged or refused, and a judged one can be rendered in every format. It holds only if
    /// every planned case was judged, and only if nothing in it contradicts that.
    #[test]
    fn a_record_with_anything_changed_is_judged_or_refused(
        name in prop::sample::select(&FIXTURES[..]),
        changes in prop::collection::vec((any::<Index>(), change()), 1..4),
    ) {
        let read_at_all = |path: &Path| path.file_name().is_some_and(|name| name != "run.json" && name != "moments.jsonl");
        if let Ok(document) = changed(name, read_at_all, &changes) {
            reported(&document);
            let holds = document.verdict == RunVerdict::Held;
            prop_assert_eq!(holds, document.exit_code == 0);
            let bad = document.cases.iter().any(|c| c.counts && c.verdict.is_red() && c.overlay.is_none());
            prop_assert!(!holds || (!bad && document.failure.is_none()) || document.comparisons.is_some());
        }
    }

    /// No change of the evidence makes a red run hold.
    #[test]
    fn a_red_record_never_holds(changes in prop::collection::vec((any::<Index>(), change()), 1..3)) {
        let evidence = |path: &Path| {
            path.starts_with("cases") && path.file_name().is_some_and(|name| name != "moments.jsonl")
        };
        if let Ok(document) = changed(RED, evidence, &changes) {
            prop_assert_ne!(document.verdict, RunVerdict::Held);
            prop_assert_ne!(document.exit_code, 0);
        }
    }

    /// The folder of an attempt is a plain name inside the record, or the record is refused.
    #[test]
    fn no_folder_name_leads_out_of_a_record(name in r"(\.\./|/|\\|\.|[a-z]|\x00|\n|@){0,8}") {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("record");
        for (path, content) in files(&fixtures().join(RED), Path::new("")) {
            let path = inside.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        // A file at the place that the name points to, outside the record.
        fs::create_dir_all(folder.path().join("a/cases/a")).unwrap();
        let ledger = fs::read_to_string(inside.join("ledger.jsonl")).unwrap();
        let quoted = serde_json::to_string(&name).unwrap();
        let ledger = ledger.replacen("\"docker-restart@release-0.16.0.1\"", &quoted, 1);
        fs::write(inside.join("ledger.jsonl"), ledger).unwrap();
        match read(&inside) {
            Err(error) => prop_assert!(error.path.starts_with(&inside)),
            Ok(kept) => {
                let cases = inside.join("cases");
                prop_assert!(kept.attempts.iter().all(|a| a.folder.parent() == Some(&cases)));
            }
        }
    }

    /// Any messages of the observer and the agent, in any order, give a history that can be read and drawn.
    #[test]
    fn any_messages_give_a_history_that_can_be_drawn(said in prop::collection::vec(message(), 0..40)) {
        let mut history: Vec<Observation> = Vec::new();
        for line in said {
            let Some(message) = Message::parse(&line.to_string()) else { continue };
            let Some(fact) = message.fact() else { continue };
            history.push(Observation {
container: None,
                seq: history.len() as u64,
                at: message.at(),
                known: Timestamp::UNIX_EPOCH,
                source: Source::Observer,
                fact,
            });
        }
        let now = Now::at_end(&history);
        for profile in now.profiles.values() {
            let _ = (profile.current_life(), profile.supervised(), profile.up(), profile.own_word());
        }
        let _ = (timeline(&history, None), spans(&history, None), reconciler_lines(&history), shutdown_lines(&history));
        // Serialising and parsing are inverse.
        let text = serde_json::to_string(&history).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Observation>>(&text).unwrap(), history);
    }

    /// A changed scenario file is read, or refused with a position.
    #[test]
    fn a_scenario_with_anything_changed_is_read_or_refused(file in any::<Index>(), changes in prop::collection::vec(change(), 1..4)) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        all.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        all.sort();
        let mut bytes = fs::read(file.get(&all)).unwrap();
        for change in &changes {
            bytes = change.make(&bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        match parse_file("changed.toml", &text) {
            Ok(scenario) => prop_assert!(!comeback_scenario::explain::explain(&scenario).is_empty()),
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.line >= 1);
                    prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'));
                }
            }
        }
    }
}

/// A message in the shape of the observer's or the agent's, with arbitrary content.
fn message() -> impl Strategy<Value = serde_json::Value> {
    let kinds = &[
        "hello", "file", "line", "missed", "overflow", "capped", "crowded", "blind", "svc", "sync", "reply", "?",
    ][..];
    let names = &[
        "gateway_state.json",
        ".gateway-planned-stop.json",
        "container-boot.log",
        "gateway.log",
        "gateway-exit-diag.log",
        "x",
    ][..];
    let text = prop_oneof![
        any::<String>(),
        Just("2026-01-01T00:00:00Z profile=default prior_state=None action=started".to_owned()),
        Just("Received SIGTERM as a planned gateway stop".to_owned()),
        ".*".prop_map(|s| format!("x profile={s} prior_state={s} action={s}")),
        (any::<u64>(), any::<i64>(), ".{0,9}").prop_map(|(pid, start, word)| {
            serde_json::json!({"gateway_state": word, "pid": pid, "start_time": start, "tag": "gateway.exit_clean", "code": start})
                .to_string()
        }),
    ];
    let content = &["text", "absent", "special", "big", "binary", ""][..];
    let first = (
        any::<u64>(),
        prop::sample::select(kinds),
        prop_oneof![Just("default".to_owned()), any::<String>()],
        prop::sample::select(names),
        text,
        prop::sample::select(content),
        any::<Option<i64>>(),
    );
    let second = (
        any::<bool>(),
        any::<bool>(),
        any::<Option<bool>>(),
        any::<Option<u32>>(),
        any::<Option<u64>>(),
        any::<u32>(),
    );
    (first, second, any::<i64>(), any::<String>()).prop_map(|((n, k, p, f, d, is, t), (slot, down, up, pid, st, procs), code, word)| {
        serde_json::json!({
            "n": n, "k": k, "p": p, "f": f, "d": d, "is": is, "t": t, "slot": slot, "down": down, "up": up, "pid": pid, "st": st,
            "procs": procs, "deaths": [["code", code], ["signal", word], ["?", null]],
        })
    })
}

/// The strategy generates messages that are understood, otherwise the tests above would prove nothing.
#[test]
fn messages_are_understood() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let facts = (0..200)
        .filter(|_| {
            let line = message().new_tree(&mut runner).unwrap().current().to_string();
            Message::parse(&line).is_some_and(|m| m.fact().is_some())
        })
        .count();
    assert!(facts > 80, "{facts} of 200");
}
