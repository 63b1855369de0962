//! The document of a run: everything that any report, artefact or exit code is derived from.
//!
//! Its keys are relied on from outside: they are only ever added to.

mod build;
mod drift;
pub mod explore;
mod figures;
mod races;
mod repeats;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod selftest;
pub mod shards;
#[cfg(test)]
mod tests;

pub use build::{document, entry};
pub use drift::{DriftEntry, Unknown};
pub use figures::FigureEntry;
pub use races::{Compared, RaceEntry, RaceRate, Times};
pub use repeats::{Rate, RepeatsEntry, Spread};
pub use shards::{PartitionEntry, ShardEntry};

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use super::engine_entry::EngineEntry;
use super::excerpt::{ReconcilerLine, ShutdownLine, TimelineEntry};
use super::likeness::Likeness;
use super::spans::Span;
use super::trend::Trend;
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{CaseEvidence, ObserverImage};
use comeback_history::pace::Pace;
use comeback_scenario::model::{Guard, Scenario, Value, ValueSet};
use comeback_scenario::vocabulary::Invariant;
use comeback_verdict::run::Faults;
use comeback_verdict::{Classification, Exit, Judged, RunVerdict, Verdict};

/// Version of the document's shape.
pub const SCHEMA: u32 = 1;

/// One run, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDocument {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run's id.
    pub run: String,
    /// The command: `check`.
    pub command: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The engine; null if none answered.
    pub engine: Option<EngineHead>,
    /// The images, in the order of the command line.
    pub images: Vec<ImageEntry>,
    /// Every attempt of every case, in the order of the plan.
    pub cases: Vec<CaseEntry>,
    /// What it comes to.
    pub verdict: RunVerdict,
    /// The exit code that follows.
    pub exit_code: u8,
    /// The command's arguments, as given.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// What was drawn in the run follows from it: `--seed` of this number draws the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What ended the run before or beside its cases.
    #[serde(default)]
    pub failure: Option<String>,
    /// Scenarios that were selected and do not apply to an image.
    #[serde(default)]
    pub left_out: Vec<LeftOutEntry>,
    /// Where the record is.
    #[serde(default)]
    pub record: Option<String>,
    /// What the fault overlays of a selftest came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selftest: Option<selftest::Selftest>,
    /// What an exploration found and met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<explore::Explored>,
    /// What became of each scenario from the first image of a `compare` to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<Vec<Comparison>>,
    /// How far the two images of a `compare --likeness` behave the same, row by row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
    /// Whether what was there before counts against a `compare`; null of any other command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_pre_existing: Option<bool>,
    /// Which shard of which plan it is; null of a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionEntry>,
    /// The shards it was merged from; null of any other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Vec<ShardEntry>>,
    /// What cases that were run several times show together; null if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Vec<RepeatsEntry>>,
    /// How long steps took for which their scenario names a bound. No verdict depends on it; not there if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<FigureEntry>,
    /// How the runs before it and this one ended; not there without `--history`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// What its gateways said and this harness does not know. No verdict depends on it; not there if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DriftEntry>,
}

/// The engine, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineHead {
    /// `docker` or `podman`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The API version that was negotiated.
    pub api: String,
    /// Its address.
    #[serde(default)]
    pub host: String,
    /// Processors it can use.
    #[serde(default)]
    pub cpus: usize,
    /// By how much the clock of its host differs from ours.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
}

impl From<&EngineEntry> for EngineHead {
    fn from(engine: &EngineEntry) -> Self {
        Self {
            name: engine.name.clone(),
            version: engine.version.clone(),
            api: engine.api.clone(),
            host: engine.host.clone(),
            cpus: engine.cpus,
            clock: engine.clock,
        }
    }
}

/// An image of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageEntry {
    /// The image expression: `release:0.17.0`.
    pub name: String,
    /// Its reference in the engine's store.
    pub reference: String,
    /// Its id.
    pub digest: String,
    /// Name of its base; null if it is not ours.
    pub base: Option<String>,
    /// Version of its supervisor; null if it cannot be read.
    pub supervisor: Option<String>,
    /// Release of the gateway in it; null if it cannot be read.
    pub release: Option<String>,
    /// True if it was built or pulled in this run.
    #[serde(default)]
    pub made: bool,
    /// How long it took to have it, in seconds.
    #[serde(default)]
    pub seconds: f64,
}

