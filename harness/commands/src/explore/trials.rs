//! Trials on a real engine: a sequence becomes a scenario and is run like any other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cases;
use crate::images::EventSink;
use crate::run_output::{RunOutput, SharedRecord};
use comeback_explore::file::{self, Words};
use comeback_explore::hunt::{Finding, Purpose, TrialRequest, TrialRunner};
use comeback_explore::oracle;
use comeback_explore::sequence::Sequence;
use comeback_explore::trial::{Trial, TrialOutcome};
use comeback_gateway::boot_line;
use comeback_history::facts::{CaseEvidence, Fact};
use comeback_image::Image;
use comeback_plan::CaseKey;
use comeback_record::document::JudgedCase;
use comeback_record::event::RunEvent;
use comeback_record::excerpt::words;
use comeback_record::ledger::{Entry, Planned, Text};
use comeback_runner::{Attempt, CaseProgress, Next, RunContext, run_case};
use comeback_scenario::model::Scenario;
use comeback_verdict::{Classification, Column, Judged, Subject, Verdict, judge_case};

/// The settling window while searching. Findings are repeated with the long window.
const SHORT: Duration = Duration::from_millis(1500);
/// The settling window of a finding.
const LONG: Duration = Duration::from_secs(5);

/// A boot on a volume with nothing on it. `image` names another image than the one under test.
fn look(image: &str) -> String {
    LOOK.replace("{image}", image)
}

const LOOK: &str = r#"schema = 1
title = "a look at what the reconciler says"
why = "Whether several profiles have a gateway each."
tags = []

[start]
by = "none"
{image}

[[expect]]
at = "boot:1"
probe = "boot.lines"
fixed = 1
regressed = 0
"#;

/// True if a boot line has the word on profiles that the root's gateway is started for: one gateway serves them all.
fn tells_of_one_gateway(fact: &Fact) -> bool {
    matches!(fact, Fact::BootLine { line, .. } if boot_line::folded(line).is_some())
}

/// Runs sequences in containers.
pub struct EngineTrials {
    ctx: Arc<RunContext>,
    image: Image,
    others: BTreeMap<String, Image>,
    overlay: Option<String>,
    jobs: usize,
    seed: u64,
    next: AtomicUsize,
    record: SharedRecord,
    tell: EventSink,
    entered: Mutex<BTreeMap<usize, Arc<Scenario>>>,
    repeats: Mutex<Vec<Repeat>>,
    since: Instant,
    one_gateway: AtomicBool,
}

/// A repeat of a finding, judged like any case.
#[derive(Clone)]
pub struct Repeat {
    key: CaseKey,
    scenario: Arc<Scenario>,
    evidence: CaseEvidence,
    judged: Judged,
    kept: Option<String>,
}

impl Repeat {
    /// The input of the document's entry.
    pub fn judged_case(&self) -> JudgedCase<'_> {
        JudgedCase {
            scenario: &self.scenario,
            evidence: &self.evidence,
            judged: &self.judged,
            kept: self.kept.clone(),
        }
    }
}

impl EngineTrials {
    /// Trials for one image, of which `jobs` are busy at a time.
    pub fn new(
        ctx: Arc<RunContext>,
        image: Image,
        others: BTreeMap<String, Image>,
        overlay: Option<String>,
        jobs: usize,
        output: &RunOutput,
        seed: u64,
    ) -> Self {
        Self {
            ctx,
            image,
            others,
            overlay,
            jobs,
            seed,
            next: AtomicUsize::new(0),
            record: output.record.clone(),
            tell: output.event_sink(),
            entered: Mutex::default(),
            repeats: Mutex::default(),
            since: Instant::now(),
            one_gateway: AtomicBool::new(false),
        }
    }

    /// Boots each image once, and returns whether in one of them one gateway serves all profiles of a container.
    pub async fn has_one_gateway(&self) -> bool {
        let others = self
            .others
            .keys()
            .map(|name| look(&format!("image = {}", serde_json::Value::from(name.as_str()))));
        for text in std::iter::once(look("")).chain(others) {
            if let Ok(scenario) = file::scenario("look", &text) {
                self.play(&Arc::new(scenario), None).await;
            }
        }
        self.one_gateway.load(Ordering::Relaxed)
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

    /// The scenario of a finding. It goes to the ledger with its repeats before the first repeat begins.
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
            (1..=comeback_explore::hunt::REPEATS).for_each(|n| record.enter(&planned(n)));
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

    /// Keeps the evidence of a sequence that did not hold, besides the repeats: some failures happen only once.
    fn keep(&self, key: &CaseKey, scenario: &Scenario, evidence: &CaseEvidence) {
        let root = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(root) = root.as_ref().map(|record| record.root().to_owned()) else {
            return;
        };
        let folder = root.join("searched");
        let kept = serde_json::json!({"scenario": scenario.source.text, "evidence": evidence});
        let path = folder.join(format!("{}.json", key.scenario));
        if let Err(failure) = crate::session::write(&path, &kept.to_string()) {
            (self.tell)(RunEvent::Warning { text: failure.what() });
        }
    }

    async fn play(&self, scenario: &Arc<Scenario>, repeat: Option<usize>) -> Trial {
        let case = comeback_plan::Case {
            index: self.next.fetch_add(1, Ordering::Relaxed),
            scenario: scenario.id.clone(),
            image: self.image.name.clone(),
            repeat: repeat.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        };
        let mut assignment = cases::assignment(case, scenario.clone(), &self.image, |name| {
            self.others.get(name).cloned()
        });
        // A search takes whatever moment a step hits. A repeat has to hit the same moment again.
        assignment.alone &= repeat.is_some();
        let came: Mutex<Option<Trial>> = Mutex::default();
        let tell = |key: &CaseKey, attempt: Attempt<'_>| {
            self.on_attempt(key, attempt, scenario, repeat.is_some(), &came);
            Next::default()
        };
        run_case(&self.ctx, &assignment, &tell).await;
        let came = came.into_inner().unwrap_or_else(PoisonError::into_inner);
        came.unwrap_or_else(|| Trial::inconclusive("it was never begun"))
    }

