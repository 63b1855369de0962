//! What was seen of a scenario on an image, kept in the user's cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::app::images::{self, Obtained};
use crate::cli::Failure;
use crate::engine::Engine;
use crate::evidence::document::{CaseEntry, JudgedCase, case_entry};
use crate::image::{Cache, Image, fingerprint};
use crate::plan::Case;
use crate::scenario::model::{ImageRef, Scenario};
use crate::verdict::Classification;

/// Raised when the same evidence would be judged otherwise, or other evidence be gathered.
const EDITION: u32 = 1;

/// What is remembered, and under which key each case of this run is.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    cache: Cache,
    fresh: bool,
    /// Keys by scenario and image.
    keys: BTreeMap<(String, String), String>,
}

impl Memory {
    /// The user's. `fresh` forgets what was seen, and remembers what will be.
    pub fn new(fresh: bool) -> Self {
        Self {
            fresh,
            ..Self::default()
        }
    }

    /// Learns the keys of these scenarios on these images.
    ///
    /// # Errors
    ///
    /// If an image cannot be looked into.
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

    /// What was seen of a case.
    pub fn recall(&self, case: &Case) -> Option<CaseEntry> {
        if self.fresh {
            return None;
        }
        let text = std::fs::read(self.place(&case.scenario, &case.image)?).ok()?;
        // What another edition wrote is as good as nothing.
        let mut entry: CaseEntry = serde_json::from_slice(&text).ok()?;
        // Where it was seen is not where it is: the record may be long gone.
        entry.evidence = None;
        entry.remembered = true;
        Some(entry)
    }

    /// Keeps what was seen in an attempt, if something was: missing evidence is nothing to remember.
    ///
    /// # Errors
    ///
    /// If it cannot be written, with the place.
    pub fn keep(&self, case: &JudgedCase<'_>) -> Result<(), String> {
        use Classification::{Fixed, Neither, Regressed};
        if !matches!(case.judged.classification, Fixed | Regressed | Neither) {
            return Ok(());
        }
        let Some(place) = self.place(&case.scenario.id, &case.evidence.image) else {
            return Ok(());
        };
        let entry = CaseEntry {
            counts: true,
            ..case_entry(case)
        };
        // Written whole or not at all: a run may be cut short here, too.
        let whole = place.with_extension(format!("{}.part", std::process::id()));
        let write = || {
            std::fs::write(&whole, serde_json::to_vec(&entry)?)?;
            std::fs::rename(&whole, &place)
        };
        write().map_err(|error: std::io::Error| format!("{} cannot be kept: {error}", place.display()))
    }

    fn place(&self, scenario: &str, image: &str) -> Option<std::path::PathBuf> {
        let key = self.keys.get(&(scenario.to_owned(), image.to_owned()))?;
        self.cache.path(format!("matrix/{key}.json")).ok()
    }
}

/// Everything that decides what is seen of a scenario on an image.
fn key(scenario: &Scenario, image: &Image, obtained: &Obtained, prints: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(&format!("{} {EDITION}", env!("CARGO_PKG_VERSION")));
    add(&scenario.id);
    add(&scenario.source.text);
    // Two expressions may mean one image, and are two columns all the same.
    add(&image.name);
    add(prints.get(&image.name).map_or("", String::as_str));
    if let Some(upgrade) = &scenario.upgrade {
        for side in [&upgrade.from, &upgrade.to] {
            let other = match side {
                ImageRef::Subject => None,
                ImageRef::Other(text) => obtained.others.get(text),
            };
            add(other
                .and_then(|image| prints.get(&image.name))
                .map_or("subject", String::as_str));
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
