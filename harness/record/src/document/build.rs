//! From a header, images and judged cases to the document.

use std::collections::{BTreeMap, BTreeSet};

use super::drift::{Unknown, drift};
use super::figures::figures;
use super::races::{RaceEntry, settle_cases};
use super::repeats::{Spread, repeats, round};
use super::shards::excuse_nothing;
use super::{
    CaseEntry, EngineHead, ImageEntry, JudgedCase, Latency, ObserverEntry, RowEntry, RunDocument, RunHeader, SCHEMA,
    StepEntry,
};
use crate::excerpt::{last_lines, reconciler_lines, shutdown_lines, step_detail, timeline};
use crate::spans::spans;
use comeback_history::facts::{CaseEvidence, Fact, Observation, OverlayEffect, SETTLING, Source, StepSeconds};
use comeback_history::pace::Pace;
use comeback_scenario::model::{Moment, Probe, Scenario};
use comeback_text::redact;
use comeback_verdict::run::outcome;
use comeback_verdict::{Row, Verdict};

/// Repeats of a case that held of which the whole course is told; that of the others is in the record.
const TOLD: u32 = 4;

/// Makes the document of a run. `entries` are in the order of the plan, attempts of a case in their own.
pub fn document(header: &RunHeader, images: Vec<ImageEntry>, mut entries: Vec<CaseEntry>) -> RunDocument {
    let verdicts = settle_cases(&mut entries);
    let repeats = repeats(&entries);
    let figures = figures(&entries);
    let drift = drift(&images, &entries);
    let outcome = outcome(&verdicts, header.faults());
    let mut document = RunDocument {
        schema: SCHEMA,
        run: header.run.clone(),
        command: header.command.clone(),
        started: header.started,
        seconds: round(header.seconds),
        engine: header.engine.as_ref().map(EngineHead::from),
        images,
        cases: entries,
        verdict: outcome.verdict,
        exit_code: outcome.exit.code(),
        arguments: header.arguments.clone(),
        seed: header.seed,
        failure: header.failure.as_ref().map(|(why, _)| why.clone()),
        left_out: header.left_out.clone(),
        record: header.record.clone(),
        selftest: None,
        explore: None,
        comparisons: None,
        likeness: None,
        count_pre_existing: None,
        partition: header.partition.clone(),
        shards: header.shards.clone(),
        repeats,
        figures,
        trend: None,
        drift,
    };
    excuse_nothing(&mut document);
    document
}

/// How long the settling window of an attempt was, in seconds: 0 if its container had ended, and what the scenario asks for if
/// the attempt did not come to it.
fn settled(history: &[Observation], scenario: &Scenario) -> f64 {
    let mark = |wanted: &str| {
        let found = history.iter().rev().find(|o| match &o.fact {
            Fact::Mark { moment } => o.source == Source::Harness && moment.0 == wanted,
            _ => false,
        });
        found.map(|o| o.known)
    };
    let Some((begin, end)) = mark(SETTLING).zip(mark(&Moment::End.to_string())) else {
        return scenario.settle.as_secs_f64();
    };
    // Waiting takes a few milliseconds longer than was asked for.
    (end.duration_since(begin).as_secs_f64().max(0.0) * 10.0).floor() / 10.0
}

/// What the document says of an attempt: all that is kept of its evidence once it was judged.
pub fn entry(case: &JudgedCase<'_>) -> CaseEntry {
    let JudgedCase {
        scenario,
        evidence,
        judged,
        kept,
    } = case;
    // What many repeats that held have in common is told of the first: the document must not grow with what nobody reads.
    let told = evidence.repeat <= TOLD || judged.verdict != Verdict::Held;
    CaseEntry {
        scenario: scenario.id.clone(),
        image: evidence.image.clone(),
        attempt: evidence.attempt,
        classification: judged.classification,
        expected: judged.expectation.name().to_owned(),
        verdict: judged.verdict,
        seconds: round(evidence.seconds),
        reason: judged.reason.clone(),
        steps: steps(scenario, evidence),
        latency_ms: latency(&evidence.latencies_ms),
        waits_ms: evidence.latencies_ms.iter().copied().map(round).collect(),
        rows: judged.rows.iter().map(|row| row_entry(row, evidence)).collect(),
        repeat: evidence.repeat,
        counts: false,
        started: evidence.started,
        // A scenario of somebody's own is a text like any other.
        title: redact::text(&scenario.title),
        why: redact::text(scenario.why.trim()),
        issues: scenario.issues.clone(),
        tags: scenario.tags.clone(),
        invariant: scenario.invariant,
        fixed_in: scenario.fixed_in.as_ref().map(ToString::to_string),
        settle_seconds: settled(&evidence.history, scenario),
        source: scenario.source.path.clone(),
        note: judged.note.as_deref().map(redact::text),
        race: judged.race.map(|seen| RaceEntry {
            met: true,
            on_record: seen.into(),
            attempts: None,
        }),
        reconciler: reconciler_lines(&evidence.history),
        shutdowns: shutdown_lines(&evidence.history),
        timeline: if told {
            timeline(&evidence.history, evidence.clock)
        } else {
            Vec::new()
        },
        spans: if told {
            spans(&evidence.history, evidence.clock)
        } else {
            Vec::new()
        },
        logs: if told { logs(evidence) } else { BTreeMap::new() },
        evidence: kept.clone(),
        overlay: None,
        overlay_processes: overlay_processes(evidence),
        observer: evidence.history.iter().find_map(observer),
        drift: unknown(scenario, evidence),
        pace: evidence.history.iter().rev().find_map(pace),
    }
}

