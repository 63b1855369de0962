//! What the tests of the table accept: one set of values for each scenario and release.

use comeback_verdict::{Classification, Column, Expectation, Verdict};

/// Whether a case shows exactly what is on record for its release: the column, the deviation, or a race on record
/// besides. A better result is wrong too, because then the table does not describe the release.
///
/// # Errors
///
/// What the case should show, and what it shows.
pub fn exactly(expectation: &Expectation, classification: Classification, verdict: Verdict) -> Result<(), String> {
    let wanted = match expectation {
        Expectation::Explicit(Column::Fixed) | Expectation::Column(Column::Fixed) => Classification::Fixed,
        Expectation::Explicit(Column::Regressed) | Expectation::Column(Column::Regressed) => Classification::Regressed,
        Expectation::Known(known) => {
            let either = verdict == Verdict::Held && known.iter().any(|known| known.or_fixed);
            let ok = either || matches!(verdict, Verdict::KnownBad | Verdict::Racy);
            return ok
                .then_some(())
                .ok_or_else(|| format!("it must show the deviation on record, and is {classification} ({verdict})"));
        }
    };
    let as_wanted = matches!(verdict, Verdict::Held | Verdict::KnownBad | Verdict::Racy);
    if as_wanted && classification == wanted {
        return Ok(());
    }
    Err(format!(
        "it must be {wanted} in every row, and is {classification} ({verdict})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn fixed() -> Expectation {
        Expectation::Column(Column::Fixed)
    }

    fn regressed() -> Expectation {
        Expectation::Column(Column::Regressed)
    }

    fn known() -> Expectation {
        Expectation::Known(vec![])
    }

    #[rstest]
    #[case::held(fixed(), Classification::Fixed, Verdict::Held, true)]
    #[case::racy(fixed(), Classification::Fixed, Verdict::Racy, true)]
    #[case::regression(fixed(), Classification::Regressed, Verdict::Regression, false)]
    #[case::inconclusive(fixed(), Classification::Inconclusive, Verdict::Inconclusive, false)]
    #[case::the_bug(regressed(), Classification::Regressed, Verdict::KnownBad, true)]
    #[case::a_mixture_of_the_columns(regressed(), Classification::Neither, Verdict::KnownBad, false)]
    #[case::fixed_where_the_bug_is_on_record(regressed(), Classification::Fixed, Verdict::NewlyFixed, false)]
    #[case::the_deviation(known(), Classification::Neither, Verdict::KnownBad, true)]
    #[case::no_deviation_any_more(known(), Classification::Fixed, Verdict::NewlyFixed, false)]
    #[case::no_deviation_and_no_race(known(), Classification::Fixed, Verdict::Held, false)]
    fn exactly_accepts_only_the_values_on_record(
        #[case] expectation: Expectation,
        #[case] classification: Classification,
        #[case] verdict: Verdict,
        #[case] ok: bool,
    ) {
        assert_eq!(exactly(&expectation, classification, verdict).is_ok(), ok);
    }
}
