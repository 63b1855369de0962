//! When steps begin, and how long the runner waits for something that does not happen.

use rstest::rstest;

use super::play::{Played, play, play_drawn, play_on};
use comeback_fake::{Fake, Personality};
use comeback_history::facts::{Fact, Observation};
use comeback_history::now::Now;
use comeback_scenario::Catalogue;
use comeback_scenario::vocabulary::OperationKind;
use comeback_verdict::Classification;

fn played(scenario: &str, personality: Personality, seed: u64) -> Played {
    play_drawn(scenario, personality, None, seed).unwrap_or_else(|why| panic!("{why}"))
}

/// The delay of each step of an attempt.
fn delays(history: &[Observation]) -> Vec<Option<u64>> {
    let delay = |o: &Observation| match o.fact {
        Fact::StepBegan { delay_ms, .. } => Some(delay_ms),
        _ => None,
    };
    history.iter().filter_map(delay).collect()
}

#[rstest]
fn a_step_that_ends_a_gateway_begins_when_its_start_is_over(
    #[values(
        "docker-restart",
        "docker-restart-seeded",
        "operator-stop-marker",
        "unmarked-sigterm"
    )]
    scenario: &str,
) {
    let history = played(scenario, Personality::Fixed, 1).histories.remove(0);
    let began = |o: &Observation| matches!(&o.fact, Fact::StepBegan { op, .. } if *op != OperationKind::WaitUntil);
    let steps: Vec<usize> = (0..history.len()).filter(|i| began(&history[*i])).collect();
    assert!(!steps.is_empty());
    for step in steps {
        let now = Now::at_end(&history[..step]).profile("default");
        assert_eq!(now.live, now.supervised(), "{:?}", history[step].fact);
        assert!(matches!(
            history[step].fact,
            Fact::StepBegan {
                delay_ms: Some(0..500),
                ..
            }
        ));
    }
}

#[test]
fn a_seed_decides_the_delays() {
    let of = |seed| delays(&played("unmarked-sigterm", Personality::Fixed, seed).histories[0]);
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
    let steps = of(7);
    assert_ne!(steps.first(), steps.last(), "each step is drawn for itself");
}

/// Seconds that a case may take longer if the gateway does not do what the runner waits for.
const RED: u64 = 10;

#[rstest]
#[case::of_no_start_by_the_reconciler(Personality::NeverStarted)]
#[case::of_a_crash_loop(Personality::Crashes)]
fn a_red_case_takes_ten_seconds_more_at_most(
    #[case] personality: Personality,
    #[values(
        "docker-restart",
        "docker-restart-seeded",
        "engine-stop-start",
        "recreate",
        "unmarked-sigterm",
        "engine-kill-start"
    )]
    scenario: &str,
) {
    let seconds = |personality| {
        let played = play(scenario, personality, None).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(played.attempts.len(), 1, "{:?}", played.attempts);
        played.took.as_secs()
    };
    let (green, red) = (seconds(Personality::Fixed), seconds(personality));
    assert!(red <= green + RED, "{red} s instead of {green} s");
}

#[test]
fn a_signal_that_is_ignored_costs_ten_seconds_at_most() {
    let seconds = |personality| play("unmarked-sigterm", personality, None).unwrap_or_else(|why| panic!("{why}"));
    let (green, red) = (seconds(Personality::Fixed), seconds(Personality::IgnoresSigterm));
    assert_eq!(red.attempts.len(), 1, "{:?}", red.attempts);
    // The engine waits out its own grace before it kills what ignores its SIGTERM.
    let grace = 10;
    let (green, red) = (green.took.as_secs(), red.took.as_secs());
    assert!(red <= green + RED + grace, "{red} s instead of {green} s");
}

/// A gateway in a crash loop, until a file on the volume ends it.
const MENDED: &str = r#"schema = 1
title = "a gateway comes up once its cause of crashes is gone"
invariant = true

[start]
by = "none"

[[step]]
operator-start = {}

[[step]]
stamp = { path = "mended", json = { ok = true } }

[[step]]
wait-until = { probe = "service", value = "up" }

[[expect]]
at = "after:1"
probe = "service"
fixed = "respawning"
regressed = "respawning"

[[expect]]
at = "after:3"
probe = "service"
fixed = "up"
regressed = "up"
"#;

#[test]
fn a_gateway_that_crashed_has_time_to_start_once_a_step_has_mended_it() {
    let table = Catalogue::from_texts([("mended.toml", MENDED)]).unwrap_or_else(|errors| panic!("{errors}"));
    let scenario = table.iter().next().cloned().unwrap_or_else(|| panic!("no scenario"));
    let fake = Fake::new(Personality::CrashesUntilMended);
    let played = play_on(fake, scenario, None, 1).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(played.attempts, [(Classification::Fixed, String::new())]);
}
