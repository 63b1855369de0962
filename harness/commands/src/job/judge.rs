//! Judges each attempt as soon as it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use super::{Attempts, Job, stop};
use crate::cases;
use crate::run_output::RunOutput;
use comeback_history::facts::{CaseEnd, CaseEvidence, ContainerStatus, Fact, Observation};
use comeback_plan::CaseKey;
use comeback_record::document::selftest::split;
use comeback_record::document::{JudgedCase, entry};
use comeback_record::event::RunEvent;
use comeback_record::excerpt::words;
use comeback_runner::{Assignment, Attempt, CaseProgress, Next};
use comeback_scenario::model::Scenario;
use comeback_verdict::attempts::{self as rules, judged_by_rate, settle};
use comeback_verdict::{Column, Subject, Verdict, judge_case};

/// The input of a judgement besides the evidence.
pub(super) type Asked = (Arc<Scenario>, Subject, Option<Column>);

impl Job {
    /// What is asked of each case, by scenario and image.
    pub(super) fn asked<'a>(
        &self,
        assignments: impl Iterator<Item = &'a Assignment>,
    ) -> BTreeMap<(String, String), Asked> {
        let of_case = |a: &Assignment| {
            let explicit = (self.expect)(&a.scenario, &a.case.image);
            let key = (a.case.scenario.clone(), a.case.image.clone());
            (key, (a.scenario.clone(), cases::subject(a), explicit))
        };
        assignments.map(of_case).collect()
    }

    /// A function that judges each attempt as it ends, and decides what follows: another attempt, or the end of the run.
    pub(super) fn judge(
        &self,
        remembered: &[(Assignment, CaseEvidence)],
        assignments: &[Assignment],
        attempts: &Attempts,
        output: &RunOutput,
    ) -> impl Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync + 'static + use<> {
        let asked = self.asked(remembered.iter().map(|(a, _)| a).chain(assignments));
        let (attempts, record, tell) = (attempts.clone(), output.record.clone(), output.event_sink());
        let run = output.clock.run.clone();
        let (fail_fast, keep) = (self.run.fail_fast, self.run.keep.is_some());
        let stopped = self.stopped.clone();
        let repeats = self.run.repeat.get() as usize;
        let overlays = self.purpose.overlays().to_vec();
        let memory = self.purpose.memory().cloned();
        let old: BTreeSet<CaseKey> = remembered.iter().map(|(a, _)| CaseKey::of(&a.case, 1)).collect();
        move |key, attempt| {
            // Locked only briefly: `tell` writes to the record too.
            let record = || record.lock().unwrap_or_else(PoisonError::into_inner);
            match attempt {
                Attempt::Began => {
                    if let Some(record) = record().as_mut() {
                        record.begin(key, Timestamp::now());
                    }
                    tell(RunEvent::CaseStarted { case: key.clone() });
                    Next::default()
                }
                Attempt::Going(CaseProgress::Phase(waiting)) => {
                    tell(RunEvent::CasePhase {
                        case: key.clone(),
                        waiting,
                    });
                    Next::default()
                }
                Attempt::Going(CaseProgress::Observed(observation)) => {
                    if let Some(record) = record().as_mut() {
                        record.observe(key, &observation);
                    }
                    if let Fact::Pace { pace } = observation.fact
                        && pace.here
                    {
                        let case = key.clone();
                        tell(RunEvent::ImageMeasured { case, pace });
                    }
                    if let Some(what) = in_words(&observation) {
                        tell(RunEvent::CaseObserved {
                            case: key.clone(),
                            what,
                        });
                    }
                    Next::default()
                }
                Attempt::Ended(evidence) => {
                    let kept = record().as_mut().and_then(|record| {
                        // Cached attempts are part of the record too. Without them `judge` would come to another verdict.
                        if old.contains(key) {
                            record.begin(key, evidence.started);
                        }
                        record.end(key, evidence)
                    });
                    let kept = kept.map(|folder| folder.display().to_string());
                    let (scenario, subject, explicit) = &asked[&(key.scenario.clone(), key.image.clone())];
                    let judged = judge_case(scenario, evidence, subject, *explicit);
                    let verdicts = verdicts_of_case(&attempts, key, judged.verdict);
                    let again = rules::again(&verdicts);
                    let verdict = match settle(&verdicts) {
                        // Every attempt met the race. With many repeats, the rate over all of them decides at the end.
                        Some(settled) if !again && settled.verdict.is_red() && !judged_by_rate(repeats) => {
                            settled.verdict
                        }
                        _ => judged.verdict,
                    };
                    // A case under a fault overlay is meant not to hold.
                    let faulty = split(&key.scenario, &overlays).is_some();
                    let is_new = !old.contains(key);
                    if is_new {
                        tell(RunEvent::CaseJudged {
                            case: key.clone(),
                            verdict,
                            classification: judged.classification,
                            seconds: evidence.seconds,
                            reason: judged.reason.clone(),
                            again,
                            faulty,
                        });
                    }
                    // An attempt that met a race does not predict the next one.
                    let memory = memory.as_ref().filter(|_| is_new && judged.race.is_none());
                    if let Some(Err(text)) = memory.map(|memory| memory.keep(evidence, judged.classification)) {
                        tell(RunEvent::Note { text });
                    }
                    if let CaseEnd::Stopped(why) = &evidence.end {
                        for text in stop::words(&run, evidence, why) {
                            tell(RunEvent::Note { text });
                        }
                    }
                    let red = verdict.is_red() && !faulty && is_new;
                    if red && keep {
                        tell(RunEvent::Note {
                            text: kept_words(&run, evidence),
                        });
                    }
                    let entry = entry(&JudgedCase {
                        scenario,
                        evidence,
                        judged: &judged,
                        kept,
                    });
                    attempts
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((key.clone(), entry));
                    if stopped.get() == Some(key) {
                        return Next {
                            again: false,
                            stop: true,
                            keep: true,
                        };
                    }
                    Next {
                        again,
                        stop: (red && fail_fast) || stopped.get().is_some(),
                        keep: red && keep,
                    }
                }
            }
        }
    }
}

