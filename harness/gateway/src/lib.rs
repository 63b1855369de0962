//! All that `comeback` knows of hermes-agent's gateway: where its files are, what they say, which commands there are, and what
//! its image has to hold.
//!
//! | module | what it knows |
//! |---|---|
//! | [`files`] | paths in the container and on its volume, names of profiles |
//! | [`state`] | keys and words of the state file, and what they say of the operator's intent |
//! | [`boot_line`] | the line that the boot reconciler writes for each profile |
//! | [`log`], [`exit_diag`] | how a gateway says what it took a shutdown for, and how it ended |
//! | [`command`] | commands of the operator, and the one a gateway runs as |
//! | [`supervisor`] | s6: its process, directories and tools |
//! | [`image`] | what an image has to hold |
//! | [`drift`] | how to find what is missing in the modules above |
//!
//! Nothing here knows what a release does wrong; that is data of the scenarios. No other crate and no script writes these facts
//! again: the observer and the agent run in the containers and get them as [`script_facts`].
//!
//! # When a release changes something
//!
//! What a gateway says and this crate does not know is *drift*: a key of the state file, a word of its states, a field or an
//! action in the reconciler's line. Reports tell it once per run, and no verdict depends on it. Look at what the release means by
//! it; if nothing has to follow, add it to [`state::KEYS`], [`state::STATES`], [`state::DESIRED`], [`boot_line::FIELDS`] or
//! [`boot_line::ACTIONS`], with the release since which it is there.
//!
//! ```
//! use comeback_gateway::boot_line::BootLine;
//!
//! let line = BootLine::parse("2026-11-23T15:58:07+0000 profile=default prior_state=stopped action=registered").unwrap();
//! assert_eq!((line.prior_state.as_deref(), line.action.as_str()), (Some("stopped"), "registered"));
//! ```

pub mod boot_line;
pub mod command;
pub mod drift;
pub mod exit_diag;
pub mod files;
pub mod image;
pub mod log;
pub mod output;
mod script;
pub mod state;
pub mod supervisor;

pub use script::script_facts;

/// The profile at the root of the volume. It is always there.
pub const DEFAULT_PROFILE: &str = "default";
/// Where a shutdown by a signal is persisted.
pub const SIGNAL_HALF: &str = "gateway/run.py";
/// Where an explicit stop writes the planned-stop marker.
pub const MARKER_HALF: &str = "hermes_cli/service_manager.py";
/// Where the boot reconciler is.
pub const RECONCILER: &str = "hermes_cli/container_boot.py";
