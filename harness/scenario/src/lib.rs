//! Scenario files: the behaviour table as data. File shape in, checked [`model::Scenario`] out.

pub mod catalogue;
mod diagnostic;
pub mod explain;
pub mod filter;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod model;
pub mod overlay;
mod parse;
pub mod placeholders;
pub mod schema;
pub mod vocabulary;

pub use catalogue::{Catalogue, Entry};
pub use diagnostic::{Diagnostic, FileError, ScenarioErrors};
pub use filter::{Filter, FilterError, FilterErrorKind};
pub use parse::parse_file;
