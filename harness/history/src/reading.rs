//! What a probe found in a history.

use comeback_scenario::model::Value;

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

impl Reading {
    pub(crate) fn seen(value: Value, seq: Option<u64>) -> Self {
        Self::Seen { value, seq }
    }

    pub(crate) fn missing(why: impl Into<String>) -> Self {
        Self::Missing { why: why.into() }
    }
}
