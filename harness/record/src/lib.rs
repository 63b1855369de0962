//! The record of a run: what is told while it goes on, and the one document every report is made from.

pub mod compare;
mod comparison;
pub mod document;
mod engine_entry;
pub mod event;
pub mod excerpt;
pub mod ledger;
pub mod matrix;
pub mod merge;
pub mod read;
pub mod replay;
pub mod spans;
pub mod write;
