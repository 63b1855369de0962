//! What `check` and `reproduce` have in common: images are obtained, cases run and judged, the document handed in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cases;
use super::desk::{Desk, SharedRecord};
use super::images::{self, Obtained, Tell};
use super::interrupt::interrupted;
use super::print;
use super::session::{self, Connected};
use crate::cli::args::{EngineArgs, RunArgs};
use crate::cli::progress;
use crate::cli::{Exit, Failure, FailureKind};
use crate::engine::Engine;
use crate::evidence::document::{JudgedCase, LeftOutEntry};
use crate::evidence::event::{CaseKey, RunEvent};
use crate::evidence::excerpt::words;
use crate::image::{Cache, ImageExpr, ObtainOptions, Releases, looked_into_by_us};
use crate::observe::history::{CaseEvidence, Observation};
use crate::observe::hub::EventHub;
use crate::plan::{self, Plan, PlanImage};
use crate::runner::{self, Assignment, Attempt, Next, Progress, RunContext, run_cases};
use crate::scenario::model::Scenario;
use crate::verdict::{Classification, Column, Judged, Subject, judge_case};

/// Deadline of each wait within a case.
const WAIT: Duration = Duration::from_secs(60);
/// How long a run that was cut short looks for what calls still under way may create.
const QUIET: Duration = Duration::from_millis(700);

/// What is asked for of a scenario on an image, whatever its release.
pub type Explicit = Box<dyn Fn(&Scenario, &str) -> Option<Column> + Send + Sync>;

/// What is run, whatever the command.
pub struct Job {
    /// Images under test.
    pub images: Vec<ImageExpr>,
    /// Scenarios selected.
    pub scenarios: Vec<Scenario>,
    /// How cases are run.
    pub run: RunArgs,
    /// Which engine.
    pub engine: EngineArgs,
    /// What is asked for explicitly.
    pub expect: Explicit,
    /// Where it is told.
    pub progress: Arc<progress::Progress>,
}

/// Judged attempts in the order in which they ended.
type Attempts = Arc<Mutex<Vec<(CaseKey, CaseEvidence, Judged, String)>>>;

/// What a case is judged by beside its evidence.
type Asked = (Arc<Scenario>, Subject, Option<Column>);

/// How a plan came to its end.
struct Ended {
    /// The signal that cut it short, if one did.
    cut: Option<Exit>,
    /// What went wrong beside the cases.
    fault: Option<(String, Exit)>,
}

impl Job {
    /// Runs it, from the engine to the exit code.
    pub async fn go(self, desk: &mut Desk) -> Result<Exit, Failure> {
        let others = images::named_by(&self.scenarios)?;
        if self.run.dry_run {
            let images: Vec<PlanImage> = self.images.iter().map(planned).collect();
            print(&plan::plan(&self.scenarios, &images, self.run.repeat.get()).describe())?;
            return Ok(Exit::Held);
        }
        let Connected { engine, info } = session::connect(&self.engine).await?;
        let cpus = info.cpus;
        desk.engine = Some(info);
        desk.begin_record()?;
        let tell: Tell = {
            let progress = self.progress.clone();
            Arc::new(move |event| progress.on(&event))
        };
        let obtained = self.obtain(&engine, &others, &tell).await;
        let obtained = obtained.inspect_err(|_| self.progress.finish())?;
        desk.images = obtained.entries.clone();
        let plan = self.plan(&obtained);
        desk.left_out = left_out(&plan);
        tell(RunEvent::RunStarted {
            run: desk.clock.run.clone(),
            cases: plan.cases.len(),
            images: obtained.subjects.iter().map(|i| i.name.clone()).collect(),
        });
        let attempts = Attempts::default();
        let run = desk.clock.run.clone();
        let ended = self
            .run_plan(&engine, &run, cpus, &plan, &obtained, &attempts, &desk.record, &tell)
            .await;
        self.progress.finish();
        let ended = ended?;
        let document = {
            let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
            desk.document(ended.fault, ended.cut, &self.judged(&plan, &mut attempts))
        };
        desk.hand_in(document)
    }

