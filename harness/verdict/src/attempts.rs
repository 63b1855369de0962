//! The attempts of a case: whether to retry it, and the verdict that all attempts give together.
//!
//! An inconclusive attempt is retried once. An attempt that met a race on record is retried until one attempt does
//! not meet it; if [`MET_IN_ALL`] attempts meet the race and none avoids it, it is no longer a race. A retry never
//! turns a regression or a mismatch into a pass.

use super::judge::Verdict;

/// If this many attempts all met a race on record, the case is a regression.
pub const MET_IN_ALL: usize = 3;
/// The largest number of inconclusive attempts of a case.
const INCONCLUSIVE: usize = 2;

/// From this number of repeats on, a case is judged by the rate of its race and not by single repeats. With fewer
/// repeats the confidence interval of the rate is too wide; with many, some repeat is likely to meet the race in all
/// its attempts.
const JUDGED_BY_RATE: usize = 20;

/// True if a case with this many repeats is judged by the rate of its race.
pub fn judged_by_rate(repeats: usize) -> bool {
    repeats >= JUDGED_BY_RATE
}

/// True if a case is to be retried, given the verdicts of its attempts so far, in order.
pub fn again(attempts: &[Verdict]) -> bool {
    let so_far = |verdict: Verdict| attempts.iter().filter(|v| **v == verdict).count();
    match attempts.last() {
        Some(Verdict::Inconclusive) => so_far(Verdict::Inconclusive) < INCONCLUSIVE,
        Some(Verdict::Racy) => so_far(Verdict::Racy) < MET_IN_ALL,
        _ => false,
    }
}

/// The result of all attempts of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Position of the attempt that counts.
    pub counts: usize,
    /// The verdict of the case.
    pub verdict: Verdict,
    /// How many attempts met a race on record.
    pub met: usize,
    /// How many attempts were conclusive.
    pub of: usize,
}

/// The result of the attempts of one case, given their verdicts in order; `None` if there are none.
///
/// A red attempt always counts. Otherwise the last conclusive attempt without a race counts, or the last attempt if
/// there is none. The case is racy if some attempt met a race and another did not, a regression if all of
/// [`MET_IN_ALL`] attempts met it, and inconclusive if a race was met and no other attempt shows whether it always
/// is.
pub fn settle(attempts: &[Verdict]) -> Option<Settled> {
    let last = attempts.len().checked_sub(1)?;
    let met = attempts.iter().filter(|v| **v == Verdict::Racy).count();
    let of = attempts.iter().filter(|v| v.is_conclusive()).count();
    let settled = |counts: usize, verdict: Verdict| Settled {
        counts,
        verdict,
        met,
        of,
    };
    if let Some(red) = attempts.iter().position(|v| v.is_red()) {
        return Some(settled(red, attempts[red]));
    }
    let clean = attempts.iter().rposition(|v| v.is_conclusive() && *v != Verdict::Racy);
    Some(match (clean, met) {
        (Some(clean), 0) => settled(clean, attempts[clean]),
        (Some(clean), _) => settled(clean, Verdict::Racy),
        (None, 0) => settled(last, attempts[last]),
        (None, met) if met >= MET_IN_ALL => settled(last_racy(attempts), Verdict::Regression),
        (None, _) => settled(last, Verdict::Inconclusive),
    })
}

fn last_racy(attempts: &[Verdict]) -> usize {
    attempts.iter().rposition(|v| *v == Verdict::Racy).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::Verdict::{Error, Held, Inconclusive, KnownBad, Mismatch, NewlyFixed, Racy, Regression};

    #[rstest]
    #[case::held(&[Held], false)]
    #[case::red(&[Regression], false)]
    #[case::inconclusive(&[Inconclusive], true)]
    #[case::inconclusive_twice(&[Inconclusive, Inconclusive], false)]
    #[case::race(&[Racy], true)]
    #[case::race_twice(&[Racy, Racy], true)]
    #[case::race_in_all(&[Racy, Racy, Racy], false)]
    #[case::race_then_held(&[Racy, Held], false)]
    #[case::race_then_red(&[Racy, Regression], false)]
    #[case::inconclusive_attempts_do_not_use_up_those_of_a_race(&[Inconclusive, Racy, Racy], true)]
    #[case::races_do_not_use_up_the_second_try_of_an_inconclusive_attempt(&[Racy, Racy, Inconclusive], true)]
    #[case::inconclusive_twice_after_a_race(&[Racy, Inconclusive, Inconclusive], false)]
    fn again_retries_inconclusive_and_racy_attempts(#[case] attempts: &[Verdict], #[case] wanted: bool) {
        assert_eq!(again(attempts), wanted);
    }

    #[rstest]
    #[case::one(&[Held], (0, Held))]
    #[case::second_try(&[Inconclusive, Held], (1, Held))]
    #[case::no_retry_of_a_regression(&[Regression, Held], (0, Regression))]
    #[case::no_retry_of_a_mismatch(&[Inconclusive, Mismatch, Held], (1, Mismatch))]
    #[case::never_conclusive(&[Inconclusive, Inconclusive], (1, Inconclusive))]
    #[case::error(&[Error], (0, Error))]
    #[case::met_once(&[Racy, Held], (1, Racy))]
    #[case::met_twice(&[Racy, Racy, NewlyFixed], (2, Racy))]
    #[case::met_where_the_bug_is_on_record(&[Racy, KnownBad], (1, Racy))]
    #[case::met_in_all(&[Racy, Racy, Racy], (2, Regression))]
    #[case::met_in_all_that_are_conclusive(&[Racy, Inconclusive, Racy, Racy], (3, Regression))]
    #[case::met_and_then_red(&[Racy, Regression], (1, Regression))]
    #[case::met_and_then_nothing(&[Racy, Inconclusive, Inconclusive], (2, Inconclusive))]
    #[case::met_and_cut_short(&[Racy], (0, Inconclusive))]
    #[case::met_twice_and_cut_short(&[Racy, Racy], (1, Inconclusive))]
    fn settle_gives_the_verdict_of_all_attempts(#[case] attempts: &[Verdict], #[case] wanted: (usize, Verdict)) {
        let settled = settle(attempts).unwrap();
        assert_eq!((settled.counts, settled.verdict), wanted);
    }

    #[test]
    fn settle_of_no_attempts_is_none() {
        assert_eq!(settle(&[]), None);
    }
}
