//! How each scenario changed from one image to another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_scenario::model::Guard;
use comeback_verdict::Classification;

/// What a comparison is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whether a scenario that holds on neither image counts.
    pub pre_existing: bool,
    /// Whether the images are compared row by row, in place of their results.
    #[serde(default)]
    pub likeness: bool,
}

/// How a scenario changed from the old image to the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Fixed on both.
    Held,
    /// Fixed on the old image, not on the new one.
    Introduced,
    /// Not fixed on the old image, fixed on the new one.
    Repaired,
    /// Not fixed on either, in the same way.
    PreExisting,
    /// Not fixed on either, in different ways.
    Changed,
    /// One of the two is inconclusive, and the change depends on it.
    Inconclusive,
    /// One of the two cannot be run on this engine or host.
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
    /// Classification on the old image.
    pub old: Classification,
    /// Classification on the new image.
    pub new: Classification,
    /// The change between them.
    pub change: Change,
    /// True if a row that was in its fixed column on the old image no longer is.
    #[serde(default)]
    pub lost: bool,
    /// Parts of the fix whose rows were lost.
    #[serde(default)]
    pub guards: Vec<Guard>,
}
