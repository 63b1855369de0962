//! JUnit as Jenkins reads it. A *failure* is a regression or a mismatch; an *error* is an inconclusive case or an error.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::drift;
use super::human::again::repeat;
use super::human::dossier::dossier;
use super::items::{Grade, Item, earlier, items};
use comeback_record::document::{CaseEntry, RunDocument};
use comeback_text::terminal::{Style, sanitize};

/// The report: a suite for each image, and one for each other kind of result.
///
/// # Errors
///
/// If it cannot be written as XML. Sanitized text does not cause that.
pub fn render(document: &RunDocument) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("comeback {}", sanitize(&document.command)));
    report.set_time(seconds(document.seconds));
    let mut suites: Vec<TestSuite> = Vec::new();
    for item in items(document) {
        let name = sanitize(&item.group);
        let at = suites.iter().position(|suite| suite.name.as_str() == name);
        let at = at.unwrap_or_else(|| {
            let mut suite = suite(document, &item.group);
            // Drift belongs to the run, so only the first suite has it.
            let drift = if suites.is_empty() {
                drift::sentences(document)
            } else {
                Vec::new()
            };
            for sentence in drift {
                suite.add_property(Property::new("drift", sanitize(&sentence)));
            }
            suites.push(suite);
            suites.len() - 1
        });
        suites[at].add_test_case(test_case(document, &item));
    }
    report.add_test_suites(suites);
    report.to_string()
}

fn suite(document: &RunDocument, group: &str) -> TestSuite {
    let mut suite = TestSuite::new(sanitize(group));
    suite
        .extra
        .insert("timestamp".into(), document.started.to_string().into());
    let mut property = |name: &str, value: &str| {
        suite.add_property(Property::new(name, sanitize(value)));
    };
    property("run", &document.run);
    if let Some(part) = document.part() {
        property("part", &part);
    }
    if let Some(engine) = &document.engine {
        property("engine", &format!("{} {}", engine.name, engine.version));
    }
    if let Some(image) = document.images.iter().find(|image| image.name == group) {
        property("reference", &image.reference);
        property("digest", &image.digest);
        property("release", image.release.as_deref().unwrap_or("unknown"));
        property("supervisor", image.supervisor.as_deref().unwrap_or("unknown"));
    }
    let took = document
        .cases
        .iter()
        .filter(|case| case.image == group)
        .map(|case| case.seconds);
    suite.set_time(seconds(took.sum()));
    suite
}

fn test_case(document: &RunDocument, item: &Item<'_>) -> TestCase {
    let mut status = match item.grade {
        Grade::Fine => TestCaseStatus::success(),
        Grade::Skipped => TestCaseStatus::skipped(),
        Grade::Fault | Grade::Doubt => TestCaseStatus::non_success(NonSuccessKind::Error),
        Grade::Red => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if item.grade != Grade::Fine {
        status.set_message(sanitize(&item.headline));
    }
    if item.grade > Grade::Skipped {
        status.set_type(item.verdict);
        let text = item
            .judged()
            .map(|case| dossier(document, &case, Style::PLAIN))
            .filter(|text| !text.is_empty());
        status.set_description(text.unwrap_or_else(|| sanitize(&item.headline)));
    }
    let earlier = item.case.map(|case| before(document, case)).unwrap_or_default();
    status.add_reruns(earlier);
    let mut test = TestCase::new(sanitize(&item.name), status);
    // Jenkins takes the part before the last dot as a package.
    test.set_classname(format!("comeback.{}", sanitize(&item.group).replace('.', "_")));
    if let Some(case) = item.case {
        test.set_time(seconds(case.seconds));
        test.extra.insert("file".into(), sanitize(&case.source).into());
        properties(document, case, &mut test);
        test.set_system_out(output(case));
    }
    test
}

/// The earlier attempts of a case, which do not count.
fn before(document: &RunDocument, case: &CaseEntry) -> Vec<TestRerun> {
    let rerun = |other: &CaseEntry| {
        let mut rerun = TestRerun::new(NonSuccessKind::Error);
        rerun.set_message(sanitize(other.reason.as_deref().unwrap_or(other.verdict.name())));
        rerun.set_type(other.verdict.name());
        rerun.set_time(seconds(other.seconds));
        rerun
    };
    earlier(document, case).map(rerun).collect()
}

fn properties(document: &RunDocument, case: &CaseEntry, test: &mut TestCase) {
    let mut property = |name: &str, value: &str| {
        test.add_property(Property::new(name, sanitize(value)));
    };
    property("scenario", &case.scenario);
    property("image", &case.image);
    case.issues.iter().for_each(|issue| property("issue", issue));
    property("classification", case.classification.name());
    property("expected", &case.expected);
    property("verdict", case.verdict.name());
    property("attempt", &case.attempt.to_string());
    property("repeat", &repeat(document, case));
}

fn output(case: &CaseEntry) -> String {
    let mut text = String::new();
    for line in &case.reconciler {
        text += &format!("boot {}: {}\n", line.boot, sanitize(&line.line));
    }
    for (boot, lines) in &case.logs {
        text += &format!("--- the container's output, boot {boot}\n");
        lines.iter().for_each(|line| text += &format!("{}\n", sanitize(line)));
    }
    text
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use comeback_record::document::samples;

    #[test]
    fn verdicts_become_failures_errors_and_skips() {
        insta::assert_snapshot!("every_verdict_has_its_place", render(&samples::motley()).unwrap());
    }

    #[test]
    fn an_inconclusive_attempt_is_a_rerun() {
        let text = render(&samples::engine_fault()).unwrap();
        let report = Report::deserialize_from_str(&text).unwrap();
        assert_eq!((report.tests, report.failures, report.errors), (2, 0, 1));
        assert!(text.contains("<rerunError"), "{text}");
    }

    #[test]
    fn a_run_that_failed_is_an_error() {
        let text = render(&samples::no_engine()).unwrap();
        let report = Report::deserialize_from_str(&text).unwrap();
        assert_eq!((report.tests, report.errors), (1, 1));
    }

    proptest! {
        #[test]
        fn output_of_containers_is_valid_xml(text in any::<String>()) {
            let mut document = samples::red_gate();
            let case = &mut document.cases[0];
            case.scenario = text.clone();
            case.reason = Some(text.clone());
            case.logs.values_mut().for_each(|lines| lines.push(text.clone()));
            case.rows[0].observed = Some(comeback_scenario::model::Value::Str(text));
            let report = Report::deserialize_from_str(&render(&document).unwrap()).unwrap();
            prop_assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
        }
    }
}
