//! Deadlines for answers of the engine and of our own processes in the containers.

use std::time::Duration;

/// Deadline for a command to the observer or the agent.
pub const ANSWER: Duration = Duration::from_secs(20);
/// Deadline for the event of an action, after the engine's answer to it.
pub const EVENT: Duration = Duration::from_secs(15);
