//! Each fault overlay on the real engine, against the scenarios that have to catch it: how we know that both halves of the
//! fix, and the reconciler, are guarded. The whole table against every overlay is `comeback selftest --all`, for the night.

use comeback::scenario::overlay::overlays;
use rstest::rstest;
use serde_json::Value;

/// Runs `comeback selftest` as a user would, and returns the document it wrote and its exit code.
async fn selftest(overlay: &str, more: &[&str]) -> (Value, u8) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let document = folder.path().join("selftest.json");
    let output = format!("json={}", document.display());
    let record = folder.path().join("record").display().to_string();
    let mut arguments = vec![
        "comeback",
        "--quiet",
        "selftest",
        "--overlay",
        overlay,
        "--output",
        &output,
    ];
    // The cases of one overlay one after the other: the tests run side by side already.
    arguments.extend(["--record", &record, "--jobs", "1"]);
    arguments.extend(more);
    let cli = comeback::cli::parse(arguments.iter().map(Into::into)).expect("arguments that can be parsed");
    let shown = arguments.iter().map(|a| (*a).to_owned()).collect();
    let exit = comeback::app::run(cli, shown).await.code();
    let text = std::fs::read_to_string(&document).unwrap_or_else(|e| panic!("exit {exit}, no document: {e}"));
    (serde_json::from_str(&text).expect("JSON"), exit)
}

fn ids(list: &Value) -> Vec<String> {
    let name = |entry: &Value| {
        let id = entry["scenario"].as_str().or(entry.as_str());
        id.unwrap_or_default().to_owned()
    };
    list.as_array().into_iter().flatten().map(name).collect()
}

#[rstest]
#[case::signal_flag_never_set("signal-flag-never-set")]
#[case::stop_writes_no_marker("stop-writes-no-marker")]
#[case::marker_write_fails("marker-write-fails")]
#[case::marker_names_wrong_pid("marker-names-wrong-pid")]
#[case::reconciler_starts_everything("reconciler-starts-everything")]
#[case::reconciler_never_starts("reconciler-never-starts")]
#[case::state_not_written_at_shutdown("state-not-written-at-shutdown")]
#[case::sigterm_ignored("sigterm-ignored")]
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_that_has_to_catch_it_does(#[case] name: &str) {
    let (document, exit) = selftest(name, &[]).await;
    let found = &document["selftest"]["overlays"][0];
    let overlay = overlays()
        .into_iter()
        .find(|o| o.name == name)
        .expect("an overlay of that name");
    let mut wanted = overlay.caught_by.clone();
    wanted.sort();
    let mut caught = ids(&found["caught_by"]);
    caught.sort();
    assert_eq!(caught, wanted, "{found:#}");
    let guards = serde_json::to_value(overlay.guards).expect("JSON");
    for catch in found["caught_by"].as_array().into_iter().flatten() {
        let by_its_guard = guards.is_null() || catch["row"]["guards"] == guards;
        assert!(by_its_guard, "not by what it guards: {catch:#}");
    }
    assert_eq!(exit, 0, "{found:#}");
}

/// The table above is that of all overlays.
#[test]
fn every_overlay_has_a_test() {
    assert_eq!(overlays().len(), 8);
}

/// A selftest that cannot fail would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_that_no_scenario_looks_for_escapes() {
    let (document, exit) = selftest("stop-writes-no-marker", &["--all", "--filter", "docker-restart"]).await;
    let found = &document["selftest"]["overlays"][0];
    assert_eq!(found["outcome"], "escaped", "{found:#}");
    assert_eq!(ids(&found["missed_by"]), ["docker-restart"]);
    assert_eq!(document["selftest"]["control_held"], true);
    assert_eq!(exit, 1);
}

/// A release without the fix has no flag to break, and a fault that is not there is never taken for caught.
#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_that_finds_nothing_to_break_says_so() {
    let (document, exit) = selftest(
        "signal-flag-never-set",
        &["release:0.16.0", "--filter", "docker-restart"],
    )
    .await;
    let found = &document["selftest"]["overlays"][0];
    assert_eq!(found["outcome"], "unclear", "{found:#}");
    let why = found["unclear"][0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("comeback overlay signal-flag-never-set failed: "), "{why}");
    assert_eq!(exit, 2);
}
