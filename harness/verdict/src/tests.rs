//! The contract on classification, expectation and verdicts, as tables.
#![allow(clippy::unwrap_used)]

mod expectation;

use rstest::rstest;

use super::classify::{Classification, classify};
use super::exit::Exit;
use super::expected::{Column, Expectation};
use super::judge::{Verdict, first_difference, judge};
use super::rows::{Row, implicit_row, written_row};
use super::run::{Faults, RunVerdict, outcome};
use crate::fixtures::{invariant_row, row, rows_of};
use comeback_history::facts::CaseEnd;
use comeback_history::probe::{InvariantRow, Reading};
use comeback_scenario::fixtures::{docker_restart, expect, known, operator_stop, race, set, value};
use comeback_scenario::model::{Moment, Probe, Value};
use comeback_scenario::vocabulary::Invariant;

/// Rows of a restart, in this order: persisted state, prior state, action, service, then one implicit invariant.
fn restart_rows(observed: &str) -> Vec<Row> {
    let words: Vec<&str> = observed.split(' ').collect();
    let mut rows = rows_of(&docker_restart(), &words[..4]);
    rows.push(invariant_row(words.get(4).copied().unwrap_or("true")));
    rows
}

/// How a case that was stopped on purpose ended.
fn stopped() -> CaseEnd {
    CaseEnd::Stopped("at boot:2".into())
}

#[rstest]
#[case::regressed_so_far("stopped ? ? ?", Classification::Regressed)]
#[case::a_stranger("draining ? ? ?", Classification::Neither)]
#[case::nothing_differs("running running ? ?", Classification::Inconclusive)]
#[case::nothing_was_read("? ? ? ? ?", Classification::Inconclusive)]
fn a_stopped_case_is_judged_by_what_was_read(#[case] observed: &str, #[case] wanted: Classification) {
    assert_eq!(classify(&restart_rows(observed), &stopped()).classification, wanted);
}

#[rstest]
#[case::nothing_yet("running ? ? ?", Expectation::Column(Column::Fixed), None)]
#[case::the_first("running stopped registered ?", Expectation::Column(Column::Fixed), Some("stopped"))]
#[case::expected_of_this_release("stopped ? ? ?", Expectation::Column(Column::Regressed), None)]
#[case::in_neither("draining ? ? ?", Expectation::Column(Column::Regressed), Some("draining"))]
#[case::fixed_is_not_what_was_asked_for("running ? ? ?", Expectation::Explicit(Column::Regressed), Some("running"))]
fn the_first_difference_is_a_row_that_no_expected_outcome_has(
    #[case] observed: &str,
    #[case] expectation: Expectation,
    #[case] wanted: Option<&str>,
) {
    let rows = restart_rows(observed);
    let found = first_difference(&rows, &expectation, &[]).and_then(|row| row.observed.clone());
    assert_eq!(found.map(|value| value.to_string()).as_deref(), wanted);
}

#[test]
fn what_is_on_record_is_no_difference() {
    let rows = restart_rows("stopped running ? ?");
    let on_record = known(Moment::Down(1), Probe::StateGatewayState, &["stopped"]);
    assert!(first_difference(&rows, &Expectation::Known(vec![on_record]), &[]).is_none());
    let seen = race(Moment::Down(1), Probe::StateGatewayState, &["stopped"]);
    assert!(first_difference(&rows, &Expectation::Column(Column::Fixed), &[&seen]).is_none());
}

const FIXED: &str = "running running started up";
const REGRESSED: &str = "stopped stopped registered down";
const MIXTURE: &str = "stopped running started up";
const STRANGE: &str = "draining running started up";
const UNPROVEN: &str = "? running started up";

