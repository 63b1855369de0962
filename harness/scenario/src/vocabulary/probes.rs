//! The declarations of the probes: all that is known of each, in the order of the documentation.
//!
//! Only `comeback_history::probe` knows how one is read.

use std::fmt;

use comeback_gateway::boot_line::{ACTIONS, PRIOR_EXITS};
use comeback_gateway::state::DESIRED;

use super::{GATEWAY_STATES, declare};

/// One probe of the closed set.
#[derive(Debug)]
pub struct ProbeInfo {
    /// Its name in scenario files and reports.
    pub name: &'static str,
    /// What it is a fact about.
    pub about: About,
    /// What it can show.
    pub values: Values,
    /// Whether `{ absent = true }` is one of them.
    pub absent: Option<&'static str>,
    /// When it can be read.
    pub moments: Moments,
    /// What it tells.
    pub doc: &'static str,
    /// How a report calls it, before the moment: `state file` while down.
    pub label: &'static str,
    /// How a report calls it at a boot, after the boot's number: boot 2 `finds`. `None`: as at any other moment.
    pub boot_label: Option<&'static str>,
}

/// What a probe is a fact about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A profile's gateway and its files on the volume.
    Gateway,
    /// A profile's gateway as a service and as processes of a container.
    Service,
    /// The container.
    Container,
    /// A step of the scenario.
    Step,
    /// A path on the volume, which the row's `path` names.
    Path,
}

/// The values of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// These words and no others.
    Words(&'static [&'static str]),
    /// What a state file says: these words, or another one that the scenario itself puts there.
    States(&'static [&'static str]),
    /// What a boot line calls the state it found: as [`Values::States`], and `None`, which says the same as "absent".
    PriorStates(&'static [&'static str]),
    /// `present` or `absent`.
    Presence,
    /// `true` or `false`.
    Bool,
    /// A whole number, not negative.
    Count,
    /// An exit code, 0 to 255.
    ExitCode,
    /// An exit code, or the signal that killed it.
    ExitOrSignal,
    /// A part of what was printed.
    Substring,
    /// What a path is and whose: `file of hermes`.
    Entry,
    /// A duration. It is a figure: no verdict depends on it.
    Duration,
}

/// What a path can be.
pub const ENTRY_KINDS: &[&str] = &["file", "dir", "symlink", "other"];

/// The moments a probe makes sense at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moments {
    /// Any.
    Any,
    /// All but `down:N`: it is about a boot, not about a gateway's end.
    NotDown,
    /// `after:N` only: it is about that step.
    After,
}

/// The words a boot line can show; `None` is how the reconciler prints that there was no state to read.
const PRIOR: &[&str] = &[
    "starting",
    "running",
    "draining",
    "degraded",
    "startup_failed",
    "stopped",
    "None",
];

