//! The state of the scripted engine, and the engine operations on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::personality::{Hook, Personality};
use super::refused;
use comeback_engine::{
    ContainerSpec, ContainerStatus, EngineError, EngineEvent, LogLine, LogSource, RUN_LABEL, RestartPolicy, VolumeInfo,
};
use comeback_history::now::Process;
use comeback_observe::hub::ROLE_LABEL;

/// A shared handle on the state.
#[derive(Clone)]
pub struct World {
    all: Arc<Mutex<All>>,
}

/// The whole state.
pub struct All {
    pub personality: Personality,
    /// The operator's last intent: up or down.
    pub wanted: Option<bool>,
    pub hook: Hook,
    /// Boots of containers under test so far.
    pub boots: u32,
    /// The same moment by the engine's clock and by the clock of deadlines.
    epoch: (Timestamp, Instant),
    /// Counter for processes and containers, so that each has a later start time than the one before.
    ticks: u64,
    containers: BTreeMap<String, Container>,
    volumes: BTreeMap<String, Volume>,
    journal: Vec<EngineEvent>,
    subscribers: Vec<(String, mpsc::UnboundedSender<Result<EngineEvent, EngineError>>)>,
}

/// A container.
pub struct Container {
    pub status: ContainerStatus,
    pub volume: Option<String>,
    /// Start time of PID 1.
    pub init: u64,
    /// The slot of the default profile.
    pub slot: Option<Slot>,
    /// Connections that are told of changes of the slot (agents) or the volume (observers).
    pub listeners: Vec<Listener>,
    /// Tasks of its processes.
    pub tasks: Vec<JoinHandle<()>>,
    /// How many of its processes make progress.
    pub working: u32,
    /// Files that were put into it outside its volume, by path.
    pub files: BTreeMap<String, String>,
    log: Vec<LogLine>,
    new_only: bool,
    pub(super) policy: RestartPolicy,
    /// When its command ends by itself after each start, and with which exit code. Written as `end 300 7`, in
    /// milliseconds.
    pub(super) ends: Option<(Duration, i64)>,
    /// Restarts by the policy since it was last started by a call; `None` once it was stopped by a call.
    pub(super) restarts: Option<u32>,
}

/// The supervisor's slot of a gateway.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    pub down_file: bool,
    pub want_up: bool,
    pub process: Option<Process>,
    pub deaths: Vec<i64>,
}

/// A volume.
#[derive(Default)]
struct Volume {
    labels: BTreeMap<String, String>,
    files: BTreeMap<String, (String, Timestamp)>,
    lines: Vec<(&'static str, String, Timestamp)>,
}

/// The script's side of a connection.
pub struct Listener {
    said: u64,
    sender: Option<mpsc::UnboundedSender<Result<LogLine, EngineError>>>,
    /// True once the script has read its first line of input and may send messages.
    pub greeted: bool,
}

impl Listener {
    pub fn new(sender: mpsc::UnboundedSender<Result<LogLine, EngineError>>) -> Self {
        Self {
            said: 0,
            sender: Some(sender),
            greeted: false,
        }
    }

    /// A new connection replaces the one before.
    pub fn reconnect(&mut self, sender: mpsc::UnboundedSender<Result<LogLine, EngineError>>) {
        self.sender = Some(sender);
    }

    pub fn say(&mut self, mut message: Json) {
        if !self.greeted {
            return;
        }
        message["n"] = json!(self.said);
        self.said += 1;
        if let Some(sender) = &self.sender {
            // The connection may be closed.
            let _ = sender.send(Ok(LogLine {
                at: None,
                source: LogSource::Stdout,
                text: message.to_string(),
            }));
        }
    }
}

impl All {
    /// The engine's clock runs as fast as the harness's: what happens at the same moment has the same time.
    pub fn now(&mut self) -> Timestamp {
        let (epoch, clock) = self.epoch;
        epoch + SignedDuration::try_from(clock.elapsed()).unwrap_or_default()
    }

    /// Moves the engine's clock forward.
    pub fn skew(&mut self, skew: SignedDuration) {
        self.epoch.0 += skew;
    }

    pub fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    pub fn container(&mut self, id: &str) -> Option<&mut Container> {
        self.containers
            .values_mut()
            .find(|c| c.status.id == id || c.status.name == id)
    }

    pub fn file(&self, volume: &str, name: &str) -> Option<Json> {
        let (text, _) = self.volumes.get(volume)?.files.get(name)?;
        serde_json::from_str(text).ok()
    }

    /// The text of a file on a volume.
    pub fn text(&self, volume: &str, name: &str) -> Option<String> {
        let (text, _) = self.volumes.get(volume)?.files.get(name)?;
        Some(text.clone())
    }

    /// The observers of a volume.
    fn watchers(&mut self, volume: &str) -> impl Iterator<Item = &mut Listener> {
        self.containers
            .values_mut()
            .filter(move |c| c.status.running && c.volume.as_deref() == Some(volume) && is(c, "observer"))
            .flat_map(|c| c.listeners.iter_mut())
    }

