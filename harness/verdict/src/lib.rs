//! The verdict on a case: which column of the behaviour table the observations match, and whether that was expected
//! of this image.
//!
//! Pure: nothing here reads a file, a clock or an engine. The same evidence always gives the same [`Judged`].
//! [`judge_case`] judges one attempt of a case, [`attempts::settle`] all its attempts, [`run::outcome`] a run:
//!
//! ```
//! use comeback_verdict::attempts::settle;
//! use comeback_verdict::run::{Faults, outcome};
//! use comeback_verdict::{Exit, Verdict};
//!
//! let retried = settle(&[Verdict::Inconclusive, Verdict::Held]).unwrap();
//! assert_eq!(retried.verdict, Verdict::Held);
//! assert_eq!(outcome(&[retried.verdict, Verdict::Regression], Faults::default()).exit, Exit::Regression);
//! ```

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
/// `explicit` is the column that `--expect` or `reproduce` asks for. Without it, [`expected::expectation`] derives
/// the expectation from the image.
pub fn judge_case(scenario: &Scenario, evidence: &CaseEvidence, subject: &Subject, explicit: Option<Column>) -> Judged {
    let rows = rows::read_rows(scenario, evidence);
    let expectation = expected::expectation(scenario, subject, explicit);
    let races = expected::races(scenario, subject);
    let judged = judge::judge(rows, &evidence.end, &expectation, &races);
    match missed_window(evidence) {
        // A missed `wait-until` means that a later step was not done at its moment, so the scenario was not tested.
        Some(why) if judged.classification == Classification::Fixed => {
            judge::judge(judged.rows, &CaseEnd::Inconclusive(why), &expectation, &races)
        }
        _ => judged,
    }
}

/// The first difference between what has been read of a case so far and everything that is expected of it, in words.
pub fn difference_so_far(
    scenario: &Scenario,
    evidence: &CaseEvidence,
    subject: &Subject,
    explicit: Option<Column>,
) -> Option<String> {
    let rows = rows::read_rows(scenario, evidence);
    let expectation = expected::expectation(scenario, subject, explicit);
    let races = expected::races(scenario, subject);
    let row = judge::first_difference(&rows, &expectation, &races)?;
    let seen = row.observed.as_ref().map(ToString::to_string).unwrap_or_default();
    Some(format!("{row} is {seen}; fixed is {}", row.fixed))
}

/// The first `wait-until` that did not come true, in words.
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
