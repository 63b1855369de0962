//! What is asked of an engine and what it answers, in our own types.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name, version and abilities of an engine.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// `docker` or `podman`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The API version that was negotiated.
    pub api: String,
    /// Its address.
    pub host: String,
    /// Processors it can use.
    pub cpus: usize,
    /// Memory it can use, in bytes.
    pub memory: u64,
    /// Storage driver.
    pub storage: String,
    /// Architecture as the engine names it: `x86_64`, `aarch64`.
    pub architecture: String,
    /// True if memory limits are enforced.
    pub memory_limit: bool,
}

impl EngineInfo {
    /// The name of Podman.
    pub const PODMAN: &'static str = "podman";

    /// True if it tells of the kernel's OOM kills where they do not end the container: Podman (4.3) does not.
    pub fn tells_of_oom(&self) -> bool {
        self.name != Self::PODMAN
    }
}

/// What an engine is made of and can do, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EngineCondition {
    /// Operating system of its host: `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// Folder in which it keeps images and containers, on its own host.
    pub data_root: String,
    /// `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// True if limits on memory are enforced.
    pub memory_limit: bool,
    /// True if limits on memory count swap as well.
    pub swap_limit: bool,
    /// True if limits on the number of processes are enforced.
    pub pids_limit: bool,
    /// True if it runs without root.
    pub rootless: bool,
    /// What it warns of itself.
    pub warnings: Vec<String>,
}

/// A container to create.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// The image's id. A name may mean another image meanwhile.
    pub image: String,
    /// Name; must be unique on the engine.
    pub name: String,
    /// Labels; must hold [`super::RUN_LABEL`].
    pub labels: BTreeMap<String, String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Replaces the image's entrypoint if set.
    pub entrypoint: Option<String>,
    /// The command.
    pub cmd: Vec<String>,
    /// Volumes.
    pub mounts: Vec<Mount>,
    /// Network mode: `none` unless there is a reason.
    pub network: Option<String>,
    /// Restart policy.
    pub policy: RestartPolicy,
    /// Resource limits.
    pub limits: Limits,
    /// Keep standard input open for [`super::Engine::attach`].
    pub stdin: bool,
    /// The capabilities it has, without `CAP_`; all others are dropped.
    pub capabilities: &'static [&'static str],
    /// Its root file system is read-only.
    pub read_only: bool,
}

/// What the engine does once the container has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// It starts it again.
    Always,
    /// It starts it again, unless somebody stopped it through the engine.
    UnlessStopped,
    /// It starts it again after an exit code other than 0.
    OnFailure,
}

/// Limits of a container's resources; `None` leaves the engine's default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Memory in bytes, swap not allowed on top.
    pub memory: Option<u64>,
    /// Number of processes.
    pub pids: Option<i64>,
    /// Size of a log file in bytes, where the engine rotates them; two are kept.
    pub log_bytes: Option<u64>,
    /// Size of any one file the container writes, in bytes: holes count.
    pub file_bytes: Option<u64>,
}

/// A named volume mounted into a container, without copying the image's content into it.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Where in the container.
    pub path: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// What the engine says of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// True if its main process runs.
    pub running: bool,
    /// True while the engine is between two starts of a restart policy.
    pub restarting: bool,
    /// When its main process was last started: the key of an incarnation.
    pub started_at: Option<Timestamp>,
    /// When it last ended.
    pub finished_at: Option<Timestamp>,
    /// Exit code of its last life; meaningless while running.
    pub exit_code: i64,
    /// True if the kernel's OOM killer ended its main process.
    pub oom_killed: bool,
}

/// A volume of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Its name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A command to run in a container.
#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// As whom: a name or a uid of the container. `None` is the image's own user.
    pub user: Option<String>,
    /// Extra environment.
    pub env: BTreeMap<String, String>,
    /// Connect standard input.
    pub stdin: bool,
}

/// The end of a command run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit code; `None` if the engine did not know (the container died under it).
    pub exit: Option<i64>,
    /// Standard output and error as they came, capped at 64 KiB.
    pub output: String,
}

/// One line of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The engine's own time of it, where it gave one.
    pub at: Option<Timestamp>,
    /// Where it was written.
    pub source: LogSource,
    /// The line without its end, capped at 64 KiB.
    pub text: String,
}

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogSource {
    Stdout,
    Stderr,
}

/// Something the engine says happened to a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EngineEvent {
    /// The container's id.
    pub container: String,
    /// The engine's word: `start`, `die`, `kill`, `oom`, `restart`, `destroy`, …
    pub action: String,
    /// The engine's time of it.
    pub at: Timestamp,
    /// Attributes such as `exitCode` and `signal`.
    pub attributes: BTreeMap<String, String>,
}

/// Details of a local image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Its id (`sha256:…`), which is also its digest in our records.
    pub id: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Size in bytes, base included.
    pub size: u64,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Environment.
    pub env: Vec<String>,
}

/// An image of ours in the engine's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: String,
    /// Its tags.
    pub references: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Size in bytes, base included.
    pub size: u64,
    /// When it was made.
    pub created: Timestamp,
}

/// A Dockerfile build.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// Tag of the result.
    pub reference: String,
    /// Build context as an uncompressed tar archive.
    pub context: Vec<u8>,
    /// Name of the Dockerfile in the context.
    pub dockerfile: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels of the result.
    pub labels: BTreeMap<String, String>,
    /// Network mode of RUN steps.
    pub network: Option<String>,
    /// Size of `/dev/shm` in RUN steps, in bytes, where the engine's default is too small.
    pub shm_bytes: Option<i32>,
}

/// ImageProgress of a pull or build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageProgress {
    /// A line of output.
    Line(String),
    /// Bytes so far and, if known, in all.
    Bytes {
        /// So far.
        done: u64,
        /// In all.
        total: Option<u64>,
    },
}
