//! Collects the facts of a case: keeps the history, folds it into the present state, wakes waits, and passes each
//! observation on to the record at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::clock::Clocks;
use comeback_history::facts::{Fact, MomentName, Observation, SETTLING, Source};
use comeback_history::now::Now;
use comeback_history::order;
use comeback_scenario::model::Moment;
use comeback_text::redact::Secrets;

/// A handle on a case's history, for what is told of one of its containers.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    /// The container, if it is another one than that under test.
    container: Option<String>,
}

struct Shared {
    state: Mutex<State>,
    length: watch::Sender<u64>,
    sink: Option<mpsc::UnboundedSender<Observation>>,
    secrets: Secrets,
    clocks: Clocks,
}

#[derive(Default)]
struct State {
    history: Vec<Observation>,
    now: Now,
    latencies_ms: Vec<f64>,
    /// Set once the attempt is over. A task that outlives the attempt may still push.
    closed: bool,
}

/// A wait whose condition did not come true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The deadline passed.
    #[error("waited {:.0} s for {condition}; last seen: {last}", limit.as_secs_f64())]
    Deadline {
        /// The condition in words.
        condition: String,
        /// The deadline, from the start of the wait.
        limit: Duration,
        /// The last value, in words.
        last: String,
    },
    /// The container ended, so the condition cannot come true.
    #[error("the container ended while waiting for {condition}; last seen: {last}")]
    Exited {
        /// The condition in words.
        condition: String,
        /// The last value, in words.
        last: String,
    },
}

/// A condition over the folded history.
pub struct Wait<'a, T> {
    /// The condition in words, for the error and the progress display.
    pub condition: String,
    /// The deadline, from the start of the wait.
    pub limit: Duration,
    /// Whether the container must run for the condition to come true.
    pub needs_container: bool,
    /// Returns `Some` once the condition is true.
    #[allow(clippy::type_complexity)]
    pub check: Box<dyn FnMut(&Now) -> Option<T> + Send + 'a>,
    /// The last value in words, for the error.
    pub last: Box<dyn Fn(&Now) -> String + Send + 'a>,
}

