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
    /// For a `wait-until`: whether its condition came true.
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
}

/// What an operator's command came to.
impl From<ExecOutput> for StepOutcome {
    fn from(end: ExecOutput) -> Self {
        Self {
            exit: end.exit,
            output: end.output,
            ..Self::default()
        }
    }
}

/// A hold or a signal that is armed and waits for its moment.
pub type Armed = (String, oneshot::Receiver<Message>);
