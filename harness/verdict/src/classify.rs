//! Classification: which column of the behaviour table the observations match.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rows::Row;
use comeback_history::facts::CaseEnd;
use comeback_scenario::model::Probe;
use comeback_scenario::vocabulary::Values;

/// Which column the observations of a case match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Classification {
    /// Every row is in its fixed set.
    Fixed,
    /// There is a discriminating row, all of them are in their regressed set, and the invariant rows hold.
    Regressed,
    /// The evidence is complete and matches neither column.
    Neither,
    /// Evidence is missing, or the effect of a step is not proven.
    Inconclusive,
    /// This engine or host cannot do a step.
    Unsupported,
    /// The engine or the harness failed before the first step, or the requested fault was not in force.
    Error,
}

impl Classification {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Regressed => "regressed",
            Self::Neither => "neither",
            Self::Inconclusive => "inconclusive",
            Self::Unsupported => "unsupported",
            Self::Error => "error",
        }
    }

    /// True if the evidence was complete.
    pub fn is_conclusive(self) -> bool {
        matches!(self, Self::Fixed | Self::Regressed | Self::Neither)
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A classification with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// Which column.
    pub classification: Classification,
    /// Why; `None` for `fixed`, which needs no explanation.
    pub reason: Option<String>,
}

impl Classified {
    fn new(classification: Classification, reason: impl Into<String>) -> Self {
        Self {
            classification,
            reason: Some(reason.into()),
        }
    }
}

/// Classifies a case by its rows and by how it ended.
///
/// If the end is not [`CaseEnd::Complete`], it decides, whatever the rows show. One row without evidence makes the
/// case inconclusive: missing evidence never counts for a column.
pub fn classify(rows: &[Row], end: &CaseEnd) -> Classified {
    match end {
        CaseEnd::Inconclusive(why) => return Classified::new(Classification::Inconclusive, why),
        CaseEnd::Unsupported(why) => return Classified::new(Classification::Unsupported, why),
        CaseEnd::Error(why) => return Classified::new(Classification::Error, why),
        CaseEnd::Stopped(_) => {
            let read: Vec<Row> = rows.iter().filter(|row| row.observed.is_some()).cloned().collect();
            return match classify(&read, &CaseEnd::Complete) {
                // Whatever the rest would have been, nothing was concluded.
                found if found.classification == Classification::Fixed => Classified::new(
                    Classification::Inconclusive,
                    "it was stopped, and what was read by then is as in the fixed column",
                ),
                found => found,
            };
        }
        CaseEnd::Complete => {}
    }
    if let Some(row) = rows.iter().find(|row| row.observed.is_none()) {
        let why = row.why_missing.as_deref().unwrap_or("the evidence does not tell");
        return Classified::new(Classification::Inconclusive, format!("{row}: {why}"));
    }
    if rows.is_empty() {
        return Classified::new(Classification::Inconclusive, "no row was read, so nothing was checked");
    }
    if rows.iter().all(Row::is_fixed) {
        return Classified {
            classification: Classification::Fixed,
            reason: None,
        };
    }
    if rows.iter().any(Row::discriminates) && rows.iter().all(Row::is_regressed) {
        return Classified::new(Classification::Regressed, regressed_reason(rows));
    }
    Classified::new(Classification::Neither, neither_reason(rows))
}

/// True if each row matches at least one of its columns.
pub fn in_either_column(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.is_fixed() || row.is_regressed())
}

fn regressed_reason(rows: &[Row]) -> String {
    let first = rows.iter().find(|row| !row.is_fixed());
    match first {
        Some(row) => format!("{row} is {}; fixed is {}", seen(row), row.fixed),
        None => "every row is in its regressed column".to_owned(),
    }
}

fn neither_reason(rows: &[Row]) -> String {
    let stranger = rows.iter().find(|row| !row.is_fixed() && !row.is_regressed());
    if let Some(row) = stranger {
        let is_part = |probe: Probe| probe.info().values == Values::Substring;
        if Probe::parse(&row.probe).is_some_and(is_part) {
            return format!("{row} does not contain {}, it is {}", row.fixed, seen(row));
        }
        return if row.fixed.same(&row.regressed) {
            format!("{row} is {}; it must be {}", seen(row), row.fixed)
        } else {
            format!(
                "{row} is {}; fixed is {}, regressed is {}",
                seen(row),
                row.fixed,
                row.regressed
            )
        };
    }
    let as_regressed = rows.iter().find(|row| !row.is_fixed());
    let as_fixed = rows.iter().find(|row| row.discriminates() && row.is_fixed());
    match (as_regressed, as_fixed) {
        (Some(bad), Some(good)) => {
            format!(
                "a mixture: {bad} is {} as in regressed, {good} is {} as in fixed",
                seen(bad),
                seen(good)
            )
        }
        (Some(row), None) | (None, Some(row)) => format!("{row} is {}", seen(row)),
        (None, None) => "the rows agree with no column".to_owned(),
    }
}

fn seen(row: &Row) -> String {
    row.observed
        .as_ref()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string)
}
