//! What is done: the closed set of operations, and on whom they act.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ImageRef, Seed, ValueSet};
use crate::vocabulary::{OperationInfo, OperationKind, Probe};

/// One occurrence of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub op: Operation,
    /// In which other container; `None` for the one under test.
    pub container: Option<String>,
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

/// How a container is made again. What is `None` is as in the container before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreation {
    /// How the old one goes.
    pub how: RecreateHow,
    /// The image.
    pub image: Option<ImageRef>,
    /// The extra environment.
    pub env: Option<BTreeMap<String, String>>,
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// The entrypoint.
    pub entrypoint: Option<Vec<String>>,
}

impl Recreation {
    /// The same container again, but for the image of an `[upgrade]`.
    pub fn plain(how: RecreateHow) -> Self {
        Self {
            how,
            image: None,
            env: None,
            cmd: None,
            entrypoint: None,
        }
    }
}

/// The closed set of operations: each names who sends what to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `hermes gateway start`.
    OperatorStart {
        /// Pass `--all`.
        all: bool,
        /// Pass `--force`.
        force: bool,
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
    /// `hermes gateway run`, left running.
    OperatorRun {
        /// Pass `--no-supervise`.
        no_supervise: bool,
    },
    /// `hermes gateway status`.
    OperatorStatus,
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
    Recreate(Box<Recreation>),
    /// The engine's daemon is restarted.
    DaemonRestart,
    /// The engine freezes all processes of the container.
    EnginePause,
    /// The engine lets them go on.
    EngineUnpause,
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
    /// Use up all room on the volume.
    Fill,
    /// Give that room back.
    Free,
    /// `hermes profile create`.
    ProfileCreate,
    /// `hermes profile delete`.
    ProfileDelete,
    /// `hermes profile use`.
    ProfileUse,
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

/// An operation's own parameter, with its value. Who writes steps in words or as text needs no more of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parameter<'a> {
    /// `all`.
    All(bool),
    /// `grace`.
    Grace(Duration),
    /// `signal`.
    Signal(Signal),
    /// `all` and `force`.
    Start {
        /// `all`.
        all: bool,
        /// `force`.
        force: bool,
    },
    /// `no_supervise`.
    NoSupervise(bool),
    /// The keys of a recreation.
    Recreation(&'a Recreation),
    /// The keys of a seed.
    Seed(&'a Seed),
    /// `probe` and `value`.
    Until(Probe, &'a ValueSet),
    /// `state`.
    State(&'a str),
}

impl Operation {
    /// Which operation it is.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::OperatorStart { .. } => OperationKind::OperatorStart,
            Self::OperatorStop { .. } => OperationKind::OperatorStop,
            Self::OperatorRestart { .. } => OperationKind::OperatorRestart,
            Self::OperatorRun { .. } => OperationKind::OperatorRun,
            Self::OperatorStatus => OperationKind::OperatorStatus,
            Self::EngineRestart { .. } => OperationKind::EngineRestart,
            Self::EngineStop { .. } => OperationKind::EngineStop,
            Self::EngineKill { .. } => OperationKind::EngineKill,
            Self::EngineStart => OperationKind::EngineStart,
            Self::Recreate(_) => OperationKind::Recreate,
            Self::DaemonRestart => OperationKind::DaemonRestart,
            Self::EnginePause => OperationKind::EnginePause,
            Self::EngineUnpause => OperationKind::EngineUnpause,
            Self::ComposeRecreate => OperationKind::ComposeRecreate,
            Self::SignalGateway { .. } => OperationKind::SignalGateway,
            Self::SignalInit { .. } => OperationKind::SignalInit,
            Self::OomGateway => OperationKind::OomGateway,
            Self::CtrlC => OperationKind::CtrlC,
            Self::Stamp(_) => OperationKind::Stamp,
            Self::Fill => OperationKind::Fill,
            Self::Free => OperationKind::Free,
            Self::ProfileCreate => OperationKind::ProfileCreate,
            Self::ProfileDelete => OperationKind::ProfileDelete,
            Self::ProfileUse => OperationKind::ProfileUse,
            Self::WaitUntil { .. } => OperationKind::WaitUntil,
            Self::HoldAt { .. } => OperationKind::HoldAt,
            Self::Release => OperationKind::Release,
            Self::Settle => OperationKind::Settle,
        }
    }

    /// What is known of the operation.
    pub fn info(&self) -> &'static OperationInfo {
        self.kind().info()
    }

    /// The operation's name in scenario files and reports.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Its own parameter, if it has one.
    pub fn parameter(&self) -> Option<Parameter<'_>> {
        match self {
            Self::OperatorStart { all, force } => Some(Parameter::Start {
                all: *all,
                force: *force,
            }),
            Self::OperatorStop { all } | Self::OperatorRestart { all } => Some(Parameter::All(*all)),
            Self::OperatorRun { no_supervise } => Some(Parameter::NoSupervise(*no_supervise)),
            Self::EngineRestart { grace } | Self::EngineStop { grace } => Some(Parameter::Grace(*grace)),
            Self::EngineKill { signal } | Self::SignalGateway { signal } | Self::SignalInit { signal } => {
                Some(Parameter::Signal(*signal))
            }
            Self::Recreate(recreation) => Some(Parameter::Recreation(recreation)),
            Self::Stamp(seed) => Some(Parameter::Seed(seed)),
            Self::WaitUntil { probe, value } => Some(Parameter::Until(*probe, value)),
            Self::HoldAt { state } => Some(Parameter::State(state)),
            Self::EngineStart
            | Self::OperatorStatus
            | Self::DaemonRestart
            | Self::EnginePause
            | Self::EngineUnpause
            | Self::Fill
            | Self::Free
            | Self::ProfileUse
            | Self::ComposeRecreate
            | Self::OomGateway
            | Self::CtrlC
            | Self::ProfileCreate
            | Self::ProfileDelete
            | Self::Release
            | Self::Settle => None,
        }
    }

    /// True if it passes `--all`: it is about every profile's gateway, whatever the step names.
    pub fn is_for_all(&self) -> bool {
        matches!(
            self.parameter(),
            Some(Parameter::All(true) | Parameter::Start { all: true, .. })
        )
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
