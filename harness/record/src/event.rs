//! What a run tells while it goes on: the only thing that reporters hear of the runner.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::RunDocument;
use comeback_plan::CaseKey;
use comeback_verdict::{Classification, Verdict};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// The plan stands.
    RunStarted {
        /// The run's id.
        run: String,
        /// Number of cases.
        cases: usize,
        /// Names of the images, in order.
        images: Vec<String>,
    },
    /// It is decided how an image is obtained: one line with what is done and why.
    ImageDecided {
        /// Name of the image.
        image: String,
        /// What is done and why.
        how: String,
    },
    /// A line of a build or pull.
    ImageStep {
        /// Name of the image.
        image: String,
        /// The line, as it came.
        line: String,
    },
    /// Bytes of a download or pull.
    ImageBytes {
        /// Name of the image.
        image: String,
        /// So far.
        done: u64,
        /// In all, where that is known.
        total: Option<u64>,
    },
    /// An image is there.
    ImageReady {
        /// Name of the image.
        image: String,
        /// Its reference in the engine's store.
        reference: String,
        /// True if it was built or pulled now, false if it was there.
        made: bool,
        /// How long that took, in seconds.
        seconds: f64,
    },
    /// An image cannot be had.
    ImageFailed {
        /// Name of the image.
        image: String,
        /// Why not.
        why: String,
    },
    /// An attempt of a case began.
    CaseStarted {
        /// Which.
        case: CaseKey,
    },
    /// What an attempt is doing or waiting for now.
    CasePhase {
        /// Which.
        case: CaseKey,
        /// In a few words: `step 1 engine-restart: waiting for a new boot line`.
        waiting: String,
    },
    /// Something was observed.
    CaseObserved {
        /// Which.
        case: CaseKey,
        /// In a few words: `state running (pid 42)`.
        what: String,
    },
    /// An attempt was judged.
    CaseJudged {
        /// Which.
        case: CaseKey,
        /// Its verdict.
        verdict: Verdict,
        /// Its classification.
        classification: Classification,
        /// How long it took, in seconds.
        seconds: f64,
        /// Why it is classified so, where that needs saying.
        reason: Option<String>,
        /// True if there will be one more attempt.
        again: bool,
        /// True if its gateway was broken on purpose: then it is not to hold.
        #[serde(default)]
        faulty: bool,
    },
    /// Something people should know.
    Note {
        /// One line.
        text: String,
    },
    /// Something people should worry about.
    Warning {
        /// One line.
        text: String,
    },
    /// The run is over; always the last.
    Document {
        /// What every report is made from.
        document: Box<RunDocument>,
    },
}

/// An event with its time: a line of the record's `events.jsonl` and of `--format jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimedEvent {
    /// When it was told.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: RunEvent,
}
