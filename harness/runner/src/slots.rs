//! Limits how many cases run at the same time, and how many of them are busy.
//!
//! A case is *under way* from its set-up to its removal, and needs memory. It is *busy* except in its settling window,
//! and needs a processor. A case that measures a window of time has the machine to itself while it is busy; one that ends
//! everything on the engine is the only one under way.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use comeback_engine::EngineInfo;
use comeback_scenario::model::Scenario;

/// Most memory of a case, in bytes: a gateway and one command of its CLI, 250 MB each. The case that provokes the OOM
/// killer fills its whole limit.
const MEMORY: u64 = super::subject::OOM_MEMORY;
/// Most busy cases per processor, and the default. With one, processors idle nearly half of the time, because a case waits
/// for the three seconds of a container's end. With more, gateways begin to miss deadlines: a `docker restart` kills a
/// container that has not ended after ten seconds, which would be another experiment.
const BUSY: usize = 2;

/// The permits that cases wait for before they begin.
#[derive(Debug, Clone)]
pub struct Slots {
    under_way: Arc<Semaphore>,
    busy: Arc<Semaphore>,
    /// Most cases that are busy at the same time.
    pub most_busy: usize,
    /// Most cases that are under way at the same time.
    pub most_under_way: usize,
    slack: u32,
}

/// The permit of a busy case.
pub type Busy = OwnedSemaphorePermit;

impl Slots {
    /// Slots for so many jobs, by default for as many as the engine's processors and memory allow, and never for more.
    pub fn new(jobs: Option<NonZeroUsize>, engine: &EngineInfo) -> Self {
        let cpus = engine.cpus.max(1);
        let most = cpus * BUSY;
        let most_busy = jobs.map_or(most, |jobs| jobs.get().min(most));
        let bears = usize::try_from(engine.memory / MEMORY).unwrap_or(usize::MAX);
        // An engine that does not report its memory sets no limit.
        let most_under_way = if engine.memory == 0 { 512 } else { bears.clamp(1, 512) };
        Self {
            under_way: Arc::new(Semaphore::new(most_under_way)),
            busy: Arc::new(Semaphore::new(most_busy)),
            most_busy,
            most_under_way,
            slack: u32::try_from(most_busy.div_ceil(cpus)).unwrap_or(1),
        }
    }

    /// Waits until a case can be set up, and holds its memory, or until no other case is under way.
    pub(super) async fn begin(&self, alone: bool) -> Option<OwnedSemaphorePermit> {
        let many = if alone { self.most_under_way } else { 1 };
        let many = u32::try_from(many).unwrap_or(1);
        self.under_way.clone().acquire_many_owned(many).await.ok()
    }

    /// Waits for a processor, or for the whole machine.
    pub(super) async fn busy(&self, alone: bool) -> Option<Busy> {
        let many = if alone { self.most_busy } else { 1 };
        let many = u32::try_from(many).unwrap_or(1);
        self.busy.clone().acquire_many_owned(many).await.ok()
    }

    /// The factor by which deadlines are longer than on an idle machine, because busy cases share the processors.
    pub fn slack(&self) -> u32 {
        self.slack
    }
}

/// The cases in the order in which they begin. `seconds` gives the expected duration of a case.
///
/// Cases that need the machine to themselves come first, so that the other cases have to wait only once. Then come the
/// longest, so that the run does not end with a wait for one of them.
pub fn longest_first<T>(
    mut cases: Vec<T>,
    scenario: impl Fn(&T) -> &Scenario,
    seconds: impl Fn(&Scenario) -> f64,
) -> Vec<T> {
    let key = |case: &T| {
        let scenario = scenario(case);
        // Milliseconds, because integers can be ordered. Equal cases stay in the order of the plan.
        let length = std::time::Duration::try_from_secs_f64(seconds(scenario)).unwrap_or_default();
        (!scenario.wants_the_machine(), std::cmp::Reverse(length.as_millis()))
    };
    cases.sort_by_key(key);
    cases
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;
    use comeback_scenario::Catalogue;

    fn engine(cpus: usize, gigabytes: u64) -> EngineInfo {
        EngineInfo {
            cpus,
            memory: gigabytes << 30,
            name: "docker".into(),
            version: "29.0.0".into(),
            api: "1.52".into(),
            host: "unix:///var/run/docker.sock".into(),
            storage: "overlay2".into(),
            architecture: "x86_64".into(),
            memory_limit: true,
        }
    }

    #[rstest]
    #[case::default(None, engine(2, 24), (4, 32, 2))]
    #[case::as_many_as_processors(NonZeroUsize::new(2), engine(2, 24), (2, 32, 1))]
    #[case::one(NonZeroUsize::new(1), engine(8, 16), (1, 21, 1))]
    #[case::far_too_many(NonZeroUsize::new(64), engine(2, 24), (4, 32, 2))]
    #[case::little_memory(NonZeroUsize::new(4), engine(4, 2), (4, 2, 1))]
    #[case::next_to_none(NonZeroUsize::new(4), engine(4, 0), (4, 512, 1))]
    fn slots_are_limited_by_processors_and_memory(
        #[case] jobs: Option<NonZeroUsize>,
        #[case] engine: EngineInfo,
        #[case] wanted: (usize, usize, u32),
    ) {
        let slots = Slots::new(jobs, &engine);
        assert_eq!((slots.most_busy, slots.most_under_way, slots.slack()), wanted);
    }

    #[tokio::test]
    async fn a_case_that_needs_the_machine_has_it_alone() {
        let slots = Slots::new(NonZeroUsize::new(2), &engine(2, 24));
        let one = slots.busy(false).await.unwrap();
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.busy(true).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        // No other case can overtake it.
        assert_eq!(slots.busy.available_permits(), 0);
        drop(one);
        let alone = waiting.await.unwrap().unwrap();
        assert_eq!(slots.busy.available_permits(), 0);
        drop(alone);
        assert_eq!(slots.busy.available_permits(), 2);
    }

    #[test]
    fn cases_that_need_the_machine_begin_first_then_the_longest() {
        let catalogue = Catalogue::load(None).unwrap();
        let of = |id: &str| catalogue.iter().find(|s| s.id == id).unwrap().clone();
        let cases = vec![
            of("docker-restart"),
            of("operator-stop"),
            of("stop-start-overlap"),
            of("oom-gateway"),
        ];
        let seconds = |s: &Scenario| if s.id == "operator-stop" { 12.0 } else { 9.0 };
        let ordered = longest_first(cases, |s| s, seconds);
        let ids: Vec<&str> = ordered.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(
            ids,
            ["stop-start-overlap", "operator-stop", "docker-restart", "oom-gateway"]
        );
    }
}
