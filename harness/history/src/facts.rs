//! The history of a case: every fact that was learnt, in the order in which it was learnt.
//!
//! Sources overtake each other by a millisecond or so. The runner therefore synchronises all of them before it sets a
//! [`Fact::Mark`], so that whatever was true before the mark stands before it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::ClockOffset;
use comeback_scenario::model::Moment;
use comeback_scenario::overlay::ProcessKind;
use comeback_scenario::vocabulary::OperationKind;

/// One timestamped fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Position in the history, from 0.
    pub seq: u64,
    /// When it became true, by the clock of the engine's host; `None` where the source gives no time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// When the harness knew it, by its own clock.
    pub known: Timestamp,
    /// Who said so.
    pub source: Source,
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
}

impl Observation {
    /// Puts into its field what a record from before that field tells in words: a `wait-until` that did not come true.
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

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The observer container, watching the volume.
    Observer,
    /// The agent: our process in the container under test, watching the supervisor.
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
        /// Whose.
        profile: String,
        /// What it holds.
        content: FileContent,
    },
    /// A profile's planned-stop marker has this content.
    Marker {
        /// Whose.
        profile: String,
        /// What it holds.
        content: FileContent,
    },
    /// A line was appended to `logs/container-boot.log`.
    BootLine {
        /// Whose.
        profile: String,
        /// `prior_state`; `None` where the reconciler wrote `None`.
        prior_state: Option<String>,
        /// `action`.
        action: String,
        /// The line as it stands.
        line: String,
    },
    /// The gateway logged how it took a shutdown.
    Shutdown {
        /// Whose.
        profile: String,
        /// How.
        taken_for: TakenFor,
        /// The line as it stands.
        line: String,
    },
    /// The gateway wrote an exit diagnostic.
    ExitDiag {
        /// Whose.
        profile: String,
        /// Of which process.
        pid: u32,
        /// `gateway.start`, `gateway.exit_clean`, …
        tag: String,
        /// The exit code, where the diagnostic tells it.
        exit: Option<i64>,
    },
    /// What the supervisor says of a profile's slot.
    Service {
        /// Whose.
        profile: String,
        /// What it says.
        status: ServiceStatus,
    },
    /// A gateway is live: it had written its own `running`, and has come to rest since then.
    Live {
        /// Whose.
        profile: String,
        /// Its process.
        pid: u32,
        /// That process's start time.
        start_time: u64,
    },
    /// The engine says this of the container under test.
    Container {
        /// What.
        change: ContainerChange,
        /// When this incarnation's main process was started, where that is known.
        started_at: Option<Timestamp>,
        /// The exit code, with `died`.
        exit: Option<i64>,
    },
    /// A step began.
    StepBegan {
        /// Which, from 1.
        step: usize,
        /// Its operation. A record that names one this vocabulary does not have cannot be read: what such a step did to
        /// the container and the gateway is not known here, and every reading depends on it.
        op: OperationKind,
        /// How long it was put off, in milliseconds, so that it meets the gateway's own periods at no moment of ours: drawn
        /// from the run's seed. `None` if it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay_ms: Option<u64>,
    },
    /// A step's effect is proven, or its deadline has passed.
    StepEnded {
        /// Which, from 1.
        step: usize,
        /// What the operator's command returned, where there is one.
        exit: Option<i64>,
        /// What it said.
        output: String,
        /// Something worth telling: a wait that ran out, a signal that was ignored.
        note: Option<String>,
        /// Of a `wait-until`: whether what it waits for came true. `None` for every other operation.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        came_true: Option<bool>,
    },
    /// A wait ran out: what for, and what was seen last.
    WaitEnded {
        /// The condition.
        condition: String,
        /// The last value.
        last: String,
    },
    /// The engine was asked about the container under test.
    Inspected {
        /// What it answered.
        status: ContainerStatus,
    },
    /// A moment of the case; everything above it was true before.
    Mark {
        /// Which.
        moment: MomentName,
    },
    /// A source lost sight of something: evidence after this may be incomplete.
    Lost {
        /// What.
        what: String,
    },
    /// A source is there (again): since when its word counts.
    Ready {
        /// Which incarnation it sees, where it sees one.
        started_at: Option<Timestamp>,
        /// Start time of PID 1, in clock ticks since the host's boot: no process of this incarnation is older.
        init_start: Option<u64>,
        /// Name of PID 1: what supervises the gateway, or something else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        init: Option<String>,
    },
    /// The observer was started.
    Observer {
        /// Whose Python it runs on: `image`, the one under test, or `base`, one of ours.
        from: ObserverImage,
        /// That image's reference.
        reference: String,
        /// That image's id.
        digest: String,
    },
    /// A fault overlay said in a process of the container under test what became of it there.
    Overlay {
        /// Its name.
        overlay: String,
        /// What process that is.
        process: ProcessKind,
        /// Its pid in the container.
        pid: u32,
        /// Its start time: field 22 of its stat.
        start_time: u64,
        /// What became of the overlay.
        effect: OverlayEffect,
    },
    /// Several writes of a file came so quickly that one could not be read.
    Missed {
        /// Which file.
        path: String,
    },
}

