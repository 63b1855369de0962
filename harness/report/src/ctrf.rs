//! CTRF, the Common Test Report Format (<https://ctrf.io>), for tools that read JSON and not JUnit.
//!
//! A regression or a mismatch is `failed`. A case without a conclusion is `other`, which is neither passed nor failed.

use serde::Serialize;

use super::drift;
use super::human::dossier::dossier;
use super::items::{Grade, Item, earlier, grade, items};
use super::json;
use comeback_record::document::{CaseEntry, RunDocument};
use comeback_text::terminal::{Style, sanitize};
use comeback_verdict::Verdict;

/// The version of the format that is written.
const SPEC: &str = "1.0.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    report_format: &'static str,
    spec_version: &'static str,
    generated_by: String,
    results: Results,
}

#[derive(Serialize)]
struct Results {
    tool: Tool,
    summary: Summary,
    tests: Vec<Test>,
    environment: Environment,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Times are in milliseconds, `start` and `stop` since 1970.
#[derive(Serialize, Default)]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    pending: usize,
    skipped: usize,
    other: usize,
    flaky: usize,
    start: i64,
    stop: i64,
    duration: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    name: String,
    suite: [String; 1],
    status: Status,
    raw_status: &'static str,
    duration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    flaky: bool,
    retries: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retry_attempts: Vec<Retry>,
}

#[derive(Serialize)]
struct Retry {
    attempt: u32,
    status: Status,
    duration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
struct Environment {
    extra: Extra,
}

/// What the format has no place for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extra {
    run: String,
    command: String,
    verdict: String,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    images: Vec<Image>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drift: Vec<String>,
}

#[derive(Serialize)]
struct Image {
    name: String,
    reference: String,
    digest: String,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Passed,
    Failed,
    Skipped,
    Other,
}

impl Status {
    fn of(grade: Grade) -> Self {
        match grade {
            Grade::Fine => Self::Passed,
            Grade::Skipped => Self::Skipped,
            Grade::Fault | Grade::Doubt => Self::Other,
            Grade::Red => Self::Failed,
        }
    }
}

/// The report: a test for each item.
///
/// # Errors
///
/// If a value cannot be written as JSON. No document has such a value.
pub fn render(document: &RunDocument) -> Result<String, serde_json::Error> {
    let tests: Vec<Test> = items(document).iter().map(|item| test(document, item)).collect();
    let engine = document.engine.as_ref();
    let images = document.images.iter().map(|image| Image {
        name: sanitize(&image.name),
        reference: sanitize(&image.reference),
        digest: sanitize(&image.digest),
    });
    let report = Report {
        report_format: "CTRF",
        spec_version: SPEC,
        generated_by: format!("comeback {}", env!("CARGO_PKG_VERSION")),
        results: Results {
            tool: Tool {
                name: "comeback",
                version: env!("CARGO_PKG_VERSION"),
            },
            summary: summary(document, &tests),
            tests,
            environment: Environment {
                extra: Extra {
                    run: sanitize(&document.run),
                    command: sanitize(&document.command),
                    verdict: document.verdict.to_string(),
                    exit_code: document.exit_code,
                    engine: engine.map(|engine| sanitize(&format!("{} {}", engine.name, engine.version))),
                    images: images.collect(),
                    drift: drift::sentences(document).iter().map(|s| sanitize(s)).collect(),
                },
            },
        },
    };
    json::pretty(&report)
}

fn summary(document: &RunDocument, tests: &[Test]) -> Summary {
    let count = |status| tests.iter().filter(|test| test.status == status).count();
    let (start, duration) = (document.started.as_millisecond(), milliseconds(document.seconds));
    Summary {
        tests: tests.len(),
        passed: count(Status::Passed),
        failed: count(Status::Failed),
        pending: 0,
        skipped: count(Status::Skipped),
        other: count(Status::Other),
        flaky: tests.iter().filter(|test| test.flaky).count(),
        start,
        stop: start.saturating_add(duration),
        duration,
    }
}

fn test(document: &RunDocument, item: &Item<'_>) -> Test {
    let status = Status::of(item.grade);
    let case = item.case;
    let duration = case.map_or(0, |case| milliseconds(case.seconds));
    let start = case.map(|case| case.started.as_millisecond());
    let trace = (item.grade > Grade::Skipped)
        .then(|| item.judged().map(|case| dossier(document, &case, Style::PLAIN)))
        .flatten();
    let (file_path, line) = item.place.as_ref().map(|(file, line)| (sanitize(file), *line)).unzip();
    let retry_attempts = case.map(|case| before(document, case)).unwrap_or_default();
    // Both must not be empty, and a record may hold anything.
    let named = |text: &str| {
        let text = sanitize(text);
        if text.is_empty() { "?".to_owned() } else { text }
    };
    Test {
        name: named(&item.name),
        suite: [named(&item.group)],
        status,
        raw_status: item.verdict,
        duration,
        start,
        stop: start.map(|start| start.saturating_add(duration)),
        message: (item.grade != Grade::Fine).then(|| sanitize(&item.headline)),
        trace: trace.filter(|text| !text.is_empty()),
        file_path,
        line,
        tags: case.map(labels).unwrap_or_default(),
        kind: "e2e",
        flaky: case.is_some_and(|case| case.verdict == Verdict::Racy),
        retries: retry_attempts.len(),
        retry_attempts,
    }
}

fn labels(case: &CaseEntry) -> Vec<String> {
    case.tags
        .iter()
        .chain(&case.issues)
        .map(|text| sanitize(text))
        .collect()
}

/// The attempts of a case that do not count.
fn before(document: &RunDocument, case: &CaseEntry) -> Vec<Retry> {
    let retry = |other: &CaseEntry| Retry {
        attempt: other.attempt.max(1),
        status: Status::of(grade(other.verdict)),
        duration: milliseconds(other.seconds),
        message: other.reason.as_deref().map(sanitize),
    };
    earlier(document, case).map(retry).collect()
}

fn milliseconds(seconds: f64) -> i64 {
    let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_record::document::samples;
    use serde_json::Value;

    fn rendered(document: &RunDocument) -> Value {
        serde_json::from_str(&render(document).unwrap()).unwrap()
    }

    #[test]
    fn every_verdict_has_a_status() {
        insta::assert_snapshot!("ctrf", render(&samples::motley()).unwrap());
    }

    #[test]
    fn an_inconclusive_attempt_is_a_retry_and_its_case_is_not_passed() {
        let report = rendered(&samples::engine_fault());
        let summary = &report["results"]["summary"];
        let counts = ["tests", "failed", "other"].map(|key| summary[key].as_u64().unwrap());
        assert_eq!(counts, [2, 0, 1], "{report}");
        let tests = report["results"]["tests"].as_array().unwrap();
        let retried = tests.iter().find(|test| test["retries"] != 0).unwrap();
        assert_eq!(retried["retryAttempts"][0]["status"], "other", "{retried}");
    }

    #[test]
    fn a_run_that_failed_is_told() {
        let report = rendered(&samples::no_engine());
        let summary = &report["results"]["summary"];
        assert_eq!(
            (&summary["tests"], &summary["other"]),
            (&1.into(), &1.into()),
            "{report}"
        );
    }
}
