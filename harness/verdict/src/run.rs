//! The verdict of a run and its exit code, from the verdicts of its cases.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::judge::Verdict;

/// The verdict of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// Nothing is worse than expected.
    Held,
    /// Engine, images or harness failed, or there was nothing to judge.
    Error,
    /// At least one case is inconclusive.
    Inconclusive,
    /// At least one regression or mismatch.
    Regression,
}

impl RunVerdict {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::Regression => "regression",
        }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseOutcome {
    /// The verdict.
    pub verdict: RunVerdict,
    /// The exit code.
    pub exit: Exit,
}

/// What went wrong in a run apart from its cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// The run itself failed: an image could not be built, or something was not removed. This is the exit code unless
    /// a case gives a worse one.
    pub error: Option<Exit>,
    /// A signal interrupted the run: 130 or 143, whatever the cases gave until then.
    pub interrupted: Option<Exit>,
}

/// The result of a run, from the verdict of each case ([`super::attempts::settle`]).
///
/// A regression or mismatch outweighs inconclusive, which outweighs error, which outweighs held. A run that judged
/// nothing, because nothing was selected or all cases are unsupported, has the verdict `error`.
pub fn outcome(verdicts: &[Verdict], faults: Faults) -> CaseOutcome {
    let has = |wanted: Verdict| verdicts.contains(&wanted);
    let (verdict, exit) = if verdicts.iter().any(|v| v.is_red()) {
        (RunVerdict::Regression, Exit::Regression)
    } else if has(Verdict::Inconclusive) {
        (RunVerdict::Inconclusive, Exit::Inconclusive)
    } else if let Some(exit) = faults.error {
        (RunVerdict::Error, exit)
    } else if has(Verdict::Error) {
        (RunVerdict::Error, Exit::Environment)
    } else if verdicts.iter().all(|v| *v == Verdict::Unsupported) {
        (RunVerdict::Error, Exit::Nothing)
    } else {
        (RunVerdict::Held, Exit::Held)
    };
    match faults.interrupted {
        // The results so far stand, but an interrupted run has not held.
        Some(exit) => CaseOutcome {
            verdict: verdict.max(RunVerdict::Error),
            exit,
        },
        None => CaseOutcome { verdict, exit },
    }
}
