//! Why an image cannot be had: each error says what, where, and what to do.

use std::path::PathBuf;

use super::expr::ExprError;
use crate::engine::EngineError;

/// Why an image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The expression means nothing.
    #[error(transparent)]
    Expression(#[from] ExprError),

    /// PyPI has no such release.
    #[error(
        "hermes-agent {asked} does not exist on {index}: nearest are {}; newest is {newest}. Use `release:{newest}` or \
         one of those",
        nearest.join(", ")
    )]
    NoSuchRelease {
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
    #[error("no release of hermes-agent is in the range {range}; there are {}", known.join(", "))]
    NothingInRange {
        /// The range.
        range: String,
        /// What there is, oldest first.
        known: Vec<String>,
    },

    /// Something that must be downloaded cannot be.
    #[error(
        "cannot download {what} from {url}: {why}. Check the connection and HTTPS_PROXY (the certificates trusted are the \
         system's, or SSL_CERT_FILE's)"
    )]
    Unreachable {
        /// What was wanted.
        what: String,
        /// Where.
        url: String,
        /// The client's words.
        why: String,
    },

    /// An answer of the package index that makes no sense.
    #[error(
        "{url} did not answer as a package index does: {why}. Is UV_DEFAULT_INDEX or PIP_INDEX_URL set to something else?"
    )]
    Unreadable {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },

    /// Neither way to a base works.
    #[error(
        "no base image {base}: pulling {image} failed ({pull}), and it cannot be bootstrapped from Debian's packages \
         either ({bootstrap}). Make one of the two work: let the engine reach a registry, or run on a host with apt"
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
    #[error("building {image} failed:\n{}{hint}\nThe full log is {}", last.iter().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n"), log.display())]
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
    #[error(
        "no image {reference}: it is not in the engine's store, and pulling it failed ({why}). Build, load or pull it first"
    )]
    NoImage {
        /// The reference as given.
        reference: String,
        /// Why it could not be pulled.
        why: String,
    },

    /// An image that is not a hermes-agent gateway image.
    #[error(
        "{image} is not a gateway image: it lacks {}. Name an image built the way the official one is, or let `release:` or \
         `source:` build one", missing.join("; ")
    )]
    Contract {
        /// The image.
        image: String,
        /// The parts of the contract that are not there.
        missing: Vec<String>,
    },

    /// Offline, and it is not here.
    #[error("{image} is not in the engine's store, and --offline forbids to {needed}. Run once without --offline")]
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
    #[error("cannot use the cache: {}: {source}. Set XDG_CACHE_HOME to a directory that can be written", path.display())]
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
