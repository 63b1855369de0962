//! Exploring the real gateway: the bug of #42675 is found, shrunk and confirmed, and the saved scenario reproduces
//! it.

use super::outsider::{comeback, run};

#[test]
fn explore_finds_shrinks_and_saves_the_bug() {
    let _alone = super::MACHINE.blocking_lock();
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    let record = folder.path().join("record");
    // The sequence begins with a SIGTERM to a gateway on an old volume, then a new container.
    let seen = run(comeback()
        .args(["explore", "release:0.16.0", "--seed", "4", "--runs", "1"])
        .args(["--format", "json", "--save"])
        .arg(scenarios.join("found.toml"))
        .arg("--record")
        .arg(&record));
    assert_eq!(seen.code, 1, "{seen}");
    let document = seen.json();
    let explored = &document["explore"];
    assert_eq!(explored["seed"], 4, "{seen}");
    let found = &explored["findings"][0];
    let steps = found["sequence"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|s| s["op"].as_str().unwrap()).collect();
    assert_eq!(steps, ["operator-start", "engine-restart"], "{seen}");
    assert_eq!(found["kind"], "lost-up", "{seen}");
    assert_eq!(
        (&found["repeats"], &found["reproduced"]),
        (&5.into(), &5.into()),
        "{seen}"
    );

    let again = run(comeback().arg("judge").arg(&record).args(["--format", "json"]));
    assert_eq!(again.code, 1, "{again}");
    assert_eq!(again.json()["explore"], *explored, "{again}");

    let checked = run(comeback()
        .args([
            "check",
            "release:0.16.0",
            "--filter",
            "found",
            "--format",
            "json",
            "--scenarios",
        ])
        .arg(&scenarios));
    assert_eq!(checked.json()["cases"][0]["classification"], "regressed", "{checked}");
}
