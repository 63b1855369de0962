//! Records of real runs with messages moved to a later place: every row has the same value, or it is missing.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use rstest::rstest;

use comeback_history::facts::{CaseEvidence, Fact, Source};
use comeback_record::ledger::Entry;
use comeback_record::read::read;
use comeback_record::replay::of_attempt;
use comeback_scenario::model::{Scenario, Value};
use comeback_scenario::parse_file;
use comeback_verdict::rows::read_rows;

/// If this variable is set, each message of all records is moved to every later place, and each pair of messages in
/// the record with the masked fault.
const ALL: &str = "COMEBACK_ALL_FAULTS";

/// The attempts of a record, each with its scenario.
fn attempts(record: &str) -> Vec<(Scenario, CaseEvidence)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records");
    let kept = read(&root.join(record)).unwrap();
    let scenarios: BTreeMap<&str, Scenario> = kept
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Scenario(text) => Some((text.id.as_str(), parse_file(&text.path, &text.text).unwrap())),
            _ => None,
        })
        .collect();
    let with_scenario = |attempt| {
        let mut case = of_attempt(attempt);
        for o in case.history.iter_mut().filter(|o| o.source == Source::Observer) {
            // The observer that made these records did not report when a file was removed. Today's does.
            o.at = o.at.or(o.known.checked_sub(SignedDuration::from_millis(1)).ok());
        }
        (scenarios[case.scenario.as_str()].clone(), case)
    };
    kept.attempts.iter().map(with_scenario).collect()
}

/// The history as it would be if the observation at `from` had arrived after the one at `to`.
fn delayed(case: &CaseEvidence, from: usize, to: usize) -> CaseEvidence {
    let mut case = case.clone();
    let known = case.history[to].known;
    let mut late = case.history.remove(from);
    late.known = known;
    case.history.insert(to, late);
    (0..).zip(&mut case.history).for_each(|(seq, o)| o.seq = seq);
    case
}

type Table = BTreeMap<String, Option<Value>>;

fn table(scenario: &Scenario, case: &CaseEvidence) -> Table {
    let rows = read_rows(scenario, case);
    rows.into_iter().map(|row| (row.to_string(), row.observed)).collect()
}

/// Rows with another value that are not missing.
fn wrong(whole: &Table, moved: &Table) -> Vec<String> {
    let differs = |(row, value): &(&String, &Option<Value>)| value.is_some() && whole.get(*row) != Some(value);
    let told = |(row, value): (&String, &Option<Value>)| {
        let value = value.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{row} reads {value}")
    };
    moved.iter().filter(differs).map(told).collect()
}

fn name(case: &CaseEvidence, position: usize) -> String {
    let o = &case.history[position];
    let fact = serde_json::to_value(&o.fact).unwrap()["fact"].to_string();
    format!("{position} ({:?} {fact})", o.source)
}

#[rstest]
fn a_late_message_never_changes_the_value_of_a_row(
    #[values("selftest", "reproduce", "red", "compare", "hostile")] record: &str,
) {
    let all = std::env::var_os(ALL).is_some();
    let mut objections = Vec::new();
    for (scenario, case) in attempts(record) {
        let whole = table(&scenario, &case);
        if record != "hostile" {
            assert!(whole.values().all(Option::is_some), "{}: {whole:?}", case.scenario);
        }
        let thorough = all || case.scenario == "docker-restart+signal-flag-never-set";
        let end = case.history.len();
        let (mut tried, mut missing) = (0, 0);
        for from in 0..end {
            // Without the variable, a sample: later by one, two, four, … places, and the last place.
            let places = (from + 1..end).filter(|to| thorough || (to - from).is_power_of_two() || to + 1 == end);
            for to in places {
                let moved = table(&scenario, &delayed(&case, from, to));
                tried += 1;
                missing += usize::from(moved.values().any(Option::is_none));
                for what in wrong(&whole, &moved) {
                    let (from, to) = (name(&case, from), name(&case, to));
                    objections.push(format!("{}: {from} behind {to}: {what}", case.scenario));
                }
            }
        }
        println!(
            "{} on {}: {tried} moves, {missing} with a missing row",
            case.scenario, case.image
        );
        assert!(tried > 8, "{tried}");
    }
    assert!(objections.is_empty(), "{}\n{}", objections.len(), objections.join("\n"));
}

/// The greeting of the second boot's agent and all its later messages arrive after the writes of the next gateway,
/// because a stream is late as a whole.
#[test]
fn a_late_agent_stream_does_not_turn_a_red_row_green() {
    let (scenario, mut case) = attempts("selftest").remove(1);
    assert_eq!(case.scenario, "docker-restart+signal-flag-never-set");
    let position = |what: &dyn Fn(&Fact) -> bool| case.history.iter().rposition(|o| what(&o.fact)).unwrap();
    let greeting = position(&|fact| matches!(fact, Fact::Ready { .. }));
    let last_write = position(&|fact| matches!(fact, Fact::State { .. }));
    let is_late = |i: usize| case.history[i].source == Source::Agent;
    let late: Vec<usize> = (greeting..last_write).filter(|i| is_late(*i)).collect();
    assert_eq!(late.len(), 4);
    for (moved, from) in late.into_iter().enumerate() {
        case = delayed(&case, from - moved, last_write);
    }
    // The file says who wrote it, so the row has a value.
    let moved = table(&scenario, &case);
    assert_eq!(moved["down:1 state.gateway_state"], Some(Value::str("stopped")));
}

/// Two messages arrive late, for as many pairs as time allows.
#[test]
fn two_late_messages_never_change_the_value_of_a_row() {
    let all = std::env::var_os(ALL).is_some();
    let (scenario, case) = attempts("selftest").remove(1);
    let whole = table(&scenario, &case);
    let end = case.history.len();
    let moves: Vec<_> = (0..end)
        .flat_map(|from| (from + 1..end).map(move |to| (from, to)))
        .collect();
    let pairs = moves
        .iter()
        .flat_map(|one| moves.iter().map(move |other| (*one, *other)));
    // A prime step spreads the sample over all pairs.
    for (one, other) in pairs.step_by(if all { 1 } else { 1999 }) {
        let moved = delayed(&delayed(&case, one.0, one.1), other.0, other.1);
        let found = wrong(&whole, &table(&scenario, &moved));
        assert!(found.is_empty(), "{one:?} {other:?}: {found:?}");
    }
}
