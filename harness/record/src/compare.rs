//! Compares two images scenario by scenario: what the new one introduces, repairs and leaves unchanged. Pure.

pub use super::comparison::{Change, Comparison, Terms};
use super::document::shards::excuse_nothing;
use super::document::{CaseEntry, RowEntry, RowKey, RunDocument};
use super::likeness::likeness;
use comeback_scenario::model::Guard;
use comeback_verdict::run::Faults;
use comeback_verdict::{Classification, Exit, RunVerdict, Verdict};

/// Compares the first two images of a document, and judges the run by the differences.
pub fn judge(document: &mut RunDocument, terms: Terms, faults: Faults) {
    let [old, new, ..] = document.images.as_slice() else {
        return;
    };
    let comparisons = compare(document, &old.name, &new.name);
    document.likeness = terms.likeness.then(|| likeness(document)).flatten();
    let found = match &document.likeness {
        Some(likeness) => likeness.exit(),
        None => exit(&comparisons, terms.pre_existing),
    };
    let mut code = match found {
        // The comparison found nothing bad, so an error outside the cases decides.
        Exit::Held | Exit::Nothing if faults.error.is_some() => faults.error.unwrap_or(Exit::Internal),
        exit => exit,
    };
    document.verdict = match code {
        Exit::Held => RunVerdict::Held,
        Exit::Regression => RunVerdict::Regression,
        Exit::Inconclusive => RunVerdict::Inconclusive,
        _ => RunVerdict::Error,
    };
    if let Some(signal) = faults.interrupted {
        // The findings are kept, but an interrupted run has not held.
        document.verdict = document.verdict.max(RunVerdict::Error);
        code = signal;
    }
    document.exit_code = code.code();
    document.comparisons = Some(comparisons);
    document.count_pre_existing = Some(terms.pre_existing);
    excuse_nothing(document);
}

/// Compares the counting attempts of two images.
pub fn compare(document: &RunDocument, old: &str, new: &str) -> Vec<Comparison> {
    on_both(document, old, new)
        .into_iter()
        .map(|(old, new)| pair(old, new))
        .collect()
}

/// The counting attempts of each scenario that was run on both images. The worst of several repeats counts.
pub(crate) fn on_both<'d>(document: &'d RunDocument, old: &str, new: &str) -> Vec<(&'d CaseEntry, &'d CaseEntry)> {
    let mut scenarios: Vec<&str> = Vec::new();
    for case in &document.cases {
        if !scenarios.contains(&case.scenario.as_str()) {
            scenarios.push(&case.scenario);
        }
    }
    let of = |scenario: &str, image: &str| {
        let same = |c: &&CaseEntry| c.counts && c.scenario == scenario && c.image == image;
        worst(document.cases.iter().filter(same))
    };
    scenarios
        .into_iter()
        .filter_map(|scenario| Some((of(scenario, old)?, of(scenario, new)?)))
        .collect()
}

/// The worst of several repeats of a case: bad ones come before inconclusive ones, and those before good ones.
pub fn worst<'d>(repeats: impl Iterator<Item = &'d CaseEntry>) -> Option<&'d CaseEntry> {
    repeats.max_by_key(|case| badness(found(case)))
}

/// The classification of a case for the comparison. A race on record that is met as often as before counts as fixed,
/// even if one of many repeats met it in each attempt. A race that is met in every attempt or more often than before is
/// bad, whatever the last attempt shows.
fn found(case: &CaseEntry) -> Classification {
    match (case.race, case.classification) {
        (Some(race), _) if case.verdict == Verdict::Racy && race.met => Classification::Fixed,
        (Some(_), Classification::Fixed) if case.verdict.is_red() => Classification::Neither,
        (_, found) => found,
    }
}

fn badness(found: Classification) -> u8 {
    match found {
        Classification::Fixed => 0,
        Classification::Unsupported => 1,
        Classification::Error => 2,
        Classification::Inconclusive => 3,
        Classification::Regressed => 4,
        Classification::Neither => 5,
    }
}

