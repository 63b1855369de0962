//! The result of a selftest: which scenario caught which fault overlay, by which row.
//!
//! Pure, and derived from the document alone: its cases contain the messages of the overlays and the observations under
//! them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shards::excuse_nothing;
use super::{CaseEntry, RowEntry, RunDocument};
use comeback_scenario::model::Guard;
use comeback_scenario::overlay::Overlay;
use comeback_verdict::Verdict;
use comeback_verdict::run::{Faults, outcome};

/// The result of a selftest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selftest {
    /// sha256 of the behaviour table it was run with.
    pub table: String,
    /// True if every scenario held without an overlay.
    pub control_held: bool,
    /// The overlays, in the order of `overlays.toml`.
    pub overlays: Vec<OverlayEntry>,
}

/// The result for one overlay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverlayEntry {
    /// Its name.
    pub name: String,
    /// The fault in a few words.
    pub title: String,
    /// Where and what it breaks.
    pub breaks: String,
    /// The part of the fix that it removes.
    pub guards: Option<Guard>,
    /// The result.
    pub outcome: OverlayOutcome,
    /// Scenarios that caught it.
    pub caught_by: Vec<Catch>,
    /// Scenarios that held in spite of the fault.
    pub missed_by: Vec<String>,
    /// Scenarios that could not catch it, because the image breaks the same rows without the fault. Each with the row of
    /// the control that shows it.
    #[serde(default)]
    pub masked_by: Vec<Catch>,
    /// Scenarios that were inconclusive.
    pub unclear: Vec<Unclear>,
    /// Scenarios that should catch it but did not, or were not run.
    pub not_caught_by: Vec<String>,
}

/// The result for an overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverlayOutcome {
    /// A scenario caught the fault.
    Caught,
    /// No scenario caught it, but those that have to catch it are known to show this fault on the image without it. The
    /// table sees the fault there, but cannot tell it from the image's own.
    Masked,
    /// Every scenario held, or none was run.
    Escaped,
    /// No scenario caught it, and at least one was inconclusive.
    Unclear,
}

/// A scenario that caught an overlay, or cannot catch it on this image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Catch {
    /// The scenario's id.
    pub scenario: String,
    /// The most telling of the rows that are not in the fixed column: of the case under the overlay if it caught the
    /// fault, of the control if that masks it.
    pub row: RowEntry,
}

/// A scenario that was inconclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unclear {
    /// The scenario's id.
    pub scenario: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it was inconclusive.
    pub why: String,
}

/// Splits the id of a case into the scenario's id and the overlay. `None` if it was run without one.
pub fn split<'a, 'o>(id: &'a str, overlays: &'o [Overlay]) -> Option<(&'a str, &'o Overlay)> {
    overlays.iter().find_map(|overlay| Some((overlay.base(id)?, overlay)))
}

/// Judges the overlays, and the run by them: a regression under an overlay is a fault that was caught.
///
/// Cases that were run under an overlay get the id of their scenario, and the overlay in a field of its own.
pub fn judge(document: &mut RunDocument, overlays: &[Overlay], table: String, faults: Faults) {
    for case in &mut document.cases {
        if let Some((base, overlay)) = split(&case.scenario, overlays) {
            case.overlay = Some(overlay.name.clone());
            case.scenario = base.to_owned();
        }
    }
    let control: Vec<Verdict> = counting(document, None).map(|case| case.verdict).collect();
    // Judging an overlay needs the same case without it, which may be in another shard.
    let overlays = if document.partition.is_some() { &[] } else { overlays };
    let entries: Vec<OverlayEntry> = overlays.iter().map(|overlay| entry(document, overlay)).collect();
    let caught = entries.iter().any(|entry| entry.outcome == OverlayOutcome::Caught);
    let of_overlays = entries.iter().map(|entry| verdict(entry, caught));
    let verdicts: Vec<Verdict> = control.iter().copied().chain(of_overlays).collect();
    let outcome = outcome(&verdicts, faults);
    document.verdict = outcome.verdict;
    document.exit_code = outcome.exit.code();
    document.selftest = Some(Selftest {
        table,
        control_held: !control.is_empty() && control.iter().all(|v| holds(*v) || *v == Verdict::Unsupported),
        overlays: entries,
    });
    excuse_nothing(document);
}

/// True if a scenario that was run without an overlay held.
fn holds(verdict: Verdict) -> bool {
    verdict.is_conclusive() && !verdict.is_red()
}

/// The cases that count and were run under that overlay, or without one.
fn counting<'d>(document: &'d RunDocument, overlay: Option<&'d str>) -> impl Iterator<Item = &'d CaseEntry> {
    document
        .cases
        .iter()
        .filter(move |case| case.counts && case.overlay.as_deref() == overlay)
}

