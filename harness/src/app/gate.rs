//! `check` and `reproduce`: what they run, and what they expect of it.

use super::desk::Desk;
use super::job::Job;
use super::{Caller, select};
use crate::cli::args::{Check, Reproduce};
use crate::cli::{Exit, Failure};
use crate::scenario::model::Scenario;
use crate::verdict::Column;

/// The reference pair: the last release with the bug, the first with its fix.
pub const REFERENCES: [&str; 2] = ["release:0.16.0", "release:0.17.0"];

/// Judges images against the table.
pub async fn check(args: Check, caller: Caller) -> Result<Exit, Failure> {
    let mut desk = Desk::open("check", &args.report, &caller);
    let column = args.expect.map(Column::from);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.select, None)?;
        let job = Job {
            images: select::images(&args.images)?,
            scenarios,
            run: args.run,
            engine: args.engine,
            expect: Box::new(move |_, _| column),
            progress: caller.progress,
            overlays: Vec::new(),
            selftest: None,
        };
        job.go(&mut desk).await
    };
    let outcome = outcome.await;
    desk.close(outcome)
}

/// Shows the issue on the reference pair.
pub async fn reproduce(args: Reproduce, caller: Caller) -> Result<Exit, Failure> {
    let mut desk = Desk::open("reproduce", &args.report, &caller);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.select, Some("tag(core)"))?;
        let job = Job {
            images: select::images(&REFERENCES.map(str::to_owned))?,
            scenarios,
            run: args.run,
            engine: args.engine,
            expect: Box::new(|scenario, image| Some(reference_column(scenario, image))),
            progress: caller.progress,
            overlays: Vec::new(),
            selftest: None,
        };
        job.go(&mut desk).await
    };
    let outcome = outcome.await;
    desk.close(outcome)
}

/// The column one of [`REFERENCES`] has to show.
pub fn reference_column(scenario: &Scenario, image: &str) -> Column {
    if image == REFERENCES[0] && !scenario.invariant {
        Column::Regressed
    } else {
        Column::Fixed
    }
}
