//! Drift: what a gateway says and this crate does not know. No verdict rests on it; it tells that the contract has moved.

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
