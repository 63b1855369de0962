//! How long a case would have taken if there were no harness.

use comeback_history::facts::{CaseEvidence, Fact, SETTLING, Source};

/// What engine and gateway took by themselves: of the start and of each step, the time until the last thing became true
/// that it led to. What is more is the harness's: its waits, its looking twice, its settling window, its removals.
pub fn floor(evidence: &CaseEvidence) -> f64 {
    let mut total = 0.0;
    let mut began = evidence.started;
    let mut last = began;
    for o in &evidence.history {
        let settling = matches!(&o.fact, Fact::Mark { moment } if moment.0 == SETTLING);
        if settling || matches!(o.fact, Fact::StepBegan { .. }) {
            total += last.duration_since(began).as_secs_f64().max(0.0);
            began = o.known;
            last = o.known;
            if settling {
                break;
            }
        } else if o.source != Source::Harness
            && let Some(at) = o.at_ours(evidence.clock)
        {
            last = last.max(at.min(o.known));
        }
    }
    total
}
