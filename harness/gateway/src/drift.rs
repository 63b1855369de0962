//! Drift: what a gateway says and this crate does not know. No verdict depends on it; it shows that the contract has moved.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{boot_line, state};

/// Where something unknown was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A key of the state file.
    StateKey,
    /// A word of `gateway_state`.
    GatewayState,
    /// A word of `desired_state`.
    DesiredState,
    /// A field of the reconciler's line.
    BootField,
    /// The reconciler's action.
    BootAction,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StateKey => "key in the state file",
            Self::GatewayState => "gateway_state",
            Self::DesiredState => "desired_state",
            Self::BootField => "field in the reconciler's line",
            Self::BootAction => "action of the reconciler",
        })
    }
}

/// Longest word that is told, in characters.
const LONGEST: usize = 40;

/// What is unknown in a state file, each with its place.
///
/// ```
/// use comeback_gateway::drift::{Place, in_state};
///
/// let state = serde_json::json!({"gateway_state": "napping", "mood": 1});
/// let found: Vec<_> = in_state(state.as_object().unwrap()).collect();
/// assert_eq!(found, [(Place::StateKey, "mood".to_owned()), (Place::GatewayState, "napping".to_owned())]);
/// ```
pub fn in_state(state: &Map<String, Value>) -> impl Iterator<Item = (Place, String)> {
    let keys = state.keys().filter(|key| !state::KEYS.contains(&key.as_str()));
    let keys = keys.map(|key| (Place::StateKey, short(key)));
    let word = |place, key, known: &'static [&'static str]| {
        let word = state::word(state, key).filter(|word| !known.contains(word))?;
        Some((place, short(word)))
    };
    keys.chain(word(Place::GatewayState, state::GATEWAY_STATE, state::STATES))
        .chain(word(Place::DesiredState, state::DESIRED_STATE, state::DESIRED))
}

/// What is unknown in a line of the reconciler, each with its place.
pub fn in_boot_line(line: &str) -> impl Iterator<Item = (Place, String)> {
    boot_line::fields(line).filter_map(|(name, value)| match name {
        "action" if !boot_line::ACTIONS.contains(&value) => Some((Place::BootAction, short(value))),
        name if !boot_line::FIELDS.contains(&name) => Some((Place::BootField, short(name))),
        _ => None,
    })
}

fn short(word: &str) -> String {
    word.chars().take(LONGEST).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Of 0.22.2, after a start.
    #[test]
    fn what_gateways_write_is_known() {
        let state = json!({
            "pid": 209, "kind": "hermes-gateway", "argv": [], "start_time": 1, "hermes_home": "/opt/data",
            "gateway_state": "running", "exit_reason": null, "restart_requested": false, "active_agents": 0,
            "platforms": {}, "session_store": {"status": "ok"}, "updated_at": "", "code_sha": null, "code_version": "",
            "desired_state": "running", "active_work": null, "served_profiles": [], "multiplex_standalone_reason": null,
        });
        assert_eq!(in_state(state.as_object().unwrap()).count(), 0);
        let line = "2026-11-25T17:00:00+0000 profile=default prior_state=running action=started prior_exit=clean \
                    folded_into_root=False";
        assert_eq!(in_boot_line(line).count(), 0);
    }

    #[test]
    fn what_is_unknown_in_a_line_is_told_with_its_place() {
        let found: Vec<_> = in_boot_line("profile=a prior_state=None action=adopted mood=good").collect();
        let wanted = [
            (Place::BootAction, "adopted".to_owned()),
            (Place::BootField, "mood".to_owned()),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_long_word_is_cut() {
        let state = json!({"k".repeat(1000): 1});
        let found: Vec<_> = in_state(state.as_object().unwrap()).collect();
        assert_eq!(found, [(Place::StateKey, "k".repeat(LONGEST))]);
    }
}
