//! The verdict of a case: its classification against the expectation.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::classify::{Classification, classify, in_either_column};
use super::expected::{Column, Expectation};
use super::rows::Row;
use comeback_history::facts::CaseEnd;
use comeback_scenario::model::{Deviation, Known, KnownRow, Probe, Race, Seen};

/// The verdict of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As expected.
    Held,
    /// As bad as expected: of a release without the fix, or as a deviation on record says.
    KnownBad,
    /// Better than expected.
    NewlyFixed,
    /// Of an attempt: it met a race on record. Of a case: some attempt met one, and another did not.
    Racy,
    /// The engine or host cannot do a step of the scenario.
    Unsupported,
    /// The engine or the harness failed before the first step, or the requested fault was not in force.
    Error,
    /// Evidence is missing.
    Inconclusive,
    /// Not what `--expect` or `reproduce` asked for.
    Mismatch,
    /// Worse than expected.
    Regression,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Verdict; 9] = [
        Self::Held,
        Self::KnownBad,
        Self::NewlyFixed,
        Self::Racy,
        Self::Unsupported,
        Self::Error,
        Self::Inconclusive,
        Self::Mismatch,
        Self::Regression,
    ];

    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::KnownBad => "known-bad",
            Self::NewlyFixed => "newly-fixed",
            Self::Racy => "racy",
            Self::Unsupported => "unsupported",
            Self::Error => "error",
            Self::Inconclusive => "inconclusive",
            Self::Mismatch => "mismatch",
            Self::Regression => "regression",
        }
    }

    /// True if it fails a run: `regression` or `mismatch`.
    pub fn is_red(self) -> bool {
        matches!(self, Self::Regression | Self::Mismatch)
    }

    /// True if the evidence was complete.
    pub fn is_conclusive(self) -> bool {
        !matches!(self, Self::Unsupported | Self::Error | Self::Inconclusive)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The judgement of one attempt of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The rows it was judged by.
    pub rows: Vec<Row>,
    /// Which column the rows match.
    pub classification: Classification,
    /// What was expected.
    pub expectation: Expectation,
    /// The verdict that follows.
    pub verdict: Verdict,
    /// Why it was classified so; `None` if that needs no explanation.
    pub reason: Option<String>,
    /// The note of the deviation on record that the rows match.
    pub note: Option<String>,
    /// How often the race that the attempt met was seen before; `None` if it met none.
    pub race: Option<Seen>,
}

/// Judges rows against an expectation. A red attempt that differs from the expectation in exactly the rows of one of
/// `races` is [`Verdict::Racy`].
pub fn judge(rows: Vec<Row>, end: &CaseEnd, expectation: &Expectation, races: &[&Race]) -> Judged {
    let classified = classify(&rows, end);
    let mut note = None;
    let verdict = match classified.classification {
        Classification::Inconclusive => Verdict::Inconclusive,
        Classification::Unsupported => Verdict::Unsupported,
        Classification::Error => Verdict::Error,
        conclusive => match expectation {
            Expectation::Explicit(column) => explicit(*column, conclusive),
            Expectation::Column(Column::Fixed) => expected_fixed(conclusive),
            Expectation::Column(Column::Regressed) => expected_regressed(conclusive, &rows),
            Expectation::Known(known) => {
                let (verdict, matched) = expected_known(known, conclusive, &rows);
                note = matched.map(|known| known.deviation.note.clone());
                verdict
            }
        },
    };
    let race = races
        .iter()
        .find(|race| verdict.is_red() && meets(race, &rows, expectation));
    if let Some(race) = race {
        note = Some(race.deviation.note.clone());
    }
    Judged {
        rows,
        classification: classified.classification,
        expectation: expectation.clone(),
        verdict: if race.is_some() { Verdict::Racy } else { verdict },
        reason: classified.reason,
        note,
        race: race.map(|race| race.seen),
    }
}

/// The first row, in the order of the table, that was read and that no outcome which is expected has.
pub fn first_difference<'r>(rows: &'r [Row], expectation: &Expectation, races: &[&Race]) -> Option<&'r Row> {
    let on_record = |deviation: &Deviation, row: &Row| {
        let listed = deviation.rows.iter().find(|listed| names(listed, row));
        listed.is_some_and(|listed| row.observed.as_ref().is_some_and(|seen| listed.observed.contains(seen)))
    };
    let expected = |row: &Row| match expectation {
        Expectation::Explicit(Column::Regressed) => row.is_regressed(),
        Expectation::Explicit(Column::Fixed) | Expectation::Column(Column::Fixed) => row.is_fixed(),
        Expectation::Column(Column::Regressed) => row.is_fixed() || row.is_regressed(),
        Expectation::Known(known) => row.is_fixed() || known.iter().any(|known| on_record(&known.deviation, row)),
    };
    let racy = |row: &Row| races.iter().any(|race| on_record(&race.deviation, row));
    rows.iter()
        .find(|row| row.observed.is_some() && !expected(row) && !racy(row))
}

