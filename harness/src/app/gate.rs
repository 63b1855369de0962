//! `check` and `reproduce`: what they run, and what they expect of it.

use super::desk::Desk;
use super::job::Job;
use super::{Caller, select};
use crate::cli::args::{Check, ExitStyleArg, Reproduce};
use crate::cli::{Exit, Failure};
use crate::scenario::model::Scenario;
use crate::verdict::Column;

/// The reference pair: the last release with the bug, the first with its fix.
pub const REFERENCES: [&str; 2] = ["release:0.16.0", "release:0.17.0"];

/// Judges images against the table.
pub async fn check(args: Check, caller: Caller) -> Result<Exit, Failure> {
    let mut desk = Desk::open("check", &args.job.report, &caller);
    // A bisection looks for a change between commits that may all call themselves the same release.
    let bisects = args.exit_style == ExitStyleArg::Bisect;
    let column = args.expect.map(Column::from).or(bisects.then_some(Column::Fixed));
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.job.select, None)?;
        let images = select::images(&args.images)?;
        let mut job = Job::new(images, scenarios, args.job, caller.progress);
        job.expect = Box::new(move |_, _| column);
        job.go(&mut desk).await
    };
    let outcome = outcome.await;
    desk.close(outcome)
}

/// Shows the issue on the reference pair.
pub async fn reproduce(args: Reproduce, caller: Caller) -> Result<Exit, Failure> {
    let mut desk = Desk::open("reproduce", &args.job.report, &caller);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.job.select, Some("tag(core)"))?;
        let images = select::images(&REFERENCES.map(str::to_owned))?;
        let mut job = Job::new(images, scenarios, args.job, caller.progress);
        job.expect = Box::new(|scenario, image| Some(reference_column(scenario, image)));
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
