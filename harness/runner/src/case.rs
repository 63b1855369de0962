//! The state of one attempt of a case while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::flights::Flights;
use super::monitor::IncarnationMonitor;
use super::observer::Observer;
use super::overlay::Fault;
use super::picture::Picture;
use super::subject::{self, Names};
use super::{CaseProgress, Order, RunContext};
use comeback_engine::ContainerSpec;
use comeback_history::facts::StepSeconds;
use comeback_history::now::{Now, Process};
use comeback_history::pace::{Measured, Phase};
use comeback_image::Image;
use comeback_observe::recorder::Recorder;
use comeback_scenario::model::{Recreation, RestartPolicy, Scenario, Sidecar, Start, Step};

/// A running attempt, as far as it is about one container: that under test, or another one that the scenario declares.
pub struct Case {
    pub ctx: Arc<RunContext>,
    pub order: Arc<Order>,
    pub names: Names,
    /// The container's name, if it is another one than that under test.
    pub container: Option<String>,
    /// The other containers of the case under test, by name.
    pub sidecars: BTreeMap<String, Arc<Case>>,
    pub recorder: Recorder,
    pub monitor: IncarnationMonitor,
    pub observer: Arc<Observer>,
    pub fault: Option<Fault>,
    pub shared: Mutex<Shared>,
    /// A container that has the volume all the time, where the volume would not outlive the containers that have it.
    pub keeper: Option<String>,
    pub generation: AtomicUsize,
    pub badly_started: AtomicBool,
    pub flying: Arc<AtomicUsize>,
    /// The steps that are not waited for (`wait = false`).
    pub flights: Flights,
}

/// A task that ends with this.
pub struct AbortOnDrop(pub tokio::task::AbortHandle);

impl AbortOnDrop {
    /// True until the task has ended.
    pub fn runs(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What may differ between a container and the one that takes its place.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub env: BTreeMap<String, String>,
    pub cmd: Vec<String>,
    pub entrypoint: Vec<String>,
}

impl Settings {
    /// Those of the first container.
    pub fn of(start: &Start) -> Self {
        Self {
            env: start.env.clone(),
            cmd: start.cmd.clone(),
            entrypoint: start.setup.entrypoint.clone().unwrap_or_default(),
        }
    }

    /// Those of another container.
    pub fn of_sidecar(sidecar: &Sidecar) -> Self {
        Self {
            env: sidecar.env.clone(),
            cmd: sidecar.cmd.clone(),
            entrypoint: sidecar.entrypoint.clone().unwrap_or_default(),
        }
    }

    /// Takes over what a recreation says.
    pub fn change(&mut self, recreation: &Recreation) {
        if let Some(env) = &recreation.env {
            self.env.clone_from(env);
        }
        if let Some(cmd) = &recreation.cmd {
            self.cmd.clone_from(cmd);
        }
        if let Some(entrypoint) = &recreation.entrypoint {
            self.entrypoint.clone_from(entrypoint);
        }
    }
}

/// The mutable state of a case.
pub struct Shared {
    pub subject: String,
    /// The image of the container under test.
    pub image: Image,
    /// What may differ between this container and the next one.
    pub settings: Settings,
    /// The container under test is a later one.
    pub replaced: bool,
    /// The profile that commands without a profile are about.
    pub in_use: Option<String>,
    /// Commands of the operator that were left running.
    pub left_running: Vec<AbortOnDrop>,
    pub containers: Vec<String>,
    pub held: BTreeSet<String>,
    pub profiles: Vec<String>,
    pub steps: Vec<StepSeconds>,
    pub output: BTreeMap<u32, Vec<String>>,
    pub restless: Vec<Process>,
    pub still: Option<(Picture, tokio::time::Instant)>,
    /// Where in the history a gateway's process had ended last when the last step began that may change something.
    pub ended_before: Option<u64>,
    pub phase: String,
    pub overlay_reports_read: usize,
    /// What was put on record last of the image's speed.
    pub pace_told: Option<Measured>,
}

impl Shared {
    /// The state when the first container runs, before the first step.
    pub fn new(subject: String, scenario: &Scenario, image: Image, settings: Settings) -> Self {
        Self {
            subject,
            image,
            settings,
            replaced: false,
            in_use: None,
            left_running: Vec::new(),
            containers: Vec::new(),
            held: BTreeSet::new(),
            profiles: scenario.profiles.iter().map(|p| p.name.clone()).collect(),
            steps: Vec::new(),
            output: BTreeMap::new(),
            restless: Vec::new(),
            still: None,
            ended_before: None,
            phase: String::new(),
            overlay_reports_read: 0,
            pace_told: None,
        }
    }
}

impl Case {
    /// Locks the mutable state.
    pub fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports what the case does or waits for.
    pub fn phase(&self, what: &str) {
        what.clone_into(&mut self.shared().phase);
        let _ = self.order.progress.send(CaseProgress::Phase(what.to_owned()));
    }

