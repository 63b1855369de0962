//! The explorer on a scripted gateway: each fault is found and shrunk to the smallest sequence that shows it, and
//! nothing is found without a fault.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rstest::rstest;
use tokio::time::Instant;

use super::generate::Source;
use super::hunt::{Hunt, Hunted, Purpose, REPEATS, TrialRequest, TrialRunner, hunt};
use super::scripted::{Fault, ScriptedTrials};
use super::trial::{Kind, Trial, TrialOutcome};

async fn hunted(fault: Fault, seed: u64, runs: usize) -> Hunted {
    let trials = Arc::new(ScriptedTrials { fault });
    let what = Hunt {
        source: Source {
            seed,
            steps: 8,
            profiles: 3,
            others: vec!["release:0.16.0".to_owned()],
        },
        runs,
        budget: Duration::from_secs(3600),
    };
    let hunted = Arc::new(Mutex::new(Hunted::default()));
    hunt(&trials, &what, &hunted, &|_| ()).await;
    let hunted = hunted.lock().unwrap().clone();
    assert_eq!(hunted.tried, runs);
    assert_eq!(hunted.told_nothing(), 0, "{:?}", hunted.inconclusive);
    hunted
}

#[rstest]
#[case::every_shutdown_is_a_stop(Fault::EveryShutdownIsAStop, Kind::LostUp, &["operator-start", "engine-restart"])]
#[case::the_third_boot(
    Fault::ForgetsAtTheThirdBoot,
    Kind::LostUp,
    &["operator-start", "engine-restart", "engine-restart"]
)]
// One gateway is stopped, and another is lost.
#[case::the_neighbour(
    Fault::StopsTheNeighbour,
    Kind::LostUp,
    &["operator-start", "operator-stop", "engine-restart"]
)]
#[case::the_race(
    Fault::RespawnUndoesTheStop,
    Kind::LostDown,
    &["operator-start", "signal-gateway~", "operator-stop"]
)]
#[case::the_frozen_one(
    Fault::DrainingStaysDown,
    Kind::LostUp,
    // Either act leads to the state that is lost, and shrinking does not replace one act by another.
    &["operator-start", "hold-at~", "signal-gateway~|operator-restart~", "wait-until", "engine-restart"]
)]
#[case::the_stop(Fault::StopIsNotRecorded, Kind::Unrecorded, &["operator-start", "operator-stop"])]
#[case::the_lines(Fault::SilentAfterDelete, Kind::BootLine, &["profile-delete", "engine-restart"])]
#[case::the_kills(
    Fault::TiredOfRespawning,
    Kind::LostUp,
    &["operator-start", "signal-gateway", "signal-gateway"]
)]
#[case::the_second_container(Fault::SecondStartsAnother, Kind::Twice, &["operator-start", "engine-start"])]
#[case::the_other_image(Fault::OtherImageStartsNothing, Kind::LostUp, &["operator-start", "recreate"])]
#[tokio::test]
async fn a_fault_is_found_and_shrunk_to_the_smallest_sequence_that_shows_it(
    #[case] fault: Fault,
    #[case] kind: Kind,
    #[case] least: &[&str],
    #[values(1, 2)] seed: u64,
) {
    let hunted = hunted(fault, seed, 300).await;
    let shown: Vec<(Kind, Vec<String>)> = hunted
        .findings
        .iter()
        .map(|f| {
            let steps = f.sequence.steps().into_iter();
            let steps = steps.map(|(_, s)| format!("{}{}", s.op.name(), if s.wait { "" } else { "~" }));
            (f.violation.kind, steps.collect())
        })
        .collect();
    let is_least = |steps: &[String]| {
        let fits = |(least, step): (&&str, &String)| least.split('|').any(|one| one == step);
        steps.len() == least.len() && least.iter().zip(steps).all(fits)
    };
    assert!(
        shown.iter().any(|(k, steps)| *k == kind && is_least(steps)),
        "{least:?} is not among {shown:#?}"
    );
    for finding in &hunted.findings {
        assert_eq!((finding.repeats, finding.reproduced), (REPEATS, REPEATS));
        assert!(finding.minimal);
    }
}

