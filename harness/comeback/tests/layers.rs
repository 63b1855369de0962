//! The crates' dependencies, read from their manifests. Cargo refuses circles; this test refuses dependencies in the
//! wrong direction.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The crates of the workspace in the order of the data flow. Each may depend only on those before it.
const LAYERS: [&str; 18] = [
    "text",
    "gateway",
    "scenario",
    "plan",
    "history",
    "verdict",
    "explore",
    "record",
    "report",
    "engine",
    "image",
    "testcontainers",
    "observe",
    "fake",
    "runner",
    "commands",
    "comeback",
    "tests",
];
/// Crates that only compute: no async runtime, no engine.
const PURE: [&str; 9] = [
    "text", "gateway", "scenario", "plan", "history", "verdict", "explore", "record", "report",
];

/// The dependencies compiled into each crate, without those of its tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = fs::read_dir(root.join("harness"))
        .expect("the crates")
        .map(|entry| entry.expect("a crate").path())
        .collect();
    folders.push(root.join("tests"));
    let mut found = BTreeMap::new();
    for folder in folders {
        let text = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Table = text.parse().expect("TOML");
        let names = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .map(|table| table.keys().cloned().collect())
            .unwrap_or_default();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, names);
    }
    found
}

fn workspace_crate(name: &str) -> Option<&str> {
    name.strip_prefix("comeback-")
}

/// The crates that depend on a package.
fn users<'d>(all: &'d BTreeMap<String, Vec<String>>, name: &str) -> Vec<&'d str> {
    let of = |(_, names): &(&String, &Vec<String>)| names.iter().any(|n| n == name);
    all.iter().filter(of).map(|(user, _)| user.as_str()).collect()
}

#[test]
fn dependencies_point_down() {
    let all = dependencies();
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    for name in &names {
        let layer = LAYERS.iter().position(|l| l == name);
        let layer = layer.unwrap_or_else(|| panic!("add `{name}` to LAYERS"));
        for below in all[*name].iter().filter_map(|n| workspace_crate(n)) {
            assert!(
                LAYERS[..layer].contains(&below),
                "{name} depends on {below}, which is not below it"
            );
        }
    }
}

#[test]
fn pure_crates_have_no_runtime() {
    let all = dependencies();
    for name in PURE {
        for forbidden in ["tokio", "comeback-engine", "bollard", "testcontainers"] {
            assert!(
                !all[name].iter().any(|n| n == forbidden),
                "{name} depends on {forbidden}"
            );
        }
    }
}

#[test]
fn one_crate_depends_on_the_engines_libraries_and_one_on_clap() {
    let all = dependencies();
    assert_eq!(users(&all, "bollard"), ["engine"]);
    assert_eq!(users(&all, "testcontainers"), ["engine"]);
    assert_eq!(users(&all, "clap"), ["comeback"]);
}

#[test]
fn the_engine_depends_on_neither_scenario_nor_gateway() {
    let all = dependencies();
    let known: Vec<&str> = all["engine"].iter().filter_map(|n| workspace_crate(n)).collect();
    assert_eq!(known, ["text"]);
}
