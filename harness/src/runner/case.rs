//! One attempt of a case: what it holds, how it is set up and how it ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::cleanup::Leftovers;
use super::keeper::Keeper;
use super::slots::Busy;
use super::subject::{self, Names};
use super::{Done, Finished, Halt, Order, Progress, RunContext, compose, volume};
use crate::engine::{ContainerStatus, EngineError, again};
use crate::observe::history::{CaseEnd, CaseEvidence, Fact, Observation, ObserverImage, Source, StepSeconds};
use crate::observe::link::Link;
use crate::observe::now::Now;
use crate::observe::recorder::Recorder;
use crate::redact::Secrets;
use crate::scenario::model::{Moment, Need, Operation};

/// Bytes of the container's output kept per incarnation.
const OUTPUT_BYTES: usize = 1 << 20;

/// How long the engine may take to hand over the container's output: nothing of it is evidence.
const OUTPUT: Duration = Duration::from_secs(30);

/// An attempt under way.
pub struct Case {
    pub ctx: Arc<RunContext>,
    pub order: Order,
    pub names: Names,
    pub recorder: Recorder,
    pub keeper: Keeper,
    pub observer: Link,
    shared: Mutex<Shared>,
    generation: AtomicUsize,
    badly_started: AtomicBool,
    flying: AtomicUsize,
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
    phase: String,
}

