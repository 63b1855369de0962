//! Any files are judged as a record or refused. A judged record renders in every format, and holds only with exit code 0.
//!
//! The input is the ledger, the events, and then the history, the ending and the output of up to three attempts in folders a,
//! b and c, separated by the byte 0x1e. `fuzz/pack` makes such a file from a record.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use comeback_record::read::read;
use comeback_record::replay::replay;
use comeback_report::{annotations, html, human, json, junit, markdown};
use comeback_text::terminal::Style;
use comeback_verdict::RunVerdict;
use libfuzzer_sys::fuzz_target;

/// One folder for all: making one each time costs more than judging what is in it.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap().keep();
    for folder in ["a", "b", "c"] {
        fs::create_dir_all(root.join("cases").join(folder)).unwrap();
    }
    root
});

const FILES: [&str; 11] = [
    "ledger.jsonl",
    "events.jsonl",
    "cases/a/history.jsonl",
    "cases/a/case.json",
    "cases/a/log.1",
    "cases/b/history.jsonl",
    "cases/b/case.json",
    "cases/b/log.1",
    "cases/c/history.jsonl",
    "cases/c/case.json",
    "cases/c/log.1",
];

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|byte| *byte == 0x1e);
    for file in FILES {
        let path = ROOT.join(file);
        match parts.next() {
            Some(part) => fs::write(path, part).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
    let Ok(document) = read(&ROOT).and_then(|kept| replay(&kept)) else {
        return;
    };
    assert_eq!(document.verdict == RunVerdict::Held, document.exit_code == 0);
    human::render(&document, Style::PLAIN);
    markdown::render(&document);
    annotations::render(&document);
    html::render(&document).unwrap();
    json::render(&document).unwrap();
    let xml = junit::render(&document).unwrap();
    quick_junit::Report::deserialize_from_str(&xml).unwrap();
});
