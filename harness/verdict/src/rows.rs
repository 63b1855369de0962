//! Rows: the lines of the behaviour table with their observations.

use std::fmt;

use comeback_history::facts::CaseEvidence;
use comeback_history::probe::{self, InvariantRow, Reading};
use comeback_scenario::model::{DEFAULT_PROFILE, Expect, Guard, Moment, Scenario, Value, ValueSet};
use comeback_scenario::vocabulary::{Invariant, Values};

/// The most characters of a command's output that a row quotes.
const QUOTE_CHARS: usize = 200;

/// One line of the behaviour table with its observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The moment at which it was read.
    pub at: Moment,
    /// The profile.
    pub profile: String,
    /// The path on the volume, if the row is about one.
    pub path: Option<String>,
    /// The other container that it is about; `None` for the one under test.
    pub container: Option<String>,
    /// Name of the probe, or of the invariant (`invariant.one_boot_line`).
    pub probe: String,
    /// The observed value; `None` if evidence is missing.
    pub observed: Option<Value>,
    /// Why evidence is missing.
    pub why_missing: Option<String>,
    /// The values that the fixed column allows.
    pub fixed: ValueSet,
    /// The values that the regressed column allows.
    pub regressed: ValueSet,
    /// The part of the fix that the row protects.
    pub guards: Option<Guard>,
    /// True for the invariants that every scenario has without writing them down.
    pub implicit: bool,
    /// Position in the history of the observation that the value comes from, if there is one.
    pub seq: Option<u64>,
    /// Line of its `[[expect]]` in the scenario file, from 1.
    pub line: Option<usize>,
}

impl Row {
    /// True if no value is in both columns, so the row tells a fixed release from a regressed one.
    pub fn discriminates(&self) -> bool {
        self.fixed.is_disjoint(&self.regressed)
    }

    /// True if it is read of that profile at that moment.
    pub fn is_at(&self, at: Moment, profile: &str) -> bool {
        self.at == at && self.profile == profile
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

/// `boot:2 boot.action`, followed by the profile unless it is the default one.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.probe)?;
        if let Some(path) = &self.path {
            write!(f, " {path}")?;
        }
        if let Some(container) = &self.container {
            write!(f, " in {container}")?;
        }
        if self.profile != DEFAULT_PROFILE {
            write!(f, " of {}", self.profile)?;
        }
        Ok(())
    }
}

/// Reads all rows of a scenario off a case's evidence: the written ones in their order, then the implicit invariants. Only that
/// nothing supervises the container comes before all others.
pub fn read_rows(scenario: &Scenario, evidence: &CaseEvidence) -> Vec<Row> {
    let written = scenario.expects.iter().enumerate().map(|(i, expect)| {
        let reading = probe::read(evidence, expect);
        let mut row = written_row(expect, &known_values(scenario, expect), reading);
        row.line = scenario.source.expect_lines.get(i).copied();
        row
    });
    let mut implicit: Vec<Row> = probe::invariants(scenario, evidence)
        .into_iter()
        .map(implicit_row)
        .collect();
    // Whatever else differs follows from it.
    let mut rows: Vec<Row> = implicit
        .extract_if(.., |row| row.probe == Invariant::Supervisor.info().name)
        .collect();
    rows.extend(written);
    rows.append(&mut implicit);
    rows
}

/// A row of the scenario file with its reading. `known` are the values that deviations on record show in this row.
pub fn written_row(expect: &Expect, known: &[&ValueSet], reading: Reading) -> Row {
    let (mut observed, why_missing, seq) = split(reading);
    if expect.probe.info().values == Values::Substring {
        observed = observed.map(|v| said(v, expect, known));
    }
    Row {
        at: expect.at,
        profile: expect.profile.clone(),
        path: expect.path.clone(),
        container: expect.container.clone(),
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

/// An implicit invariant with its reading. Both columns expect the same value.
pub fn implicit_row(invariant: InvariantRow) -> Row {
    let wanted = ValueSet(vec![invariant.wanted]);
    let (observed, why_missing, seq) = split(invariant.reading);
    Row {
        at: invariant.at,
        profile: invariant.profile,
        path: None,
        container: None,
        probe: invariant.kind.info().name.to_owned(),
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

/// The values that deviations on record show in the same row.
fn known_values<'a>(scenario: &'a Scenario, expect: &Expect) -> Vec<&'a ValueSet> {
    let of_known = scenario.known.iter().map(|known| &known.deviation);
    let of_races = scenario.races.iter().map(|race| &race.deviation);
    of_known
        .chain(of_races)
        .flat_map(|deviation| &deviation.rows)
        .filter(|row| {
            let same = (row.at, row.probe) == (expect.at, expect.probe);
            let same_place = row.path == expect.path && row.container == expect.container;
            same && row.profile == expect.profile && same_place
        })
        .map(|row| &row.observed)
        .collect()
}

/// `step.says` matches substrings: an alternative that the text contains replaces the text.
///
/// If one alternative contains another, the longer one wins. A text that contains alternatives of different columns
/// proves neither, so it stays as it is and matches nothing.
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
