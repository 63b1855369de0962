//! The stored calibration belongs to the current table, and shows that the table does its work.

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
            let release = image.strip_prefix("release:").and_then(|release| release.parse().ok());
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
