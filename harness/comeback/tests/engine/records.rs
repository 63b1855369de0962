//! The record of a run that was killed, on a real engine.

use super::outsider::{child, comeback, run};
use super::{engine, killed_when};

/// Nothing is lost but what was going on, and nothing of it is said to hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_judged_as_far_as_it_got() {
    let _alone = super::MACHINE.lock().await;
    drop(engine().await);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let mut command = child();
    command
        .args([
            "check",
            "release:0.17.0",
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
    // What is told of an observation is in the record already.
    let (id, step) = killed_when(&mut command, "step 1 engine-restart begins");
    let seen = run(comeback().arg("judge").arg(&record).args(["--format", "json"]));
    let swept = run(comeback().args(["sweep", "--run", &id]));
    assert!(step, "it never got to its step");
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
