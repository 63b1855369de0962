//! Drift of a case: what its gateway said and this harness does not know.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::facts::{Fact, FileContent, Observation};
use comeback_gateway::drift::{Place, in_boot_line, in_state};
use comeback_gateway::files::is_state;
use comeback_scenario::model::{Operation, Scenario, Seed, SeedContent};

/// The most that is told of one attempt: a state file may have any number of keys.
const MOST: usize = 32;

/// What the gateway of a case said and this harness does not know, each once, without what the scenario itself put into a state
/// file. No verdict depends on it.
pub fn drift(scenario: &Scenario, history: &[Observation]) -> BTreeSet<(Place, String)> {
    let stamps = scenario.steps.iter().filter_map(|step| match &step.op {
        Operation::Stamp(seed) => Some(seed.as_ref()),
        _ => None,
    });
    let ours: BTreeSet<_> = scenario.seeds.iter().chain(stamps).flat_map(seeded).collect();
    let said = history.iter().flat_map(|observation| said(&observation.fact));
    let unknown: BTreeSet<_> = said.filter(|one| !ours.contains(one)).collect();
    unknown.into_iter().take(MOST).collect()
}

fn said(fact: &Fact) -> Vec<(Place, String)> {
    match fact {
        Fact::State {
            content: FileContent::Json { value },
            ..
        } => in_state(value).collect(),
        Fact::BootLine { line, .. } => in_boot_line(line).collect(),
        _ => Vec::new(),
    }
}

/// What a seed puts into a state file and no gateway writes.
fn seeded(seed: &Seed) -> Vec<(Place, String)> {
    let (SeedContent::Json(text) | SeedContent::Text(text)) = &seed.content else {
        return Vec::new();
    };
    match serde_json::from_str(text) {
        Ok(Json::Object(state)) if is_state(&seed.path) => in_state(&state).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::facts::Source;
    use comeback_scenario::fixtures::docker_restart;

    fn history(facts: impl IntoIterator<Item = Fact>) -> Vec<Observation> {
        let observation = |(seq, fact)| Observation {
            container: None,
            seq,
            at: None,
            known: Timestamp::UNIX_EPOCH,
            source: Source::Observer,
            fact,
        };
        (0..).zip(facts).map(observation).collect()
    }

    fn state(value: Json) -> Fact {
        Fact::State {
            profile: "default".into(),
            content: FileContent::Json {
                value: value.as_object().unwrap().clone(),
            },
        }
    }

    fn boot_line(rest: &str) -> Fact {
        Fact::BootLine {
            profile: "default".into(),
            prior_state: None,
            action: "registered".into(),
            line: format!("2026-11-25T00:00:00+0000 profile=default prior_state=None {rest}"),
        }
    }

    #[test]
    fn what_is_known_is_no_drift() {
        let history = history([
            state(json!({"gateway_state": "running", "desired_state": "running", "pid": 7, "code_sha": "a"})),
            boot_line("action=registered prior_exit=clean folded_into_root=False"),
        ]);
        assert_eq!(drift(&docker_restart(), &history), BTreeSet::new());
    }

    #[test]
    fn each_unknown_word_is_told_once_with_its_place() {
        let unknown = json!({"gateway_state": "napping", "desired_state": "paused", "mood": 1});
        let line = boot_line("action=adopted why=x");
        let history = history([state(unknown.clone()), state(unknown), line.clone(), line]);
        let wanted = [
            (Place::StateKey, "mood"),
            (Place::GatewayState, "napping"),
            (Place::DesiredState, "paused"),
            (Place::BootField, "why"),
            (Place::BootAction, "adopted"),
        ];
        assert_eq!(
            drift(&docker_restart(), &history),
            wanted.map(|(p, w)| (p, w.to_owned())).into()
        );
    }

    #[test]
    fn what_the_scenario_put_there_is_not_the_gateways_word() {
        let ours = json!({"gateway_state": "paused", "x_ours": 1});
        let seed = |path: &str| Seed {
            path: path.into(),
            content: SeedContent::Json(ours.to_string()),
            owner: 0,
            mode: 0o644,
        };
        let history = history([state(ours.clone())]);
        let mut scenario = docker_restart();
        scenario.seeds = vec![seed("profiles/work/gateway_state.json")];
        assert_eq!(drift(&scenario, &history), BTreeSet::new());
        scenario.seeds = vec![seed("other.json")];
        assert_eq!(drift(&scenario, &history).len(), 2);
        scenario.steps[0].op = Operation::Stamp(Box::new(seed("gateway_state.json")));
        assert_eq!(drift(&scenario, &history), BTreeSet::new());
    }

    #[test]
    fn there_is_an_end_to_it() {
        let keys: serde_json::Map<String, Json> = (0..1000).map(|n| (format!("key{n}"), Json::Null)).collect();
        let history = history([state(Json::Object(keys))]);
        assert_eq!(drift(&docker_restart(), &history).len(), MOST);
    }
}
