//! Probes: how a fact is read off the history.

use crate::observe::history::CaseEvidence;
use crate::scenario::model::{Moment, Probe, Scenario, Value};

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A value, and the position in the history of the observation it was read off, where there is one.
    Seen {
        /// The value.
        value: Value,
        /// Position of the observation.
        seq: Option<u64>,
    },
    /// The evidence does not tell.
    Missing {
        /// Why not.
        why: String,
    },
}

/// A row that every scenario has without writing it down: the invariants of each boot.
#[derive(Debug, Clone, PartialEq)]
pub struct InvariantRow {
    /// When.
    pub at: Moment,
    /// Its name, as `invariant.one_boot_line`.
    pub name: &'static str,
    /// Of which profile.
    pub profile: String,
    /// What must be.
    pub wanted: Value,
    /// What was.
    pub reading: Reading,
}

/// Reads a probe at a moment.
pub fn read(_scenario: &Scenario, _case: &CaseEvidence, _at: Moment, _probe: Probe, _profile: &str) -> Reading {
    Reading::Missing {
        why: "not read yet".into(),
    }
}

/// Reads the implicit invariants of every boot and of the end.
pub fn invariants(_scenario: &Scenario, _case: &CaseEvidence) -> Vec<InvariantRow> {
    Vec::new()
}
