//! Caches the evidence of a scenario on an image, in the user's cache folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::Failure;
use crate::images::{self, Obtained};
use comeback_engine::Engine;
use comeback_history::facts::CaseEvidence;
use comeback_image::{Cache, Image, fingerprint};
use comeback_plan::Case;
use comeback_scenario::model::Scenario;
use comeback_verdict::Classification;

/// Part of the key. It is raised when the same case would yield other evidence.
const EDITION: u32 = 4;

/// The cache, and the keys of this run's cases.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    cache: Cache,
    fresh: bool,
    /// Keys by scenario and image.
    keys: BTreeMap<(String, String), String>,
}

impl Memory {
    /// The user's cache. With `fresh`, nothing is read from it, and new results are still written.
    pub fn new(fresh: bool) -> Self {
        Self {
            fresh,
            ..Self::default()
        }
    }

    /// Computes the keys of these scenarios on these images.
    ///
    /// # Errors
    ///
    /// If an image cannot be inspected.
    pub async fn open(
        &mut self,
        engine: &Arc<dyn Engine>,
        scenarios: &[Scenario],
        obtained: &Obtained,
    ) -> Result<(), Failure> {
        let mut prints: BTreeMap<String, String> = BTreeMap::new();
        for image in obtained.subjects.iter().chain(obtained.others.values()) {
            if !prints.contains_key(&image.name) {
                let print = fingerprint(engine.as_ref(), image, &self.cache).await;
                let print = print.map_err(|error| images::failure(&image.name, &error))?;
                prints.insert(image.name.clone(), print);
            }
        }
        for scenario in scenarios {
            for image in &obtained.subjects {
                let key = key(scenario, image, obtained, &prints);
                self.keys.insert((scenario.id.clone(), image.name.clone()), key);
            }
        }
        Ok(())
    }

    /// The cached evidence of a case. It is judged again, because the expectation may have changed.
    pub fn recall(&self, case: &Case) -> Option<CaseEvidence> {
        if self.fresh {
            return None;
        }
        let text = std::fs::read(self.place(&case.scenario, &case.image)?).ok()?;
        // Evidence in the format of another edition is ignored.
        let evidence: CaseEvidence = serde_json::from_slice(&text).ok()?;
        (evidence.scenario == case.scenario).then(|| CaseEvidence {
            // Two expressions can name the same image.
            image: case.image.clone(),
            repeat: case.repeat,
            attempt: 1,
            ..evidence
        })
    }

    /// Caches the evidence of an attempt, unless it is inconclusive.
    ///
    /// # Errors
    ///
    /// If it cannot be written, with the path.
    pub fn keep(&self, evidence: &CaseEvidence, found: Classification) -> Result<(), String> {
        use Classification::{Fixed, Neither, Regressed};
        if !matches!(found, Fixed | Regressed | Neither) {
            return Ok(());
        }
        let Some(place) = self.place(&evidence.scenario, &evidence.image) else {
            return Ok(());
        };
        // Written to another file first: if the run is killed here, no half-written file is left.
        let whole = place.with_extension(format!("{}.part", std::process::id()));
        let write = || {
            std::fs::write(&whole, serde_json::to_vec(evidence)?)?;
            std::fs::rename(&whole, &place)
        };
        write().map_err(|error: std::io::Error| format!("{} cannot be written to the cache: {error}", place.display()))
    }

    fn place(&self, scenario: &str, image: &str) -> Option<std::path::PathBuf> {
        let key = self.keys.get(&(scenario.to_owned(), image.to_owned()))?;
        self.cache.path(format!("matrix/{key}.json")).ok()
    }
}

