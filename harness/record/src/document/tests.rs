//! Tests of the document's shape and consistency.
#![allow(clippy::unwrap_used)]

use rstest::rstest;
use serde_json::Value as Json;

use super::RunDocument;
use super::build::latency;
use super::samples::{self, restart};
use comeback_verdict::Verdict;
use comeback_verdict::expected::{Column, Expectation};

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_json_of_a_red_gate() {
    insta::assert_json_snapshot!(samples::red_gate());
}

/// The documented keys come first and in the documented order, so that people find them.
#[test]
fn the_documented_keys_come_first() {
    let json = serde_json::to_value(samples::red_gate()).unwrap();
    let contract = "schema run command started seconds engine images cases verdict exit_code";
    assert!(keys(&json).join(" ").starts_with(contract));
    assert!(keys(&json["engine"]).join(" ").starts_with("name version api"));
    assert!(
        keys(&json["images"][0])
            .join(" ")
            .starts_with("name reference digest base supervisor release")
    );
    let case = &json["cases"][0];
    let contract = "scenario image attempt classification expected verdict seconds reason steps latency_ms rows";
    assert!(keys(case).join(" ").starts_with(contract));
    assert!(keys(&case["steps"][0]).join(" ").starts_with("op seconds"));
    assert_eq!(keys(&case["latency_ms"]), ["median", "max", "p95"]);
    assert!(
        keys(&case["rows"][0])
            .join(" ")
            .starts_with("at profile probe observed fixed regressed")
    );
}

/// Titles and reasons in scenario files are written by people and go into the document, so they are redacted as well.
#[test]
fn a_secret_in_a_scenario_is_not_in_the_document() {
    let mut attempt = restart(
        "release:0.17.0",
        "running running started up",
        Expectation::Column(Column::Fixed),
    );
    let secret = "ghp_0123456789abcdefghij0123456789abcdef";
    attempt.scenario.title = format!("a title with {secret}");
    attempt.scenario.why = format!("because of {secret}");
    let document = samples::run(&samples::header("check", &[]), vec![], &[attempt]);
    let json = serde_json::to_string(&document).unwrap();
    assert!(
        json.contains("a title with [redacted]") && !json.contains(secret),
        "{json}"
    );
}

#[test]
fn a_missing_observation_is_null_and_an_absent_value_is_not() {
    let json = serde_json::to_value(samples::engine_fault()).unwrap();
    assert_eq!(json["cases"][0]["rows"][0]["observed"], Json::Null);
    assert_eq!(
        json["cases"][0]["latency_ms"],
        serde_json::json!({"median": null, "max": null, "p95": null})
    );
    let absent = samples::run(
        &samples::header("check", &[]),
        vec![],
        &[restart(
            "x",
            "running absent started up",
            Expectation::Column(Column::Fixed),
        )],
    );
    let json = serde_json::to_value(absent).unwrap();
    assert_eq!(
        json["cases"][0]["rows"][1]["observed"],
        serde_json::json!({"absent": true})
    );
}

#[rstest]
#[case(samples::reproduced(), "held", 0)]
#[case(samples::red_gate(), "regression", 1)]
#[case(samples::engine_fault(), "inconclusive", 2)]
#[case(samples::motley(), "regression", 1)]
#[case(samples::no_engine(), "error", 3)]
fn verdict_and_exit_code(#[case] document: RunDocument, #[case] verdict: &str, #[case] exit: u8) {
    assert_eq!((document.verdict.name(), document.exit_code), (verdict, exit));
}

#[test]
fn only_the_last_attempt_counts() {
    let fixed = || Expectation::Column(Column::Fixed);
    let attempts = [
        restart("a", "? running started up", fixed()),
        samples::Attempt {
            attempt: 2,
            ..restart("a", "running running started up", fixed())
        },
        restart("b", "running running started up", fixed()),
    ];
    let document = samples::run(&samples::header("check", &[]), vec![], &attempts);
    assert_eq!(
        document.cases.iter().map(|c| c.counts).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(document.cases[0].verdict, Verdict::Inconclusive);
    assert_eq!(document.exit_code, 0);
}

#[rstest]
#[case(samples::reproduced())]
#[case(samples::engine_fault())]
#[case(samples::motley())]
#[case(samples::no_engine())]
fn a_document_survives_json(#[case] document: RunDocument) {
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<RunDocument>(&text).unwrap(), document);
}

#[rstest]
#[case(&[], None, None)]
#[case(&[2.0], Some(2.0), Some(2.0))]
#[case(&[3.0, 1.0], Some(2.0), Some(3.0))]
#[case(&[5.0, 1.0, 2.0], Some(2.0), Some(5.0))]
#[case(&[f64::NAN, 1.0], Some(1.0), Some(1.0))]
fn latency_of(#[case] all: &[f64], #[case] median: Option<f64>, #[case] max: Option<f64>) {
    let found = latency(all);
    assert_eq!((found.median, found.max), (median, max));
}
