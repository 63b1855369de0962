//! Renders the document of a run as a report: for a terminal, as JSON, JUnit, CTRF, Markdown, annotations or HTML.
//!
//! Every renderer is a pure function from the document (`run.json` of a record) to text, so that a report can be made again at
//! any time:
//!
//! ```no_run
//! use comeback_record::document::RunDocument;
//! use comeback_report::{junit, markdown};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let document: RunDocument = serde_json::from_str(&std::fs::read_to_string("record/run.json")?)?;
//! std::fs::write("summary.md", markdown::render(&document))?;
//! std::fs::write("junit.xml", junit::render(&document)?)?;
//! # Ok(())
//! # }
//! ```

pub mod annotations;
pub mod ctrf;
pub mod doctor;
mod drift;
pub mod html;
pub mod human;
mod items;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod schema;
mod trend;
