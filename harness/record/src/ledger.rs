//! The ledger of a run: everything beside the observations that its verdict depends on, a line each, as it becomes known.
//!
//! With it a record is judged again by what was asked *then*: by the text of the scenarios as they were, the images as they
//! were found to be and the expectation that was given, whatever has become of the table since.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

/// Version of the record's shape.
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
        /// The command: `check`.
        command: String,
        /// Its arguments, as given.
        arguments: Vec<String>,
        /// When.
        started: Timestamp,
        /// What its exit codes mean.
        #[serde(default)]
        exit_style: ExitStyle,
        /// What was drawn in it follows from this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    /// The engine answered.
    Engine {
        /// What it says of itself.
        engine: EngineEntry,
    },
    /// An image is there.
    Image {
        /// The image.
        image: ImageEntry,
    },
    /// It is one shard of a plan. Comes before its cases, which are then not all of the plan.
    Partition(PartitionEntry),
    /// It was merged from these shards.
    Merged {
        /// The shards.
        shards: Vec<ShardEntry>,
    },
    /// A scenario is part of the run.
    Scenario(Text),
    /// It is a selftest, with these fault overlays.
    Selftest {
        /// sha256 of the table of scenarios.
        table: String,
        /// The overlays.
        overlays: Vec<Overlay>,
    },
    /// It compares its first two images.
    Compare {
        /// Whether what holds on neither counts.
        pre_existing: bool,
    },
    /// It explored, and came to this. What is in the record beside it are the repeats of what was found.
    Explore {
        /// What.
        explored: Box<Explored>,
    },
    /// A case is part of the plan. They come in its order.
    Case(Planned),
    /// A scenario was selected and does not apply to an image.
    LeftOut(LeftOutEntry),
    /// An attempt began.
    Attempt {
        /// Which.
        case: CaseKey,
        /// Its folder below `cases`.
        folder: String,
        /// When.
        started: Timestamp,
    },
    /// The run came to its end; always the last line.
    Ended {
        /// How long it took, in seconds.
        seconds: f64,
        /// What ended it before or beside its cases.
        failure: Option<Failed>,
        /// The exit code of the signal that cut it short.
        interrupted: Option<u8>,
    },
}

/// A scenario as it was judged.
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
    /// A scenario as the record needs it. Files that somebody else put on the volume are not part of it: no row is read
    /// off them.
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
                // It has to be read as a scenario again.
                .unwrap_or_else(|| secrets.values(&scenario.source.text)),
            overlay,
        }
    }
}

/// A case of the plan, and what it is judged by beside its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Repeat, from 1.
    pub repeat: u32,
    /// What was asked for explicitly.
    pub expect: Option<Column>,
    /// What is known of the image under test.
    pub subject: Subject,
    /// Its position in the whole plan, from 0, where the record holds only a shard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
}

/// A failure beside the cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What happened.
    pub why: String,
    /// The exit code that goes with it.
    pub exit: u8,
    /// The exit code of the process, if it was this failure that ended it before there was a verdict.
    #[serde(default)]
    pub code: Option<u8>,
}

/// How an attempt ended: `case.json`. Its observations and the container's output are in files of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// When it began.
    pub started: Timestamp,
    /// By how much the clock of the engine's host differed from ours; `None` if it is not known.
    #[serde(flatten)]
    pub clock: Option<ClockOffset>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it came to its end.
    #[serde(flatten)]
    pub end: CaseEnd,
    /// Duration of each step in seconds, in order.
    pub steps: Vec<StepSeconds>,
    /// Per wait: milliseconds between a fact becoming true and the harness knowing it.
    pub latencies_ms: Vec<f64>,
    /// Lines of its history.
    pub observations: usize,
    /// Incarnations of which there is output, from 1.
    pub logs: Vec<u32>,
}
