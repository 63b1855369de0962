//! Scenario files: the behaviour table as data. File shape in, checked [`model::Scenario`] out.

pub mod model;
