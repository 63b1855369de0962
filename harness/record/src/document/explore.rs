//! What an exploration came to: its findings, what it met and how fast it was.

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
    /// What all sequences follow from.
    pub seed: u64,
    /// Name of the image.
    pub image: String,
    /// The fault overlay its gateway was broken by.
    pub overlay: Option<String>,
    /// Most sequences that were asked for.
    pub asked: usize,
    /// Most moves of a sequence.
    pub most_steps: usize,
    /// Most profiles.
    pub most_profiles: usize,
    /// Sequences that were tried.
    pub sequences: usize,
    /// Of those, how many told something.
    pub conclusive: usize,
    /// Why the others told nothing.
    pub inconclusive: Vec<ToldNothing>,
    /// Everything that was run, shrinking and repeats included.
    pub runs: usize,
    /// Steps of all that.
    pub steps: usize,
    /// How many sequences were run at a time.
    pub jobs: usize,
    /// How long it took, in seconds, images not included.
    pub seconds: f64,
    /// What engine and gateway took of it by themselves, in seconds: the sum over all runs, divided by how many ran at a
    /// time.
    pub floor_seconds: f64,
    /// Steps a second.
    pub steps_per_second: f64,
    /// Steps a second if there were nothing but engine and gateway.
    pub floor_steps_per_second: f64,
    /// What was found, each once.
    pub findings: Vec<FoundEntry>,
    /// What was met.
    pub coverage: CoverageEntry,
}

/// A reason for which sequences told nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldNothing {
    /// Why.
    pub why: String,
    /// How many.
    pub count: usize,
}

/// A sequence that fails, shrunk and repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundEntry {
    /// Number, from 1.
    pub number: usize,
    /// What kind of thing is wrong.
    pub kind: Kind,
    /// That in words.
    pub violation: String,
    /// Where it was seen first: `boot:2`.
    pub at: String,
    /// Of which profile.
    pub profile: String,
    /// What was looked at: a probe, or an invariant.
    pub what: String,
    /// What the intent wants.
    pub wanted: Value,
    /// What was found.
    pub found: Value,
    /// Profiles whose gateway the volume said was running, and no more than that.
    pub seeded: Vec<String>,
    /// Profiles that were there before anything was done.
    pub profiles: Vec<String>,
    /// The container's restart policy, if it has one.
    pub policy: Option<String>,
    /// The smallest sequence.
    pub sequence: Vec<FoundStep>,
    /// False if there was no time to shrink it to the end.
    pub minimal: bool,
    /// How many operations the sequence had when it failed first.
    pub length: usize,
    /// Which sequence that was, from 1.
    pub index: usize,
    /// How many smaller ones were run.
    pub tries: usize,
    /// How often the smallest was repeated.
    pub repeats: usize,
    /// How often it failed in the same way.
    pub reproduced: usize,
    /// Further sequences that failed for the same reason.
    pub again: usize,
    /// When it was found, in seconds since exploring began.
    pub found_after: f64,
    /// When it was shrunk and repeated.
    pub done_after: f64,
    /// The sequence as a scenario file.
    pub scenario_toml: String,
}

/// One operation of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundStep {
    /// Its operation.
    pub op: String,
    /// Whose gateway it is about; null if it is about the container.
    pub profile: Option<String>,
    /// False if the next one began while it was in flight.
    pub wait: bool,
    /// Its parameters in words.
    pub detail: String,
    /// What it led to.
    pub shown: Shown,
}

/// What was met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageEntry {
    /// Operations with the states they met gateways in.
    pub states: Vec<MetState>,
    /// Operations with the ones that followed.
    pub pairs: Vec<MetPair>,
    /// How many pairs there could be.
    pub possible_pairs: usize,
    /// Operations that can be generated and were not met.
    pub unmet: Vec<String>,
    /// Operations that are never generated.
    pub never: Vec<NeverEntry>,
}

/// An operation, and a state in which it met a gateway.
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
    /// The first.
    pub first: String,
    /// The one after it.
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
    /// Why not.
    pub why: String,
}

/// What a hunt was run with, beside its source.
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

/// What a hunt came to, as the document has it. `text` makes the scenario file of a finding.
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

/// Judges an exploration as a whole: something was found, nothing was, or nothing can be said.
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
