//! What became of each scenario from one image to another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_scenario::model::Guard;
use comeback_verdict::Classification;

/// What became of a scenario from the old image to the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Fixed on both.
    Held,
    /// Fixed on the old one, not on the new one.
    Introduced,
    /// Not fixed on the old one, fixed on the new one.
    Repaired,
    /// Not fixed on either, in the same way.
    PreExisting,
    /// Not fixed on either, in different ways.
    Changed,
    /// Nothing can be concluded from one of the two, and it matters.
    Inconclusive,
    /// One of the two cannot be played here.
    Unsupported,
}

impl Change {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Introduced => "introduced",
            Self::Repaired => "repaired",
            Self::PreExisting => "pre-existing",
            Self::Changed => "changed",
            Self::Inconclusive => "inconclusive",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One scenario on both images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The scenario's id.
    pub scenario: String,
    /// What the old image was found to be.
    pub old: Classification,
    /// What the new image was found to be.
    pub new: Classification,
    /// What became of it.
    pub change: Change,
    /// True if a row that was in its fixed column no longer is.
    #[serde(default)]
    pub lost: bool,
    /// Parts of the fix whose rows were lost.
    #[serde(default)]
    pub guards: Vec<Guard>,
}
