//! The history of a case: all its facts, in the order in which they arrived.
//!
//! Sources may overtake each other by about a millisecond. So the runner synchronises them before it sets a
//! [`Fact::Mark`], and everything that was true before the mark stands before it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::ClockOffset;
use super::pace::{Pace, Reached};
use comeback_scenario::model::Moment;
use comeback_scenario::overlay::ProcessKind;
use comeback_scenario::vocabulary::OperationKind;

/// One timestamped fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Position in the history, from 0.
    pub seq: u64,
    /// When it became true, by the clock of the engine's host, or by ours if the source is the harness; `None` if the
    /// source gives no time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// When the harness learnt it, by our clock.
    pub known: Timestamp,
    /// The source.
    pub source: Source,
    /// The container that the fact is about or comes from, if it is another one than that under test.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<String>,
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
}

impl Observation {
    /// Sets `came_true` in older records, which have only the words of a note for a `wait-until` that did not come
    /// true.
    #[must_use]
    pub fn with_words_as_fields(mut self) -> Self {
        if let Fact::StepEnded {
            note: Some(note),
            came_true: came_true @ None,
            ..
        } = &mut self.fact
            && note.starts_with("did not come true: ")
        {
            *came_true = Some(false);
        }
        self
    }
}

/// The source of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The observer container, watching the volume.
    Observer,
    /// The agent: our script in the container under test, watching the supervisor.
    Agent,
    /// The engine.
    Engine,
    /// The harness itself.
    Harness,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// A profile's `gateway_state.json` has this content.
    State {
        /// The profile.
        profile: String,
        /// Its content.
        content: FileContent,
    },
    /// A profile's planned-stop marker has this content.
    Marker {
        /// The profile.
        profile: String,
        /// Its content.
        content: FileContent,
    },
    /// A line was appended to `logs/container-boot.log`.
    BootLine {
        /// The profile.
        profile: String,
        /// `prior_state`; `None` if the reconciler wrote `None`.
        prior_state: Option<String>,
        /// `action`.
        action: String,
        /// The line as it stands.
        line: String,
    },
    /// The gateway logged how it took a shutdown.
    Shutdown {
        /// The profile.
        profile: String,
        /// How it interpreted the shutdown.
        taken_for: TakenFor,
        /// The line as it stands.
        line: String,
    },
    /// The gateway wrote an exit diagnostic.
    ExitDiag {
        /// The profile.
        profile: String,
        /// Pid of the process.
        pid: u32,
        /// `gateway.start`, `gateway.exit_clean`, …
        tag: String,
        /// The exit code, if the diagnostic has one.
        exit: Option<i64>,
    },
    /// The supervisor's status of a profile's slot.
    Service {
        /// The profile.
        profile: String,
        /// The status.
        status: ServiceStatus,
    },
    /// PID 1 of the container has this name: the supervisor's, or another program's.
    Init {
        /// The name.
        name: String,
    },
    /// The agent got this signal. Nobody signals it by itself, so it went to every process of the container.
    Signalled {
        /// Its name: `SIGTERM`.
        signal: String,
    },
    /// The names in the directory that the supervisor scans for services.
    Slots {
        /// The names, sorted.
        names: Vec<String>,
    },
    /// How many processes in the container are a gateway, by profile, whoever started them.
    Gateways {
        /// The profiles that have any.
        processes: BTreeMap<String, u32>,
    },
    /// How many processes in the container have ended and were not reaped by their parents.
    Zombies {
        /// The count.
        count: u32,
    },
    /// What is at a path on the volume that a row is about.
    Entry {
        /// The path.
        path: String,
        /// What it is: `file`, `dir`, `symlink` or `other`; `None` if nothing is there.
        kind: Option<String>,
        /// The uid of its owner.
        uid: Option<u32>,
    },
    /// The user that operators act as has this uid in the container.
    Operator {
        /// The uid.
        uid: u32,
    },
    /// A profile's scheduler has renewed its heartbeat.
    Tick {
        /// The profile.
        profile: String,
    },
    /// The engine said this of the container's health check.
    Health {
        /// `starting`, `healthy` or `unhealthy`.
        status: String,
    },
    /// A gateway is live: it has come to rest after its own `running`.
    Live {
        /// The profile.
        profile: String,
        /// Pid of its process.
        pid: u32,
        /// Start time of the process, in clock ticks since the host's boot.
        start_time: u64,
    },
    /// The engine sent an event about the container under test.
    Container {
        /// The event.
        change: ContainerChange,
        /// When this incarnation's main process was started, if known.
        started_at: Option<Timestamp>,
        /// The exit code, with `died`.
        exit: Option<i64>,
    },
    /// A step began.
    StepBegan {
        /// Number of the step, from 1.
        step: usize,
        /// Its operation. A record with an unknown operation cannot be read, because every reading depends on what a step
        /// did to the container and the gateway.
        op: OperationKind,
        /// Delay before the step in milliseconds, drawn from the run's seed, so that steps do not always begin at the
        /// same point of the gateway's own period. `None` if it was not delayed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay_ms: Option<u64>,
    },
    /// A step ended: its effect is proven, or its deadline passed.
    StepEnded {
        /// Number of the step, from 1.
        step: usize,
        /// Exit code of the operator's command, if there was one.
        exit: Option<i64>,
        /// Output of the operator's command.
        output: String,
        /// A note for the report: a wait that reached its deadline, a signal that was ignored.
        note: Option<String>,
        /// For a `wait-until`: whether its condition came true. False for any other step that could not be done, `None` for one
        /// that was.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        came_true: Option<bool>,
    },
    /// A wait ended without its condition.
    WaitEnded {
        /// The condition.
        condition: String,
        /// The last value.
        last: String,
        /// The deadline, if that is what ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reached: Option<Reached>,
    },
    /// What is known of the speed of the container's image, and the deadlines of the waits from here on.
    Pace {
        /// Measurements and deadlines.
        pace: Pace,
    },
    /// The engine's inspect of the container under test.
    Inspected {
        /// The answer.
        status: ContainerStatus,
    },
    /// A moment of the case. Every fact before it was true before it.
    Mark {
        /// The moment.
        moment: MomentName,
    },
    /// A source lost evidence: the history after this may be incomplete.
    Lost {
        /// What was lost, in words.
        what: String,
    },
    /// A source is connected (again). Its facts count from here on.
    Ready {
        /// The incarnation it sees, if it is the agent.
        started_at: Option<Timestamp>,
        /// Start time of PID 1, in clock ticks since the host's boot. No process of this incarnation is older.
        init_start: Option<u64>,
        /// Name of PID 1 at that moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        init: Option<String>,
    },
    /// The observer was started.
    Observer {
        /// The image whose Python it runs on: `image` (under test) or `base` (ours).
        from: ObserverImage,
        /// Reference of that image.
        reference: String,
        /// Id of that image.
        digest: String,
    },
    /// A fault overlay reported in a process of the container under test whether it is in force there.
    Overlay {
        /// Its name.
        overlay: String,
        /// The kind of process.
        process: ProcessKind,
        /// Its pid in the container.
        pid: u32,
        /// Its start time: field 22 of its stat, in clock ticks since the host's boot.
        start_time: u64,
        /// Whether the overlay is in force.
        effect: OverlayEffect,
    },
    /// A file was written several times so quickly that one content could not be read.
    Missed {
        /// The file's path on the volume.
        path: String,
    },
}

