//! Reasons why a case ends early.

use super::overlay::OverlayError;
use comeback_engine::EngineError;
use comeback_history::facts::CaseEnd;
use comeback_observe::link::LinkError;
use comeback_observe::recorder::WaitError;

/// Why a case ends early.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// A step's effect cannot be proved, or evidence went missing.
    #[error(transparent)]
    Inconclusive(Why),
    /// This engine or host cannot do a step, with the reason.
    #[error("{0}")]
    Unsupported(String),
    /// It failed before the first step, or the requested fault was not in force.
    #[error(transparent)]
    Error(Why),
    /// The caller wanted it to stop here, with the reason.
    #[error("{0}")]
    Stopped(String),
}

/// The reason in detail.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// A call to the engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A wait failed that the case depends on.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The observer or the agent did not answer.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The observer or the agent did not carry out a command.
    #[error("{what}: {error}")]
    Asked {
        /// The command, or the script.
        what: String,
        /// The failure.
        #[source]
        error: LinkError,
    },
    /// A file or process on our side failed.
    #[error("{what}: {error}")]
    Io {
        /// Its purpose.
        what: String,
        /// The error of the operating system.
        #[source]
        error: std::io::Error,
    },
    /// The fault overlay could not be put into the container, or was not in force.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// Another reason, in words.
    #[error("{0}")]
    Said(String),
}

impl Why {
    /// The observer or the agent did not carry out a command.
    pub fn asked(what: impl Into<String>, error: LinkError) -> Self {
        Self::Asked {
            what: what.into(),
            error,
        }
    }

    /// A file or process on our side failed.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            error,
        }
    }

    /// True if the connection to the observer or the agent ended. Then the cause is often something else.
    pub fn is_lost_connection(&self) -> bool {
        match self {
            Self::Link(error) | Self::Asked { error, .. } => matches!(error, LinkError::Closed(_)),
            Self::Engine(_) | Self::Wait(_) | Self::Io { .. } | Self::Overlay(_) | Self::Said(_) => false,
        }
    }
}

impl From<String> for Why {
    fn from(words: String) -> Self {
        Self::Said(words)
    }
}

impl From<&str> for Why {
    fn from(words: &str) -> Self {
        Self::Said(words.to_owned())
    }
}

impl Halt {
    /// Turns *inconclusive* into an error, for a halt before the first step: no step was tried yet.
    #[must_use]
    pub fn before_the_first_step(self) -> Self {
        match self {
            Self::Inconclusive(why) => Self::Error(why),
            other => other,
        }
    }
}

impl From<Halt> for CaseEnd {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Inconclusive(why) => Self::Inconclusive(why.to_string()),
            Halt::Unsupported(why) => Self::Unsupported(why),
            Halt::Error(why) => Self::Error(why.to_string()),
            Halt::Stopped(why) => Self::Stopped(why),
        }
    }
}

impl From<EngineError> for Halt {
    /// A call that failed is never an observation.
    fn from(error: EngineError) -> Self {
        Self::Inconclusive(error.into())
    }
}
