//! The probes, with the values each can have and the moments it can be read at.

use comeback_gateway::boot_line::ACTIONS;
use comeback_gateway::state::DESIRED;

use super::GATEWAY_STATES;
use crate::model::Probe;

/// One probe of the closed set.
#[derive(Debug)]
pub struct ProbeInfo {
    /// Which.
    pub probe: Probe,
    /// What it can show.
    pub values: Values,
    /// Whether `{ absent = true }` is one of them.
    pub absent: Option<&'static str>,
    /// When it can be read.
    pub moments: Moments,
    /// What it tells.
    pub doc: &'static str,
}

/// The values of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// These words and no others.
    Words(&'static [&'static str]),
    /// What a state file says: these words, or another one that the scenario itself puts there.
    States(&'static [&'static str]),
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
}

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

/// What is known of that probe.
pub fn probe_info(probe: Probe) -> &'static ProbeInfo {
    // A test holds the two lists together, so the position is right.
    &PROBES[Probe::ALL.iter().position(|p| *p == probe).unwrap_or(0)]
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

/// Every probe, in the order of the documentation.
pub const PROBES: &[ProbeInfo] = &[
    ProbeInfo {
        probe: Probe::StateGatewayState,
        values: Values::States(GATEWAY_STATES),
        absent: Some("no state file, or none with that key"),
        moments: Moments::Any,
        doc: "`gateway_state` in the profile's gateway_state.json",
    },
    ProbeInfo {
        probe: Probe::StateDesiredState,
        values: Values::States(DESIRED),
        absent: Some("no state file, or none with that key"),
        moments: Moments::Any,
        doc: "`desired_state` in the profile's gateway_state.json: the operator's intent, from 0.17.0 on",
    },
    ProbeInfo {
        probe: Probe::StateParses,
        values: Values::Bool,
        absent: Some("no state file"),
        moments: Moments::Any,
        doc: "whether the state file is a JSON object",
    },
    ProbeInfo {
        probe: Probe::StatePidIsService,
        values: Values::Bool,
        absent: Some("no pid in the state file"),
        moments: Moments::Any,
        doc: "whether the state file's `pid` and `start_time` are those of the supervised process",
    },
    ProbeInfo {
        probe: Probe::Marker,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the planned-stop marker, .gateway-planned-stop.json",
    },
    ProbeInfo {
        probe: Probe::BootPriorState,
        values: Values::States(PRIOR),
        absent: Some("the line says None, or there is no line"),
        moments: Moments::NotDown,
        doc: "`prior_state=` of the profile's line in container-boot.log for that boot",
    },
    ProbeInfo {
        probe: Probe::BootAction,
        values: Values::Words(ACTIONS),
        absent: Some("no line for the profile"),
        moments: Moments::NotDown,
        doc: "`action=` of the profile's line in container-boot.log for that boot",
    },
    ProbeInfo {
        probe: Probe::BootLines,
        values: Values::Count,
        absent: None,
        moments: Moments::NotDown,
        doc: "how many lines that boot added to container-boot.log for the profile",
    },
    ProbeInfo {
        probe: Probe::Slot,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the profile's service directory, /run/service/gateway-<profile>",
    },
    ProbeInfo {
        probe: Probe::SlotDownFile,
        values: Values::Presence,
        absent: Some("the same as \"absent\""),
        moments: Moments::Any,
        doc: "the `down` file in the service directory, which keeps it from being started",
    },
    ProbeInfo {
        probe: Probe::Service,
        values: Values::Words(&["up", "down", "respawning"]),
        absent: Some("no such service"),
        moments: Moments::Any,
        doc: "what the supervisor says; at `end` it has been so for the whole settling window",
    },
    ProbeInfo {
        probe: Probe::ServiceNewProcess,
        values: Values::Bool,
        absent: Some("no process"),
        moments: Moments::Any,
        doc: "whether another process serves than before the last step that could end it",
    },
    ProbeInfo {
        probe: Probe::ServiceExit,
        values: Values::ExitOrSignal,
        absent: Some("no process of it has ended"),
        moments: Moments::Any,
        doc: "how the gateway's process ended: its exit code, or the signal that killed it",
    },
    ProbeInfo {
        probe: Probe::ServiceProcesses,
        values: Values::Count,
        absent: None,
        moments: Moments::Any,
        doc: "how many gateway processes the profile has",
    },
    ProbeInfo {
        probe: Probe::Shutdown,
        values: Values::Words(&["planned", "signal", "restart"]),
        absent: Some("it did not say"),
        moments: Moments::Any,
        doc: "what the gateway took its shutdown for, from its own log",
    },
    ProbeInfo {
        probe: Probe::Container,
        values: Values::Words(&["running", "exited", "looping"]),
        absent: None,
        moments: Moments::Any,
        doc: "what the engine says of the container; `looping`: since a step last started or stopped it, it ended three \
              times by itself under a restart policy, and no boot has come to its rest since",
    },
    ProbeInfo {
        probe: Probe::ContainerExit,
        values: Values::ExitCode,
        absent: Some("it runs"),
        moments: Moments::Any,
        doc: "the container's exit code",
    },
    ProbeInfo {
        probe: Probe::ContainerBoots,
        values: Values::Count,
        absent: None,
        moments: Moments::Any,
        doc: "how many times the container was started so far, by whomever",
    },
    ProbeInfo {
        probe: Probe::StepExit,
        values: Values::ExitCode,
        absent: None,
        moments: Moments::After,
        doc: "what the command of step N returned",
    },
    ProbeInfo {
        probe: Probe::StepSays,
        values: Values::Substring,
        absent: None,
        moments: Moments::After,
        doc: "a part of what the command of step N printed",
    },
];
