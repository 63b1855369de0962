//! The two orders of a history: the order in which its facts arrived, and the order in which they became true.
//!
//! Observer, agent and engine are three streams, and each may be late. A reading must not depend on that, so each probe
//! is read in both orders. If they disagree, the reading is missing.

use jiff::Timestamp;

use super::facts::{Observation, Source};
use super::reading::Reading;

/// The same facts in the order of their own times, renumbered. The result does not depend on the order of arrival.
///
/// Facts of the engine's host have times by its clock, those of the harness by ours. No fact is known before it is
/// true, so our clock is ahead by at most the shortest time from a fact to its arrival. The harness's facts are moved
/// back by that time. Facts without a time are ordered by their arrival.
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

/// When a fact became true, by the clock of the engine's host; `None` if only a time of the harness's clock is known.
pub fn host_time(o: &Observation) -> Option<Timestamp> {
    o.at.filter(|at| match o.source {
        Source::Harness => false,
        // Older records have the times of the files, which are whole seconds for files from an archive.
        Source::Observer => at.subsec_nanosecond() != 0,
        Source::Agent | Source::Engine => true,
    })
}

/// The reading that both orders give, or a missing one if they disagree.
pub(super) fn agreed(by_arrival: Reading, by_time: &Reading) -> Reading {
    match (&by_arrival, by_time) {
        (Reading::Seen { value: one, .. }, Reading::Seen { value: other, .. }) if one != other => {
            Reading::missing(format!(
                "facts arrived late: in the order of arrival the value is {one}, in the order of their times {other}"
            ))
        }
        (Reading::Seen { .. }, Reading::Missing { why }) => Reading::missing(why.clone()),
        _ => by_arrival,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::facts::Fact;

    fn observation(seq: u64, source: Source, at: Option<i64>, known: i64) -> Observation {
        // Not a whole second, like the time of a real file.
        let ms = |ms| Timestamp::from_millisecond(1_795_531_665_001 + ms).unwrap();
        Observation {
            seq,
            at: at.map(ms),
            known: ms(known),
            source,
            container: None,
            fact: Fact::Lost { what: String::new() },
        }
    }

    #[test]
    fn facts_are_ordered_by_their_own_times() {
        let history = [
            // The clock of the engine's host is 45 s behind, and each fact takes at least 1 ms to arrive.
            observation(0, Source::Observer, Some(0), 45_001),
            observation(1, Source::Harness, Some(45_050), 45_050),
            // One fact was under way when the harness set its mark, one was not, and one has no time.
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
