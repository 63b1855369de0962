//! What the scripts in the containers have to know.

use serde_json::{Value, json};

use crate::{DEFAULT_PROFILE, command, files, log, state, supervisor};

/// What the observer and the agent know of the gateway: one JSON object, which they are given as their first argument.
pub fn script_facts() -> Value {
    json!({
        "data": files::DATA,
        "default": DEFAULT_PROFILE,
        "profiles": files::PROFILES,
        "logs": files::LOGS,
        "state": files::STATE,
        "marker": files::MARKER,
        "boot_log": files::BOOT_LOG,
        "gateway_log": files::GATEWAY_LOG,
        "exit_diag": files::EXIT_DIAG,
        "cron": files::CRON,
        "heartbeat": files::HEARTBEAT,
        "phrases": log::PHRASES.iter().map(|(phrase, _)| *phrase).collect::<Vec<_>>(),
        "scan": supervisor::SCAN,
        "tools": supervisor::TOOLS,
        "status_tool": supervisor::STATUS_TOOL,
        "deaths_tool": supervisor::DEATHS_TOOL,
        "slot": supervisor::SLOT,
        "control": supervisor::CONTROL,
        "down": supervisor::DOWN,
        "supervise": supervisor::SUPERVISE,
        "status": supervisor::STATUS,
        "deaths": supervisor::DEATHS,
        "program": command::PROGRAM,
        "profile_flag": command::PROFILE_FLAG,
        "run": command::RUN,
        "gateway_state": state::GATEWAY_STATE,
        "pid": state::PID,
        "start_time": state::START_TIME,
    })
}