/// The verdicts of a case's attempts so far, with the one that has just ended last.
fn verdicts_of_case(attempts: &Attempts, key: &CaseKey, last: Verdict) -> Vec<Verdict> {
    let attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
    let same =
        |other: &CaseKey| (&other.scenario, &other.image, other.repeat) == (&key.scenario, &key.image, key.repeat);
    let earlier = attempts.iter().filter(|(other, _)| same(other));
    let mut earlier: Vec<_> = earlier.map(|(other, entry)| (other.attempt, entry.verdict)).collect();
    earlier.sort_by_key(|(attempt, _)| *attempt);
    earlier.into_iter().map(|(_, verdict)| verdict).chain([last]).collect()
}

/// The last inspection of a case, which has the final state of its container.
pub(super) fn last_inspected(evidence: &CaseEvidence) -> Option<&ContainerStatus> {
    evidence.history.iter().rev().find_map(|o| match &o.fact {
        Fact::Inspected { status } => Some(status),
        _ => None,
    })
}

/// The names of the kept container and volume, and how to remove them.
fn kept_words(run: &str, evidence: &CaseEvidence) -> String {
    let inspected = last_inspected(evidence);
    let sweep = format!("`comeback sweep --run {run}` removes it");
    let Some(status) = inspected else {
        return format!("kept what is left of {}; {sweep}", evidence.scenario);
    };
    let name = &status.name;
    let start = if status.running {
        String::new()
    } else {
        format!("docker start {name} && ")
    };
    format!("kept {name} and its volume: look inside with `{start}docker exec -it {name} bash`; {sweep}")
}

fn in_words(observation: &Observation) -> Option<String> {
    let (kind, profile, text) = words(&observation.fact)?;
    Some(match profile {
        Some(profile) => format!("{kind} of {profile}: {text}"),
        None => format!("{kind}: {text}"),
    })
}
