//! Runs one scenario on the scripted engine as `check` does, from the stream of events to the cleanup.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::cases::{assignment, subject};
use crate::watchdog;
use comeback_engine::Engine;
use comeback_fake::faulty::{Asked, Fault, Faulty};
use comeback_fake::{Fake, Personality};
use comeback_history::clock::ClockOffset;
use comeback_history::facts::Observation;
use comeback_image::Image;
use comeback_observe::clock::Clocks;
use comeback_observe::hub::EventHub;
use comeback_runner::{Attempt, Environments, Next, Paces, RunContext, Slots, run_cases};
use comeback_scenario::Catalogue;
use comeback_scenario::model::Scenario;
use comeback_verdict::attempts::again;
use comeback_verdict::{Classification, Verdict, judge_case};

/// Longer than all deadlines together.
const NEVER: Duration = Duration::from_secs(4 * 3600);
/// Longer than any single call takes.
const LATER: Duration = Duration::from_secs(600);
const RUN: &str = "20260102030405-1-1";

pub static SCENARIOS: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::load(None::<&Path>).unwrap_or_else(|errors| panic!("{errors}")));

/// The result of a run.
pub struct Played {
    /// The classification of each attempt, and the reason.
    pub attempts: Vec<(Classification, String)>,
    /// What the run reports about leftovers.
    pub leak: Option<String>,
    /// The history of each attempt.
    pub histories: Vec<Vec<Observation>>,
    /// Latencies of the facts that the run waited for, in milliseconds.
    pub latencies_ms: Vec<f64>,
    /// The offset of the engine's clock, as the run measured it.
    pub clock: Option<ClockOffset>,
    /// The duration by the paused clock, which only advances when every task waits.
    pub took: Duration,
    /// Leftovers on the engine.
    pub left: Vec<String>,
    /// The calls to the engine.
    pub asked: Asked,
}

/// Runs a built-in scenario once, with a clock that only advances when every task waits.
///
/// # Errors
/// If it never ends.
pub fn play(scenario: &str, personality: Personality, fault: Option<Fault>) -> Result<Played, String> {
    play_drawn(scenario, personality, fault, 1)
}

/// Like [`play`], with this seed.
///
/// # Errors
/// If it never ends.
pub fn play_drawn(scenario: &str, personality: Personality, fault: Option<Fault>, seed: u64) -> Result<Played, String> {
    let scenario = SCENARIOS.get(scenario);
    let scenario = scenario.ok_or("there is no such scenario")?;
    play_on(Fake::new(personality), scenario.clone(), fault, seed)
}

/// Like [`play`], on this engine and with this scenario.
///
/// # Errors
/// If it never ends.
pub fn play_on(fake: Fake, scenario: Scenario, fault: Option<Fault>, seed: u64) -> Result<Played, String> {
    play_in_turn(fake, scenario, fault, seed, 1)
}

/// Like [`play_on`], so many cases one after the other in one run.
///
/// # Errors
/// If it never ends.
pub fn play_in_turn(
    fake: Fake,
    scenario: Scenario,
    fault: Option<Fault>,
    seed: u64,
    cases: u32,
) -> Result<Played, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.unwrap_or_else(|why| panic!("no runtime: {why}"));
    runtime.block_on(async {
        let played = tokio::time::timeout(NEVER, played(fake, scenario, fault, seed, cases)).await;
        played.map_err(|_| "it never ends".to_owned())
    })
}

async fn played(fake: Fake, scenario: Scenario, fault: Option<Fault>, seed: u64, cases: u32) -> Played {
    let clock = Instant::now();
    let faulty = Arc::new(Faulty::new(fake.clone(), fault));
    let engine: Arc<dyn Engine> = faulty.clone();
    let case = comeback_plan::Case {
        index: 0,
        scenario: scenario.id.clone(),
        image: "docker:scripted".into(),
        repeat: 1,
    };
    let case = assignment(case, Arc::new(scenario), &image(), |_| Some(image()));
    let ended: Arc<Mutex<Vec<(Classification, String)>>> = Arc::default();
    let seen: Arc<Mutex<Vec<Vec<Observation>>>> = Arc::default();
    let waited: Arc<Mutex<Vec<f64>>> = Arc::default();
    let tell = {
        let (ended, seen, waited, case) = (ended.clone(), seen.clone(), waited.clone(), case.clone());
        move |_: &_, attempt: Attempt<'_>| {
            let Attempt::Ended(evidence) = attempt else {
                return Next::default();
            };
            let mut histories = seen.lock().unwrap_or_else(PoisonError::into_inner);
            histories.push(evidence.history.clone());
            let mut waited = waited.lock().unwrap_or_else(PoisonError::into_inner);
            waited.extend(&evidence.latencies_ms);
            let judged = judge_case(&case.scenario, evidence, &subject(&case), None);
            let why = judged.reason.unwrap_or_default();
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((judged.classification, why));
            // Only an inconclusive attempt is retried.
            let verdict = |(found, _): &(Classification, String)| match found {
                Classification::Inconclusive => Verdict::Inconclusive,
                _ => Verdict::Held,
            };
            let verdicts: Vec<Verdict> = ended.iter().map(verdict).collect();
            Next {
                again: again(&verdicts),
                ..Next::default()
            }
        }
    };
    let info = fake.info().await.unwrap_or_else(|why| panic!("{why}"));
    let clocks = Clocks::measure(&fake).await;
    match EventHub::open(engine.clone(), RUN.to_owned()).await {
        Ok(hub) => {
            let ctx = Arc::new(RunContext {
                engine: engine.clone(),
                clocks,
                hub,
                tells_of_execs: info.tells_of_execs(),
                daemon_restart: None,
                host: String::new(),
                run: RUN.to_owned(),
                observer: None,
                limit: Duration::from_secs(60),
                case_limit: Duration::from_secs(300),
                slots: Slots::new(std::num::NonZeroUsize::new(1), &info),
                environments: Environments::default(),
                paces: Paces::default(),
                seed,
                stop_at: None,
            });
            let in_turn = (1..=cases).map(|repeat| {
                let mut next = case.clone();
                (next.case.repeat, next.case.index) = (repeat, repeat as usize);
                next
            });
            run_cases(&ctx, in_turn.collect(), tell).await;
        }
        // The run ends here, and says why.
        Err(why) => {
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((Classification::Error, why.to_string()));
        }
    }
    let took = clock.elapsed();
    let leak = watchdog::clean_up(&engine, RUN, &[], false).await;
    // Time for tasks that should have ended: what they create now counts as left.
    tokio::time::sleep(LATER).await;
    let attempts = ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Played {
        attempts,
        histories: std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner)),
        latencies_ms: std::mem::take(&mut *waited.lock().unwrap_or_else(PoisonError::into_inner)),
        clock: clocks.offset,
        took,
        leak,
        left: fake.resources(),
        asked: faulty.asked(),
    }
}

fn image() -> Image {
    Image {
        name: "docker:scripted".into(),
        reference: "scripted".into(),
        digest: "sha256:0".into(),
        base: None,
        supervisor: None,
        release: None,
    }
}
