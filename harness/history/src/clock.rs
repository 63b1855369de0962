//! The difference between the clock of the engine's host and ours, and the conversion of times.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reports mention a difference only if it exceeds the uncertainty by more than this, in milliseconds.
const NOTEWORTHY: u64 = 1000;

/// The measured difference of the clock of the engine's host from ours. The keys are part of the document of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockOffset {
    /// Milliseconds by which the clock of the engine's host is ahead of ours; negative if it is behind. Absent if the
    /// engine does not report its time, and in older records.
    #[serde(rename = "clock_offset_ms")]
    pub offset_ms: i64,
    /// Uncertainty of the offset in both directions, in milliseconds.
    #[serde(rename = "clock_uncertainty_ms")]
    pub uncertainty_ms: u64,
}

/// One answer of the engine with its time, which lies between two times of ours.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Our time before the question.
    pub before: Timestamp,
    /// The engine's time.
    pub engine: Timestamp,
    /// Our time after the answer.
    pub after: Timestamp,
}

impl ClockOffset {
    /// The offset that agrees with all samples. `None` if there are no samples, or if they contradict each other
    /// because a clock was set meanwhile.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let least = samples.iter().map(|s| s.engine.duration_since(s.after)).max()?;
        let most = samples.iter().map(|s| s.engine.duration_since(s.before)).min()?;
        if least > most {
            return None;
        }
        let (least, most) = (least.as_micros(), most.as_micros());
        let middle = (least + most).div_euclid(2);
        let offset_ms = i64::try_from(middle.div_euclid(1000)).ok()?;
        // Half of the interval, rounded up, and 1 ms for the rounding of the offset.
        let uncertainty_ms = u64::try_from((most - least) / 2000 + 2).ok()?;
        Some(Self {
            offset_ms,
            uncertainty_ms,
        })
    }

    /// The difference used for conversions, which is zero if it is within the uncertainty. Otherwise the error of the
    /// measurement would shift the exact times of an engine on this host.
    pub fn reckoned(self) -> SignedDuration {
        if self.offset_ms.unsigned_abs() <= self.uncertainty_ms {
            SignedDuration::ZERO
        } else {
            SignedDuration::from_millis(self.offset_ms)
        }
    }

    /// Converts a time of the engine's host to our clock.
    pub fn ours(self, engine: Timestamp) -> Timestamp {
        engine.saturating_sub(self.reckoned()).unwrap_or(engine)
    }

    /// Converts a time of ours to the clock of the engine's host.
    pub fn engines(self, ours: Timestamp) -> Timestamp {
        ours.saturating_add(self.reckoned()).unwrap_or(ours)
    }

    /// The difference in words, if it is large enough to matter: `clock 45.0 s behind ours`.
    pub fn words(self) -> Option<String> {
        let noteworthy = self.offset_ms.unsigned_abs() > self.uncertainty_ms.saturating_add(NOTEWORTHY);
        noteworthy.then(|| {
            let seconds = SignedDuration::from_millis(self.offset_ms).as_secs_f64();
            let side = if seconds < 0.0 { "behind" } else { "ahead of" };
            format!("clock {:.1} s {side} ours", seconds.abs())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_665_000 + ms).unwrap()
    }

    fn sample(before: i64, engine: i64, after: i64) -> Sample {
        Sample {
            before: at(before),
            engine: at(engine),
            after: at(after),
        }
    }

    fn offset(offset_ms: i64, uncertainty_ms: u64) -> ClockOffset {
        ClockOffset {
            offset_ms,
            uncertainty_ms,
        }
    }

    #[rstest]
    #[case::none(&[], None)]
    #[case::one(&[sample(0, -44_990, 20)], Some(offset(-45_000, 12)))]
    // The first sample gives -45010 to -44990, the second -45000 to -44900.
    #[case::common(&[sample(0, -44_990, 20), sample(100, -44_800, 200)], Some(offset(-44_995, 7)))]
    #[case::set_meanwhile(&[sample(0, -44_990, 20), sample(100, 110, 120)], None)]
    #[case::ahead(&[sample(0, 45_010, 20)], Some(offset(45_000, 12)))]
    fn the_offset_is_the_middle_of_the_common_interval(
        #[case] samples: &[Sample],
        #[case] expected: Option<ClockOffset>,
    ) {
        assert_eq!(ClockOffset::of(samples), expected);
    }

    #[rstest]
    #[case::certain(offset(-45_000, 12), -45_000)]
    #[case::within_the_uncertainty(offset(11, 12), 0)]
    fn a_difference_within_the_uncertainty_counts_as_zero(#[case] offset: ClockOffset, #[case] reckoned: i64) {
        assert_eq!(offset.engines(at(0)), at(reckoned));
        assert_eq!(offset.ours(at(reckoned)), at(0));
    }

    #[test]
    fn only_a_noteworthy_difference_has_words() {
        let words = |ms, uncertainty| offset(ms, uncertainty).words();
        assert_eq!(words(-45_000, 12).as_deref(), Some("clock 45.0 s behind ours"));
        assert_eq!(words(45_049, 12).as_deref(), Some("clock 45.0 s ahead of ours"));
        assert_eq!((words(1012, 12), words(3000, 2500)), (None, None));
    }
}
