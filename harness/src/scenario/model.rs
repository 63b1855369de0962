//! The validated scenario: what a case does and what each column of the behaviour table says.
//!
//! Everything here is plain data. `scenario::parse` is the only producer, so a value of these types has already been
//! checked: names resolve, step numbers exist, and at least one row can fail.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use pep440_rs::{Version, VersionSpecifiers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The profile that lives at the root of the volume and exists in every gateway.
pub const DEFAULT_PROFILE: &str = "default";

/// One scenario file, checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's stem.
    pub id: String,
    /// One line for tables and test names.
    pub title: String,
    /// Why it matters, in a paragraph.
    pub why: String,
    /// Issues it reproduces or guards, as `#42675`.
    pub issues: Vec<String>,
    /// Free words to select by.
    pub tags: Vec<String>,
    /// First release expected to be in the fixed column; `None` means no release is.
    pub fixed_in: Option<Version>,
    /// True if no row differs between the columns on purpose.
    pub invariant: bool,
    /// Releases the scenario applies to; `None` means all.
    pub releases: Option<VersionSpecifiers>,
    /// What the host must offer beyond an engine.
    pub needs: Vec<Need>,
    /// How long "stays up" and "stays down" are watched at the end.
    pub settle: Duration,
    /// How the container and its gateway come to life.
    pub start: Start,
    /// Profiles of the volume, the default one first.
    pub profiles: Vec<Profile>,
    /// Files put on the volume before the first boot.
    pub seeds: Vec<Seed>,
    /// The pair of images of an upgrade or downgrade.
    pub upgrade: Option<Upgrade>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The rows of the behaviour table.
    pub expects: Vec<Expect>,
    /// Deviations of released versions that are already on record.
    pub known: Vec<Known>,
    /// Where it came from, for messages and annotations.
    pub source: Source,
}

/// The text a scenario was read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path as shown to people: `scenarios/docker-restart.toml`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Line of each `[[expect]]` table, in order, counted from 1.
    pub expect_lines: Vec<usize>,
}

/// Something the host must have for a scenario to run; without it the case is `unsupported`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The Compose tool: `docker compose` or `docker-compose`.
    Compose,
    /// An engine that enforces a memory limit.
    MemoryLimit,
}

/// How the gateway is brought to life before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Who starts it.
    pub by: StartBy,
    /// What is waited for before the first step.
    pub wait: StartWait,
    /// The container's command; empty means `sleep infinity`.
    pub cmd: Vec<String>,
    /// Extra environment of the container.
    pub env: BTreeMap<String, String>,
    /// The container's restart policy.
    pub policy: RestartPolicy,
    /// A fault overlay to switch on.
    pub overlay: Option<String>,
}

/// Who starts the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartBy {
    /// `hermes gateway start`, run in the container.
    Operator,
    /// The boot reconciler, from what is on the volume.
    Reconcile,
    /// The container's own command.
    Cmd,
    /// Nobody.
    None,
}

/// What the start phase waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartWait {
    /// The gateway's own `running`.
    Running,
    /// The gateway's process.
    Process,
    /// Nothing but the boot.
    None,
}

/// The engine's restart policy for the container under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never restarted by the engine.
    #[default]
    No,
    /// Restarted whenever it ends.
    Always,
    /// Restarted unless somebody stopped it through the engine.
    UnlessStopped,
    /// Restarted when it ends with an exit code other than 0.
    OnFailure,
}

/// One profile on the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name; `default` is the root of the volume.
    pub name: String,
    /// Who starts its gateway.
    pub start: StartBy,
    /// Whether the directory has the `SOUL.md` that makes it a profile.
    pub soul: bool,
}

/// A file or directory put on the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Path below the volume's root.
    pub path: String,
    /// What it holds.
    pub content: SeedContent,
    /// Numeric owner and group; 10000 is `hermes`.
    pub owner: u64,
    /// Permission bits.
    pub mode: u32,
}