impl Recorder {
    /// An empty history. `secrets` are removed from each fact. Each observation is passed on to `sink`.
    pub fn new(sink: Option<mpsc::UnboundedSender<Observation>>, secrets: Secrets, clocks: Clocks) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                length: watch::Sender::new(0),
                sink,
                secrets,
                clocks,
            }),
            container: None,
        }
    }

    /// The same history, for what is told of another container. Its state is what is known of that container.
    #[must_use]
    pub fn of(&self, container: &str) -> Self {
        Self {
            shared: self.shared.clone(),
            container: Some(container.to_owned()),
        }
    }

    /// What is known of the handle's container.
    fn view<R>(&self, state: &State, read: impl FnOnce(&Now) -> R) -> R {
        match state.now.of(self.container.as_deref()) {
            Some(now) => read(now),
            None => read(&Now::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not damage the history.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fact and returns its position. After [`Recorder::close`] the fact is dropped, because the attempt's
    /// evidence has been handed over by then, and a record with more observations than its attempt had is an error.
    pub fn push(&self, source: Source, at: Option<Timestamp>, fact: Fact) -> u64 {
        let fact = self.shared.secrets.all(fact);
        let seq = {
            let mut state = self.state();
            if state.closed {
                tracing::debug!("a fact after the end of the attempt: {fact:?}");
                return state.history.len() as u64;
            }
            let seq = state.history.len() as u64;
            let known = self.shared.clocks.ours();
            let observation = Observation {
                seq,
                // An action of the harness becomes true when it is recorded.
                at: if source == Source::Harness {
                    at.and(Some(known))
                } else {
                    at
                },
                known,
                source,
                container: self.container.clone(),
                fact,
            };
            state.now.apply(&observation);
            if let Some(sink) = &self.shared.sink {
                // If the writer of the record has failed, it reports that itself.
                let _ = sink.send(observation.clone());
            }
            state.history.push(observation);
            seq
        };
        self.shared.length.send_replace(seq + 1);
        seq
    }

    /// Marks a moment at which rows are read.
    pub fn mark(&self, moment: Moment) {
        let moment = MomentName::from(moment);
        self.push(Source::Harness, Some(Timestamp::now()), Fact::Mark { moment });
    }

    /// Marks the start of the settling window. No row is read there, but the invariants compare its start and end.
    pub fn settling(&self) {
        let moment = MomentName(SETTLING.to_owned());
        self.push(Source::Harness, Some(Timestamp::now()), Fact::Mark { moment });
    }

    /// Reads the present state.
    pub fn now<R>(&self, read: impl FnOnce(&Now) -> R) -> R {
        self.view(&self.state(), read)
    }

    /// Reads the present state and the history.
    pub fn read<R>(&self, read: impl FnOnce(&Now, &[Observation]) -> R) -> R {
        let state = self.state();
        self.view(&state, |now| read(now, &state.history))
    }

    /// The history and the latencies of all waits so far, in milliseconds.
    pub fn snapshot(&self) -> (Vec<Observation>, Vec<f64>) {
        let state = self.state();
        (state.history.clone(), state.latencies_ms.clone())
    }

    /// Ends the history, so that nothing more is added or passed on. Returns the same as [`Recorder::snapshot`].
    pub fn close(&self) -> (Vec<Observation>, Vec<f64>) {
        let mut state = self.state();
        state.closed = true;
        (state.history.clone(), state.latencies_ms.clone())
    }

    /// Waits for a condition, which is checked now and once for each new observation.
    ///
    /// # Errors
    ///
    /// If the deadline passes, or the container ends and the condition needs it.
    pub async fn wait<T>(&self, mut wait: Wait<'_, T>) -> Result<T, WaitError> {
        let mut length = self.shared.length.subscribe();
        let deadline = tokio::time::Instant::now() + wait.limit;
        let mut first = true;
        loop {
            length.mark_unchanged();
            {
                let mut state = self.state();
                if let Some(value) = self.view(&state, |now| (wait.check)(now)) {
                    if !first {
                        state.note_latency(&self.shared.clocks);
                    }
                    return Ok(value);
                }
                let removed_or_dead = self.view(&state, |now| !now.incarnations.is_empty() && !now.running());
                if wait.needs_container && removed_or_dead {
                    return Err(WaitError::Exited {
                        last: self.view(&state, |now| (wait.last)(now)),
                        condition: wait.condition,
                    });
                }
            }
            first = false;
            if tokio::time::timeout_at(deadline, length.changed()).await.is_err() {
                let last = self.now(|now| (wait.last)(now));
                return Err(WaitError::Deadline {
                    condition: wait.condition,
                    limit: wait.limit,
                    last,
                });
            }
        }
    }
}

impl State {
    /// Notes the latency of the newest observation, which has just ended a wait.
    fn note_latency(&mut self, clocks: &Clocks) {
        let at = self.history.last().and_then(order::host_time);
        self.latencies_ms.extend(at.and_then(|at| clocks.since_ms(at)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_history::facts::ContainerChange;

    fn wait_for_two(limit: Duration) -> Wait<'static, ()> {
        Wait {
            condition: "two oom kills".into(),
            limit,
            needs_container: true,
            check: Box::new(|now| (now.ooms >= 2).then_some(())),
            last: Box::new(|now| format!("{} oom kills", now.ooms)),
        }
    }

    fn container(change: ContainerChange) -> Fact {
        Fact::Container {
            change,
            started_at: Some(Timestamp::UNIX_EPOCH),
            exit: None,
        }
    }

    #[test]
    fn secrets_are_removed_from_history_and_sink() {
        let (sink, mut passed_on) = mpsc::unbounded_channel();
        let recorder = Recorder::new(
            Some(sink),
            Secrets::among([("BOT_TOKEN", "hunter2hunter2")]),
            Clocks::start(),
        );
        let output = "it is hunter2hunter2, or Authorization: Bearer abcdefgh".to_owned();
        let fact = Fact::StepEnded {
            step: 1,
            exit: Some(0),
            output,
            note: None,
            came_true: None,
        };
        recorder.push(Source::Harness, None, fact);
        for observation in [recorder.snapshot().0.remove(0), passed_on.try_recv().unwrap()] {
            let Fact::StepEnded { output, .. } = observation.fact else {
                panic!("another fact");
            };
            assert_eq!(output, "it is [redacted], or Authorization: Bearer [redacted]");
        }
    }

    #[test]
    fn facts_after_close_are_neither_kept_nor_passed_on() {
        let (sink, mut passed_on) = mpsc::unbounded_channel();
        let recorder = Recorder::new(Some(sink), Secrets::default(), Clocks::start());
        let late = recorder.clone();
        recorder.push(Source::Engine, None, container(ContainerChange::Started));
        let (history, _) = recorder.close();
        late.push(Source::Engine, None, container(ContainerChange::Died));
        assert_eq!((history.len(), recorder.snapshot().0.len()), (1, 1));
        assert_eq!(
            (passed_on.try_recv().is_ok(), passed_on.try_recv().is_ok()),
            (true, false)
        );
        assert!(recorder.now(Now::running));
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_of_a_deadline_gives_the_last_value() {
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        recorder.push(Source::Engine, None, container(ContainerChange::Oom));
        let error = recorder.wait(wait_for_two(Duration::from_secs(7))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 7 s for two oom kills; last seen: 1 oom kills"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_needs_the_container_ends_with_it() {
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        recorder.push(Source::Engine, None, container(ContainerChange::Started));
        let waiting = tokio::spawn({
            let recorder = recorder.clone();
            async move { recorder.wait(wait_for_two(Duration::from_secs(3600))).await }
        });
        tokio::task::yield_now().await;
        recorder.push(Source::Engine, None, container(ContainerChange::Died));
        assert!(matches!(waiting.await.unwrap(), Err(WaitError::Exited { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_once_its_condition_is_true() {
        let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
        let waiting = tokio::spawn({
            let recorder = recorder.clone();
            async move { recorder.wait(wait_for_two(Duration::from_secs(3600))).await }
        });
        tokio::task::yield_now().await;
        recorder.push(Source::Engine, None, container(ContainerChange::Oom));
        recorder.push(Source::Engine, None, container(ContainerChange::Oom));
        waiting.await.unwrap().unwrap();
    }
}