fn pace(observation: &Observation) -> Option<Pace> {
    match &observation.fact {
        Fact::Pace { pace } => Some(*pace),
        _ => None,
    }
}

/// What the gateway said and this harness does not know; nothing under a fault overlay, which is ours.
fn unknown(scenario: &Scenario, evidence: &CaseEvidence) -> Vec<Unknown> {
    if scenario.start.overlay.is_some() {
        return Vec::new();
    }
    let unknown = |(place, word): (_, String)| Unknown {
        place,
        word: redact::text(&word),
    };
    let found = comeback_history::drift::drift(scenario, &evidence.history);
    found.into_iter().map(unknown).collect()
}

/// Processes that said the overlay is in force in them; `None` if none said anything.
fn overlay_processes(evidence: &CaseEvidence) -> Option<usize> {
    let said = evidence.history.iter().filter_map(|o| match &o.fact {
        Fact::Overlay {
            pid,
            start_time,
            effect,
            ..
        } => Some((matches!(effect, OverlayEffect::On(_)), *pid, *start_time)),
        _ => None,
    });
    let said: BTreeSet<(bool, u32, u64)> = said.collect();
    (!said.is_empty()).then(|| said.iter().filter(|(on, ..)| *on).count())
}

fn observer(observation: &Observation) -> Option<ObserverEntry> {
    match &observation.fact {
        Fact::Observer {
            from,
            reference,
            digest,
        } => Some(ObserverEntry {
            from: *from,
            reference: reference.clone(),
            digest: digest.clone(),
        }),
        _ => None,
    }
}

/// The end of the container's output, by incarnation.
fn logs(evidence: &CaseEvidence) -> BTreeMap<u32, Vec<String>> {
    evidence.logs.iter().map(|(n, lines)| (*n, last_lines(lines))).collect()
}

fn steps(scenario: &Scenario, evidence: &CaseEvidence) -> Vec<StepEntry> {
    let entry = |(i, done): (usize, &StepSeconds)| {
        let mut entry = StepEntry {
            op: done.op.clone(),
            seconds: round(done.seconds),
            at_most_seconds: scenario
                .figures
                .iter()
                .find(|figure| figure.step == i + 1 && figure.probe == Probe::StepTook)
                .map(|figure| figure.at_most.as_secs_f64()),
            detail: scenario
                .steps
                .get(i)
                .map(|s| redact::text(&step_detail(s)))
                .unwrap_or_default(),
            began: None,
            delay_ms: None,
            ended: None,
            exit: None,
            said: String::new(),
            note: None,
        };
        for observation in &evidence.history {
            match &observation.fact {
                Fact::StepBegan { step, delay_ms, .. } if *step == i + 1 => {
                    entry.began = Some(observation.known);
                    entry.delay_ms = *delay_ms;
                }
                Fact::StepEnded {
                    step,
                    exit,
                    output,
                    note,
                    came_true: _,
                } if *step == i + 1 => {
                    entry.ended = Some(observation.known);
                    entry.exit = *exit;
                    entry.said = output.chars().take(2000).collect();
                    entry.note = note.clone();
                }
                _ => {}
            }
        }
        entry
    };
    evidence.steps.iter().enumerate().map(entry).collect()
}

fn row_entry(row: &Row, evidence: &CaseEvidence) -> RowEntry {
    let seen_at = row
        .seq
        .and_then(|seq| evidence.history.iter().find(|o| o.seq == seq))
        .and_then(|o| o.at_ours(evidence.clock));
    RowEntry {
        at: row.at.to_string(),
        profile: row.profile.clone(),
        path: row.path.clone(),
        container: row.container.clone(),
        probe: row.probe.clone(),
        observed: row.observed.clone(),
        fixed: row.fixed.clone(),
        regressed: row.regressed.clone(),
        guards: row.guards,
        why: row.why_missing.clone(),
        implicit: row.implicit,
        line: row.line,
        seen_at,
    }
}

/// Median, 95th percentile and maximum, in milliseconds; null of nothing.
pub(super) fn latency(all: &[f64]) -> Latency {
    let spread = Spread::of(all.iter().copied());
    Latency {
        median: spread.median,
        max: spread.max,
        p95: spread.p95,
    }
}