    pub fn write(&mut self, volume: &str, name: &str, text: Option<String>) {
        let at = self.now();
        let Some(v) = self.volumes.get_mut(volume) else { return };
        match &text {
            Some(text) => v.files.insert(name.to_owned(), (text.clone(), at)),
            None => v.files.remove(name),
        };
        let message = file_message(name, text.as_deref(), at);
        for listener in self.watchers(volume) {
            listener.say(message.clone());
        }
    }

    pub fn append(&mut self, volume: &str, name: &'static str, line: String) {
        let at = self.now();
        let Some(v) = self.volumes.get_mut(volume) else { return };
        v.lines.push((name, line.clone(), at));
        let message = line_message(name, &line, at);
        for listener in self.watchers(volume) {
            listener.say(message.clone());
        }
    }

    /// The messages an observer sends after its greeting: all files that exist.
    pub fn present(&mut self, id: &str) -> Vec<Json> {
        let Some((volume, new_only)) = self.container(id).map(|c| (c.volume.clone(), c.new_only)) else {
            return Vec::new();
        };
        let Some(volume) = volume.and_then(|v| self.volumes.get(&v)) else {
            return Vec::new();
        };
        let files = volume
            .files
            .iter()
            .map(|(name, (text, at))| file_message(name, Some(text), *at));
        let lines = volume.lines.iter().filter(|_| !new_only);
        files
            .chain(lines.map(|(name, line, at)| line_message(name, line, *at)))
            .collect()
    }

    pub fn log(&mut self, id: &str, text: String) {
        let at = Some(self.now());
        if let Some(c) = self.container(id) {
            c.log.push(LogLine {
                at,
                source: LogSource::Stdout,
                text,
            });
        }
    }

    pub(super) fn emit(&mut self, id: &str, action: &str, more: &[(&str, String)]) {
        let at = self.now();
        let Some(c) = self.container(id) else { return };
        let mut attributes = c.status.labels.clone();
        attributes.insert("name".into(), c.status.name.clone());
        attributes.extend(more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        let event = EngineEvent {
            container: c.status.id.clone(),
            action: action.to_owned(),
            at,
            attributes,
        };
        self.journal.push(event.clone());
        self.subscribers
            .retain(|(run, sender)| !of_run(&event, run) || sender.send(Ok(event.clone())).is_ok());
    }

    pub(super) fn dies(&mut self, id: &str, exit: i64) {
        let at = self.now();
        let Some(c) = self.container(id).filter(|c| c.status.running) else {
            return;
        };
        c.status.running = false;
        c.status.finished_at = Some(at);
        c.status.exit_code = exit;
        c.slot = None;
        c.working = 0;
        // Its connections end with it.
        c.listeners.clear();
        c.tasks.drain(..).for_each(|task| task.abort());
        self.emit(id, "die", &[("exitCode", exit.to_string())]);
    }
}

fn ends(cmd: &[String]) -> Option<(Duration, i64)> {
    let [word, after, code] = cmd else { return None };
    let after = Duration::from_millis(after.parse().ok()?);
    (word == "end").then_some((after, code.parse().ok()?))
}

fn of_run(event: &EngineEvent, run: &str) -> bool {
    event.attributes.get(RUN_LABEL).is_some_and(|r| r == run)
}

pub(super) fn is(container: &Container, role: &str) -> bool {
    container.status.labels.get(ROLE_LABEL).is_some_and(|r| r == role)
}

fn has(labels: &BTreeMap<String, String>, label: &str) -> bool {
    match label.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|v| v == value),
        None => labels.contains_key(label),
    }
}

fn file_message(name: &str, text: Option<&str>, at: Timestamp) -> Json {
    let kind = if text.is_some() { "text" } else { "absent" };
    let at = text.map(|_| nanos(at));
    json!({"k": "file", "p": "default", "f": name, "is": kind, "d": text.unwrap_or(""), "t": at})
}

fn line_message(name: &str, line: &str, at: Timestamp) -> Json {
    json!({"k": "line", "p": "default", "f": name, "d": line, "t": nanos(at)})
}

/// The same time, but never at a whole millisecond.
fn not_whole(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at) + SignedDuration::from_nanos(7)
}

pub fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(0)
}

