//! `--stop-at first-difference`: the first case that differs stops at that moment, and no other case begins.

use std::sync::{Arc, OnceLock};

use super::Job;
use super::judge::last_inspected;
use comeback_gateway::files::DATA;
use comeback_history::facts::CaseEvidence;
use comeback_plan::CaseKey;
use comeback_record::document::selftest::split;
use comeback_runner::{Assignment, StopAt};
use comeback_verdict::difference_so_far;

/// The case that was stopped, once one was.
pub(super) type Stopped = Arc<OnceLock<CaseKey>>;

impl Job {
    /// Looks for the first difference at each moment of each case.
    pub(super) fn stop_at(&self, assignments: &[Assignment]) -> StopAt {
        // A case under a fault overlay is meant to differ.
        let sound = |a: &&Assignment| split(&a.case.scenario, self.purpose.overlays()).is_none();
        let asked = self.asked(assignments.iter().filter(sound));
        let stopped = self.stopped.clone();
        Arc::new(move |evidence: &CaseEvidence| {
            let (scenario, subject, explicit) = asked.get(&(evidence.scenario.clone(), evidence.image.clone()))?;
            let difference = difference_so_far(scenario, evidence, subject, *explicit)?;
            // Only one case is stopped: the others that are under way go on to their end.
            stopped.set(key_of(evidence)).ok().map(|()| difference)
        })
    }
}

/// The key of the case that the evidence is of.
fn key_of(evidence: &CaseEvidence) -> CaseKey {
    CaseKey {
        scenario: evidence.scenario.clone(),
        image: evidence.image.clone(),
        repeat: evidence.repeat,
        attempt: evidence.attempt,
    }
}

/// What to do with the frozen container, line by line.
pub(super) fn words(run: &str, evidence: &CaseEvidence, why: &str) -> Vec<String> {
    let name = last_inspected(evidence).map_or("the container", |status| status.name.as_str());
    vec![
        format!("{} on {} {why}", evidence.scenario, evidence.image),
        "its container is frozen, and kept with its volume:".to_owned(),
        format!("  its files      docker cp {name}:{DATA} - | tar -tv"),
        format!("  its processes  docker top {name}"),
        format!("  let it go on   docker unpause {name} && docker exec -it {name} bash"),
        format!("  remove it      comeback sweep --run {run}"),
    ]
}
