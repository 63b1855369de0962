//! Our clock in a run, and how the clock of the engine's host is compared with it.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use comeback_engine::Engine;
use comeback_history::clock::{ClockOffset, Sample};

/// How often the engine is asked: the interval that all answers have in common is the shorter the more there are.
const SAMPLES: usize = 3;

/// Our clock in a run, and by how much that of the engine's host differs.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// When the run connected, by the calendar and by the clock of the deadlines.
    began: (Timestamp, Instant),
    /// The difference; `None` if it is not known.
    pub offset: Option<ClockOffset>,
}

impl Clocks {
    /// Our clock from now on, with nothing known of another.
    pub fn start() -> Self {
        Self {
            began: (Timestamp::now(), Instant::now()),
            offset: None,
        }
    }

    /// The same, with the difference to the clock of that engine's host measured, if the engine tells its time.
    pub async fn measure(engine: &dyn Engine) -> Self {
        let mut clocks = Self::start();
        let mut samples = Vec::new();
        for _ in 0..SAMPLES {
            let before = clocks.ours();
            match engine.system_time().await {
                Ok(Some(engine)) => samples.push(Sample {
                    before,
                    engine,
                    after: clocks.ours(),
                }),
                Ok(None) => {}
                Err(why) => tracing::debug!("the time of the engine's host: {why}"),
            }
        }
        clocks.offset = ClockOffset::of(&samples);
        clocks
    }

    /// The present by our clock. It never goes back, and keeps pace with the deadlines.
    pub fn ours(&self) -> Timestamp {
        let (began, clock) = self.began;
        let since = SignedDuration::try_from(clock.elapsed()).unwrap_or_default();
        began.saturating_add(since).unwrap_or(began)
    }

    /// The present by the clock of the engine's host; by ours if the difference is not known.
    pub fn engines(&self) -> Timestamp {
        let ours = self.ours();
        self.offset.map_or(ours, |offset| offset.engines(ours))
    }

    /// How long ago that was, in milliseconds, of a time by the clock of the engine's host. `None` if the difference is not
    /// known, or if the time is still to come by more than what is not certain: then that clock has been set since.
    pub fn since_ms(&self, engine: Timestamp) -> Option<f64> {
        let offset = self.offset?;
        let ms = self.ours().duration_since(offset.ours(engine)).as_secs_f64() * 1000.0;
        (ms >= -(offset.uncertainty_ms as f64)).then_some(ms.max(0.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_time_is_so_long_ago_by_the_clock_it_is_of() {
        let mut clocks = Clocks::start();
        let now = clocks.ours();
        let ago = |ms| now.checked_sub(SignedDuration::from_millis(ms)).unwrap();
        assert_eq!(clocks.since_ms(ago(100)), None, "nothing is known");
        clocks.offset = Some(ClockOffset {
            offset_ms: -45_000,
            uncertainty_ms: 12,
        });
        assert_eq!(clocks.since_ms(ago(45_100)), Some(100.0));
        assert_eq!(clocks.since_ms(ago(44_990)), Some(0.0), "within what is not certain");
        assert_eq!(clocks.since_ms(ago(44_000)), None, "it was set meanwhile");
        assert_eq!(clocks.engines(), ago(45_000));
    }
}
