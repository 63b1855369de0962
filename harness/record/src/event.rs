//! The events of a run: the only interface between the runner and the reporters.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::RunDocument;
use comeback_history::pace::Pace;
use comeback_plan::CaseKey;
use comeback_verdict::{Classification, Verdict};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// The plan is made.
    RunStarted {
        /// The run's id.
        run: String,
        /// Number of cases.
        cases: usize,
        /// Names of the images, in order.
        images: Vec<String>,
    },
    /// It is decided how an image is obtained.
    ImageDecided {
        /// Name of the image.
        image: String,
        /// What is done and why, in one line.
        how: String,
    },
    /// A line of output of a build or pull.
    ImageStep {
        /// Name of the image.
        image: String,
        /// The line.
        line: String,
    },
    /// Progress of a download or pull, in bytes.
    ImageBytes {
        /// Name of the image.
        image: String,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, if known.
        total: Option<u64>,
    },
    /// An image is available.
    ImageReady {
        /// Name of the image.
        image: String,
        /// Its reference in the engine's store.
        reference: String,
        /// True if it was built or pulled now, false if it was there already.
        made: bool,
        /// How long that took, in seconds.
        seconds: f64,
    },
    /// An image is not available.
    ImageFailed {
        /// Name of the image.
        image: String,
        /// Why not.
        why: String,
    },
    /// An attempt of a case began.
    CaseStarted {
        /// The attempt.
        case: CaseKey,
    },
    /// An attempt began to do or to wait for something.
    CasePhase {
        /// The attempt.
        case: CaseKey,
        /// In a few words: `step 1 engine-restart: waiting for a new boot line`.
        waiting: String,
    },
    /// An observation was made.
    CaseObserved {
        /// The attempt.
        case: CaseKey,
        /// In a few words: `state running (pid 42)`.
        what: String,
    },
    /// An attempt measured its image: how long the first boot and the first start took, and the deadlines that follow.
    ImageMeasured {
        /// The attempt.
        case: CaseKey,
        /// What is known of the image now.
        pace: Pace,
    },
    /// An attempt was judged.
    CaseJudged {
        /// The attempt.
        case: CaseKey,
        /// Its verdict.
        verdict: Verdict,
        /// Its classification.
        classification: Classification,
        /// How long it took, in seconds.
        seconds: f64,
        /// The reason for its classification, unless it is obvious.
        reason: Option<String>,
        /// True if another attempt follows.
        again: bool,
        /// True if its gateway was broken on purpose, so it should not hold.
        #[serde(default)]
        faulty: bool,
    },
    /// A note for the user.
    Note {
        /// One line.
        text: String,
    },
    /// A warning for the user.
    Warning {
        /// One line.
        text: String,
    },
    /// The run has ended; always the last event.
    Document {
        /// What every report is made from.
        document: Box<RunDocument>,
    },
}

/// An event with its time: a line of the record's `events.jsonl` and of `--format jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimedEvent {
    /// When it was sent.
    pub at: Timestamp,
    /// The event.
    #[serde(flatten)]
    pub event: RunEvent,
}
