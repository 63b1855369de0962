//! The whole way from what is to be run to a verdict, whatever the command.

mod judge;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::images::{self, Obtained, Tell};
use super::interrupt::interrupted;
use super::print;
use super::session::{self, Clock, Connected};
use crate::cli::args::{EngineArgs, Output, ReportArgs, ReportFormat, RunArgs, Talk};
use crate::cli::progress;
use crate::cli::{self, Exit, Failure, FailureKind};
use crate::evidence::document::{JudgedCase, LeftOutEntry, RunDocument, RunHeader, document, selftest};
use crate::evidence::event::{CaseKey, RunEvent};
use crate::evidence::record::Record;
use crate::image::{Cache, Image, ImageExpr, ObtainOptions, Releases};
use crate::observe::history::CaseEvidence;
use crate::observe::hub::EventHub;
use crate::plan::{self, Plan, PlanImage};
use crate::report;
use crate::runner::{self, Assignment, CaseImages, RunContext, run_cases};
use crate::scenario::model::{ImageRef, Scenario};
use crate::scenario::overlay::Overlay;
use crate::verdict::{Column, Judged};

/// Deadline of each wait within a case.
const WAIT: Duration = Duration::from_secs(60);

/// What is run, whatever the command.
pub struct Job {
    pub command: &'static str,
    pub images: Vec<ImageExpr>,
    pub scenarios: Vec<Scenario>,
    pub run: RunArgs,
    pub report: ReportArgs,
    pub engine: EngineArgs,
    pub talk: Talk,
    pub arguments: Vec<String>,
    /// What is asked for explicitly of a scenario on an image.
    pub expect: Explicit,
    /// The fault overlays of a selftest: some of the scenarios are run under them.
    pub overlays: Vec<Overlay>,
    /// The hash of the table, for a selftest.
    pub selftest: Option<String>,
}

/// What is asked for of a scenario on an image, whatever its release.
pub type Explicit = Box<dyn Fn(&Scenario, &str) -> Option<Column> + Send + Sync>;

/// Judged attempts in the order in which they ended.
type Attempts = Arc<Mutex<Vec<(CaseKey, CaseEvidence, Judged, String)>>>;

impl Job {
    /// Runs it all, reports, and says how to end.
    pub async fn go(self) -> Result<Exit, Failure> {
        let others = images::named_by(&self.scenarios)?;
        if self.run.dry_run {
            let images: Vec<PlanImage> = self.images.iter().map(planned).collect();
            print(&plan::plan(&self.scenarios, &images, self.run.repeat.get()).describe())?;
            return Ok(Exit::Held);
        }
        let clock = Clock::start();
        let Connected { engine, info } = session::connect(&self.engine).await?;
        let record = Record::create(&self.record_folder(&clock)?).map_err(|why| {
            Failure::new(FailureKind::Io {
                path: self.record_shown(),
                why: why.to_string(),
            })
        })?;
        let place = record.root().display().to_string();
        let record = Arc::new(Mutex::new(Some(record)));
        let progress = Arc::new(progress::Progress::new(&self.talk));
        let tell = images::teller(&progress);
        let options = ObtainOptions {
            offline: self.engine.offline,
            cache: Cache::default(),
        };
        let obtained = tokio::select! {
            obtained = images::obtain(&engine, &self.images, &others, &options, &tell) => {
                obtained.inspect_err(|_| progress.finish())?
            }
            exit = interrupted() => {
                progress.finish();
                return Err(Failure::new(FailureKind::Interrupted { exit }));
            }
        };
        let plan = self.plan(&obtained);
        tell(RunEvent::RunStarted {
            run: clock.run.clone(),
            cases: plan.cases.len(),
            images: obtained.subjects.iter().map(|i| i.name.clone()).collect(),
        });
        let attempts = Attempts::default();
        let (interrupted, leak) = self
            .run_plan(
                &engine, &clock.run, info.cpus, &plan, &obtained, &attempts, &record, &tell,
            )
            .await?;
        progress.finish();
        let header = RunHeader {
            run: clock.run.clone(),
            command: self.command.to_owned(),
            arguments: self.arguments.clone(),
            started: clock.started,
            seconds: clock.seconds(),
            engine: Some(info),
            left_out: plan
                .left_out
                .iter()
                .map(|l| LeftOutEntry {
                    scenario: l.scenario.clone(),
                    image: l.image.clone(),
                    why: l.why.clone(),
                })
                .collect(),
            record: Some(place),
            failure: leak.map(|why| (why, Exit::Environment)),
            interrupted,
        };
        let mut document = self.document(&header, obtained, &plan, &attempts);
        if let Some(table) = &self.selftest {
            selftest::judge(&mut document, &self.overlays, table.clone(), header.faults());
        }
        self.report(&document, &record)
    }