fn pair(old: &CaseEntry, new: &CaseEntry) -> Comparison {
    let lost: Vec<&RowEntry> = lost_rows(old, new).collect();
    let change = change(old, new);
    let mut guards: Vec<Guard> = Vec::new();
    if matches!(change, Change::Introduced | Change::Changed) {
        let telling = lost.iter().filter(|row| !new.never_came_up(&row.profile));
        for guard in telling.filter_map(|row| row.guards) {
            if !guards.contains(&guard) {
                guards.push(guard);
            }
        }
    }
    Comparison {
        scenario: new.scenario.clone(),
        old: found(old),
        new: found(new),
        change,
        lost: !lost.is_empty(),
        guards,
    }
}

fn change(old: &CaseEntry, new: &CaseEntry) -> Change {
    use Classification::{Error, Fixed, Inconclusive, Unsupported};
    match (found(old), found(new)) {
        (Unsupported, _) | (_, Unsupported) => Change::Unsupported,
        // The new image is good, so it does not matter that the old one is unclear.
        (Fixed | Inconclusive | Error, Fixed) => Change::Held,
        (_, Inconclusive | Error) | (Inconclusive | Error, _) => Change::Inconclusive,
        (Fixed, _) => Change::Introduced,
        (_, Fixed) => Change::Repaired,
        _ if observed(old) == observed(new) => Change::PreExisting,
        _ => Change::Changed,
    }
}

type Observed<'a> = Vec<(RowKey<'a>, &'a Option<comeback_scenario::model::Value>)>;

fn observed(case: &CaseEntry) -> Observed<'_> {
    case.rows.iter().map(|row| (row.key(), &row.observed)).collect()
}

/// Rows that were in their fixed column on the old image and are not on the new one. A row without a value on the new
/// image is not lost.
fn lost_rows<'n>(old: &CaseEntry, new: &'n CaseEntry) -> impl Iterator<Item = &'n RowEntry> {
    new.rows.iter().filter(|is| {
        let same = |was: &&RowEntry| is.key() == was.key();
        let held = old.rows.iter().find(same).is_some_and(RowEntry::is_fixed);
        held && is.observed.is_some() && !is.is_fixed()
    })
}

