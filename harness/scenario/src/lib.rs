//! The behaviour table as data: from a scenario file to a checked [`model::Scenario`].
//!
//! [`parse_file`] reports every mistake of a file at once, each with its place. [`Catalogue`] holds the scenarios that are built
//! in and those of a folder, [`Filter`] selects among them, and [`vocabulary`] declares the words that a file may use.
//!
//! ```
//! use comeback_scenario::{Catalogue, Filter};
//!
//! let catalogue = Catalogue::load(None).expect("the scenarios that are built in");
//! let filter = Filter::parse("tag(core) and not id(operator-*)").expect("a filter");
//! let selected = catalogue.iter().filter(|scenario| filter.matches(scenario, None)).count();
//! assert!(selected > 0 && selected < catalogue.len());
//! ```

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
