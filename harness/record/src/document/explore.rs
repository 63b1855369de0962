//! The result of an exploration: its findings, its coverage and its speed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunDocument;
use crate::excerpt::step_detail;
use comeback_explore::coverage::{Coverage, generated, never};
use comeback_explore::hunt::{Finding, Hunt, Hunted};
use comeback_explore::trial::{Kind, Shown};
use comeback_scenario::model::{DEFAULT_PROFILE, ProfileSel, Value};
use comeback_verdict::Verdict;
use comeback_verdict::run::{Faults, outcome};

/// An exploration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explored {
    /// The seed that all sequences follow from.
    pub seed: u64,
    /// Name of the image.
    pub image: String,
    /// The fault overlay that broke its gateway, if there was one.
    pub overlay: Option<String>,
    /// Limit on the number of sequences.
    pub asked: usize,
    /// Limit on the moves of a sequence.
    pub most_steps: usize,
    /// Limit on the number of profiles.
    pub most_profiles: usize,
    /// Number of sequences that were tried.
    pub sequences: usize,
    /// Number of those that were conclusive.
    pub conclusive: usize,
    /// Why the others were inconclusive.
    pub inconclusive: Vec<ToldNothing>,
    /// Number of all runs, including shrinking and repeats.
    pub runs: usize,
    /// Number of steps in all runs.
    pub steps: usize,
    /// How many sequences were run at a time.
    pub jobs: usize,
    /// How long it took, in seconds, without the time for images.
    pub seconds: f64,
    /// The floor (the time that engine and gateway take without the harness), in seconds: the sum over all runs,
    /// divided by the number that ran at a time.
    pub floor_seconds: f64,
    /// Steps per second.
    pub steps_per_second: f64,
    /// Steps per second at the floor.
    pub floor_steps_per_second: f64,
    /// The findings, each once.
    pub findings: Vec<FoundEntry>,
    /// The coverage.
    pub coverage: CoverageEntry,
}

/// A reason why sequences were inconclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldNothing {
    /// The reason.
    pub why: String,
    /// The number of sequences.
    pub count: usize,
}

/// A failing sequence, shrunk and repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundEntry {
    /// Number, from 1.
    pub number: usize,
    /// The kind of failure.
    pub kind: Kind,
    /// The failure in words.
    pub violation: String,
    /// The moment at which it was seen first: `boot:2`.
    pub at: String,
    /// The profile.
    pub profile: String,
    /// The probe or invariant that failed.
    pub what: String,
    /// The value that follows from the intent.
    pub wanted: Value,
    /// The value that was observed.
    pub found: Value,
    /// Profiles that the volume recorded as running at the start, with no gateway running.
    pub seeded: Vec<String>,
    /// Profiles that existed before the first step.
    pub profiles: Vec<String>,
    /// The container's restart policy, if it has one.
    pub policy: Option<String>,
    /// The smallest sequence.
    pub sequence: Vec<FoundStep>,
    /// False if the time ran out before it was fully shrunk.
    pub minimal: bool,
    /// The number of operations of the sequence before it was shrunk.
    pub length: usize,
    /// The number of that sequence, from 1.
    pub index: usize,
    /// The number of smaller sequences that were run.
    pub tries: usize,
    /// How often the smallest sequence was repeated.
    pub repeats: usize,
    /// How many of the repeats failed in the same way.
    pub reproduced: usize,
    /// Further sequences that failed for the same reason.
    pub again: usize,
    /// When it was found, in seconds since the exploration began.
    pub found_after: f64,
    /// When it had been shrunk and repeated, in seconds since the exploration began.
    pub done_after: f64,
    /// The sequence as a scenario file.
    pub scenario_toml: String,
}

/// One operation of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundStep {
    /// The operation's name.
    pub op: String,
    /// The profile whose gateway it is about; null if it is about the container.
    pub profile: Option<String>,
    /// False if the next operation began while it was in flight.
    pub wait: bool,
    /// Its parameters in words.
    pub detail: String,
    /// Its effect.
    pub shown: Shown,
}

/// The coverage of an exploration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageEntry {
    /// Operations with the states in which they met a gateway.
    pub states: Vec<MetState>,
    /// Operations with those that followed them.
    pub pairs: Vec<MetPair>,
    /// Number of possible pairs.
    pub possible_pairs: usize,
    /// Operations that can be generated but did not occur.
    pub unmet: Vec<String>,
    /// Operations that are never generated.
    pub never: Vec<NeverEntry>,
}

/// An operation and a state in which it met a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetState {
    /// The operation.
    pub op: String,
    /// The state.
    pub state: String,
    /// How often.
    pub count: usize,
}

/// Two operations in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetPair {
    /// The first operation.
    pub first: String,
    /// The operation after it.
    pub second: String,
    /// True if the first was still in flight.
    pub in_flight: bool,
    /// How often.
    pub count: usize,
}

