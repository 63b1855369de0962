//! The two orders of a history: the one in which its facts were told, and the one in which they became true.
//!
//! Observer, agent and engine are three streams, and each may be late by itself. What a probe reads must not depend on that:
//! it is read in both orders, and where they disagree the evidence does not tell.

use jiff::Timestamp;

use super::facts::{Observation, Source};
use super::reading::Reading;

/// The same facts in the order of their own times, numbered anew. Whatever order they were told in, it is the same one.
///
/// Facts of the engine's host carry its clock, those of the harness ours. No fact is known before it is true, so ours is ahead
/// by no more than the shortest time between a fact and the knowledge of it, and by that much the harness's facts are moved. What
/// carries no time stays where it was told.
pub(super) fn by_time(history: &[Observation]) -> Vec<Observation> {
    let ahead = history
        .iter()
        .filter_map(|o| Some(o.known.as_nanosecond() - host_time(o)?.as_nanosecond()));
    let ahead = ahead.min().unwrap_or_default();
    let mut ordered = history.to_vec();
    let ours = |o: &Observation| match o.source {
        Source::Harness => o.at.unwrap_or(o.known),
        _ => o.known,
    };
    ordered
        .sort_by_cached_key(|o| host_time(o).map_or_else(|| ours(o).as_nanosecond() - ahead, |at| at.as_nanosecond()));
    (0..).zip(&mut ordered).for_each(|(seq, o)| o.seq = seq);
    ordered
}

/// When a fact became true, by the clock of the engine's host; `None` if only the harness's clock tells.
pub fn host_time(o: &Observation) -> Option<Timestamp> {
    o.at.filter(|at| match o.source {
        Source::Harness => false,
        // Older records have files' own times, and what came out of an archive is dated to the second.
        Source::Observer => at.subsec_nanosecond() != 0,
        Source::Agent | Source::Engine => true,
    })
}

/// What both orders tell, or that they do not agree.
pub(super) fn agreed(told: Reading, by_time: &Reading) -> Reading {
    match (&told, by_time) {
        (Reading::Seen { value: one, .. }, Reading::Seen { value: other, .. }) if one != other => {
            Reading::missing(format!(
                "what was told came late: in the order it was told it reads {one}, in the order it became true {other}"
            ))
        }
        (Reading::Seen { .. }, Reading::Missing { why }) => Reading::missing(why.clone()),
        _ => told,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::facts::Fact;

    fn observation(seq: u64, source: Source, at: Option<i64>, known: i64) -> Observation {
        // Not a whole second, as with a real file.
        let ms = |ms| Timestamp::from_millisecond(1_795_531_665_001 + ms).unwrap();
        Observation {
            seq,
            at: at.map(ms),
            known: ms(known),
            source,
            fact: Fact::Lost { what: String::new() },
        }
    }

    #[test]
    fn each_fact_goes_where_its_own_time_puts_it() {
        let history = [
            // The engine's host is 45 s behind, and nothing is known in less than 1 ms.
            observation(0, Source::Observer, Some(0), 45_001),
            observation(1, Source::Harness, Some(45_050), 45_050),
            // One that was on its way when the harness set its mark, one that was not, and one that has no time.
            observation(2, Source::Agent, Some(40), 45_060),
            observation(3, Source::Engine, Some(55), 45_060),
            observation(4, Source::Agent, None, 45_070),
            observation(5, Source::Observer, Some(10), 45_080),
        ];
        let ordered = by_time(&history);
        let known: Vec<_> = ordered.iter().map(|o| o.known).collect();
        let expected = [0, 5, 2, 1, 3, 4].map(|i: usize| history[i].known);
        assert_eq!(known, expected);
        assert!((0..).zip(&ordered).all(|(seq, o)| o.seq == seq));
    }
}