/// Content of a seed. Text may hold the placeholders `{pid}`, `{start_time}`, `{now}` and `{now-90s}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedContent {
    /// A directory.
    Dir,
    /// Text, placeholders not yet filled in.
    Text(String),
    /// A JSON value as text, placeholders not yet filled in.
    Json(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// That many bytes of filler lines.
    Size(u64),
    /// A symbolic link to there; no scenario file has one, a volume of somebody's own may.
    Link(String),
}

/// The images of an upgrade: image expressions, one of them `subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Runs until the first `recreate`.
    pub from: ImageRef,
    /// Runs after it.
    pub to: ImageRef,
}

/// One side of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRef {
    /// The image under test.
    Subject,
    /// Another image, as an image expression: `release:0.16.0`.
    Other(String),
}

/// One occurrence of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub op: Operation,
    /// To whose gateway, where the operation has one.
    pub profile: ProfileSel,
    /// As which user of the container.
    pub user: User,
    /// False: the next step starts while this one is in flight.
    pub wait: bool,
}

/// Which gateways an operation addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileSel {
    /// One profile.
    One(String),
    /// Each profile in turn.
    All,
}

/// A user of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// uid 10000, what operators act as.
    #[default]
    Hermes,
    /// uid 0.
    Root,
}

/// How `recreate` gets rid of the old container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecreateHow {
    /// Stop, then remove.
    Stop,
    /// Remove while running (SIGKILL).
    Force,
}

/// The closed set of operations: each names who sends what to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `hermes gateway start`.
    OperatorStart {
        /// Pass `--all`.
        all: bool,
    },
    /// `hermes gateway stop`.
    OperatorStop {
        /// Pass `--all`.
        all: bool,
    },
    /// `hermes gateway restart`.
    OperatorRestart {
        /// Pass `--all`.
        all: bool,
    },
    /// The engine's restart: SIGTERM to PID 1, SIGKILL after the grace, start.
    EngineRestart {
        /// Time between SIGTERM and SIGKILL; the engine takes whole seconds.
        grace: Duration,
    },
    /// The engine's stop.
    EngineStop {
        /// Time between SIGTERM and SIGKILL; the engine takes whole seconds.
        grace: Duration,
    },
    /// The engine's kill: a signal to PID 1, and the container counts as manually stopped.
    EngineKill {
        /// The signal.
        signal: Signal,
    },
    /// The engine's start of a stopped container.
    EngineStart,
    /// Remove the container and create it again on the same volume.
    Recreate {
        /// How the old one goes.
        how: RecreateHow,
    },
    /// The same through the Compose tool: `up --force-recreate`.
    ComposeRecreate,
    /// A signal to the gateway process, from inside the container.
    SignalGateway {
        /// The signal.
        signal: Signal,
    },
    /// A signal to PID 1, from inside the container.
    SignalInit {
        /// The signal.
        signal: Signal,
    },
    /// The kernel's OOM killer takes the gateway.
    OomGateway,
    /// SIGINT to the gateway process, as Ctrl+C sends it.
    CtrlC,
    /// Put a file on the volume while the container runs.
    Stamp(Box<Seed>),
    /// `hermes profile create`.
    ProfileCreate,
    /// `hermes profile delete`.
    ProfileDelete,
    /// Wait until a probe has a value.
    WaitUntil {
        /// The probe.
        probe: Probe,
        /// Any of these ends the wait.
        value: ValueSet,
    },
    /// Freeze the gateway (SIGSTOP) the moment its state file says so.
    HoldAt {
        /// The value of `gateway_state`.
        state: String,
    },
    /// Let a frozen gateway go on (SIGCONT).
    Release,
    /// Watch for the scenario's settling window.
    Settle,
}

