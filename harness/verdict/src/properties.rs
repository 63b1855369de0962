//! Properties that hold for every table and every observation.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::attempts::settle;
use super::classify::{Classification, classify};
use super::exit::Exit;
use super::expected::{Column, Expectation, by_release};
use super::judge::{Verdict, judge};
use super::rows::Row;
use super::run::{Faults, RunVerdict, outcome};
use crate::fixtures::{invariant_row, row};
use comeback_history::facts::CaseEnd;
use comeback_scenario::fixtures::known;
use comeback_scenario::model::{Moment, Probe};

const WORDS: [&str; 4] = ["running", "stopped", "absent", "7"];

/// A row whose columns are disjoint or equal, as the scenario parser guarantees, with any observation or none.
fn any_row() -> impl Strategy<Value = Row> {
    let word = || prop::sample::select(WORDS.to_vec());
    let observed = prop_oneof![9 => word().prop_map(Some), 1 => Just(None)];
    (0..WORDS.len(), 1..WORDS.len(), any::<bool>(), observed, 1usize..4).prop_map(
        |(first, offset, same, observed, n)| {
            let fixed = WORDS[first];
            let regressed = if same {
                fixed
            } else {
                WORDS[(first + offset) % WORDS.len()]
            };
            row(
                Moment::After(n),
                "service",
                observed.unwrap_or("?"),
                &[fixed],
                &[regressed],
            )
        },
    )
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any_row(), 0..6)
}

