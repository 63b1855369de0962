//! Converts a planned case to the input of the runner and of the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::images::Obtained;
use comeback_image::Image;
use comeback_plan::Case;
use comeback_runner::{Assignment, CaseImages};
use comeback_scenario::model::Scenario;
use comeback_verdict::Subject;
use comeback_verdict::expected::shutdown_release;

/// A planned case with its images.
pub(super) fn of_plan(case: &Case, scenario: &Arc<Scenario>, obtained: &Obtained) -> Assignment {
    let subject = obtained.subjects.iter().find(|i| i.name == case.image);
    let subject = subject
        .or(obtained.subjects.first())
        .unwrap_or_else(|| unreachable!("a plan has an image"));
    assignment(case.clone(), scenario.clone(), subject, |text| {
        obtained.others.get(text).cloned()
    })
}

/// A case of a scenario on an image. `other` finds the image of an expression that the scenario names beside it.
///
/// # Panics
///
/// If there is none: the case would run on the image under test instead.
pub fn assignment(
    case: Case,
    scenario: Arc<Scenario>,
    subject: &Image,
    other: impl Fn(&str) -> Option<Image>,
) -> Assignment {
    let obtained = |name: &str| {
        let image = other(name).unwrap_or_else(|| panic!("{}: {name} was not obtained", scenario.id));
        (name.to_owned(), image)
    };
    let others: BTreeMap<String, Image> = scenario.other_images().into_iter().map(obtained).collect();
    let mut images = CaseImages {
        subject: subject.clone(),
        first: subject.clone(),
        others,
    };
    images.first = images.of(scenario.first_image()).clone();
    Assignment {
        case,
        images,
        alone: scenario.wants_the_machine(),
        scenario,
    }
}

/// The image under test, as the verdict needs it.
pub fn subject(assignment: &Assignment) -> Subject {
    let image = &assignment.images.subject;
    Subject {
        release: image.release.clone(),
        shutdown_release: shutdown_release(&assignment.scenario, image.release.as_ref(), |_| {
            assignment.images.first.release.clone()
        }),
        base: image.base.clone(),
        supervisor: image.supervisor.clone(),
    }
}
