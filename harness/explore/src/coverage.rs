//! Coverage: operations with the states they met, and pairs of operations.

use std::collections::BTreeMap;

use super::sequence::Sequence;
use super::trial::Trial;
use comeback_scenario::vocabulary::{Exploring, OperationKind};

/// Operations that can be generated, in the order of the vocabulary.
pub fn generated() -> impl Iterator<Item = OperationKind> {
    let all = OperationKind::ALL.iter().copied();
    all.filter(|kind| kind.info().exploring == Exploring::Generates)
}

/// Operations that are never generated, and why.
pub fn never() -> impl Iterator<Item = (OperationKind, &'static str)> {
    OperationKind::ALL
        .iter()
        .filter_map(|kind| match kind.info().exploring {
            Exploring::Generates => None,
            Exploring::Never(why) => Some((*kind, why)),
        })
}

/// What an operation on another container meets: no gateway of the container under test.
pub const BESIDE: &str = "second container";

/// States in which an operation can meet a gateway.
pub const STATES: [&str; 11] = [
    "no slot",
    "never started",
    "down",
    "starting",
    "up",
    "draining",
    "going down",
    "respawning",
    "frozen",
    "container exited",
    BESIDE,
];

/// The coverage of a hunt: how often each case occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Operations with the states in which they met a gateway.
    pub states: BTreeMap<(String, String), usize>,
    /// Operations with those that followed; true if the first was still in flight.
    pub pairs: BTreeMap<(String, String, bool), usize>,
}

impl Coverage {
    /// Adds the coverage of one run of a sequence.
    pub fn add(&mut self, sequence: &Sequence, trial: &Trial) {
        for met in &trial.met {
            *self.states.entry(met.clone()).or_default() += 1;
        }
        let steps = sequence.steps();
        for pair in steps.windows(2).take(trial.steps.saturating_sub(1)) {
            let [(_, first), (_, second)] = pair else { continue };
            let key = (first.op.name().to_owned(), second.op.name().to_owned(), !first.wait);
            *self.pairs.entry(key).or_default() += 1;
        }
    }

    /// Operations that can be generated but met no gateway.
    pub fn unmet(&self) -> Vec<&'static str> {
        let met: Vec<_> = self.states.keys().map(|(name, _)| OperationKind::parse(name)).collect();
        let unmet = generated().filter(|kind| !met.contains(&Some(*kind)));
        unmet.map(OperationKind::name).collect()
    }
}
