//! Judges a record again: the same evidence and expectations, by the same code. Pure.
//!
//! A record whose writer was killed is judged as far as it goes: attempts that had ended are judged, the others are
//! inconclusive.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::compare::{self, Terms};
use super::document::explore::{self, Explored};
use super::document::{
    CaseEntry, ImageEntry, JudgedCase, LeftOutEntry, PartitionEntry, RunDocument, RunHeader, ShardEntry, document,
    entry, selftest,
};
use super::ledger::{Entry, Failed, Planned, Text};
use super::read::{Kept, KeptAttempt, ReadError};
use crate::ledger::EngineEntry;
use comeback_history::facts::{CaseEnd, CaseEvidence, Fact, Observation, StepSeconds};
use comeback_plan::CaseKey;
use comeback_scenario::model::Scenario;
use comeback_scenario::overlay::Overlay;
use comeback_scenario::parse_file;
use comeback_verdict::{Exit, ExitStyle, judge_case};

/// The lines of the ledger, sorted by kind.
#[derive(Default)]
struct Asked {
    scenarios: BTreeMap<String, Scenario>,
    plan: Vec<(usize, Planned)>,
    left_out: Vec<LeftOutEntry>,
    images: Vec<ImageEntry>,
    engine: Option<EngineEntry>,
    selftest: Option<(String, Vec<Overlay>)>,
    compare: Option<Terms>,
    partition: Option<PartitionEntry>,
    shards: Option<Vec<ShardEntry>>,
    explored: Option<Explored>,
    ended: Option<(f64, Option<Failed>, Option<u8>)>,
}

/// Makes the document of a record.
///
/// # Errors
///
/// If the ledger contradicts itself or contains an invalid scenario.
pub fn replay(kept: &Kept) -> Result<RunDocument, ReadError> {
    let asked = sort(kept)?;
    let mut evidence = evidence(kept, &asked)?;
    let positions: BTreeMap<_, usize> = asked.plan.iter().map(|(_, p)| of_case(p)).zip(0..).collect();
    let position = |e: &CaseEvidence| {
        positions
            .get(&(e.scenario.as_str(), e.image.as_str(), e.repeat))
            .copied()
    };
    evidence.sort_by_key(|(e, _)| (position(e), e.attempt));
    let mut cases: Vec<CaseEntry> = Vec::new();
    for (evidence, kept) in &evidence {
        let Some((_, planned)) = position(evidence).map(|i| &asked.plan[i]) else {
            continue;
        };
        let scenario = &asked.scenarios[&planned.scenario];
        let judged = judge_case(scenario, evidence, &planned.subject, planned.expect);
        cases.push(entry(&JudgedCase {
            scenario,
            evidence,
            judged: &judged,
            kept: kept.clone(),
        }));
    }
    let header = header(kept, &asked)?;
    let mut document = document(&header, asked.images, cases);
    if let Some((table, overlays)) = asked.selftest {
        selftest::judge(&mut document, &overlays, table, header.faults());
    }
    if let Some(terms) = asked.compare {
        compare::judge(&mut document, terms, header.faults());
    }
    if let Some(explored) = asked.explored {
        explore::judge(&mut document, explored, header.faults());
    }
    document.exit_code = code(kept, &asked.ended, document.exit_code);
    Ok(document)
}

/// The key of a case.
fn of_case(planned: &Planned) -> (&str, &str, u32) {
    (&planned.scenario, &planned.image, planned.repeat)
}

fn sort(kept: &Kept) -> Result<Asked, ReadError> {
    let mut asked = Asked::default();
    let mut texts: Vec<(usize, &Text)> = Vec::new();
    for (i, entry) in kept.entries.iter().enumerate() {
        if asked.ended.is_some() {
            return Err(kept.wrong(i, "comes after the end of the run"));
        }
        match entry {
            Entry::Began { .. } if i == 0 => {}
            Entry::Began { .. } => return Err(kept.wrong(i, "another run begins here")),
            Entry::Engine { engine } => asked.engine = Some(engine.clone()),
            Entry::Image { image } => asked.images.push(image.clone()),
            Entry::Scenario(text) => texts.push((i, text)),
            Entry::Selftest { table, overlays } => asked.selftest = Some((table.clone(), overlays.clone())),
            Entry::Compare(terms) => asked.compare = Some(*terms),
            Entry::Partition(partition) => asked.partition = Some(partition.clone()),
            Entry::Merged { shards } => asked.shards = Some(shards.clone()),
            Entry::Explore { explored } => asked.explored = Some((**explored).clone()),
            Entry::Case(planned) => asked.plan.push((i, planned.clone())),
            Entry::LeftOut(left) => asked.left_out.push(left.clone()),
            Entry::Attempt { .. } => {}
            Entry::Ended {
                seconds,
                failure,
                interrupted,
            } => asked.ended = Some((*seconds, failure.clone(), *interrupted)),
        }
    }
    let overlays = asked.selftest.as_ref().map_or(&[][..], |(_, overlays)| overlays);
    for (i, text) in texts {
        let scenario = scenario(text, overlays).map_err(|why| kept.wrong(i, why))?;
        if asked.scenarios.insert(text.id.clone(), scenario).is_some() {
            return Err(kept.wrong(i, format!("scenario `{}` occurs twice", text.id)));
        }
    }
    let mut planned = BTreeSet::new();
    for (i, case) in &asked.plan {
        if !asked.scenarios.contains_key(&case.scenario) {
            return Err(kept.wrong(*i, format!("there is no scenario `{}` in this record", case.scenario)));
        }
        if !planned.insert(of_case(case)) {
            return Err(kept.wrong(*i, "the same case is planned twice"));
        }
    }
    Ok(asked)
}

