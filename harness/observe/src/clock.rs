//! Our clock in a run, and its difference from the clock of the engine's host.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use comeback_engine::Engine;
use comeback_history::clock::{ClockOffset, Sample};

/// How often the engine is asked for its time. Each answer gives an interval, and more answers make their intersection
/// shorter.
const SAMPLES: usize = 3;

/// Our clock in a run, and the difference of the clock of the engine's host.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// When the run connected, as a timestamp and by the monotonic clock of the deadlines.
    began: (Timestamp, Instant),
    /// The difference; `None` if it is not known.
    pub offset: Option<ClockOffset>,
}

impl Clocks {
    /// Our clock from now on. The difference is not known.
    pub fn start() -> Self {
        Self {
            began: (Timestamp::now(), Instant::now()),
            offset: None,
        }
    }

    /// Our clock from now on, and the measured difference, if the engine reports its time.
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

    /// The present time by our clock. It is monotonic, like the clock of the deadlines.
    pub fn ours(&self) -> Timestamp {
        let (began, clock) = self.began;
        let since = SignedDuration::try_from(clock.elapsed()).unwrap_or_default();
        began.saturating_add(since).unwrap_or(began)
    }

    /// The present time by the clock of the engine's host, or by ours if the difference is not known.
    pub fn engines(&self) -> Timestamp {
        let ours = self.ours();
        self.offset.map_or(ours, |offset| offset.engines(ours))
    }

    /// Milliseconds since `engine`, a time by the clock of the engine's host. `None` if the difference is not known, or
    /// if the time lies further in the future than the uncertainty allows, because then that clock has been set.
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
    async fn since_ms_converts_from_the_engine_clock_within_its_uncertainty() {
        let mut clocks = Clocks::start();
        let now = clocks.ours();
        let ago = |ms| now.checked_sub(SignedDuration::from_millis(ms)).unwrap();
        assert_eq!(clocks.since_ms(ago(100)), None, "the difference is not known");
        clocks.offset = Some(ClockOffset {
            offset_ms: -45_000,
            uncertainty_ms: 12,
        });
        assert_eq!(clocks.since_ms(ago(45_100)), Some(100.0));
        assert_eq!(clocks.since_ms(ago(44_990)), Some(0.0), "within the uncertainty");
        assert_eq!(clocks.since_ms(ago(44_000)), None, "the clock was set meanwhile");
        assert_eq!(clocks.engines(), ago(45_000));
    }
}