/// The effect of a fault overlay in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlayEffect {
    /// It is in force, in this module.
    On(String),
    /// It found nothing to break or could not be loaded, for this reason. The process then ended itself.
    Failed(String),
}

/// The image that the observer runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObserverImage {
    /// The image under test. Its Python is not trusted.
    Image,
    /// Our own base image.
    Base,
}

/// The mark at the beginning of the settling window.
pub const SETTLING: &str = "settling";

/// Content of a small file on the volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum FileContent {
    /// There is no such file.
    Absent,
    /// The file is a JSON object.
    Json {
        /// The object.
        value: serde_json::Map<String, serde_json::Value>,
    },
    /// The file is not a JSON object, is too big to be read, or is no plain file.
    Unreadable {
        /// Why.
        why: String,
        /// The beginning of the file, with unprintable characters replaced.
        head: String,
    },
}

/// How the gateway interpreted a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TakenFor {
    /// A planned stop.
    Planned,
    /// A signal that was not announced.
    Signal,
    /// A request to restart.
    Restart,
}

/// The engine's status of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// True if its main process runs.
    pub running: bool,
    /// True while the engine is between two starts of a restart policy.
    pub restarting: bool,
    /// When its main process was last started, which is the key of an incarnation.
    pub started_at: Option<Timestamp>,
    /// When it last ended.
    pub finished_at: Option<Timestamp>,
    /// Exit code of its last life; meaningless while it runs.
    pub exit_code: i64,
    /// True if the kernel's OOM killer ended its main process.
    pub oom_killed: bool,
    /// True while its processes are frozen.
    #[serde(default)]
    pub paused: bool,
    /// What its health check says, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

