//! What was met: operations in states, and pairs of operations.

use std::collections::BTreeMap;

use super::sequence::Sequence;
use super::trial::Trial;

/// Operations that can be generated, in the order of the vocabulary.
pub const GENERATED: [&str; 15] = [
    "operator-start",
    "operator-stop",
    "operator-restart",
    "engine-restart",
    "engine-stop",
    "engine-kill",
    "engine-start",
    "recreate",
    "signal-gateway",
    "signal-init",
    "ctrl-c",
    "profile-create",
    "profile-delete",
    "wait-until",
    "hold-at",
];

/// Operations that are never generated, and why.
pub const NEVER: [(&str, &str); 5] = [
    ("compose-recreate", "to the gateway it is what recreate is"),
    (
        "oom-gateway",
        "to the gateway it is the SIGKILL that signal-gateway sends, without filling a memory first",
    ),
    (
        "stamp",
        "files that nobody in the container wrote are no operator's intent",
    ),
    (
        "release",
        "what is frozen is ended by the outage that follows: a gateway that goes on was only slow",
    ),
    ("settle", "every step that is waited for settles"),
];

/// States an operation can meet a gateway in.
pub const STATES: [&str; 10] = [
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
];

/// How often what was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Operations with the states they met.
    pub states: BTreeMap<(String, String), usize>,
    /// Operations with the ones that followed; true if the first was still in flight.
    pub pairs: BTreeMap<(String, String, bool), usize>,
}

impl Coverage {
    /// Takes in what one run of a sequence met.
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

    /// Operations that can be generated and met no gateway.
    pub fn unmet(&self) -> Vec<&'static str> {
        let met = |op: &&&str| self.states.keys().any(|(name, _)| name == **op);
        GENERATED.iter().filter(|op| !met(op)).copied().collect()
    }
}
