//! The verdict: what was seen, which column of the behaviour table that is, and what follows for this image.
//!
//! Pure: nothing here reads a file, a clock or an engine. Evidence goes in, a [`Judged`] comes out, and the same evidence
//! always gives the same one.

pub mod attempts;
pub mod classify;
pub mod exit;
pub mod expected;
pub mod judge;
pub mod rows;
pub mod run;

pub use classify::{Classification, Classified};
pub use exit::{Exit, ExitStyle};
pub use expected::{Column, Expectation, Subject};
pub use judge::{Judged, Verdict};
pub use rows::Row;
pub use run::{CaseOutcome, RunVerdict};

use comeback_history::facts::{CaseEnd, CaseEvidence, Fact};
use comeback_scenario::model::Scenario;

/// Judges one attempt of a case.
///
/// `explicit` is what `--expect` or `reproduce` asks for; without it [`expected::expectation`] decides from the image.
pub fn judge_case(scenario: &Scenario, evidence: &CaseEvidence, subject: &Subject, explicit: Option<Column>) -> Judged {
    let rows = rows::read_rows(scenario, evidence);
    let expectation = expected::expectation(scenario, subject, explicit);
    let races = expected::races(scenario, subject);
    let judged = judge::judge(rows, &evidence.end, &expectation, &races);
    match missed_window(evidence) {
        // What was to be true before a later step was not: whatever held then, the scenario was not played.
        Some(why) if judged.classification == Classification::Fixed => {
            judge::judge(judged.rows, &CaseEnd::Inconclusive(why), &expectation, &races)
        }
        _ => judged,
    }
}

/// In words: the first `wait-until` that did not come true.
fn missed_window(evidence: &CaseEvidence) -> Option<String> {
    evidence.history.iter().find_map(|o| match &o.fact {
        Fact::StepEnded {
            step,
            note,
            came_true: Some(false),
            ..
        } => {
            let note = note.as_deref().unwrap_or("did not come true");
            Some(format!("step {step} wait-until {note}"))
        }
        _ => None,
    })
}

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
