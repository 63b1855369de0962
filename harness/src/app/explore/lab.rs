//! The real lab: a sequence becomes a scenario, and is run as any other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::app::cases;
use crate::app::desk::{Desk, SharedRecord};
use crate::app::images::Tell;
use crate::evidence::document::JudgedCase;
use crate::evidence::event::{CaseKey, RunEvent};
use crate::evidence::excerpt::words;
use crate::evidence::ledger::{Entry, Planned, Text};
use crate::explore::file::{self, Words};
use crate::explore::hunt::{Errand, Finding, Lab, Purpose};
use crate::explore::oracle;
use crate::explore::sequence::Sequence;
use crate::explore::trial::{Outcome, Trial};
use crate::image::Image;
use crate::observe::history::CaseEvidence;
use crate::plan;
use crate::runner::{Attempt, Next, Progress, RunContext, run_case};
use crate::scenario::model::Scenario;
use crate::verdict::{Classification, Column, Judged, Subject, Verdict, judge_case};

/// The settling window while searching: what goes wrong later is not seen, and what is found is looked at for longer.
const SHORT: Duration = Duration::from_millis(1500);
/// The settling window of what was found.
const LONG: Duration = Duration::from_secs(5);

/// Runs sequences in containers.
pub struct RealLab {
    ctx: Arc<RunContext>,
    image: Image,
    overlay: Option<String>,
    jobs: usize,
    seed: u64,
    next: AtomicUsize,
    record: SharedRecord,
    tell: Tell,
    entered: Mutex<BTreeMap<usize, Arc<Scenario>>>,
    repeats: Mutex<Vec<Repeat>>,
}

/// A repeat of something found, judged as any case.
#[derive(Clone)]
pub struct Repeat {
    key: CaseKey,
    scenario: Arc<Scenario>,
    evidence: CaseEvidence,
    judged: Judged,
    kept: Option<String>,
}

impl Repeat {
    /// As the document has it.
    pub fn judged_case(&self) -> JudgedCase<'_> {
        JudgedCase {
            scenario: &self.scenario,
            evidence: &self.evidence,
            judged: &self.judged,
            kept: self.kept.clone(),
        }
    }
}

impl RealLab {
    /// A lab for one image; it is given as many sequences as keep `jobs` of them busy.
    pub fn new(
        ctx: Arc<RunContext>,
        image: Image,
        overlay: Option<String>,
        jobs: usize,
        desk: &Desk,
        seed: u64,
    ) -> Self {
        Self {
            ctx,
            image,
            overlay,
            jobs,
            seed,
            next: AtomicUsize::new(0),
            record: desk.record.clone(),
            tell: desk.teller(),
            entered: Mutex::default(),
            repeats: Mutex::default(),
        }
    }

    /// The scenario file of a finding.
    pub fn text(&self, finding: &Finding) -> String {
        file::of_finding(finding, &self.image.name, self.seed, self.overlay.as_deref(), LONG)
    }

    /// Every repeat so far, in order.
    pub fn repeats(&self) -> Vec<Repeat> {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        repeats.sort_by(|a, b| a.key.cmp(&b.key));
        repeats
    }

