//! Image sources: from an image expression to a pinned image that fulfils the contract.
//!
//! See `images/` for what goes into the images we build ourselves.

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

/// An image that can be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image expression it was asked for with.
    pub name: String,
    /// Its reference in the engine's store.
    pub reference: String,
    /// Its id.
    pub digest: String,
    /// Name of the base, where we built it.
    pub base: Option<String>,
    /// Version of s6 in it, as measured.
    pub supervisor: Option<String>,
    /// The hermes-agent release in it.
    pub release: Option<Version>,
}
