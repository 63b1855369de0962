#![allow(clippy::unwrap_used)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::facts::{FileContent, ServiceStatus, Source};

/// The default time limit of a case.
const CASE: Duration = Duration::from_secs(300);

fn measured(running: Option<Took>, boot_line: Option<Took>) -> Measured {
    Measured {
        boot_line,
        agent: None,
        running,
    }
}

#[rstest]
// 0.17.0, and an image like the official one with 0.20.3.
#[case::quick(Phase::BootLine, Some(Took::Seconds(0.65)), 20)]
#[case::todays(Phase::BootLine, Some(Took::Seconds(5.0)), 30)]
#[case::slow(Phase::BootLine, Some(Took::Seconds(40.0)), 75)]
#[case::quick_start(Phase::Running, Some(Took::Seconds(1.5)), 30)]
#[case::todays_start(Phase::Running, Some(Took::Seconds(7.5)), 45)]
#[case::slow_start(Phase::Running, Some(Took::Seconds(60.0)), 75)]
#[case::todays_live(Phase::Live, Some(Took::Seconds(7.5)), 45)]
#[case::not_measured(Phase::BootLine, None, 75)]
#[case::start_not_measured(Phase::Running, None, 75)]
#[case::never_came(Phase::BootLine, Some(Took::MoreThan(100.0)), 20)]
#[case::start_never_came(Phase::Running, Some(Took::MoreThan(100.0)), 30)]
fn a_deadline_is_a_multiple_of_what_was_measured(
    #[case] phase: Phase,
    #[case] took: Option<Took>,
    #[case] wanted: u64,
) {
    let measured = measured(took, took);
    assert_eq!(measured.deadline(phase, 1, CASE), Duration::from_secs(wanted));
}

#[rstest]
#[case::shared_processors(2.0, 2, 300, 60)]
#[case::slow_and_shared(7.5, 2, 300, 90)]
#[case::never_more_than_this(60.0, 2, 300, 120)]
#[case::a_short_case(60.0, 1, 90, 60)]
#[case::a_very_short_case(60.0, 1, 45, 45)]
#[case::a_long_case(60.0, 1, 1200, 300)]
fn load_makes_it_longer_and_the_time_limit_of_a_case_bounds_it(
    #[case] took: f64,
    #[case] slack: u32,
    #[case] case: u64,
    #[case] wanted: u64,
) {
    let measured = measured(Some(Took::Seconds(took)), None);
    let deadline = measured.deadline(Phase::Running, slack, Duration::from_secs(case));
    assert_eq!(deadline, Duration::from_secs(wanted));
}

#[test]
fn no_deadline_is_shorter_for_a_slower_gateway_or_longer_than_the_longest() {
    let phases = [Phase::BootLine, Phase::Agent, Phase::Running, Phase::Live];
    for (phase, slack) in phases.into_iter().flat_map(|phase| [(phase, 1), (phase, 3)]) {
        let of = |tenths: u32| {
            let took = Some(Took::Seconds(f64::from(tenths) / 10.0));
            let all = Measured {
                boot_line: took,
                agent: took,
                running: took,
            };
            all.deadline(phase, slack, CASE)
        };
        let all: Vec<Duration> = (0..2_000).map(of).collect();
        assert!(all.is_sorted(), "{phase:?}");
        assert_eq!(all.last(), Some(&Measured::default().longest(phase, slack, CASE)));
    }
}

#[rstest]
#[case::quick_when_it_was_measured(Some(Took::Seconds(0.5)), 75)]
#[case::not_measured(None, 75)]
#[case::never_came(Some(Took::MoreThan(100.0)), 20)]
fn a_boot_at_work_has_longer_unless_none_ever_came(#[case] took: Option<Took>, #[case] wanted: u64) {
    let longest = measured(None, took).longest(Phase::BootLine, 1, CASE);
    assert_eq!(longest, Duration::from_secs(wanted));
}

#[test]
fn nonsense_in_a_record_is_no_panic() {
    for nonsense in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let measured = measured(Some(Took::Seconds(nonsense)), None);
        assert!(measured.deadline(Phase::Running, 1, CASE) <= Duration::from_secs(75));
    }
}

#[test]
fn the_first_time_counts_and_any_is_better_than_none() {
    let mut known = Measured::default();
    known.add_missing(Phase::BootLine, Duration::from_secs(100));
    assert_eq!(known.boot_line, Some(Took::MoreThan(100.0)));
    known.add(measured(None, Some(Took::Seconds(30.0))));
    known.add(measured(Some(Took::Seconds(2.0)), Some(Took::Seconds(1.0))));
    known.add_missing(Phase::Running, Duration::from_secs(100));
    assert_eq!(known, measured(Some(Took::Seconds(2.0)), Some(Took::Seconds(30.0))));
}

/// A history in milliseconds.
fn history(facts: Vec<(i64, Fact)>) -> Vec<Observation> {
    let observation = |(seq, (ms, fact)): (usize, (i64, Fact))| Observation {
        container: None,
        seq: seq as u64,
        at: None,
        known: Timestamp::from_millisecond(1_795_531_665_000 + ms).unwrap(),
        source: Source::Harness,
        fact,
    };
    facts.into_iter().enumerate().map(observation).collect()
}

