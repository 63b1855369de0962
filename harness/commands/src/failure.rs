//! Errors that end a command without a verdict: what happened, where, and what to do about it.

use std::fmt;

use comeback_engine::{EngineError, EngineErrorKind};
use comeback_text::redact;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_verdict::{Exit, ExitStyle};

/// The end of a command without a verdict.
#[derive(Debug)]
pub struct Failure {
    /// What was being done, such as `build release:0.99.0`. Empty if the kind says enough.
    pub doing: String,
    /// What went wrong.
    pub kind: FailureKind,
    /// Further lines: the last lines of a build, the path of its log.
    pub detail: Vec<String>,
}

/// What went wrong.
#[derive(Debug)]
pub enum FailureKind {
    /// No container engine answers.
    EngineUnavailable {
        /// Its address.
        host: String,
        /// What was tried.
        why: String,
    },
    /// The engine answered a call with an error.
    EngineFailed {
        /// The call and the answer.
        why: String,
    },
    /// An image is not available or cannot be built.
    Image {
        /// Its name.
        image: String,
        /// Why not.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Something that the run created could not be removed.
    Leak {
        /// What is left.
        left: Vec<String>,
    },
    /// Nothing matches the selection.
    NothingSelected {
        /// The filter.
        filter: Option<String>,
        /// How many scenarios there are.
        of: usize,
    },
    /// Wrong usage.
    Usage {
        /// What is wrong.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A bad file. The text is a complete diagnostic with its own carets.
    BadFile {
        /// The rendered diagnostic.
        diagnostic: String,
    },
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// An internal error of comeback.
    Internal {
        /// What happened.
        why: String,
    },
    /// A signal ended the command.
    Interrupted {
        /// 130 or 143.
        exit: Exit,
    },
}

impl Failure {
    /// A failure of this kind, without details.
    pub fn new(kind: FailureKind) -> Self {
        Self {
            doing: String::new(),
            kind,
            detail: Vec::new(),
        }
    }

    /// Wrong usage: what is wrong, and what to do about it.
    pub fn usage(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage {
            why: why.into(),
            hint: Some(hint.into()),
        })
    }

    /// Says what was being done.
    #[must_use]
    pub fn doing(mut self, doing: impl Into<String>) -> Self {
        self.doing = doing.into();
        self
    }

    /// Adds detail lines.
    #[must_use]
    pub fn detail(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail.extend(lines);
        self
    }

    /// The failure for an error of the engine at `host`.
    pub fn engine(error: &EngineError, host: &str) -> Self {
        match &error.kind {
            EngineErrorKind::Unreachable(why) => Self::new(FailureKind::EngineUnavailable {
                host: host.to_owned(),
                why: why.to_string(),
            }),
            _ => Self::new(FailureKind::EngineFailed { why: error.to_string() }),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match &self.kind {
            FailureKind::EngineUnavailable { .. }
            | FailureKind::EngineFailed { .. }
            | FailureKind::Image { .. }
            | FailureKind::Leak { .. } => Exit::Environment,
            FailureKind::NothingSelected { .. } => Exit::Nothing,
            FailureKind::Usage { .. } | FailureKind::BadFile { .. } | FailureKind::Io { .. } => Exit::Usage,
            FailureKind::Internal { .. } => Exit::Internal,
            FailureKind::Interrupted { exit } => *exit,
        }
    }

    /// The exit code of the process, in this style.
    pub fn code(&self, style: ExitStyle) -> u8 {
        style.failed(self.exit(), matches!(self.kind, FailureKind::Image { .. }))
    }

    /// One line: what happened.
    pub fn what(&self) -> String {
        let what = match &self.kind {
            FailureKind::EngineUnavailable { host, .. } => format!("no container engine answers at {host}"),
            FailureKind::EngineFailed { why } => why.clone(),
            FailureKind::Image { image, why, .. } => format!("{image} is not available: {why}"),
            FailureKind::Leak { left } => format!("could not remove what the run created ({} left)", left.len()),
            FailureKind::NothingSelected {
                filter: Some(filter),
                of,
            } => {
                format!("no scenario matches `{filter}` (there are {of})")
            }
            FailureKind::NothingSelected { filter: None, .. } => "there is nothing to run".to_owned(),
            FailureKind::Usage { why, .. } => why.clone(),
            FailureKind::BadFile { diagnostic } => diagnostic.lines().next().unwrap_or("a bad file").to_owned(),
            FailureKind::Io { path, why } => format!("{path}: {why}"),
            FailureKind::Internal { why } => format!("internal error of comeback: {why}"),
            FailureKind::Interrupted { exit: Exit::Terminated } => "ended by SIGTERM".to_owned(),
            FailureKind::Interrupted { .. } => "interrupted".to_owned(),
        };
        match self.doing.is_empty() {
            true => clean(&what),
            false => clean(&format!("{}: {what}", self.doing)),
        }
    }

    /// Why, if the first line does not say it.
    pub fn why(&self) -> Option<String> {
        match &self.kind {
            FailureKind::EngineUnavailable { why, .. } => Some(clean(why)),
            _ => None,
        }
    }

    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            FailureKind::EngineUnavailable { .. } => Some(
                "start Docker (or `podman system service`), or give its address with --host or DOCKER_HOST; `comeback doctor` shows \
                 where comeback looked"
                    .to_owned(),
            ),
            FailureKind::Image { hint, .. } | FailureKind::Usage { hint, .. } => hint.clone(),
            FailureKind::Leak { .. } => Some("comeback sweep".to_owned()),
            FailureKind::NothingSelected { .. } => Some("`comeback scenarios` lists the scenarios".to_owned()),
            FailureKind::Internal { .. } => Some("please report it, with the command and what it printed".to_owned()),
            FailureKind::Interrupted { .. } => Some("comeback sweep removes anything that is left".to_owned()),
            FailureKind::EngineFailed { .. } => {
                Some("`comeback doctor` checks the engine; the engine's own log says more".to_owned())
            }
            FailureKind::Io { .. } => Some("check the path and its permissions, or give another path".to_owned()),
            // The carets show what to change.
            FailureKind::BadFile { .. } => None,
        }
    }

    /// The whole message, for stderr, with a line end.
    pub fn render(&self, style: Style) -> String {
        if let FailureKind::BadFile { diagnostic } = &self.kind {
            return format!("{}\n", diagnostic.trim_end());
        }
        let mut text = format!("{} {}\n", style.paint(Paint::Bad, "error:"), self.what());
        let why = match &self.kind {
            FailureKind::EngineUnavailable { why, .. } => vec![why.clone()],
            FailureKind::Leak { left } => left.clone(),
            _ => vec![],
        };
        for line in why.iter().chain(&self.detail) {
            text.push_str(&format!("  {}\n", clean(line)));
        }
        if let Some(hint) = self.hint() {
            text.push_str(&format!("  {} {}\n", style.paint(Paint::Info, "→"), clean(&hint)));
        }
        text
    }
}

/// Makes text of other programs safe to print and to keep.
fn clean(text: &str) -> String {
    redact::text(&sanitize(text))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests;
