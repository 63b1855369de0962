//! What a run is for: which of its cases need running, and what they come to, all together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::memory::Memory;
use crate::images::Obtained;
use crate::{Failure, FailureKind};
use comeback_engine::Engine;
use comeback_plan::{Case, Plan};
use comeback_record::compare;
use comeback_record::document::{RunDocument, selftest};
use comeback_record::ledger::Entry;
use comeback_scenario::model::Scenario;
use comeback_scenario::overlay::Overlay;
use comeback_verdict::run::Faults;

/// What a matrix runs on the bases that are not the default.
const CORE: &str = "core";

/// What a run's cases are to show, all together.
pub enum Purpose {
    /// That each is as expected.
    Gate,
    /// That faults are seen: some of the scenarios are run under these overlays.
    Selftest {
        /// The overlays.
        overlays: Vec<Overlay>,
        /// The hash of the table.
        table: String,
    },
    /// What the second image does otherwise than the first.
    Compare {
        /// Whether what holds on neither counts.
        pre_existing: bool,
    },
    /// What every image does, as far as it is not remembered.
    Matrix {
        /// What is.
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
            Self::Gate | Self::Compare { .. } | Self::Matrix { .. } => &[],
        }
    }

    /// What the record has to know of it.
    pub(super) fn entry(&self) -> Option<Entry> {
        match self {
            Self::Gate | Self::Matrix { .. } => None,
            Self::Selftest { overlays, table } => Some(Entry::Selftest {
                table: table.clone(),
                overlays: overlays.clone(),
            }),
            Self::Compare { pre_existing } => Some(Entry::Compare {
                pre_existing: *pre_existing,
            }),
        }
    }

    /// Whether these images serve it.
    pub(super) fn check(&self, obtained: &Obtained) -> Result<(), Failure> {
        match (self, obtained.subjects.as_slice()) {
            // `release:latest` is only known to be the other one once PyPI has been asked.
            (Self::Compare { .. }, [old, new]) if old.name == new.name => Err(Failure::new(FailureKind::Usage {
                why: format!("OLD and NEW are both `{}`", old.name),
                hint: Some("name two images".to_owned()),
            })),
            _ => Ok(()),
        }
    }

    /// Looks up what is remembered of these scenarios on these images.
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

    /// What a matrix remembers.
    pub(super) fn memory(&self) -> Option<&Memory> {
        match self {
            Self::Matrix { memory, .. } => Some(memory),
            _ => None,
        }
    }

    /// Takes out of the plan what nobody wants to be run.
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

    /// What a case is not to be parted from when the plan is cut into shards.
    pub(super) fn unit(&self, case: &Case) -> String {
        match self {
            Self::Compare { .. } => case.scenario.clone(),
            Self::Gate | Self::Selftest { .. } | Self::Matrix { .. } => {
                format!("{}\t{}\t{}", case.scenario, case.image, case.repeat)
            }
        }
    }

    /// Judges a run as a whole, where its cases alone do not.
    pub(super) fn judge(&self, document: &mut RunDocument, faults: Faults) {
        match self {
            Self::Gate | Self::Matrix { .. } => {}
            Self::Selftest { overlays, table } => selftest::judge(document, overlays, table.clone(), faults),
            Self::Compare { pre_existing } => compare::judge(document, *pre_existing, faults),
        }
    }
}

/// True if a scenario is run where only the core is.
fn is_core(scenario: &Scenario) -> bool {
    scenario.tags.iter().any(|tag| tag == CORE)
}
