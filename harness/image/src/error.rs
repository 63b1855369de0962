//! Why an image cannot be had: each error says what, where, and what to do.

use std::path::PathBuf;

use pep440_rs::Version;

use super::expr::{Distribution, ExprError};
use comeback_engine::EngineError;

/// Why an image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The expression means nothing.
    #[error(transparent)]
    Expression(#[from] ExprError),

    /// PyPI has no such release.
    #[error(
        "{distribution} {asked} does not exist on {index}: nearest are {}; newest is {newest}",
        nearest.join(", ")
    )]
    NoSuchRelease {
        /// Of which distribution.
        distribution: Distribution,
        /// The version asked for.
        asked: String,
        /// Releases near it, oldest first.
        nearest: Vec<String>,
        /// The newest release.
        newest: String,
        /// The package index that was asked.
        index: String,
    },

    /// No release is in the range.
    #[error("no release of {distribution} is in the range {range}; there are {}", known.join(", "))]
    NothingInRange {
        /// Of which distribution.
        distribution: Distribution,
        /// The range.
        range: String,
        /// What there is, oldest first.
        known: Vec<String>,
    },

    /// Something that must be downloaded cannot be.
    #[error("cannot download {what} from {url}: {why}")]
    Unreachable {
        /// What was wanted.
        what: String,
        /// Where.
        url: String,
        /// The client's words.
        why: String,
    },

    /// An answer of the package index that makes no sense.
    #[error("{url} did not answer as a package index does: {why}")]
    Unreadable {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },

    /// Neither way to a base works.
    #[error(
        "no base image {base}: pulling {image} failed ({pull}), and it cannot be bootstrapped from Debian's packages \
         either ({bootstrap})"
    )]
    NoBase {
        /// The base.
        base: String,
        /// The image that was tried to pull.
        image: String,
        /// Why it could not be pulled.
        pull: String,
        /// Why it could not be bootstrapped.
        bootstrap: String,
    },

    /// The builder failed.
    #[error("building {image} failed: {}", last.last().map_or("without a word", String::as_str))]
    Build {
        /// What was being built.
        image: String,
        /// The builder's last lines, its own message last.
        last: Vec<String>,
        /// What to do about it, on a line of its own, where the message is one we know; else empty.
        hint: String,
        /// Where all of its output is.
        log: PathBuf,
    },

    /// An image that was named is neither here nor to be had.
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
        /// The parts of the contract that are not there.
        missing: Vec<String>,
    },

    /// Offline, and it is not here.
    #[error("{image} is not in the engine's store, and --offline forbids to {needed}")]
    Offline {
        /// What was wanted.
        image: String,
        /// What would have had to be done.
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

    /// A file of ours that cannot be read or written.
    #[error("cannot use the cache: {}: {source}", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },

    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Where to have a release that the index does not have: newer gateways than its newest are not published there.
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
    /// What to do about it, where the message leaves that open.
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
                "put right what the builder says, and run again: what was built so far is reused".to_owned()
            }
            Self::NoImage { .. } => "build, load or pull it first, or name another".to_owned(),
            Self::Contract { .. } => {
                "name an image built the way the official one is, or let release: or source: build one".to_owned()
            }
            Self::Offline { .. } => "run once without --offline".to_owned(),
            Self::Cache { .. } => "set XDG_CACHE_HOME to a folder that can be written".to_owned(),
            Self::Engine(_) => "`comeback doctor` looks at the engine; its own log says more".to_owned(),
            // These say it themselves.
            Self::Expression(_) | Self::Path { .. } => return None,
        })
    }

    /// Further lines worth reading.
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
