//! The record of a run that was killed on a real engine.

use super::outsider::{child, comeback, run, stub};
use super::{engine, killed_when};

/// Only what was in progress is lost, and none of it counts as held.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_killed_run_is_judged() {
    let _alone = super::MACHINE.lock().await;
    drop(engine().await);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let mut command = child();
    command
        .args([
            "check",
            &stub("0.17.0"),
            "--filter",
            "docker-restart",
            "--repeat",
            "2",
            "--jobs",
            "1",
            "-v",
        ])
        .arg("--record")
        .arg(&record);
    // An observation is written to the record before it is printed.
    let (id, step) = killed_when(&mut command, "step 1 engine-restart begins");
    let seen = run(comeback().arg("judge").arg(&record).args(["--format", "json"]));
    let swept = run(comeback().args(["sweep", "--run", &id]));
    assert!(step, "the run never reached its step");
    assert_eq!(seen.code, 2, "{seen}");
    let document = seen.json();
    assert_eq!(
        (&document["run"], &document["verdict"]),
        (&id.into(), &"inconclusive".into()),
        "{seen}"
    );
    let reasons: Vec<&str> = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["reason"].as_str().unwrap())
        .collect();
    let running = "the record ends here, while this attempt was running during step 1 engine-restart";
    assert_eq!(reasons, [running, "the record ends before this case began"]);
    assert!(document["cases"][0]["timeline"].as_array().unwrap().len() > 3, "{seen}");
    assert_eq!(swept.code, 0, "{swept}");
}
