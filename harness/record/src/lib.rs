//! The record of a run: its events while it goes on, its files on disk, and the document that every report is made from.
//!
//! [`mod@write`] writes a record, [`mod@read`] reads one, whoever wrote it, and [`replay`] judges it again by the table as it was
//! then:
//!
//! ```
//! # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records/red");
//! let kept = comeback_record::read::read(&folder).expect("a record");
//! let document = comeback_record::replay::replay(&kept).expect("the ledger and the attempts agree");
//! assert_eq!(document.exit_code, 1);
//! ```

pub mod compare;
mod comparison;
pub mod document;
mod engine_entry;
pub mod event;
pub mod excerpt;
pub mod ledger;
pub mod likeness;
pub mod matrix;
pub mod merge;
pub mod read;
pub mod replay;
pub mod spans;
pub mod trend;
pub mod write;
