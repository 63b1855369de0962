//! What is read and what each column says of it: rows, moments, probes and values.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vocabulary::Probe;

/// One row of the behaviour table.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// When it is read.
    pub at: Moment,
    /// What is read.
    pub probe: Probe,
    /// Of which profile.
    pub profile: String,
    /// Of which path on the volume, if it is about one.
    pub path: Option<String>,
    /// In which other container; `None` for the one under test.
    pub container: Option<String>,
    /// What a fixed release shows.
    pub fixed: ValueSet,
    /// What a regressed release shows.
    pub regressed: ValueSet,
    /// Which part of the fix the row stands guard over.
    pub guards: Option<Guard>,
}

/// A figure: what was measured, beside a bound. No verdict depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Of which step, from 1.
    pub step: usize,
    /// What is measured.
    pub probe: Probe,
    /// The bound.
    pub at_most: Duration,
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

/// One deviating row.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownRow {
    /// When.
    pub at: Moment,
    /// What.
    pub probe: Probe,
    /// Of which profile.
    pub profile: String,
    /// Of which path on the volume, if it is about one.
    pub path: Option<String>,
    /// In which other container; `None` for the one under test.
    pub container: Option<String>,
    /// What that release shows.
    pub observed: ValueSet,
}
