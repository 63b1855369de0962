//! Fault overlays: each breaks exactly one thing in the real gateway, and names the scenarios that must catch it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{Guard, Scenario};

/// The table of overlays.
const TABLE: &str = include_str!("../../../images/overlays.toml");

/// The prefix of an overlay's messages in the container's output.
pub const OVERLAY_SAYS: &str = "comeback overlay ";

/// A fault overlay: `images/overlays/NAME.py`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// The fault in a few words.
    pub title: String,
    /// Where and what it breaks.
    pub breaks: String,
    /// The part of the fix that it removes, if any.
    pub guards: Option<Guard>,
    /// The kind of process in which it must be in force; `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessKind>,
    /// Scenarios that must catch it.
    pub caught_by: Vec<String>,
}

/// A kind of process of the image under test, as the overlays' hook distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessKind {
    /// `hermes gateway run`.
    Gateway,
    /// The boot reconciler.
    Reconciler,
    /// Any other process, such as the commands of an operator.
    Command,
}

impl fmt::Display for ProcessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Reconciler => "boot reconciler",
            Self::Command => "operator's command",
        })
    }
}

impl Overlay {
    /// The scenario with this fault in its gateway, with an id of its own; `None` if it has a fault already.
    pub fn on(&self, scenario: &Scenario) -> Option<Scenario> {
        if scenario.start.overlay.is_some() {
            return None;
        }
        let mut faulty = scenario.clone();
        faulty.id = format!("{}+{}", scenario.id, self.name);
        faulty.start.overlay = Some(self.name.clone());
        // A fault may look like a race on record. It must not be retried, because the fault is intended.
        faulty.races.clear();
        Some(faulty)
    }

    /// The id of the scenario from which [`Overlay::on`] made the scenario `id`.
    pub fn base<'a>(&self, id: &'a str) -> Option<&'a str> {
        id.strip_suffix(self.name.as_str())?.strip_suffix('+')
    }

    /// Its message once it is in force.
    pub fn says_on(&self) -> String {
        format!("{OVERLAY_SAYS}{} is on", self.name)
    }

    /// The beginning of its message that it could not take effect.
    pub fn says_failed(&self) -> String {
        format!("{OVERLAY_SAYS}{} failed: ", self.name)
    }
}

/// Every overlay, in the order of the table.
pub fn overlays() -> Vec<Overlay> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        overlay: Vec<Overlay>,
    }
    match toml::from_str::<Table>(TABLE) {
        Ok(table) => table.overlay,
        Err(error) => unreachable!("images/overlays.toml is compiled in and tested: {error}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Catalogue;
    use crate::fixtures::{docker_restart, race};
    use crate::model::{Moment, Probe};

    #[test]
    fn the_table_and_the_files_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../images/overlays");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .strip_suffix(".py")
                    .map(str::to_owned)
            })
            .collect();
        let listed: Vec<String> = overlays().into_iter().map(|o| o.name).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), files);
        assert_eq!(listed.len(), files.len(), "one entry each");
    }

    /// The scenarios that must catch an overlay exist, and guard the part of the fix that it removes.
    #[test]
    fn scenarios_and_overlays_agree() {
        let catalogue = Catalogue::load(None).unwrap();
        let overlays = overlays();
        for overlay in &overlays {
            assert!(!overlay.caught_by.is_empty(), "{}", overlay.name);
            assert!(overlay.process.is_some(), "{}: the process is missing", overlay.name);
            for id in &overlay.caught_by {
                let scenario = catalogue
                    .get(id)
                    .unwrap_or_else(|| panic!("{}: no scenario {id}", overlay.name));
                assert!(overlay.on(scenario).is_some(), "{id} has a fault of its own");
                let guarded = overlay
                    .guards
                    .is_none_or(|part| scenario.expects.iter().any(|e| e.guards == Some(part)));
                assert!(
                    guarded,
                    "{id} does not guard the part of the fix that {} removes",
                    overlay.name
                );
            }
        }
        for scenario in catalogue.iter() {
            let known = scenario
                .start
                .overlay
                .as_ref()
                .is_none_or(|name| overlays.iter().any(|o| o.name == *name));
            assert!(known, "{}: no such overlay", scenario.id);
        }
    }

    #[test]
    fn a_scenario_under_a_fault_has_an_id_of_its_own() {
        let overlay = &overlays()[0];
        let mut scenario = docker_restart();
        scenario.races = vec![race(Moment::End, Probe::Service, &["down"])];
        let faulty = overlay.on(&scenario).unwrap();
        assert_eq!(faulty.id, "docker-restart+signal-flag-never-set");
        assert!(faulty.races.is_empty());
        assert_eq!(overlay.base(&faulty.id), Some("docker-restart"));
        assert_eq!(overlay.base("docker-restart"), None);
        assert_eq!(overlay.base("x+another"), None);
        assert!(overlay.on(&faulty).is_none());
    }
}