#[rstest]
#[case::every_row_fixed(FIXED, Classification::Fixed, None)]
#[case::every_row_regressed(
    REGRESSED,
    Classification::Regressed,
    Some("down:1 state.gateway_state is stopped; fixed is running")
)]
#[case::mixture(
    MIXTURE,
    Classification::Neither,
    Some(
        "a mixture: down:1 state.gateway_state is stopped as in regressed, boot:2 boot.prior_state is running as in fixed"
    )
)]
#[case::in_no_column(
    STRANGE,
    Classification::Neither,
    Some("down:1 state.gateway_state is draining; fixed is running, regressed is stopped")
)]
#[case::fixed_with_a_broken_invariant(
    "running running started up false",
    Classification::Neither,
    Some("boot:2 invariant.one_boot_line is false; it must be true")
)]
#[case::regressed_with_a_broken_invariant(
    "stopped stopped registered down false",
    Classification::Neither,
    Some("boot:2 invariant.one_boot_line is false; it must be true")
)]
#[case::absence_is_an_observation(
    "stopped absent absent down",
    Classification::Neither,
    Some("boot:2 boot.prior_state is absent; fixed is running, regressed is stopped")
)]
#[case::a_missing_row(
    UNPROVEN,
    Classification::Inconclusive,
    Some("down:1 state.gateway_state: the observer was not there")
)]
#[case::a_missing_invariant(
    "running running started up ?",
    Classification::Inconclusive,
    Some("boot:2 invariant.one_boot_line: the observer was not there")
)]
fn classification_of_a_complete_case(
    #[case] observed: &str,
    #[case] wanted: Classification,
    #[case] reason: Option<&str>,
) {
    let classified = classify(&restart_rows(observed), &CaseEnd::Complete);
    assert_eq!(classified.classification, wanted);
    assert_eq!(classified.reason.as_deref(), reason);
}

#[rstest]
#[case(CaseEnd::Inconclusive("engine answered 500".into()), Classification::Inconclusive, "engine answered 500")]
#[case(CaseEnd::Unsupported("no compose".into()), Classification::Unsupported, "no compose")]
#[case(CaseEnd::Error("no image".into()), Classification::Error, "no image")]
fn an_incomplete_end_outweighs_the_rows(
    #[case] end: CaseEnd,
    #[case] wanted: Classification,
    #[case] reason: &str,
    #[values(FIXED, REGRESSED, STRANGE, UNPROVEN)] observed: &str,
) {
    let classified = classify(&restart_rows(observed), &end);
    assert_eq!(classified.classification, wanted);
    assert_eq!(classified.reason.as_deref(), Some(reason));
}

#[test]
fn a_case_without_rows_is_inconclusive() {
    assert_eq!(
        classify(&[], &CaseEnd::Complete).classification,
        Classification::Inconclusive
    );
}

#[test]
fn invariant_rows_alone_are_never_regressed() {
    let rows = rows_of(&operator_stop(), &["stopped", "registered", "down"]);
    assert_eq!(
        classify(&rows, &CaseEnd::Complete).classification,
        Classification::Fixed
    );
    let rows = rows_of(&operator_stop(), &["stopped", "started", "up"]);
    assert_eq!(
        classify(&rows, &CaseEnd::Complete).classification,
        Classification::Neither
    );
}

#[rstest]
// Expected fixed.
#[case(Expectation::Column(Column::Fixed), FIXED, Verdict::Held)]
#[case(Expectation::Column(Column::Fixed), REGRESSED, Verdict::Regression)]
#[case(Expectation::Column(Column::Fixed), MIXTURE, Verdict::Regression)]
#[case(Expectation::Column(Column::Fixed), STRANGE, Verdict::Regression)]
#[case(
    Expectation::Column(Column::Fixed),
    "running running started up false",
    Verdict::Regression
)]
#[case(Expectation::Column(Column::Fixed), UNPROVEN, Verdict::Inconclusive)]
// Expected regressed.
#[case(Expectation::Column(Column::Regressed), FIXED, Verdict::NewlyFixed)]
#[case(Expectation::Column(Column::Regressed), REGRESSED, Verdict::KnownBad)]
#[case(Expectation::Column(Column::Regressed), MIXTURE, Verdict::KnownBad)]
#[case(Expectation::Column(Column::Regressed), STRANGE, Verdict::Regression)]
#[case(
    Expectation::Column(Column::Regressed),
    "stopped stopped registered down false",
    Verdict::Regression
)]
#[case(
    Expectation::Column(Column::Regressed),
    "stopped absent absent down",
    Verdict::Regression
)]
#[case(Expectation::Column(Column::Regressed), UNPROVEN, Verdict::Inconclusive)]
// Asked for explicitly.
#[case(Expectation::Explicit(Column::Fixed), FIXED, Verdict::Held)]
#[case(Expectation::Explicit(Column::Fixed), REGRESSED, Verdict::Mismatch)]
#[case(Expectation::Explicit(Column::Fixed), MIXTURE, Verdict::Mismatch)]
#[case(Expectation::Explicit(Column::Fixed), STRANGE, Verdict::Mismatch)]
#[case(Expectation::Explicit(Column::Fixed), UNPROVEN, Verdict::Inconclusive)]
#[case(Expectation::Explicit(Column::Regressed), FIXED, Verdict::Mismatch)]
#[case(Expectation::Explicit(Column::Regressed), REGRESSED, Verdict::Held)]
#[case(Expectation::Explicit(Column::Regressed), MIXTURE, Verdict::Mismatch)]
#[case(Expectation::Explicit(Column::Regressed), STRANGE, Verdict::Mismatch)]
fn verdict_of_a_case(#[case] expectation: Expectation, #[case] observed: &str, #[case] wanted: Verdict) {
    assert_eq!(
        judge(restart_rows(observed), &CaseEnd::Complete, &expectation, &[]).verdict,
        wanted
    );
}

