//! `judge`: a record judged again, without an engine.

use super::reports::Reports;
use super::{Caller, tell_failure};
use crate::options::JudgeOptions;
use crate::{Failure, FailureKind};
use comeback_record::document::RunDocument;
use comeback_record::read::{ReadError, read};
use comeback_record::replay::replay;
use comeback_text::terminal::sanitize;
use comeback_verdict::Exit;

/// Reads a record, judges it by what was asked when it was made, and renders it. Returns the exit code.
pub fn judge(args: &JudgeOptions, caller: &Caller) -> Result<u8, Failure> {
    let kept = read(&args.record).map_err(|error| bad(&error))?;
    let document = replay(&kept).map_err(|error| bad(&error))?;
    let reports = Reports::new(&args.render, &caller.terminal);
    kept.events.iter().for_each(|told| reports.stream(told));
    let written = reports.write(&document);
    if let Err(failure) = &written {
        tell_failure(failure, &caller.terminal);
    }
    reports.print(&document)?;
    Ok(code(&document, &written))
}

/// The code is the run's, whatever it was asked to mean; a report that cannot be written must not pass for success.
pub(super) fn code(document: &RunDocument, written: &Result<(), Failure>) -> u8 {
    match written {
        Err(failure) if document.exit_code == Exit::Held.code() => failure.exit().code(),
        _ => document.exit_code,
    }
}

/// A record that is none.
pub(super) fn bad(error: &ReadError) -> Failure {
    let text = format!("error: {error}");
    let lines: Vec<String> = text.lines().map(sanitize).collect();
    Failure::new(FailureKind::BadFile {
        diagnostic: lines.join("\n"),
    })
}
