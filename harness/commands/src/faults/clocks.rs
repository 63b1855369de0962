//! An engine on a host with another time.

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::play::{Played, SCENARIOS, play_on};
use crate::engine_entry;
use comeback_fake::{Fake, Personality};
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{Fact, FileContent};
use comeback_observe::clock::Clocks;
use comeback_record::document::EngineHead;
use comeback_record::excerpt::timeline;
use comeback_verdict::Classification;

fn played(scenario: &str, personality: Personality, skew: i64) -> Played {
    let fake = Fake::new(personality).with_skew(SignedDuration::from_secs(skew));
    let scenario = SCENARIOS.get(scenario).unwrap_or_else(|| panic!("{scenario}")).clone();
    play_on(fake, scenario, None, 1).unwrap_or_else(|why| panic!("{why}"))
}

/// Tolerance of a measurement in milliseconds. Nothing takes time by the clock of the test, but the two clocks are not started
/// at the same moment.
const NEAR: i64 = 10_000;

fn is_near(clock: Option<ClockOffset>, skew: i64) -> bool {
    clock.is_some_and(|clock| (clock.offset_ms - skew * 1000).abs() < NEAR)
}

#[rstest]
fn another_clock_changes_nothing(
    #[values(
        "docker-restart",
        "docker-restart-seeded",
        "operator-stop-marker",
        "engine-stop-start",
        "engine-kill-start",
        "recreate",
        "unmarked-sigterm",
        // Written 90 s ago by the clock of the reader, which accepts a marker for 60 s.
        "marker-expired"
    )]
    scenario: &str,
    #[values(Personality::Fixed, Personality::Regressed)] personality: Personality,
    #[values(-45, 45)] skew: i64,
) {
    let without = played(scenario, personality, 0);
    assert!(without.attempts[0].0.is_conclusive(), "{:?}", without.attempts);
    let with = played(scenario, personality, skew);
    assert!(is_near(with.clock, skew), "{:?}", with.clock);
    assert_eq!(with.attempts, without.attempts);
    if scenario == "marker-expired" && personality == Personality::Fixed {
        assert_eq!(with.attempts[0].0, Classification::Fixed);
    }
    let history = &with.histories[0];
    let (first, last) = (history[0].known, history[history.len() - 1].known);
    let slack = SignedDuration::from_secs(1);
    for entry in timeline(history, with.clock) {
        let within = first - slack <= entry.at && entry.at <= last + slack;
        assert!(within || entry.kind == "marker", "{first} to {last}: {entry:?}");
    }
    assert_eq!(with.latencies_ms.len(), without.latencies_ms.len());
    assert!(!with.latencies_ms.is_empty());
    let longest = |played: &Played| played.latencies_ms.iter().copied().fold(0.0, f64::max);
    // Latencies may only grow by the uncertainty of the offset.
    let uncertain = with.clock.map_or(0, |clock| clock.uncertainty_ms);
    assert!(
        (longest(&with) - longest(&without)).abs() <= uncertain as f64 + 1.0,
        "{:?}, and without the difference {:?}",
        with.latencies_ms,
        without.latencies_ms
    );
}

#[rstest]
#[case::expired("marker-expired", 90)]
#[case::fresh("marker-wrong-start-time", 0)]
fn markers_carry_the_time_of_the_engines_host(
    #[case] scenario: &str,
    #[case] ago: i64,
    #[values(-45, 0, 45)] skew: i64,
) {
    let played = played(scenario, Personality::Fixed, skew);
    let mut seen = 0;
    for o in &played.histories[0] {
        let Fact::Marker {
            content: FileContent::Json { value },
            ..
        } = &o.fact
        else {
            continue;
        };
        let Some(written) = value["written_at"].as_str() else {
            continue;
        };
        let written: Timestamp = written.parse().unwrap_or_else(|why| panic!("{written}: {why}"));
        let old = o.at.map(|at| at.duration_since(written).as_secs_f64());
        let old = old.unwrap_or_else(|| panic!("it has no time: {o:?}"));
        assert!((old - ago as f64).abs() < 2.0, "{old} s old");
        seen += 1;
    }
    assert!(seen > 0);
}

#[tokio::test(start_paused = true)]
async fn the_document_has_the_clock_offset() {
    use comeback_engine::Engine as _;
    let fake = Fake::new(Personality::Fixed).with_skew(SignedDuration::from_secs(-45));
    let info = fake.info().await.unwrap_or_else(|why| panic!("{why}"));
    let clock = Clocks::measure(&fake).await.offset;
    let head = |clock| serde_json::to_value(EngineHead::from(&engine_entry(&info, clock)));
    let head = |clock| head(clock).unwrap_or_else(|why| panic!("{why}"));
    let written = head(clock);
    let offset = written["clock_offset_ms"].as_i64().unwrap_or_default();
    assert!((offset + 45_000).abs() < NEAR, "{written}");
    assert!(written["clock_uncertainty_ms"].is_u64(), "{written}");
    let read: EngineHead = serde_json::from_value(written).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(read.clock, clock);
    let written = head(None);
    assert!(written.get("clock_offset_ms").is_none(), "{written}");
    let read: EngineHead = serde_json::from_value(written).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(read.clock, None, "as in older documents");
}