#[rstest]
#[case(CaseEnd::Inconclusive("x".into()), Verdict::Inconclusive)]
#[case(CaseEnd::Unsupported("x".into()), Verdict::Unsupported)]
#[case(CaseEnd::Error("x".into()), Verdict::Error)]
fn verdict_of_a_case_that_is_not_conclusive(
    #[case] end: CaseEnd,
    #[case] wanted: Verdict,
    #[values(Expectation::Column(Column::Fixed), Expectation::Column(Column::Regressed),
             Expectation::Explicit(Column::Fixed), Expectation::Explicit(Column::Regressed),
             Expectation::Known(vec![known(Moment::End, Probe::Service, &["down"])]))]
    expectation: Expectation,
) {
    assert_eq!(judge(restart_rows(FIXED), &end, &expectation, &[]).verdict, wanted);
}

#[rstest]
#[case::as_on_record("running running started down", false, Verdict::KnownBad)]
#[case::all_fixed(FIXED, false, Verdict::NewlyFixed)]
#[case::the_listed_row_shows_something_else("running running started respawning", false, Verdict::Regression)]
#[case::another_row_is_not_fixed("stopped running started down", false, Verdict::Regression)]
#[case::an_invariant_is_broken("running running started down false", false, Verdict::Regression)]
#[case::race_lost("running running started down", true, Verdict::KnownBad)]
#[case::race_won(FIXED, true, Verdict::Held)]
#[case::not_that_race("running running started respawning", true, Verdict::Regression)]
#[case::unproven(UNPROVEN, false, Verdict::Inconclusive)]
fn verdict_against_a_deviation_on_record(#[case] observed: &str, #[case] or_fixed: bool, #[case] wanted: Verdict) {
    let mut record = known(Moment::End, Probe::Service, &["down"]);
    record.or_fixed = or_fixed;
    let judged = judge(
        restart_rows(observed),
        &CaseEnd::Complete,
        &Expectation::Known(vec![record]),
        &[],
    );
    assert_eq!(judged.verdict, wanted);
    let has_note = wanted == Verdict::KnownBad || (or_fixed && wanted == Verdict::Held);
    assert_eq!(judged.note.is_some(), has_note);
}

#[test]
fn a_race_over_two_rows_may_show_only_one_of_them() {
    let mut record = known(Moment::End, Probe::Service, &["down"]);
    record.deviation.rows.extend(
        known(Moment::Boot(2), Probe::BootAction, &["registered"])
            .deviation
            .rows,
    );
    let verdict = |observed: &str, or_fixed: bool| {
        let record = comeback_scenario::model::Known {
            or_fixed,
            ..record.clone()
        };
        judge(
            restart_rows(observed),
            &CaseEnd::Complete,
            &Expectation::Known(vec![record]),
            &[],
        )
        .verdict
    };
    assert_eq!(verdict("running running registered up", true), Verdict::KnownBad);
    assert_eq!(verdict("running running registered up", false), Verdict::Regression);
}

