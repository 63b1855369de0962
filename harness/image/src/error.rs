//! Errors of image sources. Each says what failed, where, and what to do.

use std::path::PathBuf;

use pep440_rs::Version;

use super::expr::{Distribution, ExprError};
use comeback_engine::EngineError;

/// Why an image is not available.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The expression is invalid.
    #[error(transparent)]
    Expression(#[from] ExprError),

    /// PyPI has no such release.
    #[error(
        "{distribution} {asked} does not exist on {index}: nearest are {}; newest is {newest}",
        nearest.join(", ")
    )]
    NoSuchRelease {
        /// The distribution.
        distribution: Distribution,
        /// The version asked for.
        asked: String,
        /// The releases nearest to it, oldest first.
        nearest: Vec<String>,
        /// The newest release.
        newest: String,
        /// The package index.
        index: String,
    },

    /// No release is in the range.
    #[error("no release of {distribution} is in the range {range}; there are {}", known.join(", "))]
    NothingInRange {
        /// The distribution.
        distribution: Distribution,
        /// The range.
        range: String,
        /// The releases that exist, oldest first.
        known: Vec<String>,
    },

    /// A download failed.
    #[error("cannot download {what} from {url}: {why}")]
    Unreachable {
        /// What was downloaded.
        what: String,
        /// The URL.
        url: String,
        /// The HTTP client's message.
        why: String,
    },

    /// The package index gave an invalid answer.
    #[error("{url} did not answer as a package index does: {why}")]
    Unreadable {
        /// The URL that was asked.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },

    /// A base that does not have the Python an image needs.
    #[error("{image}: {why}")]
    Unserved {
        /// The image.
        image: String,
        /// What it requires, and which base has it.
        why: String,
    },

    /// A base can neither be pulled nor bootstrapped.
    #[error(
        "no base image {base}: pulling {image} failed ({pull}), and it cannot be bootstrapped from Debian's packages \
         either ({bootstrap})"
    )]
    NoBase {
        /// The base.
        base: String,
        /// The image that could not be pulled.
        image: String,
        /// Why it could not be pulled.
        pull: String,
        /// Why it could not be bootstrapped.
        bootstrap: String,
    },

    /// A build failed.
    #[error("building {image} failed: {}", last.last().map_or("the builder gave no message", String::as_str))]
    Build {
        /// The image.
        image: String,
        /// The builder's last lines, its own message last.
        last: Vec<String>,
        /// What to do about it, on a line of its own, for known messages; otherwise empty.
        hint: String,
        /// The file with its whole output.
        log: PathBuf,
    },

    /// An image that is not in the engine's store and cannot be pulled.
    #[error("no image {reference}: it is not in the engine's store, and pulling it failed ({why})")]
    NoImage {
        /// The reference as given.
        reference: String,
        /// Why it could not be pulled.
        why: String,
    },

    /// An image that is not a hermes-agent gateway image.
    #[error(
        "{image} is not a gateway image: it lacks {}", missing.join("; ")
    )]
    Contract {
        /// The image.
        image: String,
        /// The missing parts of the contract.
        missing: Vec<String>,
    },

    /// With `--offline`, an image that is not in the engine's store.
    #[error("{image} is not in the engine's store, and --offline forbids to {needed}")]
    Offline {
        /// The image.
        image: String,
        /// What `--offline` forbids.
        needed: String,
    },

    /// A path of an expression that does not hold what it should.
    #[error("{}: {why}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it and what to do.
        why: String,
    },

    /// A file of the cache that cannot be read or written.
    #[error("cannot use the cache: {}: {source}", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },

    /// An error of the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Advice for a release that the index does not have. Gateways newer than the newest release on it are not published
/// there.
fn not_there(distribution: &Distribution, asked: &str, newest: &str) -> String {
    let newer = asked.parse::<Version>().ok().zip(newest.parse().ok());
    if !distribution.is_the_gateways_own() {
        return format!("use pypi:{distribution}=={newest} or one of those");
    }
    match newer {
        Some((asked, newest)) if asked > newest => {
            "newer gateways are not on the package index: judge a checkout (source:PATH), an image (docker:REF), or another \
             distribution that ships the gateway (pypi:NAME==VERSION)"
                .to_owned()
        }
        _ => format!("use release:{newest} or one of those"),
    }
}

impl ImageError {
    /// What to do about it, unless the message says so.
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchRelease {
                distribution,
                asked,
                newest,
                ..
            } => not_there(distribution, asked, newest),
            Self::NothingInRange { distribution, .. } if distribution.is_the_gateways_own() => {
                "widen the range, or name a release: release:latest is the newest".to_owned()
            }
            Self::NothingInRange { distribution, .. } => {
                format!("widen the range, or name a release: pypi:{distribution} is the newest")
            }
            Self::Unreachable { .. } => {
                "check the connection and HTTPS_PROXY; the certificates trusted are the system's, or \
                                         SSL_CERT_FILE's"
                    .to_owned()
            }
            Self::Unreadable { .. } => "is UV_DEFAULT_INDEX or PIP_INDEX_URL set to something else?".to_owned(),
            Self::NoBase { .. } => {
                "make one of the two work: let the engine reach a registry, or run on a host with apt".to_owned()
            }
            Self::Build { hint, .. } if !hint.trim().is_empty() => hint.trim().to_owned(),
            Self::Build { .. } => {
                "correct what the builder reports, and run again: finished steps are reused".to_owned()
            }
            Self::NoImage { .. } => "build, load or pull it first, or name another".to_owned(),
            Self::Contract { .. } => {
                "name an image built the way the official one is, or let release: or source: build one".to_owned()
            }
            Self::Offline { .. } => "run once without --offline".to_owned(),
            Self::Cache { .. } => "set XDG_CACHE_HOME to a folder that can be written".to_owned(),
            Self::Engine(_) => "`comeback doctor` looks at the engine; its own log says more".to_owned(),
            // Their messages say what to do.
            Self::Expression(_) | Self::Path { .. } | Self::Unserved { .. } => return None,
        })
    }

    /// Further lines about it: a builder's output and where its log is.
    pub fn detail(&self) -> Vec<String> {
        match self {
            Self::Build { last, log, .. } => {
                let mut lines = last.clone();
                lines.push(format!("the full log is {}", log.display()));
                lines
            }
            _ => Vec::new(),
        }
    }
}
