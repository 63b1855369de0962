//! One engine, one run and one set of images for all tests of a process.

pub mod strict;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use comeback_commands::cases::{assignment, subject};
use comeback_commands::{engine_entry, image_entry};
use comeback_engine::{DockerEngine, Engine, EngineInfo, RUN_LABEL, default_host};
use comeback_history::facts::CaseEvidence;
use comeback_image::{Image, ImageExpr, ObtainOptions};
use comeback_observe::clock::Clocks;
use comeback_observe::hub::EventHub;
use comeback_plan::CaseKey;
use comeback_plan::{Case, does_not_apply};
use comeback_record::document::{CaseEntry, JudgedCase, RunDocument, RunHeader, document, entry};
use comeback_runner::{Assignment, Attempt, Environments, Next, Paces, RunContext, Slots, run_case};
use comeback_scenario::model::Scenario;
use comeback_text::terminal::Style;
use comeback_verdict::attempts::again;
use comeback_verdict::expected::expectation;
use comeback_verdict::{Column, Expectation, Judged, Verdict, judge_case};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// Deadlines of each wait and of a case.
const LIMITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// One runtime for all tests, because the connection and the event stream outlive each of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static BENCH: OnceCell<Result<Bench, String>> = OnceCell::const_new();

/// The result of a case.
pub enum TestOutcome {
    /// The case was run and judged against this expectation.
    Judged(Box<RunDocument>, Expectation),
    /// The scenario does not apply to this release.
    LeftOut(String),
}

/// What all tests of a process share.
struct Bench {
    ctx: Arc<RunContext>,
    info: EngineInfo,
    images: Mutex<BTreeMap<String, Arc<OnceCell<Image>>>>,
    next: AtomicUsize,
    started: Timestamp,
}

/// Runs a scenario on an image and judges it, as `check` does.
///
/// # Panics
///
/// Without an engine, or if the image is not available; the message says what to do.
pub fn run(scenario: Scenario, image: &str, column: Option<Column>) -> TestOutcome {
    RUNTIME.block_on(async {
        match BENCH.get_or_init(Bench::open).await {
            Ok(bench) => bench.run(scenario, image, column).await,
            Err(why) => panic!("{why}"),
        }
    })
}

/// The command that restarts the engine's daemon, if one is named.
pub fn daemon_restart() -> Option<String> {
    std::env::var("COMEBACK_DAEMON_RESTART").ok()
}

/// The terminal report of a document.
pub fn dossier(document: &RunDocument) -> String {
    let style = Style {
        color: false,
        width: 120,
    };
    comeback_report::human::render(document, style)
}

impl Bench {
    async fn open() -> Result<Self, String> {
        let started = Timestamp::now();
        let host = default_host();
        let advice = "start Docker or set DOCKER_HOST; `cargo fast` runs the tests that need none";
        let failed = |why: String| format!("no container engine answers at {host}: {advice} ({why})");
        let engine: Arc<dyn Engine> = match DockerEngine::connect(Some(&host)).await {
            Ok(engine) => Arc::new(engine),
            Err(error) => return Err(failed(error.to_string())),
        };
        let info = engine.info().await.map_err(|e| failed(e.to_string()))?;
        let run = format!("test-{}-{}", started.as_millisecond(), std::process::id());
        let hub = EventHub::open(engine.clone(), run.clone())
            .await
            .map_err(|e| failed(e.to_string()))?;
        let clocks = Clocks::measure(engine.as_ref()).await;
        Ok(Self {
            ctx: Arc::new(RunContext {
                engine,
                hub,
                tells_of_execs: info.tells_of_execs(),
                daemon_restart: daemon_restart(),
                host,
                run,
                limit: LIMITS.0,
                case_limit: LIMITS.1,
                observer: None,
                slots: Slots::new(None, &info),
                seed: u64::from(std::process::id()),
                stop_at: None,
                clocks,
                environments: Environments::default(),
                paces: Paces::default(),
            }),
            info,
            images: Mutex::default(),
            next: AtomicUsize::new(0),
            started,
        })
    }

