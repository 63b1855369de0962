//! What running a sequence comes to.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_scenario::model::{Moment, Probe, Value};

/// What kind of thing is wrong: findings of a kind are looked for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A gateway that is wanted up is down.
    LostUp,
    /// A gateway that is wanted down is up.
    LostDown,
    /// A gateway never comes to rest.
    Restless,
    /// A stop that is not persisted as one. Earlier records tell two ways of it apart.
    #[serde(alias = "stop-forgotten", alias = "stop-overtaken")]
    Unrecorded,
    /// The reconciler wrote no line of a profile at a boot, or more than one.
    BootLine,
    /// A profile that was deleted is still there.
    NotGone,
    /// The container is not there when it has to be.
    Container,
    /// An operator's command failed.
    Command,
    /// An invariant of the catalogue does not hold.
    Invariant,
}

impl Kind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::LostUp => "intent lost: a gateway that is to run is down",
            Self::LostDown => "intent lost: a gateway that was stopped runs",
            Self::Restless => "a gateway does not come to rest",
            Self::Unrecorded => "a stop is not persisted as one",
            Self::BootLine => "the reconciler does not write one line a profile",
            Self::NotGone => "a deleted profile is still there",
            Self::Container => "the container does not run",
            Self::Command => "a command of the operator's fails",
            Self::Invariant => "an invariant does not hold",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Something that was to be so at a moment, and what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What kind of thing is wrong if it was not.
    pub kind: Kind,
    /// When.
    pub at: Moment,
    /// Position in the history.
    pub seq: u64,
    /// How many steps had begun.
    pub begun: usize,
    /// Of which profile.
    pub profile: String,
    /// What was looked at: a probe's name, or an invariant's.
    pub what: String,
    /// The probe, if it is one.
    pub probe: Option<Probe>,
    /// What was to be found.
    pub wanted: Value,
    /// What was found.
    pub found: Value,
}

impl Point {
    /// True if it was so.
    pub fn holds(&self) -> bool {
        self.wanted == self.found
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialOutcome {
    /// Everything was as wanted.
    Held,
    /// Something was not; the first thing.
    Violated(Box<Point>),
    /// Nothing can be concluded.
    Inconclusive(String),
}

/// What a step led to, for whoever reads the sequence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// What is wanted of each profile: `up`, `down`; `either` where it cannot be known.
    pub intent: Vec<(String, String)>,
    /// What each profile's service was found to be; nothing where nobody looked.
    pub service: Vec<(String, String)>,
    /// What the reconciler said in it: `prior_state=stopped action=registered`, with the profile where there are several.
    pub reconciler: Vec<String>,
}

/// What came of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// How it ended.
    pub outcome: TrialOutcome,
    /// Everything that was looked at, in order.
    pub points: Vec<Point>,
    /// By step.
    pub shown: Vec<Shown>,
    /// Each operation that was begun, and a state in which it met a gateway.
    pub met: Vec<(String, String)>,
    /// Steps that came to their end.
    pub steps: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What of it engine and gateway took by themselves, in seconds.
    pub floor: f64,
}

impl Trial {
    /// What was wrong first, if something was.
    pub fn violation(&self) -> Option<&Point> {
        match &self.outcome {
            TrialOutcome::Violated(point) => Some(point),
            TrialOutcome::Held | TrialOutcome::Inconclusive(_) => None,
        }
    }

    /// Something that never began.
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
