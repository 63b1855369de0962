//! Why a case does not go on.

use super::overlay::OverlayError;
use comeback_engine::EngineError;
use comeback_history::facts::CaseEnd;
use comeback_observe::link::LinkError;
use comeback_observe::recorder::WaitError;

/// Why a case does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// A step's effect cannot be proved, or evidence went missing.
    #[error(transparent)]
    Inconclusive(Why),
    /// This engine or host cannot do it, and why.
    #[error("{0}")]
    Unsupported(String),
    /// It failed before the first step, or without the fault that was asked for.
    #[error(transparent)]
    Error(Why),
}

/// What made a case halt.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// A call to the engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A wait without whose end nothing more can be learnt ran out.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// The observer or the agent did not answer.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The observer or the agent did not do what was asked of it.
    #[error("{what}: {error}")]
    Asked {
        /// What was asked, or of whom.
        what: String,
        /// What became of it.
        #[source]
        error: LinkError,
    },
    /// A file or process on our side could not be used.
    #[error("{what}: {error}")]
    Io {
        /// What it was needed for.
        what: String,
        /// What the operating system says.
        #[source]
        error: std::io::Error,
    },
    /// The fault overlay could not be put into the container, or was not in force there.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// Something else, in words.
    #[error("{0}")]
    Said(String),
}

impl Why {
    /// The observer or the agent did not do what was asked.
    pub fn asked(what: impl Into<String>, error: LinkError) -> Self {
        Self::Asked {
            what: what.into(),
            error,
        }
    }

    /// A file or process on our side could not be used.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            error,
        }
    }

    /// True if a connection to the observer or the agent came to its end. Then something else tends to be why.
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
    /// The same before the first step: nothing was tried yet, so nothing is inconclusive.
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
        }
    }
}

impl From<EngineError> for Halt {
    /// A call that failed is never an observation.
    fn from(error: EngineError) -> Self {
        Self::Inconclusive(error.into())
    }
}
