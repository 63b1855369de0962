//! Runs a plan from the selection to the verdict, for all commands that run cases.

mod judge;
pub mod lengths;
mod memory;
mod partition;
mod purpose;
mod stop;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::images::{self, EventSink, Obtained};
use super::interrupt::Interrupts;
use super::run_guard::RunGuard;
use super::run_output::RunOutput;
use super::session::{self, Connected};
use super::{cases, print};
use crate::Failure;
use crate::options::{EngineOptions, JobOptions, RunOptions};
use crate::progress::Progress;
use comeback_engine::{Engine, EngineInfo};
use comeback_history::facts::CaseEvidence;
use comeback_image::{Cache, ImageExpr, ObtainOptions, Releases};
use comeback_plan::CaseKey;
use comeback_plan::{Plan, PlanImage};
use comeback_record::document::{CaseEntry, LeftOutEntry, PartitionEntry, document, selftest};
use comeback_record::event::RunEvent;
use comeback_record::ledger::{Entry, Planned, Text};
use comeback_runner::{Assignment, Attempt, RunContext, Slots, case_on_engine, longest_first, run_cases};
use comeback_scenario::model::Scenario;
use comeback_verdict::Column;
use comeback_verdict::Exit;

use lengths::Lengths;
pub use memory::Memory;
pub use purpose::Purpose;

/// Deadline of each wait within a case.
const WAIT: Duration = Duration::from_secs(60);

/// The column that is expected of a scenario on an image, if the release does not decide it.
pub type Explicit = Box<dyn Fn(&Scenario, &str) -> Option<Column> + Send + Sync>;

/// What to run.
pub struct Job {
    /// Images under test.
    pub images: Vec<ImageExpr>,
    /// Scenarios selected.
    pub scenarios: Vec<Scenario>,
    /// How cases are run.
    pub run: RunOptions,
    /// The engine.
    pub engine: EngineOptions,
    /// Explicit expectations.
    pub expect: Explicit,
    /// The progress display.
    pub progress: Arc<Progress>,
    /// The purpose of the run.
    pub purpose: Purpose,
    /// The case that `--stop-at` stopped.
    stopped: stop::Stopped,
}

/// The document's entry of each attempt, in the order in which they ended. The evidence itself is in the record, so that the
/// memory of a run does not grow with its logs and histories.
type Attempts = Arc<Mutex<Vec<Attempted>>>;
/// An attempt and its entry.
type Attempted = (CaseKey, CaseEntry);

/// The end of a plan.
struct Ended {
    /// The entry of each attempt, in the order of the plan.
    attempts: Vec<CaseEntry>,
    /// The signal that cut it short, if one did.
    cut: Option<Exit>,
    /// An error outside of the cases.
    fault: Option<(String, Exit)>,
}

impl Job {
    /// Scenarios on images, with the expectations that follow from the releases.
    pub fn new(images: Vec<ImageExpr>, scenarios: Vec<Scenario>, args: JobOptions, progress: Arc<Progress>) -> Self {
        Self {
            images,
            scenarios,
            run: args.run,
            engine: args.engine,
            expect: Box::new(|_, _| None),
            progress,
            purpose: Purpose::Gate,
            stopped: stop::Stopped::default(),
        }
    }

    /// Runs it, from the engine to the exit code.
    pub async fn go(mut self, output: &mut RunOutput) -> Result<Exit, Failure> {
        let others = images::named_by(&self.scenarios)?;
        if self.run.dry_run {
            let images: Vec<PlanImage> = self.images.iter().map(planned).collect();
            let mut plan = comeback_plan::plan(&self.scenarios, &images, self.run.repeat.get());
            let nothing = plan.cases.is_empty();
            if let Some(partition) = self.run.partition {
                plan.keep_only(partition, |case| self.purpose.unit(case));
            }
            print(&plan.describe())?;
            // A shard of a plan may be empty.
            return Ok(if nothing { Exit::Nothing } else { Exit::Held });
        }
        let mut interrupts = Interrupts::listen();
        let connected = session::connect(&self.engine).await?;
        let Connected { engine, info, .. } = &connected;
        output.engine = Some(connected.entry());
        let mut guard = RunGuard::begin(&connected, &output.clock.run, &self.progress).await;
        let seed = self.run.seed.given_or_drawn(output.clock.started);
        output.seed = Some(seed);
        output.begin_record()?;
        output.enter([Entry::Engine {
            engine: connected.entry(),
        }]);
        let tell = output.event_sink();
        connected.tell_clock(&tell);
        let obtained = self.obtain(engine, &others, &tell, &mut interrupts).await;
        let obtained = obtained.inspect_err(|_| self.progress.finish());
        let obtained = obtained.map_err(|failure| images::with_namers(failure, &self.scenarios))?;
        output.images = obtained.entries.clone();
        let observer = images::observer(engine, self.run.observer, &self.options(), &tell).await?;
        self.purpose.check(&obtained)?;
        self.purpose.open(engine, &self.scenarios, &obtained).await?;
        let mut plan = self.plan(&obtained);
        self.purpose.thin_out(&mut plan, &self.scenarios, &obtained);
        output.left_out = left_out(&plan);
        output.partition = self.cut(&mut plan);
        let assignments = self.assignments(&plan, &obtained);
        output.enter(self.ledger(&assignments, output));
        tell(RunEvent::RunStarted {
            run: output.clock.run.clone(),
            cases: plan.cases.len(),
            images: obtained.subjects.iter().map(|i| i.name.clone()).collect(),
        });
        let slots = self.slots(info, &tell);
        let ctx = connected
            .context(&output.clock.run, observer, slots, WAIT, self.run.timeout, seed)
            .await;
        let mut ctx = ctx.inspect_err(|_| self.progress.finish())?;
        ctx.stop_at = self.run.stop_at.map(|_| self.stop_at(&assignments));
        let ctx = Arc::new(ctx);
        let ended = self
            .run_plan(&ctx, &plan, assignments, output, &mut interrupts, &mut guard)
            .await;
        self.progress.finish();
        let header = output.header(ended.fault, ended.cut);
        let mut document = document(&header, output.images.clone(), ended.attempts);
        self.purpose.judge(&mut document, header.faults());
        output.hand_in(&header, document)
    }

