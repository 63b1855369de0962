//! Runs one attempt of a case, and decides how it ended.

mod output;
mod set_up;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::case::Case;
use super::cleanup::Leftovers;
use super::slots::Busy;
use super::subject::Names;
use super::{CaseProgress, Done, Finished, Halt, Order, RunContext};
use comeback_engine::EngineError;
use comeback_history::facts::{CaseEnd, CaseEvidence, Observation};
use comeback_observe::clock::Clocks;
use comeback_observe::link::LinkError;
use comeback_observe::recorder::Recorder;
use comeback_scenario::model::{Moment, Operation};
use comeback_text::redact::Secrets;
use set_up::set_up;

/// Runs one attempt. `permit` is given back for the settling window, in which the case only waits.
pub async fn run(ctx: Arc<RunContext>, order: Order, permit: Busy) -> Finished {
    let started = ctx.clocks.ours();
    let clock = Instant::now();
    let names = Names::new(&ctx.run, &order);
    let known = secrets(&ctx, &order).await;
    let secrets = known.as_ref().cloned().unwrap_or_default();
    let (recorder, forward) = recorder(&order, secrets.clone(), ctx.clocks);
    let mut leftovers = Leftovers::default();
    let (scenario, image) = (order.scenario.clone(), order.image.clone());
    let (repeat, attempt) = (order.repeat, order.attempt);
    let outcome = match known {
        Ok(_) => set_up(ctx.clone(), Arc::new(order), &names, recorder.clone(), &mut leftovers).await,
        // Otherwise secrets could leak into the record.
        Err(error) => Err(Halt::Error(error.into())),
    };
    let (end, steps, logs) = match outcome {
        Err(halt) => (explained(Err(halt), &recorder), Vec::new(), BTreeMap::new()),
        Ok(case) => {
            let case = Arc::new(case);
            let end = case.clone().play(permit).await;
            leftovers.cut_short = case.flights.end().await;
            case.keep_output().await;
            let end = explained(case.under_overlay(end), &case.recorder);
            for sidecar in case.sidecars.values() {
                let mut shared = sidecar.shared();
                leftovers.containers.append(&mut shared.containers);
                leftovers.containers.push(shared.subject.clone());
            }
            leftovers.containers.retain(|id| !id.is_empty());
            let mut shared = case.shared();
            leftovers.containers.append(&mut shared.containers);
            leftovers.subject = Some(shared.subject.clone());
            (
                end,
                std::mem::take(&mut shared.steps),
                std::mem::take(&mut shared.output),
            )
        }
    };
    ctx.hub.forget(&names.case);
    if end != CaseEnd::Complete {
        leftovers.unsure_of = Some(names.case.clone());
    }
    let (history, latencies_ms) = recorder.close();
    drop(recorder);
    forward.abort();
    let evidence = CaseEvidence {
        scenario: scenario.id.clone(),
        image,
        attempt,
        repeat,
        started,
        clock: ctx.clocks.offset,
        seconds: clock.elapsed().as_secs_f64(),
        end: secrets.all(end),
        steps,
        latencies_ms,
        history,
        logs: logs.into_iter().map(|(n, lines)| (n, secrets.lines(&lines))).collect(),
    };
    Finished { evidence, leftovers }
}

/// A recorder that also passes its observations on as progress.
fn recorder(order: &Order, secrets: Secrets, clocks: Clocks) -> (Recorder, tokio::task::JoinHandle<()>) {
    let (sink, mut observations) = mpsc::unbounded_channel::<Observation>();
    let progress = order.progress.clone();
    let forward = tokio::spawn(async move {
        while let Some(observation) = observations.recv().await {
            let _ = progress.send(CaseProgress::Observed(Box::new(observation)));
        }
    });
    (Recorder::new(Some(sink), secrets, clocks), forward)
}

/// The secrets in the environment of the containers under test: in the scenario's variables and in those of the images.
async fn secrets(ctx: &RunContext, order: &Order) -> Result<Secrets, EngineError> {
    let mut variables: Vec<(String, String)> = order.scenario.start.env.clone().into_iter().collect();
    for sidecar in &order.scenario.sidecars {
        variables.extend(sidecar.env.clone());
    }
    for step in &order.scenario.steps {
        if let Operation::Recreate(recreation) = &step.op {
            variables.extend(recreation.env.clone().into_iter().flatten());
        }
    }
    for image in order.images.all() {
        variables.extend(ctx.environments.of(ctx.engine.as_ref(), &image.digest).await?);
    }
    Ok(Secrets::among(
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

/// How a case ended. It is complete only if no evidence was lost. The first loss is often the cause of another end, so
/// it is named first.
fn explained(end: Done, recorder: &Recorder) -> CaseEnd {
    let lost = recorder.now(|now| now.lost.first().map(|(_, what)| what.clone()));
    let Some(what) = lost else {
        return end.map_or_else(CaseEnd::from, |()| CaseEnd::Complete);
    };
    match end {
        Ok(()) => CaseEnd::Inconclusive(what),
        Err(Halt::Inconclusive(why)) => CaseEnd::Inconclusive(format!("{what}; {why}")),
        Err(Halt::Error(why)) if why.is_lost_connection() => CaseEnd::Error(format!("{what}; {why}")),
        Err(other) => other.into(),
    }
}

impl Case {
    async fn play(self: Arc<Self>, permit: Busy) -> Done {
        let settle = self.order.scenario.settle;
        let all = async {
            self.start().await?;
            self.clone().steps().await?;
            // The settling window begins once everything has come to rest, even if no step waited for that. A gateway may take
            // over the word `running` of the life before it, so its start has to be over, too.
            self.all_come_to_rest().await?;
            if !self.is_down() {
                self.live().await?;
                self.all_come_to_rest().await?;
            }
            self.recorder.settling();
            // The case only waits during the settling window, so another case may use the processor.
            drop(permit);
            if !self.is_down() {
                self.phase(&format!(
                    "waiting out the settling window of {} s",
                    settle.as_secs_f64()
                ));
                self.wait_out(settle).await;
                for sidecar in self.sidecars.values() {
                    sidecar.sync().await?;
                }
                self.sync().await?;
                // A container that ended by itself in the window either stays up now or does not.
                self.follow_restarts().await?;
            }
            self.moment(Moment::End).await?;
            Ok::<(), Halt>(())
        };
        let limit = self.ctx.case_limit;
        let done = tokio::select! {
            done = tokio::time::timeout(limit, all) => done,
            // The observer should outlive the case. Without it, nothing more can be observed.
            () = self.observer.gone() => Ok(Err(Halt::Inconclusive(LinkError::Closed("observer").into()))),
        };
        done.unwrap_or_else(|_| {
            let why = format!(
                "the case took longer than {} s (--timeout); its last phase was {}",
                limit.as_secs(),
                self.shared().phase
            );
            Err(Halt::Inconclusive(why.into()))
        })
    }
}
