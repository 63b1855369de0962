//! `--keep` keeps exactly the failing case; a leak fails the run.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use comeback_engine::RUN_LABEL;

use super::outsider::{CommandOutput, child, comeback, run, stub};
use super::{container, engine, resources_of};

#[tokio::test(flavor = "multi_thread")]
async fn keep_keeps_only_the_failing_case_and_prints_how_to_inspect_it() {
    let engine = engine().await;
    let seen = run(comeback()
        .args(["check", &stub("0.16.0"), "--filter", "docker-restart or operator-stop"])
        .args(["--expect", "fixed", "--keep", "on-failure", "--format", "json"]));
    let document = seen.json();
    let id = document["run"].as_str().unwrap().to_owned();
    let kept = resources_of(&engine, &id).await;
    let name = kept.first().cloned().unwrap_or_default();
    let looked = std::process::Command::new("docker")
        .args(["exec", &name, "cat", "/opt/data/gateway_state.json"])
        .output();
    let swept = run(comeback().args(["sweep", "--run", &id]));

    assert_eq!(seen.code, 1, "{seen}");
    let verdicts: Vec<_> = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (&c["scenario"], &c["verdict"]))
        .collect();
    assert_eq!(
        verdicts,
        [
            (&"docker-restart".into(), &"mismatch".into()),
            (&"operator-stop".into(), &"held".into())
        ]
    );
    assert_eq!(
        kept,
        [format!("comeback-{id}-0-1-subject-1"), format!("comeback-{id}-0-1")],
        "{seen}"
    );
    assert!(looked.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("\"gateway_state\"")));
    for part in [
        format!("docker exec -it {name} bash"),
        format!("comeback sweep --run {id}"),
    ] {
        assert!(seen.err.contains(&part), "{part}{seen}");
    }
    assert_eq!(swept.out, "removed 1 container and 1 volume\n", "{swept}");
    assert_eq!(resources_of(&engine, &id).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_stops_at_its_first_difference_with_its_container_frozen() {
    let engine = engine().await;
    let seen = run(comeback()
        .args([
            "check",
            &stub("0.16.0"),
            "--filter",
            "docker-restart-five",
            "--expect",
            "fixed",
        ])
        .args(["--stop-at", "first-difference", "--format", "json"]));
    let document = seen.json();
    let id = document["run"].as_str().unwrap().to_owned();
    let kept = resources_of(&engine, &id).await;
    let name = format!("comeback-{id}-0-1-subject-1");
    let state = std::process::Command::new("docker")
        .args(["inspect", "--format", "{{.State.Status}}", &name])
        .output()
        .unwrap();
    let swept = run(comeback().args(["sweep", "--run", &id]));

    assert_eq!(seen.code, 1, "{seen}");
    let case = &document["cases"][0];
    let done = case["steps"].as_array().unwrap().len();
    assert_eq!((&case["verdict"], done), (&"mismatch".into(), 1), "{seen}");
    // The first of five restarts shows it, and the others were not done.
    let read = |row: &&serde_json::Value| !row["observed"].is_null();
    let rows = case["rows"].as_array().unwrap().iter();
    let (seen_by_then, not_yet): (Vec<_>, Vec<_>) = rows.partition(read);
    assert!(
        seen_by_then
            .iter()
            .any(|row| row["at"] == "down:1" || row["at"] == "boot:2"),
        "{seen}"
    );
    assert!(not_yet.iter().any(|row| row["at"] == "end"), "{seen}");
    assert_eq!(kept, [name.clone(), format!("comeback-{id}-0-1")], "{seen}");
    assert_eq!(String::from_utf8_lossy(&state.stdout).trim(), "paused", "{seen}");
    for part in [
        "stopped at ".to_owned(),
        format!("docker unpause {name}"),
        format!("comeback sweep --run {id}"),
    ] {
        assert!(seen.err.contains(&part), "{part}{seen}");
    }
    assert_eq!(swept.out, "removed 1 container and 1 volume\n", "{swept}");
    let again = run(comeback()
        .arg("judge")
        .arg(document["record"].as_str().unwrap())
        .args(["--format", "json"]));
    assert_eq!(again.json()["cases"][0]["verdict"], "mismatch", "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_fails_the_run() {
    let engine = engine().await;
    let image = stub("0.17.0");
    let mut child = child()
        .args([
            "check",
            &stub("0.17.0"),
            "--filter",
            "docker-restart",
            "--format",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let id = loop {
        let from = said.len();
        assert!(err.read_line(&mut said).unwrap() > 0, "the run prints its id: {said}");
        if let Some((id, _)) = said[from..].strip_prefix("run ").and_then(|rest| rest.split_once(": ")) {
            break id.to_owned();
        }
    };
    // As if an attempt had not removed one of its containers.
    let forgotten = format!("comeback-{id}-forgotten");
    container(
        &engine,
        image.trim_start_matches("docker:"),
        &forgotten,
        (RUN_LABEL, &id),
    )
    .await;
    err.read_to_string(&mut said).unwrap();
    let mut seen = CommandOutput::of(child.wait_with_output().unwrap());
    seen.err = said;
    assert_eq!(seen.code, 3, "{seen}");
    let document = seen.json();
    assert_eq!(document["cases"][0]["verdict"], "held", "{seen}");
    assert!(document["failure"].to_string().contains(&forgotten), "{seen}");
    assert_eq!(resources_of(&engine, &id).await, Vec::<String>::new());
}