impl Operation {
    /// The operation's name in scenario files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OperatorStart { .. } => "operator-start",
            Self::OperatorStop { .. } => "operator-stop",
            Self::OperatorRestart { .. } => "operator-restart",
            Self::EngineRestart { .. } => "engine-restart",
            Self::EngineStop { .. } => "engine-stop",
            Self::EngineKill { .. } => "engine-kill",
            Self::EngineStart => "engine-start",
            Self::Recreate { .. } => "recreate",
            Self::ComposeRecreate => "compose-recreate",
            Self::SignalGateway { .. } => "signal-gateway",
            Self::SignalInit { .. } => "signal-init",
            Self::OomGateway => "oom-gateway",
            Self::CtrlC => "ctrl-c",
            Self::Stamp(_) => "stamp",
            Self::ProfileCreate => "profile-create",
            Self::ProfileDelete => "profile-delete",
            Self::WaitUntil { .. } => "wait-until",
            Self::HoldAt { .. } => "hold-at",
            Self::Release => "release",
            Self::Settle => "settle",
        }
    }
}

/// A POSIX signal, by its name with `SIG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Signal {
    #[serde(rename = "SIGHUP")]
    Hup,
    #[serde(rename = "SIGINT")]
    Int,
    #[serde(rename = "SIGQUIT")]
    Quit,
    #[serde(rename = "SIGABRT")]
    Abrt,
    #[serde(rename = "SIGKILL")]
    Kill,
    #[serde(rename = "SIGUSR1")]
    Usr1,
    #[serde(rename = "SIGUSR2")]
    Usr2,
    #[serde(rename = "SIGTERM")]
    Term,
    #[serde(rename = "SIGCONT")]
    Cont,
    #[serde(rename = "SIGSTOP")]
    Stop,
}

impl Signal {
    /// Every signal a scenario can send.
    pub const ALL: [Signal; 10] = [
        Self::Hup,
        Self::Int,
        Self::Quit,
        Self::Abrt,
        Self::Kill,
        Self::Usr1,
        Self::Usr2,
        Self::Term,
        Self::Cont,
        Self::Stop,
    ];

    /// The name with `SIG`, as the engine and reports use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Abrt => "SIGABRT",
            Self::Kill => "SIGKILL",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Term => "SIGTERM",
            Self::Cont => "SIGCONT",
            Self::Stop => "SIGSTOP",
        }
    }

    /// Reads a name with or without `SIG`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL
            .into_iter()
            .find(|s| s.name().strip_prefix("SIG") == Some(bare))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One row of the behaviour table.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// When it is read.
    pub at: Moment,
    /// What is read.
    pub probe: Probe,
    /// Of which profile.
    pub profile: String,
    /// What a fixed release shows.
    pub fixed: ValueSet,
    /// What a regressed release shows.
    pub regressed: ValueSet,
    /// Which part of the fix the row stands guard over.
    pub guards: Option<Guard>,
}

/// A part of the fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// `gateway/run.py`: an unmarked SIGTERM persists `running`.
    Signal,
    /// `hermes_cli/service_manager.py`: an operator stop writes the planned-stop marker.
    Marker,
    /// `hermes_cli/container_boot.py`: the boot reconciler's decision.
    Reconciler,
}

/// A moment of a case. All counts start from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The start phase is over.
    Start,
    /// Step N is over.
    After(usize),
    /// The profile's Nth gateway life has ended and the next one has not written yet.
    Down(usize),
    /// The reconciler's pass of the container's Nth boot.
    Boot(usize),
    /// All steps and the settling window are over.
    End,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::After(n) => write!(f, "after:{n}"),
            Self::Down(n) => write!(f, "down:{n}"),
            Self::Boot(n) => write!(f, "boot:{n}"),
            Self::End => f.write_str("end"),
        }
    }
}

