//! Remembers how long each scenario takes on this machine, so that the longest begin first.
//!
//! Only the order of the cases depends on it. A missing or broken file costs a little time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use comeback_image::Cache;
use comeback_record::document::CaseEntry;
use comeback_scenario::model::{Scenario, Step};
use comeback_scenario::vocabulary::Cost;

/// The file, in the cache.
const FILE: &str = "lengths.json";
/// Estimated seconds of the first boot with its start.
const START: f64 = 2.5;
/// The weight of a new measurement against the old value.
const NEW: f64 = 0.5;
/// Most scenarios to remember. Users' own scenarios come and go.
const MOST: usize = 1000;

/// Seconds of each scenario.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    file: Option<PathBuf>,
    seconds: BTreeMap<String, f64>,
}

impl Lengths {
    /// Reads the file of this machine.
    pub(super) fn load() -> Self {
        let file = Cache::default().path(FILE).ok();
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let seconds = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        Self { file, seconds }
    }

    /// The duration of a scenario, in seconds: measured, or estimated from its steps if it was never run.
    pub(super) fn of(&self, scenario: &Scenario) -> f64 {
        let known = self.seconds.get(&scenario.id).copied();
        known.filter(|s| s.is_finite()).unwrap_or_else(|| estimate(scenario))
    }

    /// Takes in the durations of these cases.
    pub(super) fn learn<'c>(&mut self, cases: impl IntoIterator<Item = &'c CaseEntry>) {
        for case in cases {
            let known = self.seconds.entry(case.scenario.clone()).or_insert(case.seconds);
            *known += (case.seconds - *known) * NEW;
        }
        while self.seconds.len() > MOST {
            self.seconds.pop_first();
        }
    }

    /// Writes the file. An error is only logged, since no result depends on it.
    pub(super) fn save(&self) {
        let Some(file) = &self.file else { return };
        let beside = file.with_extension(format!("{}.part", std::process::id()));
        let written = serde_json::to_vec(&self.seconds).map_err(std::io::Error::other);
        let written = written.and_then(|text| std::fs::write(&beside, text));
        if let Err(why) = written.and_then(|()| std::fs::rename(&beside, file)) {
            tracing::debug!("{}: {why}", file.display());
        }
    }
}

/// How long a case of a scenario takes, in seconds, by an estimate from its steps.
pub fn estimate(scenario: &Scenario) -> f64 {
    let step = |step: &Step| match step.op.info().cost {
        Cost::Seconds(seconds) => seconds,
        Cost::SettlingWindow => scenario.watch.as_secs_f64(),
    };
    let steps: f64 = scenario.steps.iter().map(step).sum();
    START + steps + Duration::as_secs_f64(&scenario.settle)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_record::document::samples::reproduced;
    use comeback_scenario::Catalogue;

    #[test]
    fn measurements_replace_the_estimate() {
        let catalogue = Catalogue::load(None).unwrap();
        let of = |id: &str| catalogue.iter().find(|s| s.id == id).unwrap();
        let mut lengths = Lengths::default();
        assert!(lengths.of(of("docker-restart-five")) > lengths.of(of("docker-restart")) + 5.0);
        let mut case = reproduced().cases.remove(0);
        case.seconds = 40.0;
        lengths.learn([&case]);
        assert_eq!(lengths.of(of("docker-restart")), 40.0);
        case.seconds = 20.0;
        lengths.learn([&case]);
        assert_eq!(lengths.of(of("docker-restart")), 30.0);
    }

    #[test]
    fn saved_lengths_are_written_to_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let mut lengths = Lengths {
            file: Some(file.clone()),
            ..Lengths::default()
        };
        lengths.learn(&reproduced().cases);
        lengths.save();
        let kept: BTreeMap<String, f64> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(kept, lengths.seconds);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
