//! `judge`: judges a record again, without an engine.

use super::reports::Reports;
use super::{Caller, print_failure};
use crate::options::JudgeOptions;
use crate::{Failure, FailureKind};
use comeback_record::document::RunDocument;
use comeback_record::read::{ReadError, read};
use comeback_record::replay::replay;
use comeback_text::terminal::sanitize;
use comeback_verdict::Exit;

/// Reads a record, judges it by the expectations in it, and renders it. Returns the exit code.
pub fn judge(args: &JudgeOptions, caller: &Caller) -> Result<u8, Failure> {
    let kept = read(&args.record).map_err(|error| bad(&error))?;
    let document = replay(&kept).map_err(|error| bad(&error))?;
    let reports = Reports::new(&args.render, &caller.terminal);
    kept.events.iter().for_each(|event| reports.stream(event));
    let written = reports.write(&document);
    if let Err(failure) = &written {
        print_failure(failure, &caller.terminal);
    }
    reports.print(&document)?;
    Ok(code(&document, &written))
}

/// The exit code is that of the run, in its exit style. If a report could not be written, it is not 0.
pub(super) fn code(document: &RunDocument, written: &Result<(), Failure>) -> u8 {
    match written {
        Err(failure) if document.exit_code == Exit::Held.code() => failure.exit().code(),
        _ => document.exit_code,
    }
}

/// The failure for a record that cannot be read.
pub(super) fn bad(error: &ReadError) -> Failure {
    let text = format!("error: {error}");
    let lines: Vec<String> = text.lines().map(sanitize).collect();
    Failure::new(FailureKind::BadFile {
        diagnostic: lines.join("\n"),
    })
}
