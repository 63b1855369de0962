//! Observation: from what the observer, the agent and the engine push to one history a case, and how probes read it.

pub mod history;
pub mod probe;