fn any_expectation() -> impl Strategy<Value = Expectation> {
    prop_oneof![
        Just(Expectation::Explicit(Column::Fixed)),
        Just(Expectation::Explicit(Column::Regressed)),
        Just(Expectation::Column(Column::Fixed)),
        Just(Expectation::Column(Column::Regressed)),
        any::<bool>().prop_map(|or_fixed| {
            let mut record = known(Moment::After(1), Probe::Service, &["stopped"]);
            record.or_fixed = or_fixed;
            Expectation::Known(vec![record])
        }),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

/// Rank of an exit code, best first: held, nothing, error, inconclusive, regression.
fn badness(exit: Exit) -> usize {
    let order = [
        Exit::Held,
        Exit::Nothing,
        Exit::Environment,
        Exit::Inconclusive,
        Exit::Regression,
    ];
    order.iter().position(|e| *e == exit).unwrap()
}

proptest! {
    #[test]
    fn fixed_and_regressed_are_never_both_true(rows in any_rows()) {
        match classify(&rows, &CaseEnd::Complete).classification {
            Classification::Fixed => {
                prop_assert!(rows.iter().all(Row::is_fixed));
                prop_assert!(!rows.iter().any(|r| r.discriminates() && r.is_regressed()));
            }
            Classification::Regressed => {
                prop_assert!(rows.iter().any(|r| r.discriminates() && !r.is_fixed()));
                prop_assert!(rows.iter().all(Row::is_regressed));
            }
            Classification::Neither => prop_assert!(rows.iter().all(|r| r.observed.is_some())),
            other => prop_assert!(other == Classification::Inconclusive),
        }
    }

    #[test]
    fn a_missing_reading_concludes_nothing(
        mut rows in any_rows(), at in any::<prop::sample::Index>(), expectation in any_expectation(),
    ) {
        let missing = row(Moment::End, "service", "?", &["up"], &["down"]);
        rows.insert(at.index(rows.len() + 1), missing);
        let judged = judge(rows, &CaseEnd::Complete, &expectation, &[]);
        prop_assert_eq!(judged.classification, Classification::Inconclusive);
        prop_assert_eq!(judged.verdict, Verdict::Inconclusive);
        prop_assert!(judged.reason.is_some());
    }

    #[test]
    fn a_broken_invariant_is_never_good(rows in any_rows(), expectation in any_expectation()) {
        let mut broken = rows.clone();
        broken.push(invariant_row("false"));
        let judged = judge(broken, &CaseEnd::Complete, &expectation, &[]);
        prop_assert!(judged.verdict.is_red() || judged.verdict == Verdict::Inconclusive);
    }

    #[test]
    fn an_invariant_that_holds_changes_nothing(
        rows in prop::collection::vec(any_row(), 1..6), expectation in any_expectation(),
    ) {
        let before = judge(rows.clone(), &CaseEnd::Complete, &expectation, &[]);
        let mut more = rows;
        more.push(invariant_row("true"));
        let after = judge(more, &CaseEnd::Complete, &expectation, &[]);
        prop_assert_eq!(before.verdict, after.verdict);
        prop_assert_eq!(before.classification, after.classification);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in any_rows(), expectation in any_expectation()) {
        let mut reversed = rows.clone();
        reversed.reverse();
        let one = judge(rows, &CaseEnd::Complete, &expectation, &[]);
        let other = judge(reversed, &CaseEnd::Complete, &expectation, &[]);
        prop_assert_eq!(one.verdict, other.verdict);
    }

    #[test]
    fn every_classification_but_fixed_has_a_reason(rows in any_rows()) {
        let classified = classify(&rows, &CaseEnd::Complete);
        prop_assert_eq!(classified.reason.is_none(), classified.classification == Classification::Fixed);
    }

    #[test]
    fn held_needs_a_conclusive_case(rows in any_rows(), expectation in any_expectation()) {
        let judged = judge(rows, &CaseEnd::Complete, &expectation, &[]);
        prop_assert_eq!(judged.verdict.is_conclusive(), judged.classification.is_conclusive());
    }

    #[test]
    fn one_more_case_never_makes_a_run_better(
        verdicts in prop::collection::vec(any_verdict(), 1..8), more in any_verdict(),
    ) {
        let before = outcome(&verdicts, Faults::default());
        let mut all = verdicts;
        all.push(more);
        let after = outcome(&all, Faults::default());
        // The one exception: a run of unsupported cases only becomes held with the first case that holds.
        if before.exit != Exit::Nothing {
            prop_assert!(badness(after.exit) >= badness(before.exit));
        }
    }

    #[test]
    fn the_order_of_cases_does_not_matter(verdicts in prop::collection::vec(any_verdict(), 0..8)) {
        let mut reversed = verdicts.clone();
        reversed.reverse();
        prop_assert_eq!(outcome(&verdicts, Faults::default()), outcome(&reversed, Faults::default()));
    }

    #[test]
    fn exit_code_and_verdict_agree(verdicts in prop::collection::vec(any_verdict(), 0..8), leak in any::<bool>()) {
        let error = leak.then_some(Exit::Environment);
        let found = outcome(&verdicts, Faults { error, interrupted: None });
        prop_assert_eq!(found.verdict == RunVerdict::Held, found.exit == Exit::Held);
        prop_assert_eq!(found.verdict == RunVerdict::Regression, found.exit == Exit::Regression);
        prop_assert_eq!(found.verdict == RunVerdict::Inconclusive, found.exit == Exit::Inconclusive);
    }

    #[test]
    fn a_red_attempt_always_counts(attempts in prop::collection::vec(any_verdict(), 1..5)) {
        let settled = settle(&attempts).unwrap();
        let red = attempts.iter().any(|v| v.is_red());
        if red {
            prop_assert!(settled.verdict.is_red() && attempts[settled.counts].is_red());
        }
        // Without a red attempt, only a race that is always met is red.
        prop_assert_eq!(settled.verdict.is_red(), red || (settled.met >= 3 && settled.met == settled.of));
    }

    #[test]
    fn a_case_whose_attempts_never_concluded_has_not_held(attempts in prop::collection::vec(any_verdict(), 1..5)) {
        let settled = settle(&attempts).unwrap();
        let concluded = |v: &Verdict| v.is_conclusive() && *v != Verdict::Racy;
        if !attempts.iter().any(concluded) {
            prop_assert!(!settled.verdict.is_conclusive() || settled.verdict.is_red());
        }
    }

    #[test]
    fn later_releases_are_never_expected_worse(
        fixed in (0u64..3, 0u64..30), a in (0u64..3, 0u64..30), b in (0u64..3, 0u64..30),
    ) {
        let version = |(major, minor): (u64, u64)| pep440_rs::Version::new([major, minor, 0]);
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let fixed = version(fixed);
        if by_release(Some(&fixed), Some(&version(low))) == Column::Fixed {
            prop_assert_eq!(by_release(Some(&fixed), Some(&version(high))), Column::Fixed);
        }
    }
}
