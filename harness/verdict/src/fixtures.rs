//! Rows for tests.
#![allow(clippy::unwrap_used)]

use comeback_scenario::fixtures::{set, value};
use comeback_scenario::model::{DEFAULT_PROFILE, Moment, Scenario};

use crate::rows::Row;

/// A row with an observation. `?` stands for a missing reading.
pub fn row(at: Moment, probe: &str, observed: &str, fixed: &[&str], regressed: &[&str]) -> Row {
    let seen = observed != "?";
    Row {
        at,
        profile: DEFAULT_PROFILE.into(),
        path: None,
        container: None,
        probe: probe.into(),
        observed: seen.then(|| value(observed)),
        why_missing: (!seen).then(|| "the observer was not there".into()),
        fixed: set(fixed),
        regressed: set(regressed),
        guards: None,
        implicit: probe.starts_with("invariant."),
        seq: None,
        line: None,
    }
}

/// The rows of a scenario, with these observations in order.
pub fn rows_of(scenario: &Scenario, observed: &[&str]) -> Vec<Row> {
    assert_eq!(scenario.expects.len(), observed.len());
    let lines = scenario.source.expect_lines.iter();
    scenario
        .expects
        .iter()
        .zip(observed)
        .zip(lines)
        .map(|((expect, observed), line)| {
            let mut row = row(expect.at, expect.probe.name(), observed, &[], &[]);
            row.fixed = expect.fixed.clone();
            row.regressed = expect.regressed.clone();
            row.guards = expect.guards;
            row.line = Some(*line);
            row
        })
        .collect()
}

/// An implicit invariant row that expects `true`.
pub fn invariant_row(observed: &str) -> Row {
    row(
        Moment::Boot(2),
        "invariant.one_boot_line",
        observed,
        &["true"],
        &["true"],
    )
}
