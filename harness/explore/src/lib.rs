//! Exploring: sequences that nobody wrote down, against the rule behind the table.
//!
//! [`model`] says what can be done next and [`generate`] makes sequences of it, by proptest's strategies, which also shrink
//! what fails. [`mod@file`] makes a scenario of a sequence, a [`hunt::TrialRunner`] runs it as any other scenario is run, [`oracle`] reads
//! off its history whether every gateway was what its operator wanted, and [`hunt`] drives it all.

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