#[rstest]
#[case::met("running running registered up", Verdict::Racy)]
#[case::not_met(FIXED, Verdict::Held)]
#[case::the_row_shows_something_else("running running skipped up", Verdict::Regression)]
#[case::another_row_differs_too("running running registered down", Verdict::Regression)]
#[case::an_invariant_is_broken_too("running running registered up false", Verdict::Regression)]
#[case::unproven("running running registered ?", Verdict::Inconclusive)]
fn an_attempt_meets_a_race_in_exactly_its_rows(#[case] observed: &str, #[case] wanted: Verdict) {
    let race = race(Moment::Boot(2), Probe::BootAction, &["registered"]);
    let fixed = Expectation::Column(Column::Fixed);
    let judged = judge(restart_rows(observed), &CaseEnd::Complete, &fixed, &[&race]);
    assert_eq!(judged.verdict, wanted);
    let met = wanted == Verdict::Racy;
    assert_eq!((judged.race.is_some(), judged.note.is_some()), (met, met));
}

#[test]
fn a_race_is_measured_against_the_expectation() {
    let restarted = race(Moment::Boot(2), Probe::BootAction, &["registered"]);
    let found = |observed: &str, expectation: &Expectation| {
        let rows = restart_rows(observed);
        judge(rows, &CaseEnd::Complete, expectation, &[&restarted]).verdict
    };
    // With an explicit expectation too.
    let explicit = Expectation::Explicit(Column::Fixed);
    assert_eq!(found("running running registered up", &explicit), Verdict::Racy);
    // With a deviation on record, which stays expected.
    let known = Expectation::Known(vec![known(Moment::End, Probe::Service, &["down"])]);
    assert_eq!(found("running running registered down", &known), Verdict::Racy);
    assert_eq!(found("running running registered up", &known), Verdict::Regression);
    // Where the bug is expected, the other rows may match either column.
    let strange = race(Moment::Down(1), Probe::StateGatewayState, &["draining"]);
    let regressed = Expectation::Column(Column::Regressed);
    let rows = restart_rows("draining stopped registered down");
    assert_eq!(
        judge(rows, &CaseEnd::Complete, &regressed, &[&strange]).verdict,
        Verdict::Racy
    );
}

#[test]
fn a_race_of_a_row_that_was_not_read_excuses_nothing() {
    let race = race(Moment::After(9), Probe::Service, &["down"]);
    let fixed = Expectation::Column(Column::Fixed);
    let judged = judge(restart_rows(REGRESSED), &CaseEnd::Complete, &fixed, &[&race]);
    assert_eq!(judged.verdict, Verdict::Regression);
}

#[test]
fn a_deviation_of_a_row_that_was_not_read_excuses_nothing() {
    let record = known(Moment::After(9), Probe::Service, &["down"]);
    let judged = judge(
        restart_rows(REGRESSED),
        &CaseEnd::Complete,
        &Expectation::Known(vec![record]),
        &[],
    );
    assert_eq!(judged.verdict, Verdict::Regression);
}

#[test]
fn any_of_several_deviations_on_record_may_match() {
    let records = vec![
        known(Moment::End, Probe::Service, &["down"]),
        known(Moment::Boot(2), Probe::BootAction, &["x"]),
    ];
    let judged = judge(
        restart_rows("running running x up"),
        &CaseEnd::Complete,
        &Expectation::Known(records),
        &[],
    );
    assert_eq!(judged.verdict, Verdict::KnownBad);
}

#[rstest]
#[case::held(&[Verdict::Held], RunVerdict::Held, Exit::Held)]
#[case::all_that_is_expected(
    &[Verdict::Held, Verdict::KnownBad, Verdict::NewlyFixed, Verdict::Racy, Verdict::Unsupported], RunVerdict::Held, Exit::Held
)]
#[case::regression(&[Verdict::Held, Verdict::Regression], RunVerdict::Regression, Exit::Regression)]
#[case::mismatch(&[Verdict::Held, Verdict::Mismatch], RunVerdict::Regression, Exit::Regression)]
#[case::regression_beats_all(
    &[Verdict::Inconclusive, Verdict::Error, Verdict::Regression, Verdict::Unsupported],
    RunVerdict::Regression, Exit::Regression
)]
#[case::inconclusive_beats_error(
    &[Verdict::Error, Verdict::Inconclusive, Verdict::Held], RunVerdict::Inconclusive, Exit::Inconclusive
)]
#[case::error_beats_held(&[Verdict::Error, Verdict::Held], RunVerdict::Error, Exit::Environment)]
#[case::nothing(&[], RunVerdict::Error, Exit::Nothing)]
#[case::nothing_but_unsupported(&[Verdict::Unsupported, Verdict::Unsupported], RunVerdict::Error, Exit::Nothing)]
fn outcome_of_a_run(#[case] verdicts: &[Verdict], #[case] verdict: RunVerdict, #[case] exit: Exit) {
    let found = outcome(verdicts, Faults::default());
    assert_eq!((found.verdict, found.exit), (verdict, exit));
}