/// Parses a scenario from the ledger and puts its fault overlay on it.
fn scenario(text: &Text, overlays: &[Overlay]) -> Result<Scenario, String> {
    let scenario = parse_file(&text.path, &text.text).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("its scenario is invalid:\n{}", errors.join("\n"))
    })?;
    let scenario = match &text.overlay {
        None => Some(scenario),
        Some(name) => overlays.iter().find(|o| o.name == *name).and_then(|o| o.on(&scenario)),
    };
    match scenario {
        Some(scenario) if scenario.id == text.id => Ok(scenario),
        _ => Err(format!("its text is not that of the scenario `{}`", text.id)),
    }
}

/// The evidence of each attempt, with its folder. Cases that a killed run did not begin get inconclusive evidence.
fn evidence(kept: &Kept, asked: &Asked) -> Result<Vec<(CaseEvidence, Option<String>)>, ReadError> {
    let mut all = Vec::new();
    let planned: BTreeSet<_> = asked.plan.iter().map(|(_, p)| of_case(p)).collect();
    let mut seen: BTreeSet<&CaseKey> = BTreeSet::new();
    let mut begun = BTreeSet::new();
    let entries = kept.entries.iter().enumerate();
    let lines = entries.filter(|(_, entry)| matches!(entry, Entry::Attempt { .. }));
    for ((line, _), attempt) in lines.zip(&kept.attempts) {
        let key = &attempt.key;
        let case = (key.scenario.as_str(), key.image.as_str(), key.repeat);
        if !planned.contains(&case) {
            return Err(kept.wrong(line, format!("an attempt of {key}, which is not in the plan")));
        }
        if !seen.insert(key) {
            return Err(kept.wrong(line, format!("{key} occurs twice")));
        }
        begun.insert(case);
        all.push((of_attempt(attempt), Some(attempt.folder.display().to_string())));
    }
    if asked.ended.is_none() {
        let last = last_known(kept);
        let never = asked.plan.iter().filter(|(_, p)| !begun.contains(&of_case(p)));
        all.extend(never.map(|(_, p)| (never_began(p, last), None)));
    }
    Ok(all)
}

/// The evidence of an attempt, as far as it was recorded.
pub fn of_attempt(attempt: &KeptAttempt) -> CaseEvidence {
    let history = attempt.history.clone();
    let last = history.last().map_or(attempt.started, |o| o.known);
    let (seconds, end, steps, latencies_ms) = match &attempt.ending {
        Some(ending) => {
            let missing = ending.observations.saturating_sub(history.len());
            let lost = history.iter().find_map(|o| match &o.fact {
                Fact::Lost { what } => Some(what.clone()),
                _ => None,
            });
            let end = match missing {
                0 if ending.end == CaseEnd::Complete => lost.map_or(CaseEnd::Complete, CaseEnd::Inconclusive),
                0 => ending.end.clone(),
                n => CaseEnd::Inconclusive(format!(
                    "{n} of {} observations are not in the record",
                    ending.observations
                )),
            };
            (ending.seconds, end, ending.steps.clone(), ending.latencies_ms.clone())
        }
        None => {
            let during = during(&history).map(|step| format!(" {step}")).unwrap_or_default();
            let why = format!("the record ends here, while this attempt was running{during}");
            let seconds = last.duration_since(attempt.started).as_secs_f64().max(0.0);
            (seconds, CaseEnd::Inconclusive(why), steps_so_far(&history), Vec::new())
        }
    };
    CaseEvidence {
        scenario: attempt.key.scenario.clone(),
        image: attempt.key.image.clone(),
        attempt: attempt.key.attempt,
        repeat: attempt.key.repeat,
        started: attempt.ending.as_ref().map_or(attempt.started, |ending| ending.started),
        clock: attempt.ending.as_ref().and_then(|ending| ending.clock),
        seconds,
        end,
        steps,
        latencies_ms,
        history,
        logs: attempt.logs.iter().cloned().collect(),
    }
}