impl World {
    pub fn new(personality: Personality) -> Self {
        let all = All {
            personality,
            wanted: None,
            hook: Hook::Takes,
            boots: 0,
            // Not a whole second, because only files from an archive have such times.
            epoch: (not_whole(Timestamp::now()), Instant::now()),
            ticks: 0,
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            journal: Vec::new(),
            subscribers: Vec::new(),
        };
        Self {
            all: Arc::new(Mutex::new(all)),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn resources(&self) -> Vec<String> {
        let all = self.lock();
        let containers = all.containers.values().map(|c| c.status.name.clone());
        containers.chain(all.volumes.keys().cloned()).collect()
    }

    pub fn create_volume(&self, name: &str, labels: &BTreeMap<String, String>) {
        let volume = Volume {
            labels: labels.clone(),
            ..Volume::default()
        };
        self.lock().volumes.entry(name.to_owned()).or_insert(volume);
    }

    pub fn remove_volume(&self, name: &str) -> Result<bool, EngineError> {
        let mut all = self.lock();
        if all.containers.values().any(|c| c.volume.as_deref() == Some(name)) {
            return Err(refused("remove volume", 409, "volume is in use"));
        }
        Ok(all.volumes.remove(name).is_some())
    }

    pub fn list_volumes(&self, label: &str) -> Vec<VolumeInfo> {
        let all = self.lock();
        let ours = all.volumes.iter().filter(|(_, v)| has(&v.labels, label));
        let info = ours.map(|(name, v)| VolumeInfo {
            name: name.clone(),
            labels: v.labels.clone(),
        });
        info.collect()
    }

    pub fn create(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        let mut all = self.lock();
        if all.container(&spec.name).is_some() {
            return Err(refused("create", 409, "the name is in use"));
        }
        let id = format!("{:064x}", all.tick());
        let status = ContainerStatus {
            id: id.clone(),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            running: false,
            restarting: false,
            started_at: None,
            finished_at: None,
            exit_code: 0,
            oom_killed: false,
            paused: false,
            health: None,
        };
        let container = Container {
            status,
            volume: spec.mounts.first().map(|m| m.volume.clone()),
            init: 0,
            slot: None,
            listeners: Vec::new(),
            tasks: Vec::new(),
            working: 0,
            files: BTreeMap::new(),
            log: Vec::new(),
            new_only: spec.cmd.last().is_some_and(|word| word == "new"),
            policy: spec.policy,
            ends: ends(&spec.cmd),
            restarts: None,
        };
        all.containers.insert(id.clone(), container);
        all.emit(&id, "create", &[]);
        Ok(id)
    }

    pub fn kill(&self, id: &str) -> Result<(), EngineError> {
        let mut all = self.lock();
        if !all.container(id).is_some_and(|c| c.status.running) {
            return Err(refused("kill", 409, "the container is not running"));
        }
        all.emit(id, "kill", &[("signal", "9".to_owned())]);
        all.dies(id, 137);
        Ok(())
    }

    /// Freezes a container, or lets it go on. What is in it goes on all the same.
    pub fn freeze(&self, id: &str, frozen: bool) -> Result<(), EngineError> {
        let mut all = self.lock();
        let Some(container) = all
            .container(id)
            .filter(|c| c.status.running && c.status.paused != frozen)
        else {
            return Err(refused("pause", 409, "the container does not run, or is so already"));
        };
        container.status.paused = frozen;
        let id = container.status.id.clone();
        all.emit(&id, if frozen { "pause" } else { "unpause" }, &[]);
        Ok(())
    }

    pub fn remove(&self, id: &str) -> bool {
        let mut all = self.lock();
        let Some(id) = all.container(id).map(|c| c.status.id.clone()) else {
            return false;
        };
        all.dies(&id, 137);
        all.emit(&id, "destroy", &[]);
        all.containers.remove(&id).is_some()
    }

    pub fn list_containers(&self, label: &str) -> Vec<ContainerStatus> {
        let all = self.lock();
        let ours = all.containers.values().filter(|c| has(&c.status.labels, label));
        ours.map(|c| c.status.clone()).collect()
    }

    pub fn inspect(&self, id: &str) -> Option<ContainerStatus> {
        self.lock().container(id).map(|c| c.status.clone())
    }

    pub fn log_of(&self, id: &str) -> Vec<LogLine> {
        self.lock().container(id).map(|c| c.log.clone()).unwrap_or_default()
    }

    pub fn write_file(&self, id: &str, name: &str, text: Option<String>) {
        let mut all = self.lock();
        if let Some(volume) = all.container(id).and_then(|c| c.volume.clone()) {
            all.write(&volume, name, text);
        }
    }

    pub fn emit(&self, id: &str, action: &str, more: &[(&str, String)]) {
        self.lock().emit(id, action, more);
    }

    /// Tells that a command in a container has ended. Returns the exec's id.
    pub fn exec_ended(&self, id: &str, exit: Option<i64>) -> String {
        let mut all = self.lock();
        let exec = format!("exec-{}", all.tick());
        let code = exit.unwrap_or_default().to_string();
        all.emit(id, "exec_die", &[("execID", exec.clone()), ("exitCode", code)]);
        exec
    }

    pub fn subscribe(
        &self,
        run: &str,
        since: Option<Timestamp>,
    ) -> mpsc::UnboundedReceiver<Result<EngineEvent, EngineError>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut all = self.lock();
        if let Some(since) = since {
            for event in all.journal.iter().filter(|e| e.at >= since && of_run(e, run)) {
                let _ = sender.send(Ok(event.clone()));
            }
        }
        all.subscribers.push((run.to_owned(), sender));
        receiver
    }

    pub fn engine_restarts(&self, containers_survive: bool) {
        let mut all = self.lock();
        all.subscribers.clear();
        let ids: Vec<String> = all.containers.keys().cloned().collect();
        for id in ids {
            if containers_survive {
                // The observer keeps sending, but its connection is lost.
                if let Some(c) = all.container(&id) {
                    c.listeners.iter_mut().for_each(|listener| listener.sender = None);
                }
            } else {
                all.dies(&id, 137);
            }
        }
        all.journal.clear();
    }
}