/// The exit code for these comparisons: 1 if the new image introduces or loses something, 2 if that is inconclusive, 4
/// if nothing could be compared. With `pre_existing`, scenarios that hold on neither image count as well.
pub fn exit(comparisons: &[Comparison], pre_existing: bool) -> Exit {
    let bad = |c: &Comparison| match c.change {
        Change::Introduced => true,
        Change::Changed => c.lost || pre_existing,
        Change::PreExisting => pre_existing,
        _ => false,
    };
    if comparisons.iter().any(bad) {
        Exit::Regression
    } else if comparisons.iter().any(|c| c.change == Change::Inconclusive) {
        Exit::Inconclusive
    } else if comparisons.iter().all(|c| c.change == Change::Unsupported) {
        Exit::Nothing
    } else {
        Exit::Held
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::document::samples::{self, compared, reproduced};
    use comeback_scenario::model::Value;
    use comeback_scenario::vocabulary::Invariant;

    fn case(found: Classification) -> CaseEntry {
        let mut case = reproduced().cases.remove(0);
        case.classification = found;
        case
    }

    #[rstest]
    #[case("fixed", "fixed", Change::Held)]
    #[case("fixed", "regressed", Change::Introduced)]
    #[case("fixed", "neither", Change::Introduced)]
    #[case("regressed", "fixed", Change::Repaired)]
    #[case("regressed", "regressed", Change::PreExisting)]
    #[case("fixed", "inconclusive", Change::Inconclusive)]
    #[case("inconclusive", "regressed", Change::Inconclusive)]
    #[case("inconclusive", "fixed", Change::Held)]
    #[case("regressed", "error", Change::Inconclusive)]
    #[case("unsupported", "regressed", Change::Unsupported)]
    fn change_follows_from_both_classifications(#[case] old: &str, #[case] new: &str, #[case] wanted: Change) {
        let parse = |word: &str| serde_json::from_value(serde_json::json!(word)).unwrap();
        assert_eq!(change(&case(parse(old)), &case(parse(new))), wanted);
    }

    #[test]
    fn a_comparison_names_the_guard_that_was_lost() {
        let document = compared(false);
        let found = document.comparisons.unwrap();
        let restart = found.iter().find(|c| c.scenario == "docker-restart").unwrap();
        assert_eq!(
            (restart.change, restart.guards.as_slice()),
            (Change::Introduced, &[Guard::Signal][..])
        );
        assert_eq!((document.verdict, document.exit_code), (RunVerdict::Regression, 1));
        let repaired = compared(true);
        assert_eq!((repaired.verdict, repaired.exit_code), (RunVerdict::Held, 0));
        assert!(repaired.comparisons.unwrap().iter().all(|c| c.guards.is_empty()));
    }

    #[test]
    fn a_gateway_that_never_came_up_says_nothing_about_the_fix() {
        let document = compared(false);
        let of = |scenario| document.cases.iter().filter(move |case| case.scenario == scenario);
        let mut cases: Vec<CaseEntry> = of("docker-restart").cloned().collect();
        cases.sort_by_key(|case| badness(found(case)));
        let [old, new] = [&cases[0], &cases[cases.len() - 1]];
        assert_eq!(pair(old, new).guards, [Guard::Signal]);
        let mut dark = new.clone();
        let mut row = dark.rows[0].clone();
        row.probe = Invariant::CameUp.info().name.to_owned();
        row.observed = Some(Value::Bool(false));
        dark.rows.push(row);
        assert_eq!(pair(old, &dark).guards, []);
    }

    #[test]
    fn faults_beside_the_cases_count_unless_something_worse_came_of_them() {
        let code = |forwards: bool, faults: Faults| {
            let mut document = compared(forwards);
            judge(&mut document, Terms::default(), faults);
            (document.verdict, document.exit_code)
        };
        let leak = Faults {
            error: Some(Exit::Environment),
            interrupted: None,
        };
        assert_eq!(code(true, leak), (RunVerdict::Error, 3));
        assert_eq!(code(false, leak), (RunVerdict::Regression, 1));
        let cut = Faults {
            error: None,
            interrupted: Some(Exit::Interrupted),
        };
        assert_eq!(code(true, cut), (RunVerdict::Error, 130));
        assert_eq!(code(false, cut), (RunVerdict::Regression, 130));
    }

    /// The first case of a sample with a race on record, and the one that met it in all attempts, as one scenario.
    fn raced() -> [CaseEntry; 2] {
        let counting = samples::raced().cases.into_iter().filter(|case| case.counts);
        let mut cases: Vec<CaseEntry> = counting.collect();
        cases[1].scenario = cases[0].scenario.clone();
        cases.try_into().unwrap()
    }

    #[test]
    fn a_race_met_in_every_attempt_is_introduced() {
        let [racy, rule] = raced();
        let held = CaseEntry {
            verdict: Verdict::Held,
            race: None,
            ..racy.clone()
        };
        assert_eq!(change(&held, &racy), Change::Held);
        assert_eq!(change(&racy, &rule), Change::Introduced);
        assert_eq!(change(&held, &rule), Change::Introduced);
        assert_eq!(change(&rule, &racy), Change::Repaired);
        assert_eq!(change(&rule, &rule), Change::PreExisting);
    }

    #[test]
    fn many_repeats_are_compared_by_the_rate_of_the_race() {
        let [racy, rule] = raced();
        // It met the race in each attempt, as happens by chance among many repeats.
        let by_chance = CaseEntry {
            verdict: Verdict::Racy,
            ..rule.clone()
        };
        assert_eq!(
            found(worst([&racy, &by_chance].into_iter()).unwrap()),
            Classification::Fixed
        );
        // Its last attempt held, but the race is met more often than on record.
        let more_often = CaseEntry {
            verdict: Verdict::Regression,
            ..racy.clone()
        };
        assert_eq!(
            change(&racy, worst([&racy, &more_often].into_iter()).unwrap()),
            Change::Introduced
        );
    }

    #[test]
    fn a_row_lost_in_a_scenario_that_was_bad_before_is_a_regression() {
        let old = case(Classification::Neither);
        let mut new = old.clone();
        let row = new.rows.iter().position(crate::document::RowEntry::is_fixed);
        if let Some(row) = row {
            new.rows[row].observed = Some(comeback_scenario::model::Value::str("something else"));
            let comparison = pair(&old, &new);
            assert_eq!((comparison.change, comparison.lost), (Change::Changed, true));
            assert_eq!(exit(&[comparison], false), Exit::Regression);
        }
        assert_eq!(exit(&[pair(&old, &old)], false), Exit::Held);
        assert_eq!(exit(&[pair(&old, &old)], true), Exit::Regression);
    }
}