#[tokio::test]
async fn a_gateway_without_a_fault_gives_no_findings() {
    let trials = Arc::new(ScriptedTrials { fault: Fault::None });
    let source = Source {
        seed: 1,
        steps: 8,
        profiles: 3,
        others: vec!["release:0.16.0".to_owned()],
    };
    for index in 0..10_000 {
        let request = TrialRequest {
            sequence: source.sequence(index),
            purpose: Purpose::Try(index),
        };
        let trial = trials.clone().run(request.clone()).await;
        assert_eq!(trial.outcome, TrialOutcome::Held, "{:#?}", request.sequence);
    }
}

/// A [`TrialRunner`] whose trials take a minute each.
struct SlowTrials {
    trials: Arc<ScriptedTrials>,
    since: Instant,
    began: Mutex<Vec<(Purpose, Instant)>>,
}

impl TrialRunner for SlowTrials {
    async fn run(self: Arc<Self>, request: TrialRequest) -> Trial {
        let began = (request.purpose.clone(), Instant::now());
        self.began.lock().unwrap().push(began);
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.trials.clone().run(request).await
    }

    fn width(&self) -> usize {
        3
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Hunts the fault of #42675 with trials that take a minute. Returns the trials as they began, and the results.
async fn hunted_slowly(runs: usize, budget: Duration) -> (Vec<(Purpose, Instant)>, Hunted) {
    let fault = Fault::EveryShutdownIsAStop;
    let trials = Arc::new(SlowTrials {
        trials: Arc::new(ScriptedTrials { fault }),
        since: Instant::now(),
        began: Mutex::default(),
    });
    let what = Hunt {
        source: Source {
            seed: 4,
            steps: 8,
            profiles: 3,
            others: vec!["release:0.16.0".to_owned()],
        },
        runs,
        budget,
    };
    let hunted = Arc::new(Mutex::new(Hunted::default()));
    hunt(&trials, &what, &hunted, &|_| ()).await;
    let began = trials.began.lock().unwrap().clone();
    let hunted = hunted.lock().unwrap().clone();
    (began, hunted)
}

/// Failures found within the budget are reported, even if there is no time to shrink or repeat them.
#[tokio::test(start_paused = true)]
async fn no_trial_begins_after_the_budget() {
    let (since, budget) = (Instant::now(), Duration::from_secs(30));
    let (began, hunted) = hunted_slowly(1000, budget).await;
    let began: Vec<Duration> = began.iter().map(|(_, at)| at.duration_since(since)).collect();
    assert!(began.iter().all(|after| *after < budget), "{began:?}");
    assert_eq!(hunted.tried, 3);
    for finding in &hunted.findings {
        assert_eq!((finding.minimal, finding.repeats), (false, 0));
    }
    assert!(!hunted.findings.is_empty());
}

/// The longest of several candidates ends alone, and no processor should idle meanwhile.
#[tokio::test(start_paused = true)]
async fn new_sequences_run_beside_an_investigation() {
    let (began, hunted) = hunted_slowly(60, Duration::from_secs(36_000)).await;
    assert_eq!(hunted.tried, 60);
    let at = |which: &dyn Fn(&Purpose) -> bool| -> Vec<Instant> {
        began
            .iter()
            .filter(|(purpose, _)| which(purpose))
            .map(|(_, at)| *at)
            .collect()
    };
    let tries = at(&|purpose| matches!(purpose, Purpose::Try(_)));
    let shrinking = at(&|purpose| matches!(purpose, Purpose::Shrink(0, _)));
    let (first, last) = (shrinking.first().unwrap(), shrinking.last().unwrap());
    assert!(
        tries.iter().any(|at| first <= at && at < last),
        "{tries:?}, {shrinking:?}"
    );
}
