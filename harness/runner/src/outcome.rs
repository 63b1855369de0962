//! The outcome of a step.

use tokio::sync::oneshot;

use comeback_engine::ExecOutput;
use comeback_observe::wire::Message;

/// The outcome of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepOutcome {
    /// The exit code of the operator's command.
    pub exit: Option<i64>,
    /// The output of the operator's command.
    pub output: String,
    /// A note for the report.
    pub note: Option<String>,
    /// For a `wait-until`: whether its condition came true. False for any other step that could not be done.
    pub came_true: Option<bool>,
}

impl StepOutcome {
    /// An outcome with a note only.
    pub fn noted(note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..Self::default()
        }
    }

    /// A step that could not be done, and why. Whether it should have been is for the rows to say.
    pub fn not_done(why: impl Into<String>) -> Self {
        Self {
            came_true: Some(false),
            ..Self::noted(why)
        }
    }
}

/// What an operator's command came to.
impl From<ExecOutput> for StepOutcome {
    fn from(end: ExecOutput) -> Self {
        // The engine did not begin it: what it answered is in the output.
        if end.id.is_empty() && end.exit.is_none() {
            return Self {
                output: end.output.clone(),
                ..Self::not_done(end.output)
            };
        }
        Self {
            exit: end.exit,
            output: end.output,
            ..Self::default()
        }
    }
}

/// A hold or a signal that is armed and waits for its moment.
pub type Armed = (String, oneshot::Receiver<Message>);
