//! Image sources: from an image expression to a pinned image that fulfils the contract.
//!
//! See `images/` for what goes into the images we build ourselves.
