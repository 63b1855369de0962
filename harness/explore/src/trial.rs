//! The result of running a sequence.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_scenario::model::{Moment, Probe, Value};

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A gateway that should run is down.
    LostUp,
    /// A gateway that should be down runs.
    LostDown,
    /// More gateways run than are wanted, over all containers on the volume.
    Twice,
    /// A gateway never comes to rest.
    Restless,
    /// A stop is not persisted as a stop. Older records distinguish two forms of it.
    #[serde(alias = "stop-forgotten", alias = "stop-overtaken")]
    Unrecorded,
    /// The reconciler wrote no line for a profile at a boot, or more than one.
    BootLine,
    /// A deleted profile is still there.
    NotGone,
    /// The container does not run when it should.
    Container,
    /// An operator's command failed.
    Command,
    /// An invariant of the catalogue does not hold.
    Invariant,
}

impl Kind {
    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::LostUp => "intent lost: a gateway that should run is down",
            Self::LostDown => "intent lost: a gateway that was stopped runs",
            Self::Twice => "more gateways run on the volume than are wanted",
            Self::Restless => "a gateway does not come to rest",
            Self::Unrecorded => "a stop is not persisted as a stop",
            Self::BootLine => "the reconciler does not write exactly one line per profile",
            Self::NotGone => "a deleted profile is still there",
            Self::Container => "the container does not run",
            Self::Command => "an operator's command fails",
            Self::Invariant => "an invariant does not hold",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A check at a moment: the wanted value and the observed one.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The kind of failure if they differ.
    pub kind: Kind,
    /// The moment.
    pub at: Moment,
    /// The position in the history.
    pub seq: u64,
    /// How many steps had begun.
    pub begun: usize,
    /// The profile.
    pub profile: String,
    /// The name of the probe or invariant.
    pub what: String,
    /// The probe; `None` for an invariant.
    pub probe: Option<Probe>,
    /// The wanted value.
    pub wanted: Value,
    /// The observed value.
    pub found: Value,
}

impl Point {
    /// True if the observed value is the wanted one.
    pub fn holds(&self) -> bool {
        self.wanted == self.found
    }
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialOutcome {
    /// All checks held.
    Held,
    /// A check did not hold; contains the first.
    Violated(Box<Point>),
    /// Nothing can be concluded; contains the reason.
    Inconclusive(String),
}

/// The effect of a step, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// The intent for each profile: `up` or `down`, or `either` if it cannot be known.
    pub intent: Vec<(String, String)>,
    /// The state of each profile's service; empty if it was not read.
    pub service: Vec<(String, String)>,
    /// The reconciler's lines during the step: `prior_state=stopped action=registered`, with the profile if there are
    /// several.
    pub reconciler: Vec<String>,
}

/// The result of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// How it ended.
    pub outcome: TrialOutcome,
    /// All checks, in order.
    pub points: Vec<Point>,
    /// The effect of each step.
    pub shown: Vec<Shown>,
    /// Each operation that began, with a state in which it met a gateway.
    pub met: Vec<(String, String)>,
    /// Number of steps that ended.
    pub steps: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The floor: the part of it that engine and gateway take without the harness, in seconds.
    pub floor: f64,
}

impl Trial {
    /// The first violation, if there is one.
    pub fn violation(&self) -> Option<&Point> {
        match &self.outcome {
            TrialOutcome::Violated(point) => Some(point),
            TrialOutcome::Held | TrialOutcome::Inconclusive(_) => None,
        }
    }

    /// The result of a sequence that did not begin.
    pub fn inconclusive(why: impl Into<String>) -> Self {
        Self {
            outcome: TrialOutcome::Inconclusive(why.into()),
            points: Vec::new(),
            shown: Vec::new(),
            met: Vec::new(),
            steps: 0,
            seconds: 0.0,
            floor: 0.0,
        }
    }
}