    fn on_attempt(
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
            Attempt::Going(CaseProgress::Phase(waiting)) => (self.tell)(RunEvent::CasePhase { case, waiting }),
            Attempt::Going(CaseProgress::Observed(observation)) => {
                if let Some(record) = record().as_mut().filter(|_| repeat) {
                    record.observe(key, &observation);
                }
                if let Fact::Pace { pace } = observation.fact
                    && pace.here
                {
                    let case = case.clone();
                    (self.tell)(RunEvent::ImageMeasured { case, pace });
                }
                if let Some((kind, profile, text)) = words(&observation.fact) {
                    let of = profile.map(|p| format!(" of {p}")).unwrap_or_default();
                    let what = format!("{kind}{of}: {text}");
                    (self.tell)(RunEvent::CaseObserved { case, what });
                }
            }
            Attempt::Ended(evidence) => {
                let one = evidence.history.iter().any(|o| tells_of_one_gateway(&o.fact));
                self.one_gateway.fetch_or(one, Ordering::Relaxed);
                let trial = oracle::judge(scenario, evidence);
                (self.tell)(judged_event(case, &trial));
                if !repeat && trial.outcome != TrialOutcome::Held {
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
        TrialOutcome::Held => (Verdict::Held, Classification::Fixed, None),
        TrialOutcome::Violated(point) => {
            let why = format!(
                "{}: {} {} of {}: wanted {}, found {}",
                point.kind, point.at, point.what, point.profile, point.wanted, point.found
            );
            (Verdict::Regression, Classification::Neither, Some(why))
        }
        TrialOutcome::Inconclusive(why) => (Verdict::Inconclusive, Classification::Inconclusive, Some(why.clone())),
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

impl EngineTrials {
    async fn trial(&self, request: TrialRequest) -> Trial {
        let (scenario, repeat) = match &request.purpose {
            Purpose::Try(index) => (self.searched(&format!("try-{}", index + 1), &request.sequence), None),
            Purpose::Shrink(index, n) => {
                let id = format!("try-{}-shrunk-{}", index + 1, n + 1);
                (self.searched(&id, &request.sequence), None)
            }
            Purpose::Repeat(finding, n) => (self.confirmed(finding), Some(*n)),
        };
        match scenario {
            Ok(scenario) => self.play(&scenario, repeat).await,
            Err(why) => Trial::inconclusive(format!(
                "internal error of comeback: no scenario could be made of the sequence: {why}"
            )),
        }
    }
}

impl TrialRunner for EngineTrials {
    fn run(self: Arc<Self>, request: TrialRequest) -> impl Future<Output = Trial> + Send {
        // A task of its own, so that its deadlines do not depend on polling. Dropping the set ends it.
        let mut task = JoinSet::new();
        task.spawn(async move { self.trial(request).await });
        async move {
            match task.join_next().await {
                Some(Ok(trial)) => trial,
                _ => Trial::inconclusive("it ended abnormally"),
            }
        }
    }

    fn width(&self) -> usize {
        // More than are busy, because some are in their settling windows or being removed.
        self.jobs + self.jobs.div_ceil(2)
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_line_with_the_word_on_folding_tells_of_one_gateway() {
        let told = |line: &str| {
            tells_of_one_gateway(&Fact::BootLine {
                profile: "default".to_owned(),
                prior_state: None,
                action: "registered".to_owned(),
                line: line.to_owned(),
            })
        };
        assert!(told(
            "x profile=default prior_state=None action=registered folded_into_root=False"
        ));
        assert!(!told(
            "x profile=default prior_state=None action=registered prior_exit=clean"
        ));
    }

    #[test]
    fn the_look_at_an_image_is_a_scenario() {
        for image in ["", "image = \"release:0.16.0\""] {
            assert_eq!(file::scenario("look", &look(image)).unwrap().steps, []);
        }
    }
}