    async fn obtain(
        &self,
        engine: &Arc<dyn Engine>,
        others: &BTreeMap<String, ImageExpr>,
        tell: &EventSink,
        interrupts: &mut Interrupts,
    ) -> Result<Obtained, Failure> {
        let options = self.options();
        images::obtain_unless(interrupts, &self.progress, engine, &self.images, others, &options, tell).await
    }

    fn options(&self) -> ObtainOptions {
        ObtainOptions {
            offline: self.engine.offline,
            cache: Cache::default(),
        }
    }

    async fn run_plan(
        &self,
        ctx: &Arc<RunContext>,
        plan: &Plan,
        assignments: Vec<Assignment>,
        output: &RunOutput,
        interrupts: &mut Interrupts,
        guard: &mut RunGuard,
    ) -> Ended {
        let attempts = Attempts::default();
        let mut lengths = Lengths::load();
        let (remembered, assignments) = self.recall(assignments);
        let judge = self.judge(&remembered, &assignments, &attempts, output);
        for (assignment, evidence) in &remembered {
            judge(&CaseKey::of(&assignment.case, 1), Attempt::Ended(evidence));
        }
        let mut cut = {
            // The longest first. The document has the order of the plan.
            let assignments = longest_first(assignments, |a| &a.scenario, |s| lengths.of(s));
            let work = run_cases(ctx, assignments, judge);
            tokio::select! {
                () = work => None,
                exit = interrupts.next() => Some(exit),
            }
        };
        let is_new = |key: &CaseKey| remembered.iter().all(|(a, _)| CaseKey::of(&a.case, 1) != *key);
        {
            let attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
            lengths.learn(attempts.iter().filter(|(key, _)| is_new(key)).map(|(_, entry)| entry));
        }
        lengths.save();
        // A case under a fault overlay is meant not to hold.
        let red = |(key, entry): &Attempted| {
            entry.verdict.is_red() && selftest::split(&key.scenario, self.purpose.overlays()).is_none()
        };
        let any_red = attempts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(red);
        let stopped = self.stopped.get();
        let abnormal = self.unjudged(
            plan,
            &attempts,
            cut.is_some() || stopped.is_some() || (self.run.fail_fast && any_red),
        );
        let kept = match (cut, stopped) {
            (None, Some(key)) => kept(&ctx.run, plan, &attempts, |(other, _)| other == key),
            (None, None) if self.run.keep.is_some() => kept(&ctx.run, plan, &attempts, red),
            _ => Vec::new(),
        };
        let leak = guard
            .end(&ctx.engine, &ctx.run, &kept, &mut cut, interrupts, &self.progress)
            .await;
        let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
        Ended {
            attempts: in_order(plan, &mut attempts),
            cut,
            fault: abnormal.or(leak.map(|why| (why, Exit::Environment))),
        }
    }

    /// Slots for `--jobs` cases, never more than the engine can run.
    fn slots(&self, engine: &EngineInfo, tell: &EventSink) -> Slots {
        let slots = Slots::new(self.run.jobs, engine);
        if let Some(asked) = self.run.jobs.filter(|asked| slots.most_busy < asked.get()) {
            tell(RunEvent::Note {
                text: format!(
                    "{asked} jobs are too many for {} processors: {} cases are busy at a time",
                    engine.cpus, slots.most_busy
                ),
            });
        }
        slots
    }

    /// Splits cases into those with cached evidence and the others.
    fn recall(&self, assignments: Vec<Assignment>) -> (Vec<(Assignment, CaseEvidence)>, Vec<Assignment>) {
        let Some(memory) = self.purpose.memory() else {
            return (Vec::new(), assignments);
        };
        let all = assignments.len();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for assignment in assignments {
            match memory.recall(&assignment.case) {
                Some(evidence) => known.push((assignment, evidence)),
                None => unknown.push(assignment),
            }
        }
        if !known.is_empty() {
            self.progress.on(&RunEvent::Note {
                text: format!("{} of {all} cases are cached from earlier runs", known.len()),
            });
        }
        (known, unknown)
    }

