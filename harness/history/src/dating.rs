//! Times of observations by our clock.

use jiff::Timestamp;

use crate::clock::ClockOffset;
use crate::facts::{Observation, Source};

impl Observation {
    /// When the fact became true, by our clock, or when it was known, if the source gives no time. Without an offset,
    /// the clock of the engine's host counts as ours.
    pub fn when(&self, offset: Option<ClockOffset>) -> Timestamp {
        self.at_ours(offset).unwrap_or(self.known)
    }

    /// When the fact became true, by our clock; `None` if the source gives no time.
    pub fn at_ours(&self, offset: Option<ClockOffset>) -> Option<Timestamp> {
        match (self.source, offset) {
            (Source::Harness, _) | (_, None) => self.at,
            (Source::Observer | Source::Agent | Source::Engine, Some(offset)) => self.at.map(|at| offset.ours(at)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_665_000 + ms).unwrap()
    }

    #[test]
    fn times_of_the_engines_host_are_converted_and_times_of_the_harness_are_not() {
        let observation = |source| Observation {
            container: None,
            seq: 0,
            at: Some(at(0)),
            known: at(7),
            source,
            fact: crate::facts::Fact::Lost { what: String::new() },
        };
        let behind = Some(ClockOffset {
            offset_ms: -45_000,
            uncertainty_ms: 12,
        });
        for source in [Source::Observer, Source::Agent, Source::Engine] {
            assert_eq!(observation(source).when(behind), at(45_000));
            assert_eq!(observation(source).when(None), at(0));
        }
        assert_eq!(observation(Source::Harness).when(behind), at(0));
        let undated = Observation {
            at: None,
            ..observation(Source::Agent)
        };
        assert_eq!((undated.when(behind), undated.at_ours(behind)), (at(7), None));
    }
}