/// A scenario that does not apply to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutEntry {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Why not.
    pub why: String,
}

/// One attempt of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseEntry {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Which column was found.
    pub classification: Classification,
    /// What was expected: `fixed`, `regressed` or `known`.
    pub expected: String,
    /// What follows.
    pub verdict: Verdict,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why it was classified so; null where that needs no saying.
    pub reason: Option<String>,
    /// What was done.
    pub steps: Vec<StepEntry>,
    /// How long it took to learn what was waited for.
    pub latency_ms: Latency,
    /// What was seen.
    pub rows: Vec<RowEntry>,
    /// Repeat, from 1.
    #[serde(default)]
    pub repeat: u32,
    /// True for the attempt that counts of this case.
    #[serde(default)]
    pub counts: bool,
    /// When it began.
    pub started: Timestamp,
    /// The scenario's title.
    #[serde(default)]
    pub title: String,
    /// The scenario's reason to be.
    #[serde(default)]
    pub why: String,
    /// Issues it reproduces or guards.
    #[serde(default)]
    pub issues: Vec<String>,
    /// The scenario's tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// True if no row of the scenario differs between the columns.
    #[serde(default)]
    pub invariant: bool,
    /// First release expected in the fixed column; null if none is.
    #[serde(default)]
    pub fixed_in: Option<String>,
    /// How long the settling window was, in seconds; what was asked for if the case did not come to it.
    #[serde(default)]
    pub settle_seconds: f64,
    /// Path of the scenario file.
    #[serde(default)]
    pub source: String,
    /// The note of the deviation on record that it matches.
    #[serde(default)]
    pub note: Option<String>,
    /// The race on record that this attempt, or another one of the case, met; null if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RaceEntry>,
    /// The reconciler's own lines.
    #[serde(default)]
    pub reconciler: Vec<ReconcilerLine>,
    /// How the gateway took each shutdown, in its own words.
    #[serde(default)]
    pub shutdowns: Vec<ShutdownLine>,
    /// What happened, in short.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
    /// What lasted: lives of the container and of gateways, and what the state file said.
    #[serde(default)]
    pub spans: Vec<Span>,
    /// Last lines of the container's output, by incarnation from 1.
    #[serde(default)]
    pub logs: BTreeMap<u32, Vec<String>>,
    /// Where the evidence is.
    #[serde(default)]
    pub evidence: Option<String>,
    /// Of each wait, in their order, the milliseconds that `latency_ms` sums up.
    #[serde(default)]
    pub waits_ms: Vec<f64>,
    /// The fault overlay a selftest ran it under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// Processes in which the fault overlay said that it is in force; null if there is none, or none said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay_processes: Option<usize>,
    /// Whose image the observer ran from; null if it did not come to that.
    #[serde(default)]
    pub observer: Option<ObserverEntry>,
    /// What its gateway said and this harness does not know; not there if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Unknown>,
    /// How long the first boot and the first start of its image took, and the deadlines of its waits at its end; null in
    /// records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// The image the observer of an attempt ran from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObserverEntry {
    /// `image`, the one under test, whose Python could lie, or `base`, our own.
    pub from: ObserverImage,
    /// Its reference.
    pub reference: String,
    /// Its id.
    pub digest: String,
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepEntry {
    /// Its operation.
    pub op: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The bound that the scenario names for that, in seconds; null if it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_seconds: Option<f64>,
    /// Its parameters in words: `grace 10 s`; empty if it has none worth telling.
    #[serde(default)]
    pub detail: String,
    /// When it began, by the harness's clock; null if it did not.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// How long it was put off before that, in milliseconds: drawn from the run's seed. Null if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// What the operator's command returned.
    #[serde(default)]
    pub exit: Option<i64>,
    /// What it said, capped.
    #[serde(default)]
    pub said: String,
    /// Something worth telling: a wait that ran out.
    #[serde(default)]
    pub note: Option<String>,
}

/// Milliseconds between a fact becoming true and the harness knowing it; null where the difference of the clocks is not known or
/// nothing was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// The median.
    pub median: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The 95th percentile.
    #[serde(default)]
    pub p95: Option<f64>,
}

