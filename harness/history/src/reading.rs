//! The reading of a probe in a history.

use comeback_scenario::model::Value;

/// The reading of a probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A value, and the observation it was read off.
    Seen {
        /// The value.
        value: Value,
        /// Position of the observation in the history, if it was read off a single one.
        seq: Option<u64>,
    },
    /// The evidence gives no value.
    Missing {
        /// The reason.
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
