//! One attempt of a case: what it holds, how it is played and how it ends.

mod output;
mod set_up;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::cleanup::Leftovers;
use super::flights::Flights;
use super::monitor::IncarnationMonitor;
use super::overlay::Fault;
use super::slots::Busy;
use super::still::Picture;
use super::subject::Names;
use super::{CaseProgress, Done, Finished, Halt, Order, RunContext};
use comeback_engine::EngineError;
use comeback_history::facts::{CaseEnd, CaseEvidence, Observation, StepSeconds};
use comeback_history::now::Process;
use comeback_observe::clock::Clocks;
use comeback_observe::link::{Link, LinkError};
use comeback_observe::recorder::Recorder;
use comeback_scenario::model::Moment;
use comeback_text::redact::Secrets;
use set_up::set_up;

/// An attempt under way.
pub struct Case {
    pub ctx: Arc<RunContext>,
    pub order: Order,
    pub names: Names,
    pub recorder: Recorder,
    pub monitor: IncarnationMonitor,
    pub observer: Link,
    pub fault: Option<Fault>,
    shared: Mutex<Shared>,
    generation: AtomicUsize,
    badly_started: AtomicBool,
    flying: AtomicUsize,
    /// The steps that are not waited for.
    pub flights: Flights,
}

/// What changes while a case runs.
#[derive(Default)]
struct Shared {
    subject: String,
    containers: Vec<String>,
    held: BTreeSet<String>,
    profiles: Vec<String>,
    steps: Vec<StepSeconds>,
    output: BTreeMap<u32, Vec<String>>,
    restless: Vec<Process>,
    still: Option<(Picture, tokio::time::Instant)>,
    phase: String,
    heard_of_overlay: usize,
}

/// Runs one attempt. `permit` is given back while there is nothing to do but to wait for the settling window.
pub async fn run(ctx: Arc<RunContext>, order: Order, permit: Busy) -> Finished {
    let started = ctx.clocks.ours();
    let clock = Instant::now();
    let names = Names::new(&ctx.run, &order);
    let known = secrets(&ctx, &order).await;
    let secrets = known.as_ref().cloned().unwrap_or_default();
    let (recorder, forward) = recorder(&order, secrets.clone(), ctx.clocks);
    let mut leftovers = Leftovers::default();
    let (scenario, image) = (order.scenario.clone(), order.image.clone());
    let (repeat, attempt) = (order.repeat, order.attempt);
    let outcome = match known {
        Ok(_) => set_up(ctx.clone(), order, &names, recorder.clone(), &mut leftovers).await,
        // What is not known to be secret would not be taken out of what the containers say.
        Err(error) => Err(Halt::Error(error.into())),
    };
    let (end, steps, logs) = match outcome {
        Err(halt) => (explained(Err(halt), &recorder), Vec::new(), BTreeMap::new()),
        Ok(case) => {
            let case = Arc::new(case);
            let end = case.clone().play(permit).await;
            leftovers.cut_short = case.flights.end().await;
            case.keep_output().await;
            let end = explained(case.under_overlay(end), &case.recorder);
            let mut shared = case.shared();
            leftovers.containers.append(&mut shared.containers);
            leftovers.subject = Some(shared.subject.clone());
            (
                end,
                std::mem::take(&mut shared.steps),
                std::mem::take(&mut shared.output),
            )
        }
    };
    ctx.hub.forget(&names.case);
    if end != CaseEnd::Complete {
        leftovers.unsure_of = Some(names.case.clone());
    }
    let (history, latencies_ms) = recorder.close();
    drop(recorder);
    forward.abort();
    let evidence = CaseEvidence {
        scenario: scenario.id.clone(),
        image,
        attempt,
        repeat,
        started,
        clock: ctx.clocks.offset,
        seconds: clock.elapsed().as_secs_f64(),
        end: secrets.all(end),
        steps,
        latencies_ms,
        history,
        logs: logs.into_iter().map(|(n, lines)| (n, secrets.lines(&lines))).collect(),
    };
    Finished { evidence, leftovers }
}

/// A recorder whose observations also go to whoever shows progress.
fn recorder(order: &Order, secrets: Secrets, clocks: Clocks) -> (Recorder, tokio::task::JoinHandle<()>) {
    let (tell, mut told) = mpsc::unbounded_channel::<Observation>();
    let progress = order.progress.clone();
    let forward = tokio::spawn(async move {
        while let Some(observation) = told.recv().await {
            let _ = progress.send(CaseProgress::Observed(Box::new(observation)));
        }
    });
    (Recorder::new(Some(tell), secrets, clocks), forward)
}