/// What tells the rows of a scenario apart: moment, profile, probe, and the path or the other container.
pub type RowKey<'r> = (&'r str, &'r str, &'r str, (Option<&'r str>, Option<&'r str>));

/// One row of the behaviour table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowEntry {
    /// When.
    pub at: String,
    /// Of which profile.
    pub profile: String,
    /// Which path on the volume, if the row is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of which other container; not there for the one under test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What.
    pub probe: String,
    /// What was seen; null without evidence, `{"absent":true}` for absence.
    pub observed: Option<Value>,
    /// What the fixed column allows.
    pub fixed: ValueSet,
    /// What the regressed column allows.
    pub regressed: ValueSet,
    /// Which part of the fix it stands guard over.
    #[serde(default)]
    pub guards: Option<Guard>,
    /// Why there is no evidence.
    #[serde(default)]
    pub why: Option<String>,
    /// True for the invariants every scenario has without writing them down.
    #[serde(default)]
    pub implicit: bool,
    /// Line in the scenario file.
    #[serde(default)]
    pub line: Option<usize>,
    /// When the observation became true, where that is known.
    #[serde(default)]
    pub seen_at: Option<Timestamp>,
}

impl CaseEntry {
    /// What the container's first process was, if it was not the supervisor. Then no row says anything about the gateway.
    pub fn unsupervised(&self) -> Option<&RowEntry> {
        self.rows
            .iter()
            .find(|row| row.probe == Invariant::Supervisor.info().name && !row.is_fixed())
    }

    /// True if a profile's gateway was seen not to come up at the case's start. Then its rows say nothing about the fix.
    pub fn never_came_up(&self, profile: &str) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| {
            row.probe == Invariant::CameUp.info().name
                && row.profile == profile
                && row.observed.is_some()
                && !row.is_fixed()
        })
    }
}

impl RowEntry {
    /// What tells rows of a scenario apart.
    pub fn key(&self) -> RowKey<'_> {
        let place = (self.path.as_deref(), self.container.as_deref());
        (&self.at, &self.profile, &self.probe, place)
    }

    /// The probe, and the path or the other container that it is about.
    pub fn what(&self) -> String {
        match (&self.path, &self.container) {
            (Some(path), _) => format!("{} {path}", self.probe),
            (None, Some(container)) => format!("{} in {container}", self.probe),
            (None, None) => self.probe.clone(),
        }
    }

    /// True if the columns have no value in common.
    pub fn discriminates(&self) -> bool {
        self.fixed.is_disjoint(&self.regressed)
    }

    /// True if the observation is in the fixed column.
    pub fn is_fixed(&self) -> bool {
        self.observed.as_ref().is_some_and(|v| self.fixed.contains(v))
    }

    /// True if the observation is in the regressed column.
    pub fn is_regressed(&self) -> bool {
        self.observed.as_ref().is_some_and(|v| self.regressed.contains(v))
    }
}

/// What is known of a run beside its images and cases.
#[derive(Debug, Clone)]
pub struct RunHeader {
    /// The run's id.
    pub run: String,
    /// The command: `check`.
    pub command: String,
    /// The command's arguments, as given.
    pub arguments: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// What was drawn in it follows from this.
    pub seed: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The engine, if one answered.
    pub engine: Option<EngineEntry>,
    /// What was selected and does not apply.
    pub left_out: Vec<LeftOutEntry>,
    /// Where the record is.
    pub record: Option<String>,
    /// What ended the run before or beside its cases, and the exit code that goes with it.
    pub failure: Option<(String, Exit)>,
    /// The signal that cut the run short.
    pub interrupted: Option<Exit>,
    /// Which shard of which plan it is.
    pub partition: Option<PartitionEntry>,
    /// The shards it was merged from.
    pub shards: Option<Vec<ShardEntry>>,
}

impl RunHeader {
    /// What happened to the run beside its cases.
    pub fn faults(&self) -> Faults {
        Faults {
            error: self.failure.as_ref().map(|(_, exit)| *exit),
            interrupted: self.interrupted,
        }
    }
}

/// One attempt of a case with its evidence and its verdict.
#[derive(Debug, Clone)]
pub struct JudgedCase<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What it yielded.
    pub evidence: &'a CaseEvidence,
    /// What follows.
    pub judged: &'a Judged,
    /// Where the evidence is kept.
    pub kept: Option<String>,
}