    async fn obtain(
        &self,
        engine: &Arc<dyn Engine>,
        others: &BTreeMap<String, ImageExpr>,
        tell: &Tell,
    ) -> Result<Obtained, Failure> {
        let options = ObtainOptions {
            offline: self.engine.offline,
            cache: Cache::default(),
        };
        tokio::select! {
            obtained = images::obtain(engine, &self.images, others, &options, tell) => obtained,
            exit = interrupted() => {
                // A container that was made to look into an image is not removed by whoever was waiting for it.
                let _ = runner::sweep(engine, looked_into_by_us).await;
                Err(Failure::new(FailureKind::Interrupted { exit }))
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn run_plan(
        &self,
        engine: &Arc<dyn Engine>,
        run: &str,
        cpus: usize,
        plan: &Plan,
        obtained: &Obtained,
        attempts: &Attempts,
        record: &SharedRecord,
        tell: &Tell,
    ) -> Result<Ended, Failure> {
        let host = self.engine.host.clone().unwrap_or_else(crate::engine::default_host);
        let failed = |e| Failure::engine(&e, &host);
        let hub = EventHub::open(engine.clone(), run.to_owned()).await.map_err(failed)?;
        let ctx = Arc::new(RunContext {
            engine: engine.clone(),
            hub,
            host: host.clone(),
            run: run.to_owned(),
            limit: WAIT.min(self.run.timeout),
            case_limit: self.run.timeout,
        });
        let jobs = self.run.jobs.map_or(cpus, std::num::NonZeroUsize::get);
        let scenarios: BTreeMap<&str, Arc<Scenario>> = self
            .scenarios
            .iter()
            .map(|s| (s.id.as_str(), Arc::new(s.clone())))
            .collect();
        let assignments: Vec<Assignment> = plan
            .cases
            .iter()
            .map(|case| cases::of_plan(case, &scenarios[case.scenario.as_str()], obtained))
            .collect();
        let judge = self.judge(&assignments, attempts, record, tell);
        let cut = {
            let work = run_cases(&ctx, assignments, jobs, judge);
            tokio::select! {
                () = work => None,
                exit = interrupted() => Some(exit),
            }
        };
        let red = |a: &(CaseKey, CaseEvidence, Judged, String)| a.2.verdict.is_red();
        let any_red = attempts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(red);
        let abnormal = self.unjudged(plan, attempts, cut.is_some() || (self.run.fail_fast && any_red));
        if self.run.keep.is_some() && cut.is_none() && any_red {
            tell(RunEvent::Note {
                text: format!("kept for you to look into; `comeback sweep` removes it (label comeback.run={run})"),
            });
            return Ok(Ended { cut, fault: abnormal });
        }
        let leak = clean_up(engine, run, cut.is_some()).await;
        Ok(Ended {
            cut,
            fault: abnormal.or(leak.map(|why| (why, Exit::Environment))),
        })
    }

    /// Planned cases of which there is no attempt, unless the run was not to get to its end: a case that was lost has not
    /// held.
    fn unjudged(&self, plan: &Plan, attempts: &Attempts, cut: bool) -> Option<(String, Exit)> {
        if cut {
            return None;
        }
        let attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = plan.cases.iter().filter(|case| {
            attempts
                .iter()
                .all(|(key, ..)| (&key.scenario, &key.image, key.repeat) != (&case.scenario, &case.image, case.repeat))
        });
        let lost: Vec<String> = lost
            .map(|case| format!("{} on {}", case.scenario, case.image))
            .collect();
        (!lost.is_empty()).then(|| {
            let why = format!("a fault of comeback itself: it lost {} (more with -v)", lost.join(", "));
            (why, Exit::Internal)
        })
    }

    /// Judges each attempt as it ends, and says what follows.
    fn judge(
        &self,
        assignments: &[Assignment],
        attempts: &Attempts,
        record: &SharedRecord,
        tell: &Tell,
    ) -> impl Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync + 'static + use<> {
        let mut asked: BTreeMap<(String, String), Asked> = BTreeMap::new();
        for a in assignments {
            let explicit = (self.expect)(&a.scenario, &a.case.image);
            let key = (a.case.scenario.clone(), a.case.image.clone());
            asked.insert(key, (a.scenario.clone(), cases::subject(a), explicit));
        }
        let (attempts, record, tell) = (attempts.clone(), record.clone(), tell.clone());
        let (fail_fast, keep) = (self.run.fail_fast, self.run.keep.is_some());
        move |key, attempt| {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            let case = key.clone();
            match attempt {
                Attempt::Began => tell(RunEvent::CaseStarted { case }),
                Attempt::Going(Progress::Phase(waiting)) => tell(RunEvent::CasePhase { case, waiting }),
                Attempt::Going(Progress::Observed(observation)) => {
                    if let Some(record) = record.as_mut() {
                        record.observe(key, &observation);
                    }
                    if let Some(what) = in_words(&observation) {
                        tell(RunEvent::CaseObserved { case, what });
                    }
                }
                Attempt::Ended(evidence) => {
                    let kept = record.as_mut().map(|record| {
                        record.end(key, evidence);
                        record.folder(key).display().to_string()
                    });
                    let (scenario, subject, explicit) = &asked[&(key.scenario.clone(), key.image.clone())];
                    let judged = judge_case(scenario, evidence, subject, *explicit);
                    let again = judged.classification == Classification::Inconclusive;
                    tell(RunEvent::CaseJudged {
                        case: case.clone(),
                        verdict: judged.verdict,
                        classification: judged.classification,
                        seconds: evidence.seconds,
                        reason: judged.reason.clone(),
                        again: again && key.attempt < 2,
                    });
                    let red = judged.verdict.is_red();
                    let entry = (case, evidence.clone(), judged, kept.unwrap_or_default());
                    attempts.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                    return Next {
                        again,
                        stop: red && fail_fast,
                        keep: red && keep,
                    };
                }
            }
            Next::default()
        }
    }

    fn plan(&self, obtained: &Obtained) -> Plan {
        let image = |i: &crate::image::Image| PlanImage {
            name: i.name.clone(),
            release: i.release.clone(),
        };
        let images: Vec<PlanImage> = obtained.subjects.iter().map(image).collect();
        plan::plan(&self.scenarios, &images, self.run.repeat.get())
    }

    /// The attempts in the order of the plan.
    fn judged<'a>(
        &'a self,
        plan: &Plan,
        attempts: &'a mut [(CaseKey, CaseEvidence, Judged, String)],
    ) -> Vec<JudgedCase<'a>> {
        let position = |key: &CaseKey| {
            plan.cases
                .iter()
                .position(|c| c.scenario == key.scenario && c.image == key.image && c.repeat == key.repeat)
        };
        attempts.sort_by_key(|(key, ..)| (position(key), key.attempt));
        let judged = attempts.iter().filter_map(|(key, evidence, judged, kept)| {
            Some(JudgedCase {
                scenario: self.scenarios.iter().find(|s| s.id == key.scenario)?,
                evidence,
                judged,
                kept: Some(kept.clone()),
            })
        });
        judged.collect()
    }
}

