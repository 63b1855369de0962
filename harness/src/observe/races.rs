//! Races of the gateway's own that a stop may meet by accident: windows of milliseconds that no scenario with a plain stop
//! is about. Read off the history; which one it was is told, and the case is tried once more.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::history::{Fact, FileContent, Observation, TakenFor};
use super::now::Now;

/// A race that was met, in words; `None` if none was.
pub fn met_by_a_stop(now: &Now, history: &[Observation]) -> Option<String> {
    overtaken(now).or_else(|| forgotten(history))
}

/// The gateway looks for a marker every 0.5 s by itself. If it happens to do so between the marker and the SIGTERM of one
/// stop, the SIGTERM finds no marker any more.
fn overtaken(now: &Now) -> Option<String> {
    let twice = [TakenFor::Planned, TakenFor::Signal];
    let mut profiles = now.profiles.iter();
    let (profile, _) = profiles.find(|(_, p)| p.lives.iter().any(|l| l.taken_for == twice))?;
    Some(format!(
        "{profile}'s gateway found the marker by itself just before the stop's SIGTERM came. That race is the scenario \
         operator-stop-overtaken"
    ))
}

/// The command and the gateway that goes down both read the state file, change it and write it back, without a lock. If the
/// gateway read before the command wrote, its own writing undoes `desired_state`: the stop is forgotten.
fn forgotten(history: &[Observation]) -> Option<String> {
    let mut stopped: BTreeMap<&str, bool> = BTreeMap::new();
    for observation in history {
        let Fact::State {
            profile,
            content: FileContent::Json { value },
        } = &observation.fact
        else {
            continue;
        };
        let desired = value.get("desired_state").and_then(Json::as_str);
        // The command dates what it writes by a number, the gateway by a text.
        let by_gateway = value.get("updated_at").is_some_and(Json::is_string);
        let was = stopped.insert(profile, desired == Some("stopped")).unwrap_or(false);
        if was && by_gateway && desired == Some("running") {
            return Some(format!(
                "{profile}'s dying gateway wrote the state file back as it was before the stop, `desired_state` running: \
                 the stop is lost (docs/findings.md)"
            ));
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::observe::history::Source;
    use crate::observe::recorder::Recorder;

    fn writes(states: &[Json]) -> Vec<Observation> {
        let recorder = Recorder::new(None, crate::redact::Secrets::default());
        for value in states {
            let fact = Fact::State {
                profile: "work".into(),
                content: FileContent::Json {
                    value: value.as_object().unwrap().clone(),
                },
            };
            recorder.push(Source::Observer, None, fact);
        }
        recorder.snapshot().0
    }

    #[rstest]
    // The order in which a stop was lost on 0.17.0.
    #[case::lost(&[
        json!({"desired_state": "running", "gateway_state": "running", "updated_at": "2026-11-24T14:19:40.119097+00:00"}),
        json!({"desired_state": "stopped", "gateway_state": "running", "updated_at": 1_795_529_980}),
        json!({"desired_state": "running", "gateway_state": "draining", "updated_at": "2026-11-24T14:19:40.537960+00:00"}),
    ], true)]
    #[case::kept(&[
        json!({"desired_state": "stopped", "gateway_state": "running", "updated_at": 1_795_529_980}),
        json!({"desired_state": "stopped", "gateway_state": "draining", "updated_at": "2026-11-24T14:19:40.537960+00:00"}),
    ], false)]
    #[case::started_again_by_the_operator(&[
        json!({"desired_state": "stopped", "gateway_state": "stopped", "updated_at": 1_795_529_980}),
        json!({"desired_state": "running", "gateway_state": "stopped", "updated_at": 1_795_529_990}),
        json!({"desired_state": "running", "gateway_state": "starting", "updated_at": "2026-11-24T14:19:50.537960+00:00"}),
    ], false)]
    #[case::a_release_without_it(&[json!({"gateway_state": "stopped", "updated_at": "2026-11-24"})], false)]
    fn a_stop_that_is_lost(#[case] states: &[Json], #[case] lost: bool) {
        let history = writes(states);
        assert_eq!(met_by_a_stop(&Now::at_end(&history), &history).is_some(), lost);
    }
}