/// Runs one attempt. `permit` is given back while there is nothing to do but to wait for the settling window.
pub async fn run(ctx: Arc<RunContext>, order: Order, permit: Busy) -> Finished {
    let started = Timestamp::now();
    let clock = Instant::now();
    let names = Names::new(&ctx.run, &order);
    let secrets = secrets(&ctx, &order).await;
    let (recorder, forward) = recorder(&order, secrets.clone());
    let mut leftovers = Leftovers::default();
    let (scenario, image) = (order.scenario.clone(), order.image.clone());
    let (repeat, attempt) = (order.repeat, order.attempt);
    let outcome = set_up(ctx.clone(), order, &names, recorder.clone(), &mut leftovers).await;
    let (end, steps, logs) = match outcome {
        Err(halt) => (explained(halt.into(), &recorder), Vec::new(), BTreeMap::new()),
        Ok(case) => {
            let case = Arc::new(case);
            let end = case.clone().play(permit).await;
            case.keep_output().await;
            let end = explained(end, &case.recorder);
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
    let (history, latencies_ms) = recorder.snapshot();
    drop(recorder);
    forward.abort();
    let evidence = CaseEvidence {
        scenario: scenario.id.clone(),
        image,
        attempt,
        repeat,
        started,
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
fn recorder(order: &Order, secrets: Secrets) -> (Recorder, tokio::task::JoinHandle<()>) {
    let (tell, mut told) = mpsc::unbounded_channel::<Observation>();
    let progress = order.progress.clone();
    let forward = tokio::spawn(async move {
        while let Some(observation) = told.recv().await {
            let _ = progress.send(Progress::Observed(Box::new(observation)));
        }
    });
    (Recorder::new(Some(tell), secrets), forward)
}

/// What is secret in the environment of the containers under test: the scenario's own, and that of their images.
async fn secrets(ctx: &RunContext, order: &Order) -> Secrets {
    let mut variables: Vec<(String, String)> = order.scenario.start.env.clone().into_iter().collect();
    for image in [&order.images.first, &order.images.next] {
        variables.extend(ctx.environments.of(ctx.engine.as_ref(), &image.reference).await);
    }
    Secrets::among(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Creates the volume, what must be on it, the observer and the subject. A failure here is an error: nothing has been
/// tried yet.
async fn set_up(
    ctx: Arc<RunContext>,
    order: Order,
    names: &Names,
    recorder: Recorder,
    leftovers: &mut Leftovers,
) -> Done<Case> {
    let error = |e: EngineError| Halt::Error(e.to_string());
    let engine = ctx.engine.clone();
    let image = &order.images.first;
    if order.scenario.needs.contains(&Need::MemoryLimit) && !engine.info().await.map_err(error)?.memory_limit {
        return Err(Halt::Unsupported("this engine does not enforce memory limits".into()));
    }
    let ooms = order.scenario.steps.iter().any(|s| s.op == Operation::OomGateway);
    if ooms && !engine.info().await.map_err(error)?.tells_of_oom() {
        let why = "oom-gateway: podman does not tell of an OOM kill that leaves the container's first process alive, so that \
                   it was one cannot be proved";
        return Err(Halt::Unsupported(why.into()));
    }
    leftovers.volumes.push(names.volume.clone());
    engine
        .create_volume(&names.volume, &names.labels("volume"))
        .await
        .map_err(error)?;
    let seeds = volume::before_boot(&order.scenario);
    if !seeds.is_empty() {
        let tar = volume::archive(&seeds, None, Timestamp::now()).map_err(|e| Halt::Error(e.to_string()))?;
        let seeder = engine
            .create_container(&subject::seeder(names, image))
            .await
            .map_err(error)?;
        leftovers.containers.push(seeder.clone());
        engine.upload(&seeder, subject::DATA, tar).await.map_err(error)?;
    }
    let heard = ctx.hub.listen(&names.case);
    let keeper = Keeper::start(engine.clone(), heard, recorder.clone());
    let of = ctx.observer.as_ref().unwrap_or(image);
    let from = match &ctx.observer {
        None => ObserverImage::Image,
        Some(_) => ObserverImage::Base,
    };
    recorder.push(
        Source::Harness,
        None,
        Fact::Observer {
            from,
            reference: of.reference.clone(),
            digest: of.digest.clone(),
        },
    );
    let spec = subject::observer(names, of, !seeds.is_empty());
    // It is to be removed whatever comes after it.
    let made = OnceLock::new();
    let observe = async {
        let id = engine.run_container(&spec).await.map_err(error)?;
        let id = made.get_or_init(|| id);
        let attached = engine.attach(id).await.map_err(error)?;
        let link = Link::open(attached, Source::Observer, recorder.clone(), |_| ()).await;
        let link = link.map_err(|e| Halt::Error(format!("the observer: {e}")))?;
        link.sync(super::waits::ANSWER)
            .await
            .map_err(|e| Halt::Error(format!("the observer: {e}")))?;
        Ok::<_, Halt>(link)
    };
    // Side by side, unless what is on the volume already must be told apart from what comes.
    let (observed, ran) = if seeds.is_empty() {
        tokio::join!(observe, run_subject(&ctx, &order, names))
    } else {
        let observed = observe.await;
        let ran = if observed.is_ok() {
            run_subject(&ctx, &order, names).await
        } else {
            Err(Halt::Error(String::new()))
        };
        (observed, ran)
    };
    leftovers.containers.extend(made.into_inner());
    if let Ok(id) = &ran {
        leftovers.containers.push(id.clone());
    }
    let observer = observed?;
    let id = ran?;
    let profiles = order.scenario.profiles.iter().map(|p| p.name.clone()).collect();
    Ok(Case {
        ctx,
        names: names.clone(),
        order,
        recorder,
        keeper,
        observer,
        shared: Mutex::new(Shared {
            subject: id,
            profiles,
            ..Shared::default()
        }),
        generation: AtomicUsize::new(1),
        badly_started: AtomicBool::new(false),
        flying: AtomicUsize::new(0),
    })
}

/// How a case ended. An end is complete only if nothing went missing on the way; and what was lost first tends to be why one
/// is not.
fn explained(end: CaseEnd, recorder: &Recorder) -> CaseEnd {
    let lost = recorder.now(|now| now.lost.first().map(|(_, what)| what.clone()));
    let Some(what) = lost else { return end };
    let with = |why: String| match why.contains(&what) {
        true => why,
        false => format!("{what}; {why}"),
    };
    match end {
        CaseEnd::Complete => CaseEnd::Inconclusive(what),
        CaseEnd::Inconclusive(why) => CaseEnd::Inconclusive(with(why)),
        CaseEnd::Error(why) if why.ends_with("is gone") => CaseEnd::Error(with(why)),
        other => other,
    }
}

/// The first container under test: compose's own where compose is to recreate it.
async fn run_subject(ctx: &RunContext, order: &Order, names: &Names) -> Done<String> {
    let image = &order.images.first;
    let composed = order.scenario.steps.iter().any(|s| s.op == Operation::ComposeRecreate);
    if composed {
        return compose::up(ctx, names, image, false).await.map_err(|halt| match halt {
            Halt::Inconclusive(why) => Halt::Error(why),
            other => other,
        });
    }
    let spec = subject::subject(names, order, image, 1);
    ctx.engine
        .run_container(&spec)
        .await
        .map_err(|e| Halt::Error(e.to_string()))
}

impl Case {
    async fn play(self: Arc<Self>, permit: Busy) -> CaseEnd {
        let settle = self.order.scenario.settle;
        let all = async {
            self.start().await?;
            self.clone().steps().await?;
            // The window opens once everything has come to rest, also where no step waited for that.
            self.sync().await?;
            self.rest().await?;
            self.sync().await?;
            self.recorder.settling();
            // Nothing is computed while the settling window runs: somebody else may have the processor.
            drop(permit);
            if self.recorder.now(Now::running) {
                self.phase(&format!(
                    "waiting out the settling window of {} s",
                    settle.as_secs_f64()
                ));
                tokio::time::sleep(settle).await;
                self.sync().await?;
            }
            self.recorder.mark(Moment::End);
            Ok::<(), Halt>(())
        };
        let limit = self.ctx.case_limit;
        let done = tokio::select! {
            done = tokio::time::timeout(limit, all) => done,
            // It outlives whatever is done to the subject; without it nothing can be learnt any more.
            () = self.observer.gone() => Ok(Err(Halt::Inconclusive("the observer is gone".into()))),
        };
        match done {
            Ok(Ok(())) => CaseEnd::Complete,
            Ok(Err(halt)) => halt.into(),
            Err(_) => CaseEnd::Inconclusive(format!(
                "the case took longer than {} s (--timeout), at last {}",
                limit.as_secs(),
                self.shared().phase
            )),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what is being waited for.
    pub fn phase(&self, what: &str) {
        what.clone_into(&mut self.shared().phase);
        let _ = self.order.progress.send(Progress::Phase(what.to_owned()));
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

    /// Remembers that the gateway did not come up in the start phase: later waits for it need not be long.
    pub fn note_bad_start(&self) {
        self.badly_started.store(true, Ordering::Relaxed);
    }

    /// False if the gateway did not come up in the start phase.
    pub fn started_well(&self) -> bool {
        !self.badly_started.load(Ordering::Relaxed)
    }

    /// The last lines of the container's output.
    pub async fn last_output(&self) -> String {
        let id = self.subject_id();
        let mut last = Vec::new();
        let read = async {
            let Ok(mut lines) = self.ctx.engine.logs(&id, 0, false).await else {
                return;
            };
            while let Some(Ok(line)) = lines.next().await {
                last.push(line.text);
                if last.len() > 5 {
                    last.remove(0);
                }
            }
        };
        // Whatever has come by then is what there is.
        let _ = tokio::time::timeout(OUTPUT, read).await;
        last.join("\n")
    }

    /// Keeps the output of the current container, by incarnation: it goes with the container.
    pub async fn keep_output(&self) {
        let id = self.subject_id();
        if let Ok(status) = again(|| self.ctx.engine.inspect(&id)).await {
            if let Some(what) = self.recorder.now(|now| contradiction(now, status.as_ref())) {
                self.recorder.push(Source::Engine, None, Fact::Lost { what });
            }
            if let Some(status) = status {
                self.recorder.push(Source::Engine, None, Fact::Inspected { status });
            }
        }
        let starts: Vec<Timestamp> = self
            .recorder
            .now(|now| now.incarnations.iter().map(|i| i.started_at).collect());
        let mut kept: BTreeMap<u32, Output> = BTreeMap::new();
        let read = async {
            let Ok(mut lines) = self.ctx.engine.logs(&id, 0, false).await else {
                return;
            };
            while let Some(Ok(line)) = lines.next().await {
                let number = line
                    .at
                    .map_or(1, |at| starts.iter().filter(|s| **s <= at).count().max(1));
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                kept.entry(number).or_default().push(line.text);
            }
        };
        if tokio::time::timeout(OUTPUT, read).await.is_err() {
            tracing::warn!(
                "the container's output did not come to its end within {} s",
                OUTPUT.as_secs()
            );
        }
        let kept = kept.into_iter().map(|(number, output)| (number, output.lines()));
        self.shared().output.extend(kept);
    }
}

/// In what the engine's answer is not what its events add up to: one of the two is wrong, and it is not known which.
fn contradiction(now: &Now, status: Option<&ContainerStatus>) -> Option<String> {
    let Some(status) = status else {
        return Some("the engine knows nothing of the container under test, and told of no end of it".into());
    };
    let told = now.started_at();
    if now.running() != status.running {
        let word = |runs| if runs { "runs" } else { "has ended" };
        let (told, says) = (word(now.running()), word(status.running));
        return Some(format!(
            "by the engine's events the container {told}, by its inspect it {says}"
        ));
    }
    if told.is_some() && told != status.started_at {
        return Some("by its inspect the engine started the container at another time than it told".into());
    }
    None
}

/// Output of one incarnation: its beginning and its end, if it is too long to be kept whole.
#[derive(Default)]
struct Output {
    head: Vec<String>,
    tail: VecDeque<String>,
    bytes: [usize; 2],
    left_out: usize,
}

impl Output {
    fn push(&mut self, line: String) {
        let size = line.len() + 1;
        if self.tail.is_empty() && self.bytes[0] + size <= OUTPUT_BYTES / 2 {
            self.bytes[0] += size;
            self.head.push(line);
            return;
        }
        self.bytes[1] += size;
        self.tail.push_back(line);
        while self.bytes[1] > OUTPUT_BYTES / 2 {
            let Some(gone) = self.tail.pop_front() else { break };
            self.bytes[1] -= gone.len() + 1;
            self.left_out += 1;
        }
    }

    fn lines(self) -> Vec<String> {
        let left_out = self.left_out;
        let gap = (left_out > 0).then(|| format!("[{left_out} lines left out here]"));
        self.head.into_iter().chain(gap).chain(self.tail).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let mut output = Output::default();
        let long = "x".repeat(1023);
        for i in 0..2000 {
            output.push(format!("{i:04}{}", &long[4..]));
        }
        let lines = output.lines();
        assert_eq!(lines.len(), 1025);
        assert!(lines[0].starts_with("0000") && lines[511].starts_with("0511"));
        assert_eq!(lines[512], "[976 lines left out here]");
        assert!(lines[513].starts_with("1488") && lines[1024].starts_with("1999"));
    }
}
