//! Errors of an engine, named after the calls that failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A call to the engine that failed.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {kind}")]
pub struct EngineError {
    /// The call, with the engine's own verb and the object: `restart container 3f2a…`.
    pub call: String,
    /// What went wrong.
    #[source]
    pub kind: EngineErrorKind,
}

/// What went wrong with a call.
#[derive(Debug)]
pub enum EngineErrorKind {
    /// Nothing answers at the engine's address.
    Unreachable(Cause),
    /// The engine answered with an error status.
    Status {
        /// HTTP status code.
        code: u16,
        /// The engine's own message.
        message: String,
    },
    /// No answer within the deadline.
    Timeout(Duration),
    /// The connection or stream broke, or delivered something unreadable.
    Broken(Cause),
    /// There is no image of this id. Images are never pulled to create a container.
    NoImage {
        /// The id.
        image: String,
    },
    /// The engine made or ran something else than it was asked for; in what it differs.
    NotAsAsked(String),
    /// A build failed. The message is the builder's own.
    Build(String),
}

/// Why a connection failed: a message, and the client's error if there is one.
#[derive(Debug)]
pub struct Cause {
    words: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Cause {
    /// With the message of the innermost error, since the outer ones only say that there was an error.
    pub fn of(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = error.into();
        Self {
            words: chain(source.as_ref())
                .last()
                .map(ToString::to_string)
                .unwrap_or_default(),
            source: Some(source),
        }
    }

    /// The same cause with another message.
    #[must_use]
    pub fn told_as(mut self, words: impl FnOnce(&str) -> String) -> Self {
        self.words = words(&self.words);
        self
    }
}

impl<S: Into<String>> From<S> for Cause {
    fn from(words: S) -> Self {
        Self {
            words: words.into(),
            source: None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// An error and its sources, outermost first.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

impl EngineError {
    /// An error of a call.
    pub fn new(call: impl Into<String>, kind: EngineErrorKind) -> Self {
        Self {
            call: call.into(),
            kind,
        }
    }

    /// True if the engine answered that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, EngineErrorKind::Status { code: 404, .. })
    }

    /// True if the same call may succeed a moment later.
    pub fn may_pass(&self) -> bool {
        match self.kind {
            EngineErrorKind::Status { code, .. } => code >= 500,
            EngineErrorKind::Broken(_) | EngineErrorKind::Unreachable(_) => true,
            EngineErrorKind::Timeout(_)
            | EngineErrorKind::NoImage { .. }
            | EngineErrorKind::NotAsAsked(_)
            | EngineErrorKind::Build(_) => false,
        }
    }

    /// True if no engine answers at the address.
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
            Self::NotAsAsked(what) => write!(f, "it is not what was asked for: {what}"),
            Self::NoImage { image } => write!(
                f,
                "the image {image} is no longer in the engine's store, and comeback does not pull a replacement: \
                 obtain it again"
            ),
            Self::Build(why) => write!(f, "the build failed: {}", why.trim()),
        }
    }
}

impl Error for EngineErrorKind {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable(cause) | Self::Broken(cause) => {
                cause.source.as_deref().map(|source| source as &(dyn Error + 'static))
            }
            Self::Status { .. } | Self::Timeout(_) | Self::NoImage { .. } | Self::NotAsAsked(_) | Self::Build(_) => {
                None
            }
        }
    }
}
