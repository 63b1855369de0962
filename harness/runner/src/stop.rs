//! Stops a case at a moment that the caller chooses, with its container frozen.

use std::collections::BTreeMap;

use super::case::Case;
use super::{Done, Halt};
use comeback_history::facts::{CaseEnd, CaseEvidence};
use comeback_history::now::Now;
use comeback_scenario::model::Moment;

impl Case {
    /// Marks a moment. If the caller wants the case to stop there, its container is frozen, and the case ends.
    pub(super) async fn moment(&self, moment: Moment) -> Done {
        self.recorder.mark(moment);
        let Some(stop_at) = &self.ctx.stop_at else {
            return Ok(());
        };
        let Some(why) = stop_at(&self.so_far()) else {
            return Ok(());
        };
        let why = format!("stopped at {moment}: {why}");
        if !self.recorder.now(Now::running) || self.is_paused() {
            return Err(Halt::Stopped(why));
        }
        Err(Halt::Stopped(match self.ctx.engine.pause(&self.subject_id()).await {
            Ok(()) => why,
            Err(error) => format!("{why}; its container goes on, because the engine did not freeze it: {error}"),
        }))
    }

    /// What was observed of the case by now.
    fn so_far(&self) -> CaseEvidence {
        CaseEvidence {
            scenario: self.order.scenario.id.clone(),
            image: self.order.image.clone(),
            attempt: self.order.attempt,
            repeat: self.order.repeat,
            started: self.ctx.clocks.ours(),
            clock: self.ctx.clocks.offset,
            seconds: 0.0,
            end: CaseEnd::Complete,
            steps: Vec::new(),
            latencies_ms: Vec::new(),
            history: self.recorder.read(|_, history| history.to_vec()),
            logs: BTreeMap::new(),
        }
    }
}
