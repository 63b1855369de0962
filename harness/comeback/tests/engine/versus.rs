//! An upgrade on a copy of a user's volume, and the cache of `matrix`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::outsider::{CommandOutput, comeback, run, stub};

/// A volume with a profile that should be up, one that should be down, and a secret.
fn volume() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("gateway_state.json", r#"{"gateway_state":"running"}"#);
    put("profiles/old/SOUL.md", "old\n");
    put("profiles/old/gateway_state.json", r#"{"gateway_state":"stopped"}"#);
    put(".env", "A_TOKEN=not-to-be-copied\n");
    root
}

/// All files with their content.
fn content(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            } else {
                found.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn row<'j>(document: &'j Value, scenario: &str, image: &str, profile: &str, at: &str, probe: &str) -> &'j Value {
    let cases = document["cases"].as_array().unwrap();
    let case = cases.iter().find(|c| c["scenario"] == scenario && c["image"] == image);
    let rows = case.unwrap()["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|r| r["at"] == at && r["profile"] == profile && r["probe"] == probe);
    &row.unwrap()["observed"]
}

#[test]
fn compare_shows_the_effect_of_an_upgrade_on_a_users_profiles() {
    let _alone = super::MACHINE.blocking_lock();
    let volume = volume();
    let before = content(volume.path());
    let folder = volume.path().to_str().unwrap();
    let compare = [
        "compare",
        "release:0.16.0",
        "release:0.17.0",
        "--format",
        "json",
        "--seed-from",
    ];
    let seen = run(comeback().args(compare).arg(folder));
    assert_eq!(seen.code, 0, "{seen}");
    assert_eq!(content(volume.path()), before, "the user's volume is not changed");
    assert!(seen.err.contains("meant to be up: default; down: old"), "{seen}");
    assert!(seen.err.contains("not copied: .env"), "{seen}");
    let document = seen.json();
    let see = |scenario, image, profile, at, probe| row(&document, scenario, image, profile, at, probe);
    for image in ["release:0.16.0", "release:0.17.0"] {
        assert_eq!(
            see("own-volume-restart", image, "default", "boot:1", "boot.action"),
            "started"
        );
        assert_eq!(see("own-volume-restart", image, "old", "end", "service"), "down");
        // In both cases the old image is shut down, and it has the bug.
        assert_eq!(see("own-volume-recreate", image, "default", "end", "service"), "down");
    }
    assert_eq!(
        see("own-volume-restart", "release:0.16.0", "default", "end", "service"),
        "down"
    );
    assert_eq!(
        see("own-volume-restart", "release:0.17.0", "default", "end", "service"),
        "up"
    );
    let changes: Vec<&Value> = document["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["change"])
        .collect();
    assert_eq!(changes, ["repaired", "pre-existing"]);
}

#[test]
fn matrix_reuses_the_results_of_cases() {
    let _alone = super::MACHINE.blocking_lock();
    let cache = tempfile::tempdir().unwrap();
    let matrix = |flags: &[&str]| -> CommandOutput {
        let arguments = [
            "matrix",
            &stub("0.17.0"),
            "--filter",
            "docker-restart",
            "--format",
            "json",
        ];
        run(comeback()
            .env("XDG_CACHE_HOME", cache.path())
            .args(arguments)
            .args(flags))
    };
    // An attempt that met a race of the gateway is followed by another one.
    let counting = |seen: &CommandOutput| {
        let document = seen.json();
        let cases = document["cases"].as_array().unwrap();
        cases.iter().find(|case| case["counts"] == true).unwrap().clone()
    };
    let first = matrix(&[]);
    assert_eq!(first.code, 0, "{first}");
    assert!(!first.err.contains("are cached"), "{first}");
    let second = matrix(&[]);
    assert_eq!(second.code, 0, "{second}");
    assert!(second.err.contains("1 of 1 cases are cached"), "{second}");
    for key in ["rows", "started"] {
        assert_eq!(counting(&second)[key], counting(&first)[key]);
    }
    let fresh = matrix(&["--fresh"]);
    assert!(!fresh.err.contains("are cached"), "{fresh}");
    assert_ne!(fresh.json()["cases"][0]["started"], first.json()["cases"][0]["started"]);
}