    async fn run(&self, scenario: Scenario, image: &str, column: Option<Column>) -> TestOutcome {
        let under_test = self.image(image).await;
        if let Some(why) = does_not_apply(scenario.releases.as_ref(), under_test.release.as_ref()) {
            return TestOutcome::LeftOut(why);
        }
        let mut others = BTreeMap::new();
        for name in scenario.other_images() {
            others.insert(name.to_owned(), self.image(name).await);
        }
        let case = Case {
            index: self.next.fetch_add(1, Ordering::Relaxed),
            scenario: scenario.id.clone(),
            image: under_test.name.clone(),
            repeat: 1,
        };
        let scenario = Arc::new(scenario);
        let case = assignment(case, scenario.clone(), &under_test, |text| others.get(text).cloned());
        let attempts = self.attempts(&case, column).await;
        let expectation = expectation(&case.scenario, &subject(&case), column);
        self.nothing_is_left(&case).await;
        let entries: Vec<CaseEntry> = attempts
            .iter()
            .map(|(evidence, judged)| {
                entry(&JudgedCase {
                    scenario: &scenario,
                    evidence,
                    judged,
                    kept: None,
                })
            })
            .collect();
        let images = vec![image_entry(&under_test, false, 0.0)];
        TestOutcome::Judged(Box::new(document(&self.header(), images, entries)), expectation)
    }

    async fn attempts(&self, case: &Assignment, column: Option<Column>) -> Vec<(CaseEvidence, Judged)> {
        let ended = Mutex::new(Vec::new());
        let subject = subject(case);
        let tell = |_: &CaseKey, attempt: Attempt<'_>| {
            let Attempt::Ended(evidence) = attempt else {
                return Next::default();
            };
            let judged = judge_case(&case.scenario, evidence, &subject, column);
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((evidence.clone(), judged));
            let verdicts: Vec<Verdict> = ended.iter().map(|(_, judged): &(_, Judged)| judged.verdict).collect();
            Next {
                again: again(&verdicts),
                ..Next::default()
            }
        };
        run_case(&self.ctx, case, &tell).await;
        ended.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// A case removes what it created.
    async fn nothing_is_left(&self, case: &Assignment) {
        let label = format!("{RUN_LABEL}={}", self.ctx.run);
        let ours = format!("comeback-{}-{}-", self.ctx.run, case.case.index);
        let containers = self
            .ctx
            .engine
            .list_containers(&label)
            .await
            .expect("a list of containers");
        let volumes = self.ctx.engine.list_volumes(&label).await.expect("a list of volumes");
        let names = containers
            .into_iter()
            .map(|c| c.name)
            .chain(volumes.into_iter().map(|v| v.name));
        let left: Vec<String> = names.filter(|name| name.starts_with(&ours)).collect();
        assert!(left.is_empty(), "left behind: {}", left.join(" "));
    }

    async fn image(&self, name: &str) -> Image {
        let cell = {
            let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
            images.entry(name.to_owned()).or_default().clone()
        };
        let obtain = async || {
            let expression: ImageExpr = name.parse().unwrap_or_else(|why| panic!("{why}"));
            let options = ObtainOptions::default();
            let obtained = comeback_image::obtain(self.ctx.engine.as_ref(), &expression, &options, &|_| ()).await;
            obtained.unwrap_or_else(|why| panic!("{name} is not available: {why}"))
        };
        cell.get_or_init(obtain).await.clone()
    }

    fn header(&self) -> RunHeader {
        RunHeader {
            run: self.ctx.run.clone(),
            command: "check".to_owned(),
            arguments: Vec::new(),
            started: self.started,
            seconds: 0.0,
            engine: Some(engine_entry(&self.info, self.ctx.clocks.offset)),
            left_out: Vec::new(),
            record: None,
            failure: None,
            interrupted: None,
            seed: Some(self.ctx.seed),
            partition: None,
            shards: None,
        }
    }
}
