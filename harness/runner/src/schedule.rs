//! Which attempt runs when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::slots::Busy;
use super::{CaseImages, CaseProgress, Order, RunContext, attempt};
use comeback_history::facts::CaseEvidence;
use comeback_plan::CaseKey;
use comeback_scenario::model::Scenario;

/// A case to be run.
#[derive(Clone)]
pub struct Assignment {
    /// Its place in the plan.
    pub case: comeback_plan::Case,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its images.
    pub images: CaseImages,
}

/// What the scheduler tells while it goes on.
pub enum Attempt<'a> {
    /// One began.
    Began,
    /// One is going on.
    Going(CaseProgress),
    /// One has ended. The answer says what follows from it.
    Ended(&'a CaseEvidence),
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// Try once more.
    pub again: bool,
    /// Begin nothing new.
    pub stop: bool,
    /// Leave everything as it is, for somebody to look into.
    pub keep: bool,
}

/// Runs all cases, as many at a time as there are slots for, and removes what they created. `tell` hears of each attempt and,
/// at its end, says what follows; it is what judges. Returns when all is done and removed; dropped before, it begins
/// nothing more, and what is there is left to [`super::remove_run`].
pub async fn run_cases<F>(ctx: &Arc<RunContext>, cases: Vec<Assignment>, tell: F)
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let tell = Arc::new(tell);
    let mut running = JoinSet::new();
    for assignment in cases {
        // A slot first: cases begin in their order, and none is set up before its time.
        let Some(under_way) = ctx.slots.begin().await else {
            break;
        };
        let Some(busy) = ctx.slots.busy(assignment.scenario.wants_the_machine()).await else {
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
        // What has ended takes no room until the last one has.
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

/// Runs one case as [`run_cases`] does, beside others that share the slots.
pub async fn run_case<F>(ctx: &Arc<RunContext>, case: &Assignment, tell: &F)
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync,
{
    let Some(_under_way) = ctx.slots.begin().await else {
        return;
    };
    if let Some(busy) = ctx.slots.busy(case.scenario.wants_the_machine()).await {
        attempts(ctx, case, busy, tell).await;
    }
}

/// The attempts of a case. True if nothing else is to begin.
async fn attempts<F>(ctx: &Arc<RunContext>, case: &Assignment, busy: Busy, tell: &F) -> bool
where
    F: Fn(&CaseKey, Attempt<'_>) -> Next + Send + Sync,
{
    let mut busy = Some(busy);
    let mut stop = false;
    for attempt in 1.. {
        // One that could not be concluded from is given the machine: what else went on may have been why.
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
