//! The purpose of a run decides which of its cases are run and how the run is judged as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::memory::Memory;
use crate::Failure;
use crate::images::Obtained;
use comeback_engine::Engine;
use comeback_plan::{Case, Plan};
use comeback_record::compare::{self, Terms};
use comeback_record::document::{RunDocument, selftest};
use comeback_record::ledger::Entry;
use comeback_scenario::model::Scenario;
use comeback_scenario::overlay::Overlay;
use comeback_verdict::run::Faults;

/// Tag of the scenarios that a matrix runs on the bases that are not the default.
const CORE: &str = "core";

/// The purpose of a run.
pub enum Purpose {
    /// To show that each case is as expected.
    Gate,
    /// To show that scenarios catch faults: some of them are run under these overlays.
    Selftest {
        /// The overlays.
        overlays: Vec<Overlay>,
        /// The hash of the table.
        table: String,
    },
    /// To show how the second image behaves differently from the first.
    Compare(Terms),
    /// To show the behaviour of every image. Only cases that are not cached are run.
    Matrix {
        /// The cache.
        memory: Memory,
        /// Names of the bases on which only the core is run.
        thin: BTreeSet<String>,
    },
}

impl Purpose {
    /// The overlays of a selftest.
    pub(super) fn overlays(&self) -> &[Overlay] {
        match self {
            Self::Selftest { overlays, .. } => overlays,
            Self::Gate | Self::Compare(_) | Self::Matrix { .. } => &[],
        }
    }

    /// The record's entry about it, if `judge` needs one.
    pub(super) fn entry(&self) -> Option<Entry> {
        match self {
            Self::Gate | Self::Matrix { .. } => None,
            Self::Selftest { overlays, table } => Some(Entry::Selftest {
                table: table.clone(),
                overlays: overlays.clone(),
            }),
            Self::Compare(terms) => Some(Entry::Compare(*terms)),
        }
    }

    /// Checks the images.
    ///
    /// # Errors
    ///
    /// If a comparison has the same image on both sides.
    pub(super) fn check(&self, obtained: &Obtained) -> Result<(), Failure> {
        match (self, obtained.subjects.as_slice()) {
            // `release:latest` is only known to be the other one once PyPI has been asked.
            (Self::Compare(_), [old, new]) if old.name == new.name => Err(Failure::usage(
                format!("OLD and NEW are both `{}`", old.name),
                "name two images",
            )),
            _ => Ok(()),
        }
    }

    /// Opens the cache for these scenarios and images.
    pub(super) async fn open(
        &mut self,
        engine: &Arc<dyn Engine>,
        scenarios: &[Scenario],
        obtained: &Obtained,
    ) -> Result<(), Failure> {
        match self {
            Self::Matrix { memory, .. } => memory.open(engine, scenarios, obtained).await,
            _ => Ok(()),
        }
    }

    /// The cache of a matrix.
    pub(super) fn memory(&self) -> Option<&Memory> {
        match self {
            Self::Matrix { memory, .. } => Some(memory),
            _ => None,
        }
    }

    /// Removes cases from the plan that a matrix does not run on its thin bases.
    pub(super) fn thin_out(&self, plan: &mut Plan, scenarios: &[Scenario], obtained: &Obtained) {
        let Self::Matrix { thin, .. } = self else {
            return;
        };
        let is_thin = |image: &str| {
            let image = obtained.subjects.iter().find(|i| i.name == image);
            let base = image.and_then(|i| i.base.as_ref());
            base.is_some_and(|base| thin.contains(base))
        };
        let is_core = |id: &str| scenarios.iter().any(|s| s.id == id && is_core(s));
        let wanted = |scenario: &str, image: &str| !is_thin(image) || is_core(scenario);
        plan.cases.retain(|case| wanted(&case.scenario, &case.image));
        plan.left_out.retain(|left| wanted(&left.scenario, &left.image));
    }

    /// The key of the cases that have to be in the same shard.
    pub(super) fn unit(&self, case: &Case) -> String {
        match self {
            Self::Compare(_) => case.scenario.clone(),
            Self::Gate | Self::Selftest { .. } | Self::Matrix { .. } => {
                format!("{}\t{}\t{}", case.scenario, case.image, case.repeat)
            }
        }
    }

    /// Judges a run as a whole, if its cases alone do not decide.
    pub(super) fn judge(&self, document: &mut RunDocument, faults: Faults) {
        match self {
            Self::Gate | Self::Matrix { .. } => {}
            Self::Selftest { overlays, table } => selftest::judge(document, overlays, table.clone(), faults),
            Self::Compare(terms) => compare::judge(document, *terms, faults),
        }
    }
}

/// True if a scenario is part of the core.
fn is_core(scenario: &Scenario) -> bool {
    scenario.tags.iter().any(|tag| tag == CORE)
}
