//! `compare`: runs the same scenarios on two images. The first image is the reference.

use super::job::{Job, Purpose};
use super::run_output::RunOutput;
use super::{Caller, select, user_volume};
use crate::Failure;
use crate::options::CompareOptions;
use comeback_image::ImageExpr;
use comeback_record::compare::Terms;
use comeback_record::event::RunEvent;
use comeback_verdict::Exit;

/// Runs both images, and reports how each scenario changed.
pub async fn compare(args: CompareOptions, caller: Caller) -> Result<Exit, Failure> {
    let mut output = RunOutput::open("compare", &args.job.report, &caller);
    let outcome = async {
        let images = pair(&args.old, &args.new)?;
        let scenarios = match &args.seed_from {
            None => select::scenarios(&args.job.select, None)?.0,
            Some(folder) => {
                let own = user_volume::scenarios(folder, &images[0])?;
                for text in own.notes {
                    caller.progress.on(&RunEvent::Note { text });
                }
                own.scenarios
            }
        };
        let mut job = Job::new(images, scenarios, args.job, caller.progress);
        job.purpose = Purpose::Compare(Terms {
            pre_existing: args.count_pre_existing,
            likeness: args.likeness,
        });
        job.go(&mut output).await
    };
    let outcome = outcome.await;
    output.close(outcome)
}

/// Two images, one on each side.
fn pair(old: &str, new: &str) -> Result<Vec<ImageExpr>, Failure> {
    let images = select::single_images(
        &[old.to_owned(), new.to_owned()],
        "compare takes one image on each side",
    )?;
    if images[0] == images[1] {
        return Err(Failure::usage(
            format!("OLD and NEW are both `{}`", images[0]),
            "name two images; `comeback check IMAGE --repeat 5` shows whether one image always behaves the same",
        ));
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("release:>=0.16", "source:.", "is a range")]
    #[case("release:0.16.0", "source:.#v0.16.0..v0.17.0", "is a range")]
    #[case("release:0.17.0", "release:0.17.0@trixie", "are both")]
    #[case("release:0.17.0", "0.18.2", "0.18.2")]
    fn pairs_that_cannot_be_compared_are_usage_errors(#[case] old: &str, #[case] new: &str, #[case] says: &str) {
        let failure = pair(old, new).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.what().contains(says), "{}", failure.what());
    }

    #[test]
    fn bases_make_two_images_of_one_release() {
        assert_eq!(pair("release:0.17.0", "release:0.17.0@bookworm").unwrap().len(), 2);
    }
}
