//! Observation: from what the observer, the agent and the engine push to one history a case, and how probes read it.

pub mod clock;
pub mod hub;
mod inspected;
pub mod link;
#[cfg(test)]
mod observer_tests;
pub mod overlay;
pub mod recorder;
pub mod wire;

pub use inspected::inspected;

/// The observer's program, for `python3 -c`.
pub const OBSERVER: &str = concat!(include_str!("inotify.py"), "\n", include_str!("observer.py"));
/// The agent's program, for `python3 -c`.
pub const AGENT: &str = concat!(include_str!("inotify.py"), "\n", include_str!("agent.py"));
