//! All that `comeback` knows of hermes-agent's gateway: where its files are, what they say, which commands there are, and what
//! its image has to hold.
//!
//! Nothing here knows what a release does wrong; that is data of the scenarios. The observer and the agent get the same facts as
//! [`script_facts`]. What a gateway says and this crate does not know is *drift*: see [`drift`].
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