fn never_began(planned: &Planned, at: Timestamp) -> CaseEvidence {
    CaseEvidence {
        scenario: planned.scenario.clone(),
        image: planned.image.clone(),
        attempt: 1,
        repeat: planned.repeat,
        started: at,
        clock: None,
        seconds: 0.0,
        end: CaseEnd::Inconclusive("the record ends before this case began".into()),
        steps: Vec::new(),
        latencies_ms: Vec::new(),
        history: Vec::new(),
        logs: BTreeMap::new(),
    }
}

/// The point in the steps at which a history ends: `during step 1 engine-restart`.
fn during(history: &[Observation]) -> Option<String> {
    history.iter().rev().find_map(|o| match &o.fact {
        Fact::StepBegan { step, op, .. } => Some(format!("during step {step} {op}")),
        Fact::StepEnded { step, .. } => Some(format!("after step {step}")),
        _ => None,
    })
}

/// The steps that had begun, with the time they took up to the end of the history.
fn steps_so_far(history: &[Observation]) -> Vec<StepSeconds> {
    let mut steps = Vec::new();
    for began in history {
        let Fact::StepBegan { step, op, .. } = &began.fact else {
            continue;
        };
        let ended = history
            .iter()
            .find(|o| matches!(&o.fact, Fact::StepEnded { step: done, .. } if done == step));
        let until = ended.or(history.last()).map_or(began.known, |o| o.known);
        steps.push(StepSeconds {
            op: op.name().to_owned(),
            seconds: until.duration_since(began.known).as_secs_f64().max(0.0),
        });
    }
    steps
}

/// The last time in the record.
fn last_known(kept: &Kept) -> Timestamp {
    let begun = kept.entries.iter().filter_map(|entry| match entry {
        Entry::Began { started, .. } | Entry::Attempt { started, .. } => Some(*started),
        _ => None,
    });
    let observed = kept.attempts.iter().filter_map(|a| Some(a.history.last()?.known));
    let reported = kept.events.last().map(|event| event.at);
    begun.chain(observed).chain(reported).max().unwrap_or_default()
}

/// The exit code of the process, in the style that the run was called with (for `git bisect run`, for example).
fn code(kept: &Kept, ended: &Option<(f64, Option<Failed>, Option<u8>)>, judged: u8) -> u8 {
    if let Some((_, Some(Failed { code: Some(code), .. }), _)) = ended {
        return *code;
    }
    let style = match kept.entries.first() {
        Some(Entry::Began { exit_style, .. }) => *exit_style,
        _ => ExitStyle::Plain,
    };
    let exit = Exit::ALL.into_iter().find(|exit| exit.code() == judged);
    exit.map_or(judged, |exit| style.judged(exit))
}

fn header(kept: &Kept, asked: &Asked) -> Result<RunHeader, ReadError> {
    let Some(Entry::Began {
        run,
        command,
        arguments,
        started,
        seed,
        ..
    }) = kept.entries.first()
    else {
        return Err(kept.wrong(0, "does not begin with the start of a run"));
    };
    let last = kept.entries.len() - 1;
    let exit = |code: u8| {
        let known = Exit::ALL.into_iter().find(|exit| exit.code() == code);
        known.ok_or_else(|| kept.wrong(last, format!("there is no exit code {code}")))
    };
    let (seconds, failure, interrupted) = match &asked.ended {
        Some((seconds, failure, interrupted)) => {
            let failure = failure
                .as_ref()
                .map(|f| Ok((f.why.clone(), exit(f.exit)?)))
                .transpose()?;
            (*seconds, failure, interrupted.map(exit).transpose()?)
        }
        None => {
            let why = format!(
                "the record ends before the run did; `comeback sweep --run {run}` removes what it left on the engine"
            );
            let seconds = last_known(kept).duration_since(*started).as_secs_f64().max(0.0);
            (seconds, Some((why, Exit::Environment)), None)
        }
    };
    Ok(RunHeader {
        run: run.clone(),
        command: command.clone(),
        arguments: arguments.clone(),
        started: *started,
        seed: *seed,
        seconds,
        engine: asked.engine.clone(),
        left_out: asked.left_out.clone(),
        record: Some(kept.root.display().to_string()),
        failure,
        interrupted,
        partition: asked.partition.clone(),
        shards: asked.shards.clone(),
    })
}
