//! Images that are not gateway images, and the output of a red run for programs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use comeback_engine::Engine;
use rstest::rstest;

use super::outsider::{CommandOutput, comeback, run, stub};
use super::{engine, resources_of};

/// Runs `check` with JSON output on one scenario.
fn check(image: &str, flags: &[&str]) -> CommandOutput {
    run(comeback()
        .args(["check", image, "--filter", "docker-restart", "--format", "json"])
        .args(flags))
}

async fn nothing_is_left(engine: &Arc<dyn Engine>, seen: &CommandOutput) {
    let run = seen.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(resources_of(engine, &run).await, Vec::<String>::new(), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_does_not_exist_is_an_error() {
    let engine = engine().await;
    let seen = check("release:0.17.99", &[]);
    assert_eq!(seen.code, 3, "{seen}");
    assert_eq!(seen.json()["exit_code"], 3);
    let said = "hermes-agent 0.17.99 does not exist on";
    assert_eq!(seen.err.matches(said).count(), 1, "said once\n{seen}");
    assert!(
        seen.err.contains("nearest are") && seen.err.contains("0.17.0"),
        "{seen}"
    );
    nothing_is_left(&engine, &seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_gateway_is_an_error() {
    let engine = engine().await;
    let reference = format!("comeback-test-empty:{}", std::process::id());
    let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
    let changes = ["LABEL comeback.image=test".to_owned()];
    let tar = Box::new(std::io::Cursor::new(empty));
    engine.import_image(&reference, &changes, tar).await.unwrap();
    let seen = check(&format!("docker:{reference}"), &[]);
    let removed = engine.remove_image(&reference).await;
    assert_eq!(seen.code, 3, "{seen}");
    for part in [
        "is not a gateway image: it lacks",
        "an entrypoint",
        "the user `hermes` with home",
        "/command/s6-svc",
        "hermes-agent in the venv",
    ] {
        assert!(seen.err.contains(part), "{part} is not in\n{seen}");
    }
    assert!(removed.unwrap());
    nothing_is_left(&engine, &seen).await;
}

/// A gateway image that is broken in one respect. It meets the contract, so its behaviour is an observation, and the
/// record says what was missing.
#[rstest]
#[case::a_gateway_that_never_starts("RUN printf '#!/bin/sh\\nexit 7\\n' > /opt/hermes/.venv/bin/hermes", "own running")]
#[case::a_container_that_ends_at_once(
    "ENTRYPOINT [\"/bin/sh\", \"-c\", \"echo cannot go on; exit 7\"]",
    "container ended, exit 7"
)]
#[case::a_container_without_a_supervisor(
    "ENTRYPOINT [\"/bin/sh\", \"-c\", \"exec sleep infinity\"]",
    "a supervisor (s6-svscan) as the first process of boot 1; last: it is `sleep`"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_image_is_judged_and_the_record_says_why(#[case] instruction: &str, #[case] told: &str) {
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!("FROM {}\n{instruction}\n", stub("0.17.0").replacen("docker:", "", 1));
    std::fs::write(folder.path().join("Dockerfile"), text).unwrap();
    let image = format!("dockerfile:{}", folder.path().display());
    let since = Instant::now();
    let seen = check(&image, &[]);
    let took = since.elapsed();
    let document = seen.json();
    if let Some(reference) = document["images"][0]["reference"].as_str() {
        engine.remove_image(reference).await.unwrap();
    }
    assert_eq!(
        (seen.code, document["verdict"].as_str()),
        (1, Some("regression")),
        "{seen}"
    );
    let timeline = document["cases"][0]["timeline"].as_array().expect("a timeline");
    let found = timeline
        .iter()
        .any(|entry| entry["text"].as_str().is_some_and(|text| text.contains(told)));
    assert!(found, "{told} is not in\n{}", document["cases"][0]["timeline"]);
    assert!(took < Duration::from_secs(150), "it took {took:?}\n{seen}");
    nothing_is_left(&engine, &seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_run_names_the_row_and_the_expected_values() {
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.txt");
    let output = format!("human={}", report.display());
    let seen = check(&stub("0.16.0"), &["--expect", "fixed", "--output", &output]);
    let document = seen.json();
    assert_eq!(seen.code, 1, "{seen}");
    assert_eq!(document["verdict"], "regression");
    assert_eq!(document["exit_code"], 1);
    assert_eq!(document["cases"][0]["verdict"], "mismatch");
    assert!(!seen.err.is_empty(), "progress goes to stderr");
    let told = std::fs::read_to_string(report).unwrap();
    for part in ["state.gateway_state", "running", "stopped", "prior_state"] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    nothing_is_left(&engine, &seen).await;
}
