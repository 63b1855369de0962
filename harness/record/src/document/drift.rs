//! Drift of a run: what its gateways said and this harness does not know.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseEntry, ImageEntry};
use comeback_gateway::drift::Place;

/// The most that is told of a run.
const MOST: usize = 64;

/// Something that the gateway of one attempt said and this harness does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// `state-key`, `gateway-state`, `desired-state`, `boot-field` or `boot-action`.
    #[schemars(with = "String")]
    pub place: Place,
    /// What it said there, capped.
    pub word: String,
}

/// Something that gateways of this run said and this harness does not know: their contract has moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftEntry {
    /// `state-key`, `gateway-state`, `desired-state`, `boot-field` or `boot-action`.
    #[schemars(with = "String")]
    pub place: Place,
    /// What they said there, capped.
    pub word: String,
    /// Releases of the gateways that said it, where they are known.
    pub releases: Vec<String>,
    /// Names of the images under test that said it.
    pub images: Vec<String>,
    /// The scenario in which it was met first.
    pub scenario: String,
    /// Cases in which it was met.
    pub cases: usize,
}

/// What all attempts of a run met, each word once.
pub(super) fn drift(images: &[ImageEntry], cases: &[CaseEntry]) -> Vec<DriftEntry> {
    let mut met: BTreeMap<&Unknown, Vec<&CaseEntry>> = BTreeMap::new();
    for case in cases {
        for unknown in &case.drift {
            met.entry(unknown).or_default().push(case);
        }
    }
    let entry = |(unknown, cases): (&Unknown, Vec<&CaseEntry>)| {
        let said = |image: &&ImageEntry| cases.iter().any(|case| case.image == image.name);
        let said: Vec<&ImageEntry> = images.iter().filter(said).collect();
        let mut releases: Vec<String> = Vec::new();
        for release in said.iter().filter_map(|image| image.release.clone()) {
            if !releases.contains(&release) {
                releases.push(release);
            }
        }
        let different: BTreeSet<_> = cases.iter().map(|c| (&c.scenario, &c.image, c.repeat)).collect();
        Some(DriftEntry {
            place: unknown.place,
            word: unknown.word.clone(),
            releases,
            images: said.iter().map(|image| image.name.clone()).collect(),
            scenario: cases.first()?.scenario.clone(),
            cases: different.len(),
        })
    };
    met.into_iter().filter_map(entry).take(MOST).collect()
}
