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
use comeback_history::now::Now;
use comeback_scenario::model::{Expect, Moment, Scenario};
use comeback_scenario::vocabulary::About;

/// Judges one attempt of a case.
///
/// `explicit` is the column that `--expect` or `reproduce` asks for. Without it, [`expected::expectation`] derives
/// the expectation from the image.
pub fn judge_case(scenario: &Scenario, evidence: &CaseEvidence, subject: &Subject, explicit: Option<Column>) -> Judged {
    let rows = rows::read_rows(scenario, evidence);
    let expectation = expected::expectation(scenario, subject, explicit);
    let races = expected::races(scenario, subject);
    let judged = judge::judge(rows, &evidence.end, &expectation, &races);
    let never = never_came(scenario, evidence);
    let others_hold = || {
        let others = judged
            .rows
            .iter()
            .filter(|row| !never.iter().any(|(at, profile, _)| row.is_at(*at, profile)));
        others.into_iter().all(Row::is_fixed)
    };
    let untested = match judged.classification {
        Classification::Fixed => not_done(scenario, evidence).or_else(|| never.first().map(|(.., why)| why.clone())),
        // Only rows differ that were read at a moment which never came.
        _ if judged.verdict.is_red() && others_hold() => never.first().map(|(.., why)| why.clone()),
        _ => None,
    };
    match untested {
        Some(why) => judge::judge(judged.rows, &CaseEnd::Inconclusive(why), &expectation, &races),
        None => judged,
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

/// The step that was not done, although every row is as in the fixed column.
///
/// A `wait-until` that did not come true means that a later step was not done at its moment; another step may not have been
/// done at all. A row about such a step says that this is wanted.
fn not_done(scenario: &Scenario, evidence: &CaseEvidence) -> Option<String> {
    let is_wanted = |number: usize| {
        let about = |row: &Expect| row.at == Moment::After(number) && row.probe.info().about == About::Step;
        scenario.expects.iter().any(about)
    };
    evidence.history.iter().find_map(|o| match &o.fact {
        Fact::StepEnded {
            step,
            note,
            came_true: Some(false),
            ..
        } if !is_wanted(*step) => {
            let op = scenario
                .steps
                .get(step.checked_sub(1)?)
                .map_or("", |step| step.op.name());
            let note = note.as_deref().unwrap_or("did not come true");
            Some(match op {
                "wait-until" => format!("step {step} wait-until {note}"),
                _ => format!("step {step} {op} was not done: {note}"),
            })
        }
        _ => None,
    })
}

/// The moments `down:N` that never came, with the profile and why: what is read there is nothing.
fn never_came(scenario: &Scenario, evidence: &CaseEvidence) -> Vec<(Moment, String, String)> {
    let end = Now::at_end(&evidence.history);
    let ended = |profile: &str| {
        let lives = end.profile(profile).lives;
        lives.iter().filter(|life| life.ended.is_some()).count()
    };
    let rows = scenario.expects.iter().filter_map(|row| match row.at {
        Moment::Down(n) if n > ended(&row.profile) => {
            let (at, profile, ended) = (row.at, &row.profile, ended(&row.profile));
            let why = format!("{at}: {ended} gateways of {profile} ended, so there is nothing to read there");
            Some((at, profile.clone(), why))
        }
        _ => None,
    });
    rows.collect()
}

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