    /// The scenario of a finding, which is entered into the ledger with its repeats before the first of them begins.
    fn confirmed(&self, finding: &Finding) -> Result<Arc<Scenario>, String> {
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scenario) = entered.get(&finding.number) {
            return Ok(scenario.clone());
        }
        let id = format!("found-{}-{}", self.seed, finding.number);
        let scenario = Arc::new(file::scenario(&id, &self.text(finding))?);
        let planned = |n: usize| {
            Entry::Case(Planned {
                scenario: id.clone(),
                image: self.image.name.clone(),
                repeat: u32::try_from(n).unwrap_or(u32::MAX),
                expect: Some(Column::Fixed),
                subject: self.subject(),
                position: None,
            })
        };
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = record.as_mut() {
            record.enter(&Entry::Scenario(Text::of(&scenario, None)));
            (1..=crate::explore::hunt::REPEATS).for_each(|n| record.enter(&planned(n)));
        }
        entered.insert(finding.number, scenario.clone());
        Ok(scenario)
    }

    fn subject(&self) -> Subject {
        Subject {
            release: self.image.release.clone(),
            shutdown_release: self.image.release.clone(),
            base: self.image.base.clone(),
            supervisor: self.image.supervisor.clone(),
        }
    }

    fn searched(&self, id: &str, sequence: &Sequence) -> Result<Arc<Scenario>, String> {
        let words = Words {
            title: "a sequence of an exploration",
            why: "",
            settle: SHORT,
            overlay: self.overlay.as_deref(),
            rows: &[],
        };
        file::scenario(id, &file::text(sequence, &words)).map(Arc::new)
    }

    /// Keeps what a sequence yielded that did not hold, beside what is judged again: some things are seen only once.
    fn keep(&self, key: &CaseKey, scenario: &Scenario, evidence: &CaseEvidence) {
        let root = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(root) = root.as_ref().map(|record| record.root().to_owned()) else {
            return;
        };
        let folder = root.join("searched");
        let kept = serde_json::json!({"scenario": scenario.source.text, "evidence": evidence});
        let path = folder.join(format!("{}.json", key.scenario));
        if let Err(failure) = crate::app::session::write(&path, &kept.to_string()) {
            (self.tell)(RunEvent::Warning { text: failure.what() });
        }
    }

    async fn play(&self, scenario: &Arc<Scenario>, repeat: Option<usize>) -> Trial {
        let case = plan::Case {
            index: self.next.fetch_add(1, Ordering::Relaxed),
            scenario: scenario.id.clone(),
            image: self.image.name.clone(),
            repeat: repeat.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        };
        let assignment = cases::assignment(case, scenario.clone(), &self.image, |_| None);
        let came: Mutex<Option<Trial>> = Mutex::default();
        let tell = |key: &CaseKey, attempt: Attempt<'_>| {
            self.hear(key, attempt, scenario, repeat.is_some(), &came);
            Next::default()
        };
        run_case(&self.ctx, &assignment, &tell).await;
        let came = came.into_inner().unwrap_or_else(PoisonError::into_inner);
        came.unwrap_or_else(|| Trial::inconclusive("it was never begun"))
    }

    fn hear(
        &self,
        key: &CaseKey,
        attempt: Attempt<'_>,
        scenario: &Arc<Scenario>,
        repeat: bool,
        came: &Mutex<Option<Trial>>,
    ) {
        let record = || self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let case = key.clone();
        match attempt {
            Attempt::Began => {
                if let Some(record) = record().as_mut().filter(|_| repeat) {
                    record.begin(key, Timestamp::now());
                }
                (self.tell)(RunEvent::CaseStarted { case });
            }
            Attempt::Going(Progress::Phase(waiting)) => (self.tell)(RunEvent::CasePhase { case, waiting }),
            Attempt::Going(Progress::Observed(observation)) => {
                if let Some(record) = record().as_mut().filter(|_| repeat) {
                    record.observe(key, &observation);
                }
                if let Some((kind, profile, text)) = words(&observation.fact) {
                    let of = profile.map(|p| format!(" of {p}")).unwrap_or_default();
                    let what = format!("{kind}{of}: {text}");
                    (self.tell)(RunEvent::CaseObserved { case, what });
                }
            }
            Attempt::Ended(evidence) => {
                let trial = oracle::judge(scenario, evidence);
                (self.tell)(judged_event(case, &trial));
                if !repeat && trial.outcome != Outcome::Held {
                    self.keep(key, scenario, evidence);
                }
                if repeat {
                    let kept = record().as_mut().and_then(|record| record.end(key, evidence));
                    let judged = judge_case(scenario, evidence, &self.subject(), Some(Column::Fixed));
                    let repeat = Repeat {
                        key: key.clone(),
                        scenario: scenario.clone(),
                        evidence: evidence.clone(),
                        judged,
                        kept: kept.map(|folder| folder.display().to_string()),
                    };
                    self.repeats.lock().unwrap_or_else(PoisonError::into_inner).push(repeat);
                }
                *came.lock().unwrap_or_else(PoisonError::into_inner) = Some(trial);
            }
        }
    }
}

fn judged_event(case: CaseKey, trial: &Trial) -> RunEvent {
    let (verdict, classification, reason) = match &trial.outcome {
        Outcome::Held => (Verdict::Held, Classification::Fixed, None),
        Outcome::Violated(point) => {
            let why = format!(
                "{}: {} {} of {}: wanted {}, found {}",
                point.kind, point.at, point.what, point.profile, point.wanted, point.found
            );
            (Verdict::Regression, Classification::Neither, Some(why))
        }
        Outcome::Inconclusive(why) => (Verdict::Inconclusive, Classification::Inconclusive, Some(why.clone())),
    };
    RunEvent::CaseJudged {
        case,
        verdict,
        classification,
        seconds: trial.seconds,
        reason,
        again: false,
        faulty: false,
    }
}

impl Lab for RealLab {
    async fn run(&self, errand: Errand) -> Trial {
        let (scenario, repeat) = match &errand.purpose {
            Purpose::Try(index) => (self.searched(&format!("try-{}", index + 1), &errand.sequence), None),
            Purpose::Shrink(index, n) => {
                let id = format!("try-{}-shrunk-{}", index + 1, n + 1);
                (self.searched(&id, &errand.sequence), None)
            }
            Purpose::Repeat(finding, n) => (self.confirmed(finding), Some(*n)),
        };
        match scenario {
            Ok(scenario) => self.play(&scenario, repeat).await,
            Err(why) => Trial::inconclusive(format!(
                "a fault of comeback itself: no scenario could be made of it: {why}"
            )),
        }
    }

    fn width(&self) -> usize {
        // One more than are busy: somebody is always waiting out a settling window.
        self.jobs + 1
    }
}