/// The closed set of probes: how a fact is read off the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Probe {
    StateGatewayState,
    StateDesiredState,
    StateParses,
    StatePidIsService,
    Marker,
    BootPriorState,
    BootAction,
    BootLines,
    Slot,
    SlotDownFile,
    Service,
    ServiceNewProcess,
    ServiceExit,
    ServiceProcesses,
    Shutdown,
    Container,
    ContainerExit,
    StepExit,
    StepSays,
}

impl Probe {
    /// Every probe, in the order of the documentation.
    pub const ALL: [Probe; 19] = [
        Self::StateGatewayState,
        Self::StateDesiredState,
        Self::StateParses,
        Self::StatePidIsService,
        Self::Marker,
        Self::BootPriorState,
        Self::BootAction,
        Self::BootLines,
        Self::Slot,
        Self::SlotDownFile,
        Self::Service,
        Self::ServiceNewProcess,
        Self::ServiceExit,
        Self::ServiceProcesses,
        Self::Shutdown,
        Self::Container,
        Self::ContainerExit,
        Self::StepExit,
        Self::StepSays,
    ];

    /// The probe's name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::StateGatewayState => "state.gateway_state",
            Self::StateDesiredState => "state.desired_state",
            Self::StateParses => "state.parses",
            Self::StatePidIsService => "state.pid_is_service",
            Self::Marker => "marker",
            Self::BootPriorState => "boot.prior_state",
            Self::BootAction => "boot.action",
            Self::BootLines => "boot.lines",
            Self::Slot => "slot",
            Self::SlotDownFile => "slot.down_file",
            Self::Service => "service",
            Self::ServiceNewProcess => "service.new_process",
            Self::ServiceExit => "service.exit",
            Self::ServiceProcesses => "service.processes",
            Self::Shutdown => "shutdown",
            Self::Container => "container",
            Self::ContainerExit => "container.exit",
            Self::StepExit => "step.exit",
            Self::StepSays => "step.says",
        }
    }

    /// The probe of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == text)
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value a probe can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A flag.
    Bool(bool),
    /// A number, such as an exit code or a count.
    Int(i64),
    /// A word or text.
    Str(String),
    /// The thing is not there: `{ absent = true }`.
    Absent(Absent),
}

/// The value of something that is not there. Serializes as `{"absent":true}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Always true.
    pub absent: bool,
}

impl Value {
    /// The value of something that is not there.
    pub fn absent() -> Self {
        Self::Absent(Absent { absent: true })
    }

    /// A word.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Str(s) => f.write_str(s),
            Self::Absent(_) => f.write_str("absent"),
        }
    }
}

/// The alternatives a column allows; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ValueSet(pub Vec<Value>);

impl ValueSet {
    /// True if the value is one of the alternatives.
    pub fn contains(&self, value: &Value) -> bool {
        self.0.contains(value)
    }

    /// True if no value is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        !self.0.iter().any(|v| other.contains(v))
    }

    /// True if both allow exactly the same values, in whatever order.
    pub fn same(&self, other: &Self) -> bool {
        self.0.iter().all(|v| other.contains(v)) && other.0.iter().all(|v| self.contains(v))
    }
}

impl fmt::Display for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, v) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" or ")?;
            }
            write!(f, "{v}")?;
        }
        Ok(())
    }
}

/// A deviation of released versions that is on record, so that it does not read as news.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Exact releases.
    pub releases: Vec<Version>,
    /// Bases it was seen on; empty means all.
    pub bases: Vec<String>,
    /// Supervisor versions it was seen with; `None` means all.
    pub supervisor: Option<VersionSpecifiers>,
    /// What is going on.
    pub note: String,
    /// True for a race: the fixed column may be seen too.
    pub or_fixed: bool,
    /// What is seen instead.
    pub rows: Vec<KnownRow>,
}

/// One deviating row.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownRow {
    /// When.
    pub at: Moment,
    /// What.
    pub probe: Probe,
    /// Of which profile.
    pub profile: String,
    /// What that release shows.
    pub observed: ValueSet,
}