/// A hash of everything that the evidence depends on. The columns of the scenario are not part of it.
fn key(scenario: &Scenario, image: &Image, obtained: &Obtained, prints: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(&format!("{} {EDITION}", env!("CARGO_PKG_VERSION")));
    add(&scenario.id);
    add(&format!(
        "{:?}",
        (&scenario.start, &scenario.sidecars, &scenario.profiles, &scenario.seeds)
    ));
    add(&format!(
        "{:?}",
        (
            &scenario.upgrade,
            &scenario.steps,
            &scenario.needs,
            scenario.settle,
            scenario.watch
        )
    ));
    add(prints.get(&image.name).map_or("", String::as_str));
    // What is at a path is looked at only where a row is about it.
    add(&format!("{:?}", scenario.paths()));
    for text in scenario.other_images() {
        let other = obtained.others.get(text);
        add(other
            .and_then(|image| prints.get(&image.name))
            .map_or("", String::as_str));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use comeback_history::facts::CaseEnd;
    use comeback_scenario::fixtures::docker_restart;
    use comeback_scenario::model::{ImageRef, Sidecar};

    fn image(name: &str) -> Image {
        Image {
            name: name.into(),
            reference: name.into(),
            digest: "sha256:1".into(),
            base: None,
            supervisor: None,
            release: None,
        }
    }

    fn obtained() -> Obtained {
        Obtained {
            subjects: vec![image("a"), image("b")],
            others: BTreeMap::new(),
            entries: Vec::new(),
        }
    }

    #[test]
    fn a_key_depends_on_the_steps_and_not_on_the_columns() {
        let prints = |print: &str| BTreeMap::from([("a".to_owned(), print.to_owned())]);
        let of = |scenario: &Scenario, print: &str| key(scenario, &image("a"), &obtained(), &prints(print));
        let before = of(&docker_restart(), "1");
        assert_eq!(of(&docker_restart(), "1"), before);
        assert_ne!(of(&docker_restart(), "2"), before);
        let mut scenario = docker_restart();
        scenario.expects.clear();
        scenario.title.push('!');
        assert_eq!(of(&scenario, "1"), before);
        scenario.sidecars.push(Sidecar {
            name: "side".into(),
            image: ImageRef::Subject,
            cmd: Vec::new(),
            entrypoint: None,
            env: BTreeMap::new(),
        });
        let beside = of(&scenario, "1");
        assert_ne!(beside, before);
        scenario.sidecars[0].cmd.push("infinity".into());
        assert_ne!(of(&scenario, "1"), beside);
        scenario.sidecars.clear();
        scenario.steps.clear();
        assert_ne!(of(&scenario, "1"), before);
    }

    #[test]
    fn only_conclusive_evidence_is_cached() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory {
            cache: Cache::at(folder.path()),
            ..Memory::default()
        };
        let name = |image: &str| ("docker-restart".to_owned(), image.to_owned());
        memory.keys = BTreeMap::from([
            (name("a"), "1".into()),
            (name("b"), "1".into()),
            (name("c"), "2".into()),
        ]);
        let evidence = |image: &str| CaseEvidence {
            scenario: "docker-restart".into(),
            image: image.into(),
            attempt: 2,
            repeat: 1,
            started: Timestamp::UNIX_EPOCH,
            clock: None,
            seconds: 1.0,
            end: CaseEnd::Complete,
            steps: Vec::new(),
            latencies_ms: Vec::new(),
            history: Vec::new(),
            logs: BTreeMap::new(),
        };
        let case = |image: &str| Case {
            index: 0,
            scenario: "docker-restart".into(),
            image: image.into(),
            repeat: 1,
        };
        memory.keep(&evidence("a"), Classification::Inconclusive).unwrap();
        assert_eq!(memory.recall(&case("a")), None);
        memory.keep(&evidence("a"), Classification::Regressed).unwrap();
        assert_eq!(memory.recall(&case("a")).unwrap().image, "a");
        // Another name of the same image.
        assert_eq!(memory.recall(&case("b")).unwrap().image, "b");
        assert_eq!(memory.recall(&case("c")), None);
        let fresh = Memory { fresh: true, ..memory };
        assert_eq!(fresh.recall(&case("a")), None);
    }
}
