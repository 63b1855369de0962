//! `check` and `reproduce`: the whole way from arguments to a verdict.

use std::sync::Arc;

use super::desk::Desk;
use super::job::Job;
use super::select;
use crate::cli::args::{Check, Reproduce, Talk};
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure};
use crate::verdict::Column;

/// The reference pair: the last release with the bug, the first with its fix.
pub const REFERENCES: [&str; 2] = ["release:0.16.0", "release:0.17.0"];

pub async fn check(args: Check, talk: Talk, arguments: Vec<String>, progress: Arc<Progress>) -> Result<Exit, Failure> {
    let mut desk = Desk::open("check", &args.report, &talk, arguments);
    let column = args.expect.map(Column::from);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.select, None)?;
        let job = Job {
            images: select::images(&args.images)?,
            scenarios,
            run: args.run,
            engine: args.engine,
            expect: Box::new(move |_, _| column),
            progress,
        };
        job.go(&mut desk).await
    };
    let outcome = outcome.await;
    desk.close(outcome)
}

pub async fn reproduce(
    args: Reproduce,
    talk: Talk,
    arguments: Vec<String>,
    progress: Arc<Progress>,
) -> Result<Exit, Failure> {
    let mut desk = Desk::open("reproduce", &args.report, &talk, arguments);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.select, Some("tag(core)"))?;
        let job = Job {
            images: select::images(&REFERENCES.map(str::to_owned))?,
            scenarios,
            run: args.run,
            engine: args.engine,
            expect: Box::new(|scenario, image| {
                Some(if image == REFERENCES[0] && !scenario.invariant {
                    Column::Regressed
                } else {
                    Column::Fixed
                })
            }),
            progress,
        };
        job.go(&mut desk).await
    };
    let outcome = outcome.await;
    desk.close(outcome)
}
