//! `check` and `reproduce`: what they run, and what they expect of it.

use super::job::Job;
use super::select;
use crate::cli::args::{Check, Reproduce, Talk};
use crate::cli::{Exit, Failure};
use crate::verdict::Column;

/// The reference pair: the last release with the bug, the first with its fix.
const REFERENCES: [&str; 2] = ["release:0.16.0", "release:0.17.0"];

/// Judges images against the table.
pub async fn check(args: Check, talk: Talk, arguments: Vec<String>) -> Result<Exit, Failure> {
    let (scenarios, _) = select::scenarios(&args.select, None)?;
    let column = args.expect.map(Column::from);
    let job = Job {
        command: "check",
        images: select::images(&args.images)?,
        scenarios,
        run: args.run,
        report: args.report,
        engine: args.engine,
        talk,
        arguments,
        expect: Box::new(move |_, _| column),
        overlays: Vec::new(),
        selftest: None,
    };
    job.go().await
}

/// Shows the issue on the reference pair.
pub async fn reproduce(args: Reproduce, talk: Talk, arguments: Vec<String>) -> Result<Exit, Failure> {
    let (scenarios, _) = select::scenarios(&args.select, Some("tag(core)"))?;
    let job = Job {
        command: "reproduce",
        images: select::images(&REFERENCES.map(str::to_owned))?,
        scenarios,
        run: args.run,
        report: args.report,
        engine: args.engine,
        talk,
        arguments,
        expect: Box::new(|scenario, image| {
            Some(if image == REFERENCES[0] && !scenario.invariant {
                Column::Regressed
            } else {
                Column::Fixed
            })
        }),
        overlays: Vec::new(),
        selftest: None,
    };
    job.go().await
}
