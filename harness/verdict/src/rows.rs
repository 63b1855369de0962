//! Rows: each line of the behaviour table with what was observed of it.

use std::fmt;

use comeback_history::facts::CaseEvidence;
use comeback_history::probe::{self, InvariantRow, Reading};
use comeback_scenario::model::{DEFAULT_PROFILE, Expect, Guard, Moment, Scenario, Value, ValueSet};
use comeback_scenario::vocabulary::Values;

/// Characters of a command's output that a row quotes at most.
const QUOTE_CHARS: usize = 200;

/// One line of the behaviour table, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// When it was read.
    pub at: Moment,
    /// Of which profile.
    pub profile: String,
    /// The probe's name, or the invariant's (`invariant.one_boot_line`).
    pub probe: String,
    /// What was seen; `None` if the evidence does not tell.
    pub observed: Option<Value>,
    /// Why the evidence does not tell.
    pub why_missing: Option<String>,
    /// What the fixed column allows.
    pub fixed: ValueSet,
    /// What the regressed column allows.
    pub regressed: ValueSet,
    /// Which part of the fix it stands guard over.
    pub guards: Option<Guard>,
    /// True for the rows every scenario has without writing them down.
    pub implicit: bool,
    /// Position in the history of the observation it was read off, where there is one.
    pub seq: Option<u64>,
    /// Line of its `[[expect]]` in the scenario file, from 1.
    pub line: Option<usize>,
}

impl Row {
    /// True if no value is allowed by both columns, so that the row tells them apart.
    pub fn discriminates(&self) -> bool {
        self.fixed.is_disjoint(&self.regressed)
    }

    /// True if the observation is in the fixed column.
    pub fn is_fixed(&self) -> bool {
        self.observed.as_ref().is_some_and(|v| self.fixed.contains(v))
    }

    /// True if the observation is in the regressed column.
    pub fn is_regressed(&self) -> bool {
        self.observed.as_ref().is_some_and(|v| self.regressed.contains(v))
    }
}

/// `boot:2 boot.action`, with the profile where it is not the default one.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.probe)?;
        if self.profile != DEFAULT_PROFILE {
            write!(f, " of {}", self.profile)?;
        }
        Ok(())
    }
}

/// Reads every row of a scenario off a case's evidence: the written ones in their order, then the implicit invariants.
pub fn read_rows(scenario: &Scenario, evidence: &CaseEvidence) -> Vec<Row> {
    let written = scenario.expects.iter().enumerate().map(|(i, expect)| {
        let reading = probe::read(scenario, evidence, expect.at, expect.probe, &expect.profile);
        let mut row = written_row(expect, &known_values(scenario, expect), reading);
        row.line = scenario.source.expect_lines.get(i).copied();
        row
    });
    let implicit = probe::invariants(scenario, evidence).into_iter().map(implicit_row);
    written.chain(implicit).collect()
}

/// A row of the scenario file with its reading. `known` are further values that releases on record are known to show.
pub fn written_row(expect: &Expect, known: &[&ValueSet], reading: Reading) -> Row {
    let (mut observed, why_missing, seq) = split(reading);
    if expect.probe.info().values == Values::Substring {
        observed = observed.map(|v| said(v, expect, known));
    }
    Row {
        at: expect.at,
        profile: expect.profile.clone(),
        probe: expect.probe.name().to_owned(),
        observed,
        why_missing,
        fixed: expect.fixed.clone(),
        regressed: expect.regressed.clone(),
        guards: expect.guards,
        implicit: false,
        seq,
        line: None,
    }
}

/// An implicit invariant with its reading: both columns want the same.
pub fn implicit_row(invariant: InvariantRow) -> Row {
    let wanted = ValueSet(vec![invariant.wanted]);
    let (observed, why_missing, seq) = split(invariant.reading);
    Row {
        at: invariant.at,
        profile: invariant.profile,
        probe: invariant.name.to_owned(),
        observed,
        why_missing,
        fixed: wanted.clone(),
        regressed: wanted,
        guards: None,
        implicit: true,
        seq,
        line: None,
    }
}

fn split(reading: Reading) -> (Option<Value>, Option<String>, Option<u64>) {
    match reading {
        Reading::Seen { value, seq } => (Some(value), None, seq),
        Reading::Missing { why } => (None, Some(why), None),
    }
}

/// What deviations on record say of the same row.
fn known_values<'a>(scenario: &'a Scenario, expect: &Expect) -> Vec<&'a ValueSet> {
    let of_known = scenario.known.iter().map(|known| &known.deviation);
    let of_races = scenario.races.iter().map(|race| &race.deviation);
    of_known
        .chain(of_races)
        .flat_map(|deviation| &deviation.rows)
        .filter(|row| row.at == expect.at && row.probe == expect.probe && row.profile == expect.profile)
        .map(|row| &row.observed)
        .collect()
}

/// `step.says` is matched as a substring: the alternative that the text contains stands for the text.
///
/// A longer alternative counts for more than one it contains. A text in which alternatives of different columns stand
/// side by side proves neither of them, so it stands for itself and matches nothing.
fn said(observed: Value, expect: &Expect, known: &[&ValueSet]) -> Value {
    let Value::Str(text) = observed else {
        return observed;
    };
    let columns: Vec<&ValueSet> = [&expect.fixed, &expect.regressed]
        .into_iter()
        .chain(known.iter().copied())
        .collect();
    let mut found: Vec<&str> = Vec::new();
    for value in columns.iter().flat_map(|column| &column.0) {
        if let Value::Str(part) = value
            && text.contains(part.as_str())
            && !found.contains(&part.as_str())
        {
            found.push(part);
        }
    }
    let longest: Vec<&str> = found
        .iter()
        .copied()
        .filter(|part| !found.iter().any(|other| other != part && other.contains(part)))
        .collect();
    let of_one_column = columns
        .iter()
        .any(|column| longest.iter().all(|part| column.contains(&Value::str(*part))));
    match longest.first() {
        Some(part) if of_one_column => Value::str(*part),
        _ => Value::Str(capped(&text)),
    }
}

fn capped(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