fn entry(document: &RunDocument, overlay: &Overlay) -> OverlayEntry {
    let mut entry = OverlayEntry {
        name: overlay.name.clone(),
        title: overlay.title.clone(),
        breaks: overlay.breaks.clone(),
        guards: overlay.guards,
        outcome: OverlayOutcome::Escaped,
        caught_by: Vec::new(),
        missed_by: Vec::new(),
        masked_by: Vec::new(),
        unclear: Vec::new(),
        not_caught_by: Vec::new(),
    };
    let mut seen: Vec<(&CaseEntry, Seen<'_>)> = counting(document, Some(&overlay.name))
        .map(|case| (case, look(document, case, overlay)))
        .collect();
    // The worst of a scenario's repeats counts: a scenario that catches a fault only sometimes does not guard against
    // it.
    seen.sort_by_key(|(_, seen)| seen.worth());
    let mut done: Vec<&str> = Vec::new();
    for (case, seen) in seen {
        if done.contains(&case.scenario.as_str()) {
            continue;
        }
        done.push(&case.scenario);
        let scenario = case.scenario.clone();
        match seen {
            Seen::Caught(row) => entry.caught_by.push(Catch {
                scenario,
                row: row.clone(),
            }),
            Seen::Missed => entry.missed_by.push(scenario),
            Seen::Masked(row) => entry.masked_by.push(Catch {
                scenario,
                row: row.clone(),
            }),
            Seen::Unclear(why) => entry.unclear.push(Unclear {
                scenario,
                verdict: case.verdict,
                why,
            }),
            Seen::Nothing => {}
        }
    }
    let caught = |id: &String| entry.caught_by.iter().any(|catch| catch.scenario == *id);
    entry.not_caught_by = overlay.caught_by.iter().filter(|id| !caught(id)).cloned().collect();
    entry.outcome = if !entry.caught_by.is_empty() {
        OverlayOutcome::Caught
    } else if !entry.unclear.is_empty() {
        OverlayOutcome::Unclear
    } else if !entry.masked_by.is_empty() && !overlay.caught_by.iter().any(|id| entry.missed_by.contains(id)) {
        OverlayOutcome::Masked
    } else {
        OverlayOutcome::Escaped
    };
    entry
}

/// The result of one case under an overlay.
enum Seen<'c> {
    Caught(&'c RowEntry),
    Missed,
    /// The control has this row off, too.
    Masked(&'c RowEntry),
    Unclear(String),
    /// The case is unsupported on this engine or host.
    Nothing,
}

impl Seen<'_> {
    /// The order by which the worst repeat counts: the smallest first.
    fn worth(&self) -> u8 {
        match self {
            Self::Missed => 0,
            Self::Unclear(_) => 1,
            Self::Masked(_) => 2,
            Self::Caught(_) => 3,
            Self::Nothing => 4,
        }
    }
}

fn look<'c>(document: &'c RunDocument, case: &'c CaseEntry, overlay: &Overlay) -> Seen<'c> {
    if case.verdict == Verdict::Unsupported {
        return Seen::Nothing;
    }
    // An overlay that fails breaks the gateway too, but that proves nothing.
    if let Some(line) = output_lines(case).find(|line| line.contains(&overlay.says_failed())) {
        return Seen::Unclear(line.to_owned());
    }
    if !case.verdict.is_conclusive() {
        let why = case.reason.clone().unwrap_or_else(|| case.classification.to_string());
        return Seen::Unclear(why);
    }
    // Older records have only the output to show that the overlay was in force. In newer ones it is a fact, and a case
    // without that fact is an error.
    if case.overlay_processes.is_none() && !output_lines(case).any(|line| line.contains(&overlay.says_on())) {
        return Seen::Unclear("the overlay never took effect".into());
    }
    let control = counting(document, None).filter(|c| c.scenario == case.scenario && c.image == case.image);
    let control: Vec<&CaseEntry> = control.collect();
    if control.is_empty() || !control.iter().all(|control| holds(control.verdict)) {
        return Seen::Unclear("the scenario does not hold without the overlay either".into());
    }
    match telling(case, overlay) {
        Some(row) if case.verdict.is_red() => Seen::Caught(row),
        _ => control
            .iter()
            .find_map(|control| masking(control, overlay))
            .map_or(Seen::Missed, Seen::Masked),
    }
}

/// The row of the control that hides the fault of the overlay: one that is known to be off on this image. If rows of the
/// scenario guard the part of the fix that the overlay removes, then only these hide it.
fn masking<'c>(control: &'c CaseEntry, overlay: &Overlay) -> Option<&'c RowEntry> {
    let guards = |row: &RowEntry| row.guards.is_some() && row.guards == overlay.guards;
    let row = telling(control, overlay).filter(|_| control.verdict == Verdict::KnownBad)?;
    (guards(row) || !control.rows.iter().any(guards)).then_some(row)
}

/// All output of the container: of its processes and of the commands that were run in it.
fn output_lines(case: &CaseEntry) -> impl Iterator<Item = &str> {
    let steps = case.steps.iter().flat_map(|step| step.said.lines());
    case.logs.values().flatten().map(String::as_str).chain(steps)
}

/// The most telling of the rows that are not in the fixed column: one that guards the part of the fix that the overlay
/// removes, otherwise the first in the scenario file.
fn telling<'c>(case: &'c CaseEntry, overlay: &Overlay) -> Option<&'c RowEntry> {
    let guards = |row: &RowEntry| row.guards.is_some() && row.guards == overlay.guards;
    let off = case.rows.iter().filter(|row| !row.is_fixed());
    off.min_by_key(|row| (!guards(row), row.implicit))
}

/// What an overlay contributes to the verdict of the run. A masked one is excused only beside one that was `caught`:
/// alone it shows nothing.
fn verdict(entry: &OverlayEntry, caught: bool) -> Verdict {
    match entry.outcome {
        OverlayOutcome::Caught => Verdict::Held,
        OverlayOutcome::Masked if caught => Verdict::KnownBad,
        OverlayOutcome::Masked => Verdict::Inconclusive,
        OverlayOutcome::Escaped => Verdict::Regression,
        OverlayOutcome::Unclear if entry.unclear.iter().all(|u| u.verdict == Verdict::Error) => Verdict::Error,
        OverlayOutcome::Unclear => Verdict::Inconclusive,
    }
}
