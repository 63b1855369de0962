//! Exploring: generated sequences, held against the rule behind the behaviour table.
//!
//! [`model`] says what can be done next, [`generate`] makes sequences of it with proptest's strategies, which also shrink what
//! fails. [`mod@file`] turns a sequence into a scenario file, a [`hunt::TrialRunner`] runs it, and [`oracle`] reads off its history
//! whether every gateway did what its operator wanted. [`mod@hunt`] drives them.
//!
//! ```
//! use comeback_explore::generate::Source;
//!
//! let source = Source { seed: 7, steps: 8, profiles: 2, others: Vec::new() };
//! // The same seed and number give the same sequence, on every machine.
//! assert_eq!(source.sequence(3), source.sequence(3));
//! assert!(source.sequence(3).operations().len() > 0);
//! ```

mod alike;
pub mod coverage;
pub mod file;
pub mod generate;
pub mod hunt;
pub mod intent;
pub mod model;
pub mod oracle;
pub mod sequence;
pub mod trial;

#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
#[cfg(test)]
mod tests;