    /// Runs the plan. Returns the signal that cut it short, if one did, and what could not be removed.
    #[allow(clippy::too_many_arguments)]
    async fn run_plan(
        &self,
        engine: &Arc<dyn crate::engine::Engine>,
        run: &str,
        cpus: usize,
        plan: &Plan,
        obtained: &Obtained,
        attempts: &Attempts,
        record: &Arc<Mutex<Option<Record>>>,
        tell: &Tell,
    ) -> Result<(Option<Exit>, Option<String>), Failure> {
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
            .map(|case| assignment(case, &scenarios[case.scenario.as_str()], obtained))
            .collect();
        let judge = self.judge(run, &scenarios, &assignments, attempts, record, tell);
        let work = run_cases(&ctx, assignments, jobs, judge);
        let cut = tokio::select! {
            () = work => None,
            exit = interrupted() => Some(exit),
        };
        let keeping = self.run.keep.is_some() && cut.is_none();
        let kept = keeping
            && attempts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .any(|a| a.2.verdict.is_red() && selftest::split(&a.0.scenario, &self.overlays).is_none());
        if kept {
            return Ok((cut, None));
        }
        // What an attempt created it has removed itself; whatever is still there has leaked, or was cut short.
        let swept = runner::remove_run(engine, run).await.map_err(failed)?;
        let left = swept.containers.len() + swept.volumes.len();
        let leak = if !swept.stuck.is_empty() {
            Some(format!("could not be removed: {}", swept.stuck.join("; ")))
        } else if left > 0 && cut.is_none() {
            Some(format!(
                "{left} things were left behind and had to be swept: {}",
                swept.containers.join(" ")
            ))
        } else {
            None
        };
        Ok((cut, leak))
    }

    fn plan(&self, obtained: &Obtained) -> Plan {
        let images: Vec<PlanImage> = obtained
            .subjects
            .iter()
            .map(|i| PlanImage {
                name: i.name.clone(),
                release: i.release.clone(),
            })
            .collect();
        plan::plan(&self.scenarios, &images, self.run.repeat.get())
    }

    fn document(&self, header: &RunHeader, obtained: Obtained, plan: &Plan, attempts: &Attempts) -> RunDocument {
        let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let position = |key: &CaseKey| {
            plan.cases
                .iter()
                .position(|c| c.scenario == key.scenario && c.image == key.image && c.repeat == key.repeat)
        };
        attempts.sort_by_key(|(key, ..)| (position(key), key.attempt));
        let judged: Vec<JudgedCase<'_>> = attempts
            .iter()
            .filter_map(|(key, evidence, judged, kept)| {
                Some(JudgedCase {
                    scenario: self.scenarios.iter().find(|s| s.id == key.scenario)?,
                    evidence,
                    judged,
                    kept: Some(kept.clone()),
                })
            })
            .collect();
        document(header, obtained.entries, &judged)
    }

    fn report(&self, document: &RunDocument, record: &Arc<Mutex<Option<Record>>>) -> Result<Exit, Failure> {
        let style = cli::style(self.talk.color, &std::io::stdout());
        let internal = |why: serde_json::Error| Failure::new(FailureKind::Internal { why: why.to_string() });
        let render = |format: ReportFormat, style| match format {
            ReportFormat::Human => Ok(report::human::render(document, style)),
            ReportFormat::Json => report::json::render(document).map_err(internal),
        };
        print(&render(self.report.format, style)?)?;
        let plain = report::Style { color: false, ..style };
        for Output { format, path } in &self.report.output {
            session::write(path, &render(*format, plain)?)?;
        }
        if let Some(record) = record.lock().unwrap_or_else(PoisonError::into_inner).take() {
            record.finish(document).map_err(|why| {
                Failure::new(FailureKind::Io {
                    path: self.record_shown(),
                    why: why.to_string(),
                })
            })?;
        }
        Ok(Exit::ALL
            .into_iter()
            .find(|e| e.code() == document.exit_code)
            .unwrap_or(Exit::Internal))
    }

    fn record_shown(&self) -> String {
        self.report
            .record
            .as_ref()
            .map_or_else(|| "the run record".to_owned(), |p| p.display().to_string())
    }

    fn record_folder(&self, clock: &Clock) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.report.record {
            return Ok(folder.clone());
        }
        let path = Cache::default().path(format!("runs/{}", clock.run));
        path.map_err(|why| {
            Failure::new(FailureKind::Io {
                path: "the user's cache folder".into(),
                why: why.to_string(),
            })
        })
    }
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

fn assignment(case: &plan::Case, scenario: &Arc<Scenario>, obtained: &Obtained) -> Assignment {
    let subject = obtained.subjects.iter().find(|i| i.name == case.image);
    let subject = subject.or(obtained.subjects.first()).cloned();
    let side = |side: &ImageRef| match side {
        ImageRef::Subject => subject.clone(),
        ImageRef::Other(text) => obtained.others.get(text).cloned(),
    };
    let (first, next) = match &scenario.upgrade {
        None => (subject.clone(), subject.clone()),
        Some(upgrade) => (side(&upgrade.from), side(&upgrade.to)),
    };
    let of = |image: Option<Image>| {
        image
            .or(subject.clone())
            .unwrap_or_else(|| unreachable!("a plan has an image"))
    };
    Assignment {
        case: case.clone(),
        scenario: scenario.clone(),
        images: CaseImages {
            subject: of(subject.clone()),
            first: of(first),
            next: of(next),
        },
    }
}
