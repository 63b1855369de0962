//! The names of operations: what is written in files and records, and what people write instead.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{COMMON, OperationKind, SEED, did_you_mean};

impl OperationKind {
    /// The operation's name in scenario files and reports.
    pub fn name(self) -> &'static str {
        self.info().name()
    }

    /// The operation of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for OperationKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A name that is not in the vocabulary is an error, never a default: nobody here knows what such a step did.
impl<'de> Deserialize<'de> for OperationKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("unknown operation `{name}`")))
    }
}

/// True for a parameter that is often written beside the operation, and belongs inside its table. The keys of a seed
/// are too common as words for that.
pub(crate) fn is_step_parameter(name: &str) -> bool {
    let own = OperationKind::ALL
        .iter()
        .any(|kind| kind.info().shape.key(name).is_some());
    COMMON.iter().any(|key| key.name == name) || (own && SEED.key(name).is_none())
}

/// The operation that was probably meant.
pub(crate) fn suggest_operation(typed: &str) -> Option<&'static str> {
    let lower = typed.to_lowercase().replace(['_', ' '], "-");
    let known = |kind: &&OperationKind| kind.info().also.contains(&lower.as_str());
    if let Some(known) = OperationKind::ALL.iter().find(known) {
        return Some(known.name());
    }
    // People who think of one engine write its name.
    for engine in ["docker-", "podman-", "container-"] {
        if let Some(rest) = lower.strip_prefix(engine) {
            let name = format!("engine-{rest}");
            if let Some(known) = OperationKind::parse(&name) {
                return Some(known.name());
            }
        }
    }
    did_you_mean(&lower, OperationKind::ALL.iter().map(|kind| kind.name()))
}
