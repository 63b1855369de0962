//! Gateways that boot and start slowly, or never: deadlines follow from what was measured on the image.

#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::play::{Played, SCENARIOS, play_in_turn};
use comeback_fake::{Fake, Personality};
use comeback_history::facts::{Fact, Observation};
use comeback_history::pace::{Pace, Phase, Reached, Took};
use comeback_verdict::Classification;

fn played(scenario: &str, personality: Personality, cases: u32) -> Played {
    let scenario = SCENARIOS.get(scenario).unwrap().clone();
    let played = play_in_turn(Fake::new(personality), scenario, None, 1, cases).unwrap();
    assert_eq!((&played.leak, played.left.len()), (&None, 0));
    played
}

/// What each attempt was found to be, and why.
fn found(played: &Played) -> Vec<(Classification, &str)> {
    let attempts = played.attempts.iter();
    attempts.map(|(found, why)| (*found, why.as_str())).collect()
}

fn paces(history: &[Observation]) -> Vec<Pace> {
    let pace = |o: &Observation| match o.fact {
        Fact::Pace { pace } => Some(pace),
        _ => None,
    };
    history.iter().filter_map(pace).collect()
}

/// The deadlines that waits for a boot or a start reached.
fn reached(history: &[Observation]) -> Vec<Reached> {
    let reached = |o: &Observation| match &o.fact {
        Fact::WaitEnded { reached, .. } => reached.filter(|r| r.phase.is_some()),
        _ => None,
    };
    history.iter().filter_map(reached).collect()
}

/// How long the facts of a case took to come, in seconds.
fn seconds(history: &[Observation]) -> f64 {
    let known = |o: Option<&Observation>| o.unwrap().known;
    known(history.last())
        .duration_since(known(history.first()))
        .as_secs_f64()
}

#[rstest]
fn a_gateway_that_boots_for_forty_seconds_is_judged_like_a_quick_one(
    #[values("docker-restart", "docker-restart-seeded", "operator-stop", "unmarked-sigterm")] scenario: &str,
) {
    let played = played(scenario, Personality::Laborious, 2);
    assert_eq!(found(&played), [(Classification::Fixed, ""); 2]);
    for history in &played.histories {
        assert_eq!(reached(history), []);
    }
}

#[test]
fn the_first_case_measures_and_the_later_ones_have_it_from_their_beginning() {
    let played = played("docker-restart", Personality::Laborious, 3);
    let first = paces(&played.histories[0]);
    assert_eq!(
        first.first().map(|p| (p.measured.boot_line, p.here)),
        Some((None, false))
    );
    let last = *first.last().unwrap();
    let took = |took: Option<Took>| match took {
        Some(Took::Seconds(took)) => took,
        other => panic!("{other:?}"),
    };
    assert!((40.0..42.0).contains(&took(last.measured.boot_line)), "{last:?}");
    assert!((40.0..42.0).contains(&took(last.measured.running)), "{last:?}");
    assert!(took(last.measured.agent) < 1.0, "{last:?}");
    assert_eq!(
        (last.deadlines.boot_line, last.deadlines.agent, last.here),
        (75.0, 20.0, true)
    );
    for history in &played.histories[1..] {
        let known = Pace { here: false, ..last };
        assert_eq!(paces(history), [known]);
    }
}

#[test]
fn a_quick_gateway_is_measured_too() {
    let played = played("docker-restart", Personality::Fixed, 1);
    let pace = *paces(&played.histories[0]).last().unwrap();
    assert_eq!((pace.deadlines.boot_line, pace.deadlines.running), (20.0, 30.0));
}

#[test]
fn no_later_boot_is_cut_short_because_the_first_one_was_quick() {
    let played = played("docker-restart", Personality::Tires, 3);
    assert_eq!(found(&played), [(Classification::Fixed, ""); 3]);
    for history in &played.histories[1..] {
        let deadlines = paces(history).last().unwrap().deadlines;
        assert_eq!((deadlines.boot_line, deadlines.running), (20.0, 30.0));
        // Nevertheless the boot of 40 s and the start of 40 s were waited for.
        assert!(seconds(history) > 160.0);
        assert_eq!(reached(history), []);
    }
}

#[rstest]
#[case::asleep(Personality::Hangs)]
#[case::at_work(Personality::Spins)]
fn a_gateway_that_never_comes_is_red_in_bounded_time(#[case] personality: Personality) {
    let played = played("docker-restart", personality, 2);
    assert_eq!(played.attempts.len(), 2, "{:?}", played.attempts);
    for (found, why) in &played.attempts {
        assert_eq!(*found, Classification::Neither, "{why}");
    }
    let first = &reached(&played.histories[0])[0];
    assert_eq!((first.phase, first.took), (Some(Phase::Running), None));
    assert!((75.0..76.0).contains(&first.seconds), "{first:?}");
    let second = &reached(&played.histories[1])[0];
    assert!(matches!(second.took, Some(Took::MoreThan(_))), "{second:?}");
    assert!((30.0..31.0).contains(&second.seconds), "{second:?}");
    // Nothing else in the case waits as long again.
    assert!(seconds(&played.histories[1]) < 70.0);
}

#[test]
fn an_image_that_never_comes_to_its_reconciler_gets_its_verdict() {
    let played = played("docker-restart", Personality::SpinsInBoot, 2);
    for (found, why) in &played.attempts {
        assert_eq!(*found, Classification::Neither, "{why}");
    }
    let first = &reached(&played.histories[0])[0];
    assert_eq!((first.phase, first.took), (Some(Phase::BootLine), None));
    let second = &reached(&played.histories[1])[0];
    assert!((20.0..21.0).contains(&second.seconds), "{second:?}");
}