    fn assignments(&self, plan: &Plan, obtained: &Obtained) -> Vec<Assignment> {
        let scenarios: BTreeMap<&str, Arc<Scenario>> = self
            .scenarios
            .iter()
            .map(|s| (s.id.as_str(), Arc::new(s.clone())))
            .collect();
        plan.cases
            .iter()
            .map(|case| cases::of_plan(case, &scenarios[case.scenario.as_str()], obtained))
            .collect()
    }

    /// The entries that `judge` needs to judge this run again.
    fn ledger(&self, assignments: &[Assignment], output: &RunOutput) -> Vec<Entry> {
        let mut entries: Vec<Entry> = output
            .images
            .iter()
            .cloned()
            .map(|image| Entry::Image { image })
            .collect();
        entries.extend(self.purpose.entry());
        entries.extend(output.partition.clone().map(Entry::Partition));
        let planned = |s: &&Scenario| assignments.iter().any(|a| a.scenario.id == s.id);
        entries.extend(self.scenarios.iter().filter(planned).map(|scenario| {
            let overlay =
                selftest::split(&scenario.id, self.purpose.overlays()).map(|(_, overlay)| overlay.name.clone());
            Entry::Scenario(Text::of(scenario, overlay))
        }));
        entries.extend(assignments.iter().map(|a| {
            Entry::Case(Planned {
                scenario: a.case.scenario.clone(),
                image: a.case.image.clone(),
                repeat: a.case.repeat,
                expect: (self.expect)(&a.scenario, &a.case.image),
                subject: cases::subject(a),
                position: output.partition.as_ref().map(|_| a.case.index),
            })
        }));
        entries.extend(output.left_out.iter().cloned().map(Entry::LeftOut));
        entries
    }

    /// An internal error if a planned case has no attempt, unless the run was cut short: a lost case must not count as held.
    fn unjudged(&self, plan: &Plan, attempts: &Attempts, cut: bool) -> Option<(String, Exit)> {
        if cut {
            return None;
        }
        let attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = plan.cases.iter().filter(|case| {
            attempts
                .iter()
                .all(|(key, _)| (&key.scenario, &key.image, key.repeat) != (&case.scenario, &case.image, case.repeat))
        });
        let lost: Vec<String> = lost
            .map(|case| format!("{} on {}", case.scenario, case.image))
            .collect();
        (!lost.is_empty()).then(|| {
            let why = format!("internal error of comeback: it lost {} (more with -v)", lost.join(", "));
            (why, Exit::Internal)
        })
    }

    fn plan(&self, obtained: &Obtained) -> Plan {
        let image = |i: &comeback_image::Image| PlanImage {
            name: i.name.clone(),
            release: i.release.clone(),
        };
        let images: Vec<PlanImage> = obtained.subjects.iter().map(image).collect();
        comeback_plan::plan(&self.scenarios, &images, self.run.repeat.get())
    }

    /// Cuts the plan down to this run's shard, and returns the shard's entry.
    fn cut(&self, plan: &mut Plan) -> Option<PartitionEntry> {
        let partition = self.run.partition?;
        for (index, case) in plan.cases.iter_mut().enumerate() {
            case.index = index;
        }
        let entry = partition::entry(partition, plan, &self.scenarios, &self.expect);
        plan.keep_only(partition, |case| self.purpose.unit(case));
        Some(entry)
    }
}

/// The attempts in the order of the plan.
fn in_order(plan: &Plan, attempts: &mut Vec<Attempted>) -> Vec<CaseEntry> {
    let key = |case: &comeback_plan::Case| (case.scenario.clone(), case.image.clone(), case.repeat);
    let positions: BTreeMap<_, usize> = plan.cases.iter().map(key).zip(0..).collect();
    let position = |key: &CaseKey| positions.get(&(key.scenario.clone(), key.image.clone(), key.repeat));
    attempts.sort_by_key(|(key, _)| (position(key), key.attempt));
    attempts.drain(..).map(|(_, entry)| entry).collect()
}

/// The names of the kept attempts on the engine.
fn kept(run: &str, plan: &Plan, attempts: &Attempts, is_red: impl Fn(&Attempted) -> bool) -> Vec<String> {
    let attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
    let red = attempts.iter().filter(|attempt| is_red(attempt));
    let names = red.filter_map(|(key, ..)| {
        let same =
            |c: &&comeback_plan::Case| (&c.scenario, &c.image, c.repeat) == (&key.scenario, &key.image, key.repeat);
        let case = plan.cases.iter().find(same)?;
        Some(case_on_engine(run, case.index, key.attempt))
    });
    names.collect()
}

fn left_out(plan: &Plan) -> Vec<LeftOutEntry> {
    let entry = |l: &comeback_plan::LeftOut| LeftOutEntry {
        scenario: l.scenario.clone(),
        image: l.image.clone(),
        why: l.why.clone(),
    };
    plan.left_out.iter().map(entry).collect()
}

/// An image as far as its expression tells, for `--dry-run`.
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
