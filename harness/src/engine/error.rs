//! Errors of an engine, named after what was asked of it.

use std::fmt;
use std::time::Duration;

/// A call to the engine that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {kind}")]
pub struct EngineError {
    /// The call, in the engine's own verbs and with its object: `restart container 3f2a…`.
    pub call: String,
    /// What went wrong.
    pub kind: EngineErrorKind,
}

/// What went wrong with a call.
#[derive(Debug)]
pub enum EngineErrorKind {
    /// Nothing answers at the engine's address.
    Unreachable(String),
    /// The engine answered with an error status.
    Status {
        /// HTTP status code.
        code: u16,
        /// The engine's own message.
        message: String,
    },
    /// No answer in time.
    Timeout(Duration),
    /// The connection or stream broke, or said something unreadable.
    Broken(String),
    /// A build failed; the message is the builder's own last words.
    Build(String),
}

impl EngineError {
    /// An error of that call.
    pub fn new(call: impl Into<String>, kind: EngineErrorKind) -> Self {
        Self {
            call: call.into(),
            kind,
        }
    }

    /// True if the engine says that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, EngineErrorKind::Status { code: 404, .. })
    }

    /// True if the same call may well succeed a moment later.
    pub fn may_pass(&self) -> bool {
        match self.kind {
            EngineErrorKind::Status { code, .. } => code >= 500,
            EngineErrorKind::Broken(_) | EngineErrorKind::Unreachable(_) => true,
            EngineErrorKind::Timeout(_) | EngineErrorKind::Build(_) => false,
        }
    }

    /// True if nothing answers at the engine's address.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.kind, EngineErrorKind::Unreachable(_))
    }
}

impl fmt::Display for EngineErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "no container engine answers: {why}"),
            Self::Status { code, message } => {
                write!(f, "the engine answered {code}: {}", message.trim())
            }
            Self::Timeout(after) => write!(f, "no answer within {:.1} s", after.as_secs_f64()),
            Self::Broken(why) => write!(f, "the connection to the engine broke: {why}"),
            Self::Build(why) => write!(f, "the build failed: {}", why.trim()),
        }
    }
}
