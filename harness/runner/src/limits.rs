//! How long the engine and our own processes in the containers may take to answer.

use std::time::Duration;

/// How long a command to the observer or the agent may take.
pub const ANSWER: Duration = Duration::from_secs(20);
/// How long after the engine's answer its own event may take.
pub const EVENT: Duration = Duration::from_secs(15);
