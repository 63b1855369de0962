//! `check` and `reproduce`: the cases they run and their expectations.

use super::job::Job;
use super::run_output::RunOutput;
use super::{Caller, select};
use crate::Failure;
use crate::options::{CheckOptions, JobOptions};
use comeback_scenario::model::Scenario;
use comeback_verdict::{Column, Exit, ExitStyle};

/// The reference pair: the last release with the bug, the first with its fix. The base is the last whose s6 (before 2.13) both
/// halves of the fix understand.
pub const REFERENCES: [&str; 2] = ["release:0.16.0@bookworm", "release:0.17.0@bookworm"];

/// Judges images against the table.
pub async fn check(args: CheckOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("check", &args.job.report, &caller);
    // The commits of a bisection may all have the same release number, so the expectation cannot follow from it.
    let bisects = args.exit_style == ExitStyle::Bisect;
    let column = args.expect.or(bisects.then_some(Column::Fixed));
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.job.select, None)?;
        let images = select::images(&args.images)?;
        let mut job = Job::new(images, scenarios, args.job, caller.progress);
        job.expect = Box::new(move |_, _| column);
        job.go(&mut output).await
    };
    let outcome = outcome.await;
    output.close(outcome)
}

/// Shows the issue on the reference pair.
pub async fn reproduce(args: JobOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("reproduce", &args.report, &caller);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.select, Some("tag(core)"))?;
        let images = select::images(&REFERENCES.map(str::to_owned))?;
        let mut job = Job::new(images, scenarios, args, caller.progress);
        job.expect = Box::new(|scenario, image| Some(reference_column(scenario, image)));
        job.go(&mut output).await
    };
    let outcome = outcome.await;
    output.close(outcome)
}

/// The column that is expected of an image of [`REFERENCES`].
pub fn reference_column(scenario: &Scenario, image: &str) -> Column {
    if image == REFERENCES[0] && !scenario.invariant {
        Column::Regressed
    } else {
        Column::Fixed
    }
}
