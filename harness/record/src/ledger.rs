//! The ledger of a run: everything that its verdict depends on besides the observations, a line each, as it becomes
//! known.
//!
//! So a record is judged by the scenarios, images and expectations as they were when the run was made. Later changes of
//! the table do not matter.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::comparison::Terms;
use super::document::explore::Explored;
use super::document::{ImageEntry, LeftOutEntry, PartitionEntry, ShardEntry};
pub use super::engine_entry::EngineEntry;
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{CaseEnd, StepSeconds};
use comeback_plan::CaseKey;
use comeback_scenario::model::Scenario;
use comeback_scenario::overlay::Overlay;
use comeback_text::redact::Secrets;
use comeback_verdict::{Column, ExitStyle, Subject};

/// Version of the record's format.
pub const RECORD_SCHEMA: u32 = 1;

/// One line of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// The run began; always the first line.
    Began {
        /// [`RECORD_SCHEMA`].
        schema: u32,
        /// Version of `comeback`.
        version: String,
        /// The run's id.
        run: String,
        /// The command, such as `check`.
        command: String,
        /// Its arguments, as given.
        arguments: Vec<String>,
        /// When it began.
        started: Timestamp,
        /// The style of its exit codes.
        #[serde(default)]
        exit_style: ExitStyle,
        /// The seed from which the run draws.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    /// The engine answered.
    Engine {
        /// Its description.
        engine: EngineEntry,
    },
    /// An image is available.
    Image {
        /// The image.
        image: ImageEntry,
    },
    /// The run is one shard of a plan. This line comes before the cases, which are those of the shard only.
    Partition(PartitionEntry),
    /// The run was merged from shards.
    Merged {
        /// The shards.
        shards: Vec<ShardEntry>,
    },
    /// A scenario is part of the run.
    Scenario(Text),
    /// The run is a selftest with fault overlays.
    Selftest {
        /// sha256 of the table of scenarios.
        table: String,
        /// The overlays.
        overlays: Vec<Overlay>,
    },
    /// The run compares its first two images.
    Compare(Terms),
    /// The run explored. The attempts in the record are the repeats of its findings.
    Explore {
        /// The result.
        explored: Box<Explored>,
    },
    /// A case is part of the plan. Cases are in the order of the plan.
    Case(Planned),
    /// A scenario was selected but does not apply to an image.
    LeftOut(LeftOutEntry),
    /// An attempt began.
    Attempt {
        /// The case and the number of the attempt.
        case: CaseKey,
        /// Its folder below `cases`.
        folder: String,
        /// When it began.
        started: Timestamp,
    },
    /// The run ended; always the last line.
    Ended {
        /// How long it took, in seconds.
        seconds: f64,
        /// A failure outside the cases.
        failure: Option<Failed>,
        /// The exit code for the signal that interrupted it.
        interrupted: Option<u8>,
    },
}

/// The text of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Its id in the plan.
    pub id: String,
    /// Path of its file.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// The fault overlay it is run under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
}

impl Text {
    /// The text of a scenario, without secrets. Seed files that it copies are not included, because no row is read off
    /// them.
    pub fn of(scenario: &Scenario, overlay: Option<String>) -> Self {
        let secrets = Secrets::among(
            scenario
                .start
                .env
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        Self {
            id: scenario.id.clone(),
            path: scenario.source.path.clone(),
            text: Some(secrets.text(&scenario.source.text))
                .filter(|text| toml::from_str::<toml::Table>(text).is_ok())
                // The text must parse as a scenario again.
                .unwrap_or_else(|| secrets.values(&scenario.source.text)),
            overlay,
        }
    }
}

/// A case of the plan, and what it is judged by besides its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Repeat, from 1.
    pub repeat: u32,
    /// The column given with `--expect`.
    pub expect: Option<Column>,
    /// What is known of the image under test.
    pub subject: Subject,
    /// Its position in the whole plan, from 0, if the record is one shard of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
}

/// A failure outside the cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What happened.
    pub why: String,
    /// Its exit code.
    pub exit: u8,
    /// The exit code of the process, if the failure ended the run before there was a verdict.
    #[serde(default)]
    pub code: Option<u8>,
}

/// How an attempt ended: `case.json`. Its observations and the container's output are in files of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// When it began.
    pub started: Timestamp,
    /// The difference of the clock of the engine's host from ours; `None` if it is not known.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended.
    #[serde(flatten)]
    pub end: CaseEnd,
    /// Duration of each step in seconds, in order.
    pub steps: Vec<StepSeconds>,
    /// For each wait, the milliseconds from a fact becoming true to the harness learning it.
    pub latencies_ms: Vec<f64>,
    /// Number of lines of its history.
    pub observations: usize,
    /// Incarnations with recorded output, from 1.
    pub logs: Vec<u32>,
}