#[rstest]
#[case::a_leak_is_an_error(&[Verdict::Held], RunVerdict::Error, Exit::Environment)]
#[case::a_leak_does_not_hide_a_regression(&[Verdict::Regression], RunVerdict::Regression, Exit::Regression)]
#[case::a_leak_does_not_hide_an_inconclusive_case(&[Verdict::Inconclusive], RunVerdict::Inconclusive, Exit::Inconclusive)]
fn outcome_of_a_run_with_a_leak(#[case] verdicts: &[Verdict], #[case] verdict: RunVerdict, #[case] exit: Exit) {
    let found = outcome(
        verdicts,
        Faults {
            error: Some(Exit::Environment),
            ..Faults::default()
        },
    );
    assert_eq!((found.verdict, found.exit), (verdict, exit));
}

#[rstest]
fn an_interrupted_run_has_not_held(#[values(Exit::Interrupted, Exit::Terminated)] signal: Exit) {
    let faults = Faults {
        interrupted: Some(signal),
        ..Faults::default()
    };
    let held = outcome(&[Verdict::Held], faults);
    assert_eq!((held.verdict, held.exit), (RunVerdict::Error, signal));
    let red = outcome(&[Verdict::Regression], faults);
    assert_eq!((red.verdict, red.exit), (RunVerdict::Regression, signal));
}

#[rstest]
#[case::a_fixed_word("✓ Gateway stopped (was 12)", "Gateway stopped")]
#[case::a_regressed_word("Gateway is not running.", "not running")]
#[case::the_longer_alternative("Gateway is not running already.", "not running already")]
#[case::both_columns("Gateway stopped; Gateway is not running", "Gateway stopped; Gateway is not running")]
#[case::neither("Permission denied", "Permission denied")]
#[case::on_record("Traceback (most recent call last)", "Traceback")]
fn step_says_is_matched_by_substring(#[case] text: &str, #[case] wanted: &str) {
    let expect = expect(
        Moment::After(1),
        Probe::StepSays,
        &["Gateway stopped", "not running already"],
        &["not running"],
    );
    let reading = Reading::Seen {
        value: Value::str(text),
        seq: Some(7),
    };
    let row = written_row(&expect, &[&set(&["Traceback"])], reading);
    assert_eq!(row.observed, Some(value(wanted)));
    assert_eq!(row.seq, Some(7));
}

#[test]
fn a_long_output_is_capped() {
    let expect = expect(Moment::After(1), Probe::StepSays, &["ok"], &["no"]);
    let reading = Reading::Seen {
        value: Value::str("ü".repeat(1000)),
        seq: None,
    };
    let Some(Value::Str(text)) = written_row(&expect, &[], reading).observed else {
        panic!("no text")
    };
    assert_eq!(text.chars().count(), 201);
}

#[test]
fn implicit_rows_expect_the_same_in_both_columns() {
    let row = implicit_row(InvariantRow {
        at: Moment::Boot(2),
        kind: Invariant::OneBootLine,
        profile: "work".into(),
        wanted: Value::Int(1),
        reading: Reading::Seen {
            value: Value::Int(2),
            seq: None,
        },
    });
    assert!(row.implicit && !row.discriminates() && row.fixed.same(&row.regressed));
    assert_eq!(row.to_string(), "boot:2 invariant.one_boot_line of work");
}

#[test]
fn missing_readings_keep_their_reason() {
    let expect = expect(Moment::End, Probe::Service, &["up"], &["down"]);
    let row = written_row(
        &expect,
        &[],
        Reading::Missing {
            why: "stream dropped".into(),
        },
    );
    assert_eq!(
        (row.observed, row.why_missing.as_deref()),
        (None, Some("stream dropped"))
    );
    let dummy = self::row(Moment::End, "service", "?", &["up"], &["down"]);
    assert!(!dummy.is_fixed() && !dummy.is_regressed());
}
