//! The behaviour table on the real gateway: every scenario file on the last release with the bug and the first with its fix.
//!
//! A new file in `scenarios/` is a new test. The names of tests carry positions; a file's name is what to filter by:
//! `cargo test --package comeback-tests docker_restart`.

use std::path::PathBuf;

use comeback::app::reference_column;
use comeback::verdict::Verdict;
use comeback_tests::{Outcome, dossier, run, scenario};
use rstest::rstest;

#[rstest]
fn behaves(#[files("../scenarios/*.toml")] path: PathBuf, #[values("0.16.0", "0.17.0")] release: &str) {
    let scenario = scenario(&path);
    let image = format!("release:{release}");
    // What the fix is about has to be told apart without any allowance; the rest is held to what is on record.
    let core = scenario.tags.iter().any(|tag| tag == "core");
    let column = core.then(|| reference_column(&scenario, &image));
    let document = match run(scenario, &image, column) {
        Outcome::Judged(document) => document,
        Outcome::LeftOut(why) => {
            println!("left out: {why}");
            return;
        }
    };
    let counting = document
        .cases
        .iter()
        .find(|case| case.counts)
        .expect("an attempt counts");
    match counting.verdict {
        Verdict::Held | Verdict::KnownBad | Verdict::NewlyFixed => {}
        Verdict::Unsupported => println!("unsupported here: {}", counting.reason.as_deref().unwrap_or_default()),
        Verdict::Error | Verdict::Inconclusive | Verdict::Mismatch | Verdict::Regression => {
            panic!("{}", dossier(&document))
        }
    }
}