/// Removes what attempts did not remove themselves; tells what should not have been there, or still is.
async fn clean_up(engine: &Arc<dyn Engine>, run: &str, cut: bool) -> Option<String> {
    let mut found = Vec::new();
    loop {
        let swept = match runner::remove_run(engine, run).await {
            Ok(swept) => swept,
            Err(error) => return Some(format!("what this run left behind could not be removed: {error}")),
        };
        if !swept.stuck.is_empty() {
            return Some(format!("could not be removed: {}", swept.stuck.join("; ")));
        }
        let nothing = swept.containers.is_empty() && swept.volumes.is_empty();
        found.extend(swept.containers.into_iter().chain(swept.volumes));
        if !cut || nothing {
            break;
        }
        // The engine may still be carrying out what was asked of it when the run was cut short.
        tokio::time::sleep(QUIET).await;
    }
    // What an attempt created it removes itself; only a run that was cut short has an excuse.
    let leaked = !cut && !found.is_empty();
    leaked.then(|| {
        format!(
            "{} things were left behind and had to be swept: {}",
            found.len(),
            found.join(" ")
        )
    })
}

fn left_out(plan: &Plan) -> Vec<LeftOutEntry> {
    let entry = |l: &plan::LeftOut| LeftOutEntry {
        scenario: l.scenario.clone(),
        image: l.image.clone(),
        why: l.why.clone(),
    };
    plan.left_out.iter().map(entry).collect()
}

/// An image as far as it is known before it is there.
fn planned(expression: &ImageExpr) -> PlanImage {
    let release = match expression {
        ImageExpr::Release {
            releases: Releases::Exact(version),
            ..
        } => Some(version.clone()),
        _ => None,
    };
    PlanImage {
        name: expression.to_string(),
        release,
    }
}

fn in_words(observation: &Observation) -> Option<String> {
    let (kind, profile, text) = words(&observation.fact)?;
    Some(match profile {
        Some(profile) => format!("{kind} of {profile}: {text}"),
        None => format!("{kind}: {text}"),
    })
}
