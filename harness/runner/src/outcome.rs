//! What came of a step.

use tokio::sync::oneshot;

use comeback_observe::wire::Message;

/// What came of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepOutcome {
    /// What the operator's command returned.
    pub exit: Option<i64>,
    /// What it said.
    pub output: String,
    /// Something worth telling.
    pub note: Option<String>,
    /// Of a `wait-until`: whether what it waits for came true.
    pub came_true: Option<bool>,
}

impl StepOutcome {
    /// Nothing but a note.
    pub fn noted(note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..Self::default()
        }
    }
}

/// A hold, or a signal, that is in place and waits for its moment.
pub type Armed = (String, oneshot::Receiver<Message>);