/// What is secret in the environment of the containers under test: the scenario's own, and that of their images.
async fn secrets(ctx: &RunContext, order: &Order) -> Result<Secrets, EngineError> {
    let mut variables: Vec<(String, String)> = order.scenario.start.env.clone().into_iter().collect();
    for image in [&order.images.first, &order.images.next] {
        variables.extend(ctx.environments.of(ctx.engine.as_ref(), &image.digest).await?);
    }
    Ok(Secrets::among(
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

/// How a case ended. An end is complete only if nothing went missing on the way; and what was lost first tends to be why one
/// is not.
fn explained(end: Done, recorder: &Recorder) -> CaseEnd {
    let lost = recorder.now(|now| now.lost.first().map(|(_, what)| what.clone()));
    let Some(what) = lost else {
        return end.map_or_else(CaseEnd::from, |()| CaseEnd::Complete);
    };
    match end {
        Ok(()) => CaseEnd::Inconclusive(what),
        Err(Halt::Inconclusive(why)) => CaseEnd::Inconclusive(format!("{what}; {why}")),
        Err(Halt::Error(why)) if why.is_lost_connection() => CaseEnd::Error(format!("{what}; {why}")),
        Err(other) => other.into(),
    }
}

impl Case {
    async fn play(self: Arc<Self>, permit: Busy) -> Done {
        let settle = self.order.scenario.settle;
        let all = async {
            self.start().await?;
            self.clone().steps().await?;
            // The window opens once everything has come to rest, also where no step waited for that.
            self.come_to_rest().await?;
            self.recorder.settling();
            // Nothing is computed while the settling window runs: somebody else may have the processor.
            drop(permit);
            if !self.is_down() {
                self.phase(&format!(
                    "waiting out the settling window of {} s",
                    settle.as_secs_f64()
                ));
                self.wait_out(settle).await;
                self.sync().await?;
                // What ended by itself in the window either stays up now, or does not.
                self.follow_restarts().await?;
            }
            self.recorder.mark(Moment::End);
            Ok::<(), Halt>(())
        };
        let limit = self.ctx.case_limit;
        let done = tokio::select! {
            done = tokio::time::timeout(limit, all) => done,
            // It outlives whatever is done to the subject; without it nothing can be learnt any more.
            () = self.observer.gone() => Ok(Err(Halt::Inconclusive(LinkError::Closed("observer").into()))),
        };
        done.unwrap_or_else(|_| {
            let why = format!(
                "the case took longer than {} s (--timeout), at last {}",
                limit.as_secs(),
                self.shared().phase
            );
            Err(Halt::Inconclusive(why.into()))
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what is being waited for.
    pub fn phase(&self, what: &str) {
        what.clone_into(&mut self.shared().phase);
        let _ = self.order.progress.send(CaseProgress::Phase(what.to_owned()));
    }

    /// Deadline of a wait.
    pub fn limit(&self) -> Duration {
        self.ctx.limit * self.ctx.slots.slack()
    }

    /// The current container under test.
    pub fn subject_id(&self) -> String {
        self.shared().subject.clone()
    }

    /// A new container takes the place of the one under test.
    pub fn replace_subject(&self, id: String) {
        let mut shared = self.shared();
        shared.containers.push(id.clone());
        shared.subject = id;
        shared.heard_of_overlay = 0;
    }

    /// How many words of the overlay in this container were heard before; from now on that many were.
    pub fn heard_of_overlay(&self, words: usize) -> usize {
        std::mem::replace(&mut self.shared().heard_of_overlay, words)
    }

    /// Number of the next container of this case.
    pub fn next_generation(&self) -> usize {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Profiles whose gateway is frozen.
    pub fn held(&self) -> Vec<String> {
        self.shared().held.iter().cloned().collect()
    }

    /// Marks a profile's gateway as frozen or not.
    pub fn set_held(&self, profile: &str, held: bool) {
        let mut shared = self.shared();
        if held {
            shared.held.insert(profile.to_owned());
        } else {
            shared.held.remove(profile);
        }
    }

    /// Profiles that exist now, the default one first.
    pub fn profiles(&self) -> Vec<String> {
        self.shared().profiles.clone()
    }

    /// A profile came or went.
    pub fn set_profile(&self, name: &str, there: bool) {
        let mut shared = self.shared();
        shared.profiles.retain(|p| p != name);
        if there {
            shared.profiles.push(name.to_owned());
        }
    }

    /// A step goes on while the next ones begin.
    pub fn flight_begins(&self) {
        self.flying.fetch_add(1, Ordering::Relaxed);
    }

    /// Such a step is done.
    pub fn flight_ends(&self) {
        self.flying.fetch_sub(1, Ordering::Relaxed);
    }

    /// True while such a step goes on.
    pub fn in_flight(&self) -> bool {
        self.flying.load(Ordering::Relaxed) > 0
    }

    /// Notes how long a step took.
    pub fn note_step(&self, index: usize, op: &str, took: Duration) {
        let mut shared = self.shared();
        while shared.steps.len() <= index {
            // One before it is still in flight.
            let op = self.order.scenario.steps[shared.steps.len()].op.name().to_owned();
            shared.steps.push(StepSeconds { op, seconds: 0.0 });
        }
        shared.steps[index] = StepSeconds {
            op: op.to_owned(),
            seconds: took.as_secs_f64(),
        };
    }

    /// Since when there is this to be seen, as far as somebody looked.
    pub fn unchanged_since(&self, picture: &Picture) -> tokio::time::Instant {
        let mut shared = self.shared();
        match &shared.still {
            Some((seen, since)) if seen == picture => *since,
            _ => {
                let now = tokio::time::Instant::now();
                shared.still = Some((picture.clone(), now));
                now
            }
        }
    }

    /// Something was done of which something may come.
    pub fn stirred(&self) {
        self.shared().still = None;
    }

    /// Remembers that a gateway does not come to rest: it is not waited for again.
    pub fn note_restless(&self, process: Process) {
        self.shared().restless.push(process);
    }

    /// True if that gateway was waited for and did not come to rest.
    pub fn is_restless(&self, process: Process) -> bool {
        self.shared().restless.contains(&process)
    }

    /// Remembers that the gateway did not come up in the start phase: later waits for it need not be long.
    pub fn note_bad_start(&self) {
        self.badly_started.store(true, Ordering::Relaxed);
    }

    /// False if the gateway did not come up in the start phase.
    pub fn started_well(&self) -> bool {
        !self.badly_started.load(Ordering::Relaxed)
    }
}
