//! What a gateway image has to hold.

/// Where hermes-agent's tree is, and where an editable install has its modules.
pub const TREE: &str = "/opt/hermes";
/// The virtual environment that hermes-agent is installed in.
pub const VENV: &str = "/opt/hermes/.venv";
/// The module that tells the release.
pub const VERSION_MODULE: &str = "hermes_cli/__init__.py";
/// The release that the boot reconciler came with.
pub const FIRST_WITH_RECONCILER: &str = "0.15.0";
/// The project's name.
pub const PROJECT: &str = "hermes-agent";