/// What became of a fault overlay in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlayEffect {
    /// It is in force in this module.
    On(String),
    /// It found nothing to break, or could not be loaded, for this reason; the process has ended itself.
    Failed(String),
}

/// Whose image the observer runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObserverImage {
    /// The image under test: a Python of its own may say what it likes.
    Image,
    /// Our own base image.
    Base,
}

/// The mark at the beginning of the last settling window.
pub const SETTLING: &str = "settling";

/// Content of a small file on the volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum FileContent {
    /// It is not there.
    Absent,
    /// It holds a JSON object.
    Json {
        /// The object.
        value: serde_json::Map<String, serde_json::Value>,
    },
    /// It is there and is not a JSON object, or is too big to be read, or is no plain file.
    Unreadable {
        /// Why.
        why: String,
        /// The beginning of it, with everything unprintable replaced.
        head: String,
    },
}

/// How the gateway took a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TakenFor {
    /// A stop somebody planned.
    Planned,
    /// A signal nobody announced.
    Signal,
    /// A request to restart.
    Restart,
}

/// What the engine says of a container.
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
    /// When its main process was last started: the key of an incarnation.
    pub started_at: Option<Timestamp>,
    /// When it last ended.
    pub finished_at: Option<Timestamp>,
    /// ProcessExit code of its last life; meaningless while running.
    pub exit_code: i64,
    /// True if the kernel's OOM killer ended its main process.
    pub oom_killed: bool,
}

/// What the supervisor says of a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The service directory exists.
    pub slot: bool,
    /// It has a `down` file.
    pub down_file: bool,
    /// A process runs.
    pub up: bool,
    /// One is wanted.
    pub want_up: bool,
    /// The process.
    pub pid: Option<u32>,
    /// Its start time: field 22 of its stat, in clock ticks since the host's boot.
    pub start_time: Option<u64>,
    /// Gateway processes of this profile in the container.
    pub processes: u32,
    /// Deaths the supervisor has counted, oldest first: an exit code, or a signal's name.
    pub deaths: Vec<ProcessExit>,
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

/// What the engine says of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerChange {
    /// A new incarnation began.
    Started,
    /// It ended.
    Died,
    /// The kernel killed a process of it for want of memory.
    Oom,
    /// It was removed.
    Destroyed,
}

/// A moment as text (`after:2`), so that a history reads well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MomentName(pub String);

impl From<Moment> for MomentName {
    fn from(moment: Moment) -> Self {
        Self(moment.to_string())
    }
}

/// Everything a case yielded: what the verdict is read off.
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
    /// By how much the clock of the engine's host differed from ours; `None` if it is not known.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it came to its end.
    pub end: CaseEnd,
    /// Duration of each step in seconds, in order.
    pub steps: Vec<StepSeconds>,
    /// Per wait: milliseconds between a fact becoming true and the harness knowing it.
    pub latencies_ms: Vec<f64>,
    /// What was learnt.
    pub history: Vec<Observation>,
    /// The container's own output, capped, by incarnation from 1.
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

/// How a case came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end", content = "reason")]
pub enum CaseEnd {
    /// All steps were done and seen.
    Complete,
    /// A step's effect could not be proved, or evidence went missing.
    Inconclusive(String),
    /// This engine or host cannot do a step.
    Unsupported(String),
    /// Engine or harness failed before the first step, or the fault overlay that was asked for was not in force.
    Error(String),
}
