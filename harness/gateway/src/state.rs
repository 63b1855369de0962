//! The state file: `gateway_state.json`.

use serde_json::{Map, Value};

/// The key of what the gateway does.
pub const GATEWAY_STATE: &str = "gateway_state";
/// The key of what the operator wants, from 0.17.0 on.
pub const DESIRED_STATE: &str = "desired_state";
/// The key of the process that wrote it.
pub const PID: &str = "pid";
/// The key of that process's start time, in clock ticks since the host's boot.
pub const START_TIME: &str = "start_time";

/// The key of the profiles that the gateway serves; absent or empty if that is only its own.
pub const SERVED_PROFILES: &str = "served_profiles";

/// The word of a gateway that is up, and of an operator who wants it up.
pub const RUNNING: &str = "running";

/// The word of a gateway that cannot start and is about to end.
pub const STARTUP_FAILED: &str = "startup_failed";

/// What the gateway writes as `gateway_state`.
pub const STATES: &[&str] = &["starting", RUNNING, "draining", "degraded", STARTUP_FAILED, "stopped"];
/// What the operator's intent can be.
pub const DESIRED: &[&str] = &[RUNNING, "stopped"];
/// The keys it has, in any release.
pub const KEYS: &[&str] = &[
    PID,
    "kind",
    "argv",
    START_TIME,
    GATEWAY_STATE,
    "exit_reason",
    "restart_requested",
    "active_agents",
    "platforms",
    "updated_at",
    // By the reconciler, where the container's command was `gateway run`.
    "timestamp",
    "migrated_from",
    // Since 0.17.
    DESIRED_STATE,
    SERVED_PROFILES,
    // Since 0.20.
    "hermes_home",
    // Since 0.21.
    "session_store",
    "code_sha",
    "code_version",
    // Since 0.22.
    "active_work",
    "multiplex_standalone_reason",
];

/// True for the word of a gateway that serves.
///
/// ```
/// assert!(comeback_gateway::state::is_serving("degraded"));
/// ```
pub fn is_serving(state: &str) -> bool {
    [RUNNING, "degraded"].contains(&state)
}

/// A string in a state file.
pub fn word<'s>(state: &'s Map<String, Value>, key: &str) -> Option<&'s str> {
    state.get(key).and_then(Value::as_str)
}

/// The profiles that a state file lists as served by its gateway.
pub fn served(state: &Map<String, Value>) -> Vec<&str> {
    let listed = state.get(SERVED_PROFILES).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether the operator wants the gateway up, by the record: the intent where it is written down, else the last state. A gateway
/// that was cut off in the middle of something was meant to be up; one that could not start was not.
pub fn is_meant_up(state: &Map<String, Value>) -> bool {
    match (word(state, DESIRED_STATE), word(state, GATEWAY_STATE)) {
        (Some(RUNNING), _) => true,
        (Some("stopped"), _) => false,
        (_, Some(state)) => [RUNNING, "starting", "draining", "degraded"].contains(&state),
        (_, None) => false,
    }
}