/// The supervisor's status of a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The service directory exists.
    pub slot: bool,
    /// It has a `down` file.
    pub down_file: bool,
    /// A process runs.
    pub up: bool,
    /// A process is wanted.
    pub want_up: bool,
    /// Pid of the process.
    pub pid: Option<u32>,
    /// Its start time: field 22 of its stat, in clock ticks since the host's boot.
    pub start_time: Option<u64>,
    /// Number of gateway processes of this profile in the container.
    pub processes: u32,
    /// The deaths that the supervisor has counted, oldest first.
    pub deaths: Vec<ProcessExit>,
}

impl fmt::Display for ServiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.slot, self.up, self.pid) {
            (false, false, _) => f.write_str("no slot"),
            (_, true, Some(pid)) => write!(f, "up (pid {pid})"),
            (_, true, None) => f.write_str("up"),
            (true, false, _) if self.want_up => f.write_str("down, wanted up"),
            (true, false, _) => f.write_str("down"),
        }
    }
}

/// The end of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessExit {
    /// It exited with that code.
    Code(i64),
    /// It was killed by that signal.
    Signal(String),
}

/// A kind of engine event about a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerChange {
    /// It was started: a new incarnation began.
    Started,
    /// It ended.
    Died,
    /// The kernel killed a process of it because memory ran out.
    Oom,
    /// It was removed.
    Destroyed,
    /// Its processes were frozen.
    Paused,
    /// They go on.
    Unpaused,
}

/// A moment as text, such as `after:2`, so that a history is readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MomentName(pub String);

impl From<Moment> for MomentName {
    fn from(moment: Moment) -> Self {
        Self(moment.to_string())
    }
}

/// The evidence of a case, which the verdict is read off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseEvidence {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image under test.
    pub image: String,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Repeat, from 1.
    pub repeat: u32,
    /// When it began.
    pub started: Timestamp,
    /// The difference of the clock of the engine's host from ours; `None` if it is not known.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended.
    pub end: CaseEnd,
    /// Duration of each step in seconds, in order.
    pub steps: Vec<StepSeconds>,
    /// For each wait, the milliseconds from a fact becoming true to the harness learning it.
    pub latencies_ms: Vec<f64>,
    /// The history.
    pub history: Vec<Observation>,
    /// The container's output, capped, by incarnation from 1.
    pub logs: BTreeMap<u32, Vec<String>>,
}

/// Duration of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSeconds {
    /// Its operation.
    pub op: String,
    /// Seconds.
    pub seconds: f64,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end", content = "reason")]
pub enum CaseEnd {
    /// All steps were carried out and observed.
    Complete,
    /// A step's effect could not be proved, or evidence is missing.
    Inconclusive(String),
    /// This engine or host cannot do a step.
    Unsupported(String),
    /// Engine or harness failed before the first step, or the requested fault overlay was not in force.
    Error(String),
    /// It was stopped on purpose, at the moment with the first difference (`--stop-at`). It is judged by what was read by then.
    Stopped(String),
}