declare! {
    /// The closed set of probes: how a fact is read off the history.
    enum Probe: ProbeInfo;

    StateGatewayState => ProbeInfo {
        name: "state.gateway_state",
        about: About::Gateway,
        values: Values::States(GATEWAY_STATES),
        absent: Some("no state file, or none with that key"),
        moments: Moments::Any,
        doc: "`gateway_state` in the profile's gateway_state.json",
        label: "state file",
        boot_label: None,
    },
    StateDesiredState => ProbeInfo {
        name: "state.desired_state",
        about: About::Gateway,
        values: Values::States(DESIRED),
        absent: Some("no state file, or none with that key"),
        moments: Moments::Any,
        doc: "`desired_state` in the profile's gateway_state.json: the operator's intent, from 0.17.0 on",
        label: "desired state",
        boot_label: None,
    },
    StateParses => ProbeInfo {
        name: "state.parses",
        about: About::Gateway,
        values: Values::Bool,
        absent: Some("no state file"),
        moments: Moments::Any,
        doc: "whether the state file is a JSON object",
        label: "state file parses",
        boot_label: None,
    },
    StatePidIsService => ProbeInfo {
        name: "state.pid_is_service",
        about: About::Gateway,
        values: Values::Bool,
        absent: Some("no pid in the state file"),
        moments: Moments::Any,
        doc: "whether the state file's `pid` and `start_time` are those of the supervised process",
        label: "state file's pid is up",
        boot_label: None,
    },
    Marker => ProbeInfo {
        name: "marker",
        about: About::Gateway,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the planned-stop marker, .gateway-planned-stop.json",
        label: "stop marker",
        boot_label: None,
    },
    BootPriorState => ProbeInfo {
        name: "boot.prior_state",
        about: About::Gateway,
        values: Values::PriorStates(PRIOR),
        absent: Some("the line says None, or there is no line"),
        moments: Moments::NotDown,
        doc: "`prior_state=` of the profile's line in container-boot.log for that boot",
        label: "boot prior state",
        boot_label: Some("finds"),
    },
    BootAction => ProbeInfo {
        name: "boot.action",
        about: About::Gateway,
        values: Values::Words(ACTIONS),
        absent: Some("no line for the profile"),
        moments: Moments::NotDown,
        doc: "`action=` of the profile's line in container-boot.log for that boot",
        label: "boot action",
        boot_label: Some("does"),
    },
    BootLines => ProbeInfo {
        name: "boot.lines",
        about: About::Gateway,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many lines that boot added to container-boot.log for the profile",
        label: "boot lines",
        boot_label: Some("lines"),
    },
    BootFolded => ProbeInfo {
        name: "boot.folded",
        about: About::Gateway,
        values: Values::Bool,
        absent: Some("the line does not say so, or there is no line"),
        moments: Moments::NotDown,
        doc: "`folded_into_root=` of the profile's line in container-boot.log for that boot: whether the default profile's \
              gateway is started for it; on the line of the default profile, whether it is started for another one",
        label: "boot folded",
        boot_label: Some("folds into root"),
    },
    BootPriorExit => ProbeInfo {
        name: "boot.prior_exit",
        about: About::Gateway,
        values: Values::Words(PRIOR_EXITS),
        absent: Some("the line does not say so, or there is no line"),
        moments: Moments::NotDown,
        doc: "`prior_exit=` of the profile's line in container-boot.log for that boot: how the gateway before it ended",
        label: "boot prior exit",
        boot_label: Some("prior exit"),
    },
    Served => ProbeInfo {
        name: "served",
        about: About::Gateway,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many gateways serve the profile: its own, and the default profile's, if it runs and its state file \
              lists the profile in `served_profiles`",
        label: "serving gateways",
        boot_label: None,
    },
    Slot => ProbeInfo {
        name: "slot",
        about: About::Service,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the profile's service directory, /run/service/gateway-<profile>",
        label: "slot",
        boot_label: None,
    },
    SlotDownFile => ProbeInfo {
        name: "slot.down_file",
        about: About::Service,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the `down` file in the service directory, which keeps it from being started",
        label: "slot's down file",
        boot_label: None,
    },
    Service => ProbeInfo {
        name: "service",
        about: About::Service,
        values: Values::Words(&["up", "down", "respawning"]),
        absent: Some("the container ends again and again"),
        moments: Moments::Any,
        doc: "what the supervisor says, `down` also where there is no slot or no container that runs; at `end` it has been so for \
              the whole settling window",
        label: "gateway",
        boot_label: None,
    },
    ServiceNewProcess => ProbeInfo {
        name: "service.new_process",
        about: About::Service,
        values: Values::Bool,
        absent: Some("no process"),
        moments: Moments::Any,
        doc: "whether another process serves than before the last step that ends or replaces it, or than at the start",
        label: "new process",
        boot_label: None,
    },
    ServiceExit => ProbeInfo {
        name: "service.exit",
        about: About::Service,
        values: Values::ExitOrSignal,
        absent: Some("no process of it has ended"),
        moments: Moments::Any,
        doc: "how the gateway's process ended: its exit code, or the signal that killed it",
        label: "gateway's exit",
        boot_label: None,
    },
    ServiceProcesses => ProbeInfo {
        name: "service.processes",
        about: About::Service,
        values: Values::Count,
        absent: None,
        moments: Moments::Any,
        doc: "how many gateway processes the profile has",
        label: "gateway processes",
        boot_label: None,
    },
    ServiceDeaths => ProbeInfo {
        name: "service.deaths",
        about: About::Service,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many processes of the service have ended since the container was last started, by the supervisor's tally",
        label: "service's deaths",
        boot_label: None,
    },
    GatewayProcesses => ProbeInfo {
        name: "gateway.processes",
        about: About::Service,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many processes are the profile's gateway, whoever started them: supervised or not; without `container`, in all \
              containers together",
        label: "processes of the gateway",
        boot_label: None,
    },
    CronTicks => ProbeInfo {
        name: "cron.ticks",
        about: About::Gateway,
        values: Values::Bool,
        absent: Some("no heartbeat of it was ever seen"),
        moments: Moments::NotDown,
        doc: "whether the gateway's scheduler has renewed its heartbeat, cron/ticker_heartbeat, since the process that is \
              supervised now was first seen; releases before 0.18 have none",
        label: "scheduler ticks",
        boot_label: None,
    },
    Shutdown => ProbeInfo {
        name: "shutdown",
        about: About::Gateway,
        values: Values::Words(&["planned", "signal", "restart"]),
        absent: Some("it did not say"),
        moments: Moments::Any,
        doc: "what the gateway took its shutdown for, from its own log",
        label: "stop taken for",
        boot_label: None,
    },
    Container => ProbeInfo {
        name: "container",
        about: About::Container,
        values: Values::Words(&["running", "paused", "exited", "looping"]),
        absent: None,
        moments: Moments::Any,
        doc: "what the engine says of the container; `looping`: since a step last started or stopped it, it ended three \
              times by itself under a restart policy, and no boot has come to its rest since",
        label: "container",
        boot_label: None,
    },
    ContainerExit => ProbeInfo {
        name: "container.exit",
        about: About::Container,
        values: Values::ExitCode,
        absent: Some("it runs"),
        moments: Moments::Any,
        doc: "the container's exit code",
        label: "container's exit",
        boot_label: None,
    },
    ContainerBoots => ProbeInfo {
        name: "container.boots",
        about: About::Container,
        values: Values::Count,
        absent: None,
        moments: Moments::Any,
        doc: "how many times the container was started so far, by whomever",
        label: "container boots",
        boot_label: None,
    },
    ContainerHealth => ProbeInfo {
        name: "container.health",
        about: About::Container,
        values: Values::Words(&["starting", "healthy", "unhealthy"]),
        absent: Some("the container has no health check"),
        moments: Moments::NotDown,
        doc: "what the engine said last of the container's health check, in this life of it",
        label: "container's health",
        boot_label: None,
    },
    ContainerZombies => ProbeInfo {
        name: "container.zombies",
        about: About::Container,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many processes of the container have ended and were not reaped: their parent has not asked how they ended",
        label: "zombies",
        boot_label: None,
    },
    File => ProbeInfo {
        name: "file",
        about: About::Path,
        values: Values::Entry,
        absent: Some("nothing is there"),
        moments: Moments::NotDown,
        doc: "what is at the row's `path` on the volume, and whose: `KIND of OWNER`; links are not followed",
        label: "on the volume",
        boot_label: None,
    },
    StepExit => ProbeInfo {
        name: "step.exit",
        about: About::Step,
        values: Values::ExitCode,
        absent: Some("it could not be run, or it was left running"),
        moments: Moments::After,
        doc: "what the command of step N returned",
        label: "command's exit",
        boot_label: None,
    },
    StepSays => ProbeInfo {
        name: "step.says",
        about: About::Step,
        values: Values::Substring,
        absent: None,
        moments: Moments::After,
        doc: "a part of what the command of step N printed",
        label: "command says",
        boot_label: None,
    },
    StepTook => ProbeInfo {
        name: "step.took",
        about: About::Step,
        values: Values::Duration,
        absent: None,
        moments: Moments::After,
        doc: "how long step N took, from its beginning until its effect was proven; a figure, so it is read by [[figure]] \
              and not by [[expect]]",
        label: "step took",
        boot_label: None,
    },
}

impl Probe {
    /// The probe's name in scenario files and reports.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// True if it is a figure: a `[[figure]]` reads it, and no row does.
    pub fn is_a_figure(self) -> bool {
        self.info().values == Values::Duration
    }

    /// Probes that rows read.
    pub fn of_rows() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|probe| !probe.is_a_figure())
    }

    /// Probes that figures read.
    pub fn figures() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|probe| probe.is_a_figure())
    }

    /// True if it can be read of any container.
    pub fn is_of_a_container(self) -> bool {
        matches!(self.info().about, About::Container | About::Service)
    }

    /// True if a timer changes it, so it may change while nothing is under way.
    pub fn is_timed(self) -> bool {
        matches!(self, Self::ContainerHealth | Self::CronTicks)
    }

    /// The probe of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == text)
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
