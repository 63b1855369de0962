//! The verdict of a run: what its cases come to, and the exit code.

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
    /// Nothing can be concluded from at least one case.
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

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseOutcome {
    /// The verdict.
    pub verdict: RunVerdict,
    /// The exit code.
    pub exit: Exit,
}

/// What happened to a run beside its cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// The run failed for a reason of its own: an image could not be built, something was left behind. The exit code is
    /// what it would be if nothing worse came of the cases.
    pub error: Option<Exit>,
    /// The run was cut short by a signal: 130 or 143, whatever was found until then.
    pub interrupted: Option<Exit>,
}

/// The outcome of a run, from the verdict of each case ([`super::attempts::settle`]).
///
/// Regression and mismatch beat inconclusive beats error beats held. A run in which nothing was judged, because nothing
/// was selected or nothing is supported here, has held nothing: its verdict is `error`.
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
        // What was found stands; but a run that did not get to its end has not held.
        Some(exit) => CaseOutcome {
            verdict: verdict.max(RunVerdict::Error),
            exit,
        },
        None => CaseOutcome { verdict, exit },
    }
}