fn container(change: ContainerChange) -> Fact {
    Fact::Container {
        change,
        started_at: Some(Timestamp::UNIX_EPOCH),
        exit: None,
    }
}

fn line(action: &str) -> Fact {
    Fact::BootLine {
        profile: "default".into(),
        prior_state: None,
        action: action.into(),
        line: String::new(),
    }
}

fn agent() -> Fact {
    Fact::Ready {
        started_at: Some(Timestamp::UNIX_EPOCH),
        init_start: None,
        init: None,
    }
}

fn up(pid: u32) -> Fact {
    Fact::Service {
        profile: "default".into(),
        status: ServiceStatus {
            slot: true,
            up: true,
            pid: Some(pid),
            start_time: Some(7),
            ..ServiceStatus::default()
        },
    }
}

fn state(word: &str, pid: u32) -> Fact {
    let value = json!({"gateway_state": word, "pid": pid, "start_time": 7});
    Fact::State {
        profile: "default".into(),
        content: FileContent::Json {
            value: value.as_object().unwrap().clone(),
        },
    }
}

fn took(boot_line: f64, agent: f64, running: f64) -> Measured {
    Measured {
        boot_line: Some(Took::Seconds(boot_line)),
        agent: Some(Took::Seconds(agent)),
        running: Some(Took::Seconds(running)),
    }
}

#[test]
fn a_boot_is_measured_from_the_containers_start_and_a_start_from_the_spawning() {
    let facts = vec![
        // A seeded file, from another container.
        (0, state("running", 3)),
        (100, container(ContainerChange::Started)),
        (700, agent()),
        (5_200, line("registered")),
        (8_000, up(42)),
        (9_000, state("starting", 42)),
        (15_500, state("running", 42)),
        (20_000, container(ContainerChange::Died)),
        // Of the next boot.
        (21_000, container(ContainerChange::Started)),
        (21_100, line("started")),
    ];
    assert_eq!(Measured::in_history(&history(facts)), took(5.1, 0.6, 7.5));
}

#[test]
fn a_start_by_the_boot_counts_from_its_line_if_the_agent_comes_late() {
    let facts = vec![
        (0, container(ContainerChange::Started)),
        (1_000, line("started")),
        (3_000, agent()),
        (3_100, up(42)),
        (4_000, state("running", 42)),
    ];
    assert_eq!(Measured::in_history(&history(facts)), took(1.0, 3.0, 3.0));
}

#[test]
fn what_did_not_come_in_the_first_boot_is_not_measured() {
    let facts = vec![
        (0, container(ContainerChange::Started)),
        (1_000, container(ContainerChange::Died)),
        (2_000, container(ContainerChange::Started)),
        (2_500, line("started")),
        (2_600, agent()),
    ];
    assert_eq!(Measured::in_history(&history(facts)), Measured::default());
    assert_eq!(Measured::in_history(&[]), Measured::default());
}

#[rstest]
#[case(31.0, Some(Took::Seconds(5.1)), "31 s, 6 times the 5.1 s of the image's first boot")]
#[case(20.0, Some(Took::Seconds(0.6)), "20 s, 33 times the 0.6 s of the image's first boot")]
#[case(20.0, Some(Took::Seconds(0.0)), "20 s (the image's first boot took 0.0 s)")]
#[case(
    20.0,
    Some(Took::MoreThan(100.0)),
    "20 s (the image's first boot had not come after 100 s)"
)]
#[case(100.0, None, "100 s (the image's first boot was not measured yet)")]
fn a_wait_in_vain_says_how_long_and_why(#[case] seconds: f64, #[case] took: Option<Took>, #[case] wanted: &str) {
    let phase = Some(Phase::BootLine);
    assert_eq!(Reached { seconds, phase, took }.to_string(), wanted);
    let fixed = Reached {
        seconds,
        phase: None,
        took: None,
    };
    assert_eq!(fixed.to_string(), format!("{seconds} s"));
}

#[test]
fn a_pace_survives_a_record() {
    let measured = took(5.1, 0.6, 7.5);
    let pace = Pace {
        measured,
        deadlines: measured.deadlines(1, CASE),
        here: true,
    };
    let fact = Fact::Pace { pace };
    let text = serde_json::to_string(&history(vec![(0, fact.clone())])[0]).unwrap();
    let read: Observation = serde_json::from_str(&text).unwrap();
    assert_eq!(read.fact, fact);
    assert_eq!(
        measured.to_string(),
        "the agent's first word after 0.6 s, the reconciler's line after 5.1 s, a gateway's `running` after 7.5 s"
    );
    let old =
        r#"{"seq":0,"known":"2026-01-01T00:00:00Z","source":"harness","fact":"wait-ended","condition":"a","last":"b"}"#;
    let old: Observation = serde_json::from_str(old).unwrap();
    assert!(matches!(old.fact, Fact::WaitEnded { reached: None, .. }));
}
