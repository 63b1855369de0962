//! Text for people: what of it may be shown, and how it is laid out.
//!
//! What a container prints is untrusted. [`redact`] takes secrets out of it, [`terminal`] makes it safe to print and fits it to
//! a width:
//!
//! ```
//! use comeback_text::{redact, terminal::sanitize};
//!
//! assert_eq!(sanitize("done\u{1b}[2J"), "done\\u{1b}[2J");
//! assert_eq!(redact::text("API_TOKEN=abcdef0123456789"), "API_TOKEN=[redacted]");
//! ```

pub mod redact;
pub mod terminal;