    /// Deadline of a wait that may be one for a boot or a start, among other things.
    pub fn limit(&self) -> Duration {
        let limit = self.ctx.limit * self.ctx.slots.slack();
        limit.max(self.deadline(Phase::Running))
    }

    /// The current container under test.
    pub fn subject_id(&self) -> String {
        self.shared().subject.clone()
    }

    /// The container that a step is about.
    pub fn of(&self, step: &Step) -> &Self {
        let sidecar = step.container.as_ref().and_then(|name| self.sidecars.get(name));
        sidecar.map_or(self, |sidecar| sidecar)
    }

    /// This container, and the other ones of the case under test.
    pub fn containers(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.sidecars.values().map(Arc::as_ref))
    }

    /// The container's restart policy.
    pub fn policy(&self) -> RestartPolicy {
        match self.container {
            None => self.order.scenario.start.policy,
            Some(_) => RestartPolicy::No,
        }
    }

    /// The next container to be made.
    pub fn next_container(&self, image: &Image) -> ContainerSpec {
        let settings = self.shared().settings.clone();
        let generation = self.next_generation();
        match &self.container {
            None => subject::subject(&self.names, &self.order, image, &settings, generation),
            Some(name) => subject::on_volume(&self.names, name, image, &settings, generation),
        }
    }

    /// The image of a container that is made now.
    pub fn next_image(&self, recreation: Option<&Recreation>) -> Image {
        let named = match self.container {
            None => self.order.scenario.next_image(recreation),
            Some(_) => recreation.and_then(|recreation| recreation.image.as_ref()),
        };
        match named {
            Some(image) => self.order.images.of(image).clone(),
            None => self.shared().image.clone(),
        }
    }

    /// Replaces the container under test by a new one.
    pub fn replace_subject(&self, id: String, image: Image) {
        let mut shared = self.shared();
        shared.image = image;
        shared.containers.push(id.clone());
        shared.subject = id;
        shared.replaced = true;
        shared.overlay_reports_read = 0;
    }

    /// Sets how many reports of the overlay were read from this container, and returns the number before.
    pub fn overlay_reports_read(&self, reports: usize) -> usize {
        std::mem::replace(&mut self.shared().overlay_reports_read, reports)
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

    /// Notes that a profile was created or deleted.
    pub fn set_profile(&self, name: &str, there: bool) {
        let mut shared = self.shared();
        shared.profiles.retain(|p| p != name);
        if there {
            shared.profiles.push(name.to_owned());
        }
    }

    /// Notes that a step began that is not waited for.
    pub fn flight_begins(&self) {
        self.flying.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that such a step ended.
    pub fn flight_ends(&self) {
        self.flying.fetch_sub(1, Ordering::Relaxed);
    }

    /// True while such a step runs.
    pub fn in_flight(&self) -> bool {
        self.flying.load(Ordering::Relaxed) > 0
    }

    /// Notes how long a step took.
    pub fn note_step(&self, index: usize, op: &str, took: Duration) {
        let mut shared = self.shared();
        while shared.steps.len() <= index {
            // An earlier step is still in flight.
            let op = self.order.scenario.steps[shared.steps.len()].op.name().to_owned();
            shared.steps.push(StepSeconds { op, seconds: 0.0 });
        }
        shared.steps[index] = StepSeconds {
            op: op.to_owned(),
            seconds: took.as_secs_f64(),
        };
    }

    /// Since when the picture has been the same, as far as it was looked at.
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

    /// Notes that something may change because of an action.
    pub fn stirred(&self) {
        self.shared().still = None;
    }

    /// Notes that a step begins that may change something: a gateway that was in a crash loop gets a new chance.
    pub fn step_changes(&self) {
        let lives = |now: &Now| {
            now.profiles
                .values()
                .flat_map(|p| &p.lives)
                .filter_map(|life| life.ended)
                .max()
        };
        let last = self.recorder.now(lives);
        self.shared().ended_before = last;
        self.stirred();
    }

    /// Notes that a gateway does not come to rest, so that it is not waited for again.
    pub fn note_restless(&self, process: Process) {
        self.shared().restless.push(process);
    }

    /// True if that gateway was waited for and did not come to rest.
    pub fn is_restless(&self, process: Process) -> bool {
        self.shared().restless.contains(&process)
    }

    /// Notes that the gateway did not come up in the start phase, so that later waits for it are short.
    pub fn note_bad_start(&self) {
        self.badly_started.store(true, Ordering::Relaxed);
    }

    /// False if the gateway did not come up in the start phase.
    pub fn started_well(&self) -> bool {
        !self.badly_started.load(Ordering::Relaxed)
    }
}
