//! Requests to an engine and its answers, in types of this crate.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name, version and capabilities of an engine.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// `docker` or `podman`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The negotiated API version.
    pub api: String,
    /// Its address.
    pub host: String,
    /// Processors available to it.
    pub cpus: usize,
    /// Memory available to it, in bytes.
    pub memory: u64,
    /// Storage driver.
    pub storage: String,
    /// Architecture in the engine's words: `x86_64`, `aarch64`.
    pub architecture: String,
    /// True if memory limits are enforced.
    pub memory_limit: bool,
}

impl EngineInfo {
    /// The value of `name` for Podman.
    pub const PODMAN: &'static str = "podman";

    /// True if it reports OOM kills that do not end the container. Podman (4.3) does not.
    pub fn tells_of_oom(&self) -> bool {
        self.name != Self::PODMAN
    }

    /// True if its event of a command's end names the exec. Podman's lacks that or the container's labels, depending on the
    /// version.
    pub fn tells_of_execs(&self) -> bool {
        self.name != Self::PODMAN
    }
}

/// The engine's description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EngineCondition {
    /// Operating system of its host: `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// Folder of its images and containers, on its own host.
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
    /// True if it runs without root privileges.
    pub rootless: bool,
    /// Its warnings about itself.
    pub warnings: Vec<String>,
}

/// A container to create.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// The image's id, because a name may be moved to another image.
    pub image: String,
    /// Name, unique on the engine.
    pub name: String,
    /// Labels. They must include [`super::RUN_LABEL`].
    pub labels: BTreeMap<String, String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Replaces the image's entrypoint, if it is not empty: a program and arguments that come before the command.
    pub entrypoint: Vec<String>,
    /// The command.
    pub cmd: Vec<String>,
    /// Volumes.
    pub mounts: Vec<Mount>,
    /// Network mode; `none` unless there is a reason for another.
    pub network: Option<String>,
    /// Restart policy.
    pub policy: RestartPolicy,
    /// Resource limits.
    pub limits: Limits,
    /// Keep standard input open, for [`super::Engine::attach`].
    pub stdin: bool,
    /// The capabilities it keeps, without `CAP_`. All others are dropped.
    pub capabilities: Vec<String>,
    /// True if its root file system is read-only.
    pub read_only: bool,
    /// True if the engine's own init is its first process.
    pub init: bool,
    /// The user of its first process; `None` is the image's own.
    pub user: Option<String>,
    /// Directories in memory: a path, and the options of the mount.
    pub tmpfs: BTreeMap<String, String>,
    /// Its health check; `None` is the image's own.
    pub healthcheck: Option<Healthcheck>,
}

/// A container's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// The command.
    pub cmd: Vec<String>,
    /// Time between two of them.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// So many failures in a row mean unhealthy.
    pub retries: u32,
}

/// What the engine does when the container has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// It stays down.
    #[default]
    No,
    /// The engine restarts it.
    Always,
    /// The engine restarts it, unless it was stopped by a call.
    UnlessStopped,
    /// The engine restarts it after an exit code other than 0.
    OnFailure,
}

/// Limits of a container's resources; `None` is the engine's default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Memory in bytes, with no swap on top.
    pub memory: Option<u64>,
    /// Number of processes.
    pub pids: Option<i64>,
    /// Size of a log file in bytes, if the engine rotates logs. Two files are kept.
    pub log_bytes: Option<u64>,
    /// Size of any file that the container writes, in bytes. Holes count.
    pub file_bytes: Option<u64>,
}

/// A named volume in a container. Files that the image has at its path are not copied into it.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Path in the container.
    pub path: String,
    /// True if it is mounted read-only.
    pub read_only: bool,
}

/// Where a volume keeps its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum VolumePlace {
    /// Where the engine keeps its volumes.
    #[default]
    Engine,
    /// In memory, with this size in bytes. What is on it is there while a container that has it runs.
    Memory(u64),
    /// In this folder of the engine's host, which exists when a container is started.
    Folder(String),
}

/// The state of a container as the engine reports it.
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
    /// When its main process was last started; this is the key of an incarnation.
    pub started_at: Option<Timestamp>,
    /// When it last ended.
    pub finished_at: Option<Timestamp>,
    /// Exit code of the last incarnation; meaningless while it runs.
    pub exit_code: i64,
    /// True if the OOM killer ended its main process.
    pub oom_killed: bool,
    /// True while its processes are frozen.
    pub paused: bool,
    /// What its health check says, if it has one: `starting`, `healthy` or `unhealthy`.
    pub health: Option<String>,
}

/// A volume that comeback created.
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
    /// A user name or uid of the container; `None` is the image's own user.
    pub user: Option<String>,
    /// Extra environment.
    pub env: BTreeMap<String, String>,
    /// Connect standard input.
    pub stdin: bool,
    /// How long [`super::Engine::exec`] waits for its end; `None` for the usual time.
    pub limit: Option<Duration>,
}

/// The result of a command in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// The engine's id of the exec, which its event `exec_die` names, too.
    pub id: String,
    /// Exit code; `None` if the engine does not know it because the container ended.
    pub exit: Option<i64>,
    /// Standard output and error in the order of arrival, at most 64 KiB.
    pub output: String,
}

impl ExecOutput {
    /// How the command ended, in words.
    pub fn ended(&self) -> String {
        self.exit
            .map_or_else(|| "no exit code".to_owned(), |code| format!("exit {code}"))
    }
}

/// One line of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The engine's time of the line, if it gave one.
    pub at: Option<Timestamp>,
    /// The stream it was written to.
    pub source: LogSource,
    /// The line without its line end, at most 64 KiB.
    pub text: String,
}

/// The stream of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogSource {
    Stdout,
    Stderr,
}

/// An event of a container, as the engine reports it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EngineEvent {
    /// The container's id.
    pub container: String,
    /// The engine's name for it: `start`, `die`, `kill`, `oom`, `restart`, `destroy`, …
    pub action: String,
    /// The engine's time of the event.
    pub at: Timestamp,
    /// Attributes such as `exitCode` and `signal`.
    pub attributes: BTreeMap<String, String>,
}

/// Details of a local image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Its id (`sha256:…`), which records keep as its digest.
    pub id: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Size in bytes, including its base.
    pub size: u64,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Environment.
    pub env: Vec<String>,
}

/// An image that comeback created, in the engine's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: String,
    /// Its tags.
    pub references: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Size in bytes, including its base.
    pub size: u64,
    /// When it was created.
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
    /// Size of `/dev/shm` in RUN steps, in bytes, if the engine's default is too small.
    pub shm_bytes: Option<i32>,
}

/// Progress of a pull or build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageProgress {
    /// A line of output.
    Line(String),
    /// Bytes so far and, if known, in total.
    Bytes {
        /// So far.
        done: u64,
        /// In total.
        total: Option<u64>,
    },
}