/// True if the rows of the race show what is on record for it and all other rows are as expected.
fn meets(race: &Race, rows: &[Row], expectation: &Expectation) -> bool {
    let others_as = |known: Option<&Known>| {
        deviates(&race.deviation, rows, |row| match (expectation, known) {
            (Expectation::Explicit(Column::Regressed), _) => row.is_regressed(),
            (Expectation::Column(Column::Regressed), _) => row.is_regressed() || row.is_fixed(),
            (_, Some(known)) => as_written(known, row),
            (_, None) => row.is_fixed(),
        })
    };
    match expectation {
        Expectation::Known(known) => known.iter().any(|known| others_as(Some(known))),
        Expectation::Explicit(_) | Expectation::Column(_) => others_as(None),
    }
}

/// True if every row of the deviation was read and shows what is on record, and `should` accepts every other row.
fn deviates(deviation: &Deviation, rows: &[Row], should: impl Fn(&Row) -> bool) -> bool {
    let listed = |row: &Row| deviation.rows.iter().find(|listed| names(listed, row));
    deviation.rows.iter().all(|l| rows.iter().any(|row| names(l, row)))
        && rows.iter().all(|row| match listed(row) {
            Some(listed) => row.observed.as_ref().is_some_and(|v| listed.observed.contains(v)),
            None => should(row),
        })
}

/// True if a row shows what the deviation says of it. A row that the deviation does not mention must be fixed.
fn as_written(known: &Known, row: &Row) -> bool {
    match known.deviation.rows.iter().find(|listed| names(listed, row)) {
        Some(listed) => {
            let on_record = row.observed.as_ref().is_some_and(|v| listed.observed.contains(v));
            on_record || (known.or_fixed && row.is_fixed())
        }
        None => row.is_fixed(),
    }
}

fn explicit(column: Column, found: Classification) -> Verdict {
    let wanted = match column {
        Column::Fixed => Classification::Fixed,
        Column::Regressed => Classification::Regressed,
    };
    if found == wanted {
        Verdict::Held
    } else {
        Verdict::Mismatch
    }
}

fn expected_fixed(found: Classification) -> Verdict {
    if found == Classification::Fixed {
        Verdict::Held
    } else {
        Verdict::Regression
    }
}

/// A release without the fix may also show part of it. That is expected as long as each row matches one of its
/// columns.
fn expected_regressed(found: Classification, rows: &[Row]) -> Verdict {
    match found {
        Classification::Fixed => Verdict::NewlyFixed,
        Classification::Regressed => Verdict::KnownBad,
        _ if in_either_column(rows) => Verdict::KnownBad,
        _ => Verdict::Regression,
    }
}

fn expected_known<'a>(known: &'a [Known], found: Classification, rows: &[Row]) -> (Verdict, Option<&'a Known>) {
    if found == Classification::Fixed {
        // The fixed column is one of the two outcomes of a race on record, so it is not newly fixed.
        let race = known.iter().find(|known| known.or_fixed);
        return (
            if race.is_some() {
                Verdict::Held
            } else {
                Verdict::NewlyFixed
            },
            race,
        );
    }
    match known.iter().find(|known| deviates_as_written(known, rows)) {
        Some(known) => (Verdict::KnownBad, Some(known)),
        None => (Verdict::Regression, None),
    }
}

/// True if each listed row was read and shows what is on record, and the rest is fixed.
fn deviates_as_written(known: &Known, rows: &[Row]) -> bool {
    let listed = &known.deviation.rows;
    listed.iter().all(|l| rows.iter().any(|row| names(l, row))) && rows.iter().all(|row| as_written(known, row))
}

fn names(listed: &KnownRow, row: &Row) -> bool {
    !row.implicit
        && listed.at == row.at
        && Probe::parse(&row.probe) == Some(listed.probe)
        && listed.profile == row.profile
        && listed.path == row.path
        && listed.container == row.container
}
