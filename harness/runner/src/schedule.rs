//! Runs the attempts of all cases, as many at a time as there are slots for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::slots::Busy;
use super::{CaseImages, CaseProgress, Order, RunContext, attempt};
use comeback_history::facts::CaseEvidence;
use comeback_plan::CaseKey;
use comeback_scenario::model::Scenario;

/// A case to run.
#[derive(Clone)]
pub struct Assignment {
    /// Its position in the plan, from 0.
    pub case: comeback_plan::Case,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its images.
    pub images: CaseImages,
    /// True if no other case may be busy meanwhile.
    pub alone: bool,
}

/// A message of the scheduler about an attempt.
pub enum Attempt<'a> {
    /// The attempt began.
    Began,
    /// The attempt makes progress.
    Going(CaseProgress),
    /// The attempt ended. The caller's answer decides what is next.
    Ended(&'a CaseEvidence),
}

/// What the caller decides after an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// Run another attempt of the case.
    pub again: bool,
    /// Begin no more cases.
    pub stop: bool,
    /// Keep the container under test and the volume for inspection.
    pub keep: bool,
}

/// Runs all cases, as many at a time as there are slots for, and removes what they created. `tell` is called with the
/// progress of each attempt. When the attempt has ended, `tell` judges it and decides what is next. Returns when
/// everything has ended and is removed. If the future is dropped before, no more cases begin, and the caller cleans up
/// with [`super::remove_run`].
pub async fn run_cases<F>(ctx: &Arc<RunContext>, cases: Vec<Assignment>, tell: F)
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let tell = Arc::new(tell);
    let mut running = JoinSet::new();
    for assignment in cases {
        // Waiting for a slot comes first, so cases begin in their order and none is set up too early.
        let Some(under_way) = ctx.slots.begin(assignment.scenario.wants_the_engine()).await else {
            break;
        };
        let Some(busy) = ctx.slots.busy(assignment.alone).await else {
            break;
        };
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (ctx, stop, tell) = (ctx.clone(), stop.clone(), tell.clone());
        running.spawn(async move {
            if attempts(&ctx, &assignment, busy, &*tell).await {
                stop.store(true, Ordering::Relaxed);
            }
            drop(under_way);
        });
        // Ended cases free their memory before the last one ends.
        while let Some(done) = running.try_join_next() {
            note(done);
        }
    }
    while let Some(done) = running.join_next().await {
        note(done);
    }
}

fn note(done: Result<(), JoinError>) {
    if let Err(error) = done {
        tracing::error!("a case ended abnormally: {error}");
    }
}

/// Runs one case like [`run_cases`], at the same time as others that share the slots.
pub async fn run_case<F>(ctx: &Arc<RunContext>, case: &Assignment, tell: &F)
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync,
{
    let Some(_under_way) = ctx.slots.begin(case.scenario.wants_the_engine()).await else {
        return;
    };
    if let Some(busy) = ctx.slots.busy(case.alone).await {
        attempts(ctx, case, busy, tell).await;
    }
}

/// Runs the attempts of a case. Returns true if no more cases should begin.
async fn attempts<F>(ctx: &Arc<RunContext>, case: &Assignment, busy: Busy, tell: &F) -> bool
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync,
{
    let mut busy = Some(busy);
    let mut stop = false;
    for attempt in 1.. {
        // A retry has the machine to itself, because other cases may have caused the first result.
        let busy = match busy.take() {
            Some(busy) => busy,
            None => match ctx.slots.busy(true).await {
                Some(busy) => busy,
                None => break,
            },
        };
        let next = one(ctx, case, attempt, busy, tell).await;
        stop |= next.stop;
        if !next.again {
            break;
        }
    }
    stop
}

async fn one<F>(ctx: &Arc<RunContext>, assignment: &Assignment, attempt: u32, busy: Busy, tell: &F) -> Next
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync,
{
    let key = CaseKey::of(&assignment.case, attempt);
    tell(&key, Attempt::Began);
    let (progress, mut told) = mpsc::unbounded_channel();
    let order = Order {
        scenario: assignment.scenario.clone(),
        images: assignment.images.clone(),
        image: assignment.case.image.clone(),
        index: assignment.case.index,
        repeat: assignment.case.repeat,
        attempt,
        progress,
    };
    let work = attempt::run(ctx.clone(), order, busy);
    tokio::pin!(work);
    let finished = loop {
        tokio::select! {
            finished = &mut work => break finished,
            Some(progress) = told.recv() => { tell(&key, Attempt::Going(progress)); }
        }
    };
    while let Ok(progress) = told.try_recv() {
        tell(&key, Attempt::Going(progress));
    }
    let next = tell(&key, Attempt::Ended(&finished.evidence));
    if next.keep && !next.again {
        finished.leftovers.keep(&ctx.engine).await;
    } else {
        finished.leftovers.remove(&ctx.engine).await;
    }
    next
}
