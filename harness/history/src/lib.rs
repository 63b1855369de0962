//! The history of a case: every fact that was learnt, what they add up to, and what a row of the table reads off them.
//!
//! [`facts`] is the format: one [`facts::Observation`] a line in a record's `history.jsonl`. [`now`] folds facts into the state at
//! one point, [`probe`] answers a row's question at a moment, [`order`] says where two readings of one history disagree.
//! Nothing here waits, reads a clock or talks to anyone:
//!
//! ```
//! use comeback_history::facts::{Fact, Observation};
//! use comeback_history::now::Now;
//!
//! let line = r#"{"seq":0,"known":"2026-01-01T00:00:00Z","source":"engine","fact":"container","change":"started","started_at":"2026-01-01T00:00:00Z","exit":null}"#;
//! let observation: Observation = serde_json::from_str(line).unwrap();
//! assert!(matches!(observation.fact, Fact::Container { .. }));
//! assert!(Now::at_end([&observation]).running());
//! ```

pub mod clock;
mod dating;
pub mod drift;
pub mod facts;
#[cfg(test)]
mod fixtures;
mod invariant;
pub mod now;
pub mod order;
pub mod pace;
pub mod probe;
mod reading;
