//! The key of one attempt of a case, as files and messages write it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Case;

/// Identifies one attempt of a case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct CaseKey {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Attempt, from 1.
    pub attempt: u32,
}

impl CaseKey {
    /// The key of attempt number `attempt` (from 1) of a case.
    pub fn of(case: &Case, attempt: u32) -> Self {
        Self {
            scenario: case.scenario.clone(),
            image: case.image.clone(),
            repeat: case.repeat,
            attempt,
        }
    }
}

impl std::fmt::Display for CaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} @ {}", self.scenario, self.image)?;
        if self.repeat > 1 {
            write!(f, " #{}", self.repeat)?;
        }
        if self.attempt > 1 {
            write!(f, ", attempt {}", self.attempt)?;
        }
        Ok(())
    }
}