/// An operation that is never generated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NeverEntry {
    /// The operation.
    pub op: String,
    /// The reason.
    pub why: String,
}

/// The circumstances of a hunt, apart from its options.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// Name of the image.
    pub image: &'a str,
    /// The fault overlay.
    pub overlay: Option<&'a str>,
    /// How many sequences were run at a time.
    pub jobs: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Turns the result of a hunt into its form in the document. `text` makes the scenario file of a finding.
pub fn explored(hunt: &Hunt, hunted: &Hunted, with: &Circumstances<'_>, text: impl Fn(&Finding) -> String) -> Explored {
    let round = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
    let rate = |seconds: f64| {
        if seconds > 0.0 {
            round(hunted.steps as f64 / seconds)
        } else {
            0.0
        }
    };
    let floor = hunted.floor / with.jobs.max(1) as f64;
    Explored {
        seed: hunt.source.seed,
        image: with.image.to_owned(),
        overlay: with.overlay.map(str::to_owned),
        asked: hunt.runs,
        most_steps: hunt.source.steps,
        most_profiles: hunt.source.profiles,
        sequences: hunted.tried,
        conclusive: hunted.tried - hunted.told_nothing(),
        inconclusive: hunted
            .inconclusive
            .iter()
            .map(|(why, count)| ToldNothing {
                why: why.clone(),
                count: *count,
            })
            .collect(),
        runs: hunted.runs,
        steps: hunted.steps,
        jobs: with.jobs,
        seconds: round(with.seconds),
        floor_seconds: round(floor),
        steps_per_second: rate(with.seconds),
        floor_steps_per_second: rate(floor),
        findings: hunted.findings.iter().map(|f| found(f, text(f))).collect(),
        coverage: coverage(&hunted.coverage),
    }
}

fn found(finding: &Finding, scenario_toml: String) -> FoundEntry {
    let names = comeback_explore::model::PROFILES;
    let name = |p: usize| names[p.min(names.len() - 1)].to_owned();
    let steps = finding.sequence.steps();
    let sequence = steps.iter().enumerate().map(|(i, (_, step))| {
        let of_gateway = !step.op.info().container.acts();
        let profile = match &step.profile {
            ProfileSel::One(name) => name.clone(),
            ProfileSel::All => DEFAULT_PROFILE.to_owned(),
        };
        FoundStep {
            op: step.op.name().to_owned(),
            profile: of_gateway.then_some(profile),
            wait: step.wait,
            detail: step_detail(step),
            shown: finding.trial.shown.get(i).cloned().unwrap_or_default(),
        }
    });
    let violation = &finding.violation;
    FoundEntry {
        number: finding.number,
        kind: violation.kind,
        violation: violation.kind.to_string(),
        at: violation.at.to_string(),
        profile: violation.profile.clone(),
        what: violation.what.clone(),
        wanted: violation.wanted.clone(),
        found: violation.found.clone(),
        seeded: finding.sequence.seeded().into_iter().map(name).collect(),
        profiles: (0..finding.sequence.setting.profiles).map(name).collect(),
        policy: finding.sequence.setting.restarts.then(|| "unless-stopped".to_owned()),
        sequence: sequence.collect(),
        minimal: finding.minimal,
        length: finding.length,
        index: finding.index + 1,
        tries: finding.tries,
        repeats: finding.repeats,
        reproduced: finding.reproduced,
        again: finding.again,
        found_after: (finding.found_after * 10.0).round() / 10.0,
        done_after: (finding.done_after * 10.0).round() / 10.0,
        scenario_toml,
    }
}

fn coverage(coverage: &Coverage) -> CoverageEntry {
    CoverageEntry {
        states: coverage
            .states
            .iter()
            .map(|((op, state), count)| MetState {
                op: op.clone(),
                state: state.clone(),
                count: *count,
            })
            .collect(),
        pairs: coverage
            .pairs
            .iter()
            .map(|((first, second, in_flight), count)| MetPair {
                first: first.clone(),
                second: second.clone(),
                in_flight: *in_flight,
                count: *count,
            })
            .collect(),
        possible_pairs: generated().count().pow(2),
        unmet: coverage.unmet().into_iter().map(str::to_owned).collect(),
        never: never()
            .map(|(op, why)| NeverEntry {
                op: op.name().to_owned(),
                why: why.to_owned(),
            })
            .collect(),
    }
}

/// Judges an exploration as a whole: a finding is a mismatch, no conclusive sequence is inconclusive, otherwise it
/// held.
pub fn judge(document: &mut RunDocument, explored: Explored, faults: Faults) {
    let verdict = if !explored.findings.is_empty() {
        Verdict::Mismatch
    } else if explored.conclusive == 0 {
        Verdict::Inconclusive
    } else {
        Verdict::Held
    };
    let outcome = outcome(&[verdict], faults);
    document.verdict = outcome.verdict;
    document.exit_code = outcome.exit.code();
    document.explore = Some(explored);
}
