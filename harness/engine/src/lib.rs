//! Adapters to a container engine: the only crate that knows bollard and testcontainers.
//!
//! [`Engine`] speaks of containers, volumes, execs and events and of nothing else: no scenario, no gateway. A failed call
//! is an [`EngineError`]; it is never an observation of the thing that was asked about.

mod again;
mod docker;
mod error;
mod images;
mod spec;

pub use again::again;
pub use docker::{Address, DockerEngine, NamedBy, NoAddress, Wanted, default_host, locate, split_reference, start};
use error::chain;
pub use error::{Cause, EngineError, EngineErrorKind};
pub use spec::{
    BuildRequest, ContainerSpec, ContainerStatus, EngineCondition, EngineEvent, EngineInfo, ExecOutput, ExecSpec,
    ImageInfo, ImageProgress, Limits, LogLine, LogSource, Mount, RestartPolicy, StoredImage, VolumeInfo,
};
pub use testcontainers;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

/// The label everything we create carries; its value is the run's id.
pub const RUN_LABEL: &str = "comeback.run";

/// A stream of items that may fail midway.
pub type Stream<T> = BoxStream<'static, Result<T, EngineError>>;

/// A process started by [`Engine::attach_exec`] or the main process of an attached container: its output lines and its
/// input.
pub struct Attached {
    /// Complete lines of standard output and error, in order.
    pub lines: Stream<LogLine>,
    /// Standard input.
    pub input: std::pin::Pin<Box<dyn AsyncWrite + Send>>,
    /// The exec's id, where it is an exec.
    pub id: Option<String>,
}

/// Image calls of an engine.
#[async_trait]
pub trait Images: Send + Sync {
    /// Details of a local image; `None` if it is not there.
    async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError>;

    /// Whether the engine can fetch an image, without fetching it; an error says why not.
    async fn probe_pull(&self, reference: &str) -> Result<(), EngineError>;

    /// Fetches an image from its registry. ImageProgress goes to `on`.
    async fn pull_image(&self, reference: &str, on: &(dyn Fn(ImageProgress) + Send + Sync)) -> Result<(), EngineError>;

    /// Makes an image of a root file system archive, applying Dockerfile instructions to its configuration. Returns its id.
    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError>;

    /// Builds a Dockerfile. Each output line goes to `on`. Returns the image's id.
    async fn build_image(
        &self,
        request: BuildRequest,
        on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<String, EngineError>;

    /// Our own images: those with a label of ours.
    async fn list_images(&self, label: &str) -> Result<Vec<StoredImage>, EngineError>;

    /// Removes an image; `false` if it was not there.
    async fn remove_image(&self, reference: &str) -> Result<bool, EngineError>;
}

/// Container, volume and event calls of an engine.
#[async_trait]
pub trait Engine: Images {
    /// Name, version and abilities.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// The present by the clock of its host; `None` if it does not tell.
    async fn system_time(&self) -> Result<Option<Timestamp>, EngineError>;

    /// What it is made of and can do, beyond [`Engine::info`]: for people who look into a problem.
    async fn condition(&self) -> Result<EngineCondition, EngineError>;

    /// Creates a volume.
    async fn create_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), EngineError>;

    /// Removes a volume; `false` if it was not there.
    async fn remove_volume(&self, name: &str) -> Result<bool, EngineError>;

    /// Volumes with a label, whatever its value.
    async fn list_volumes(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError>;

    /// Creates and starts a container. Returns its id.
    async fn run_container(&self, spec: &ContainerSpec) -> Result<String, EngineError>;

    /// Creates a container without starting it. Returns its id.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, EngineError>;

    /// Starts a created or stopped container.
    async fn start(&self, id: &str) -> Result<(), EngineError>;

    /// SIGTERM, SIGKILL after the grace (whole seconds), start.
    async fn restart(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// SIGTERM, SIGKILL after the grace (whole seconds).
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// A signal to PID 1, by its name: `SIGKILL`.
    async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError>;

    /// Removes a container, killing it if it runs; `false` if it was not there.
    async fn remove_container(&self, id: &str) -> Result<bool, EngineError>;

    /// Leaves a container to outlive this engine's handle, which otherwise removes what it made when it is dropped.
    async fn keep(&self, id: &str);

    /// Containers with a label, whatever its value, running or not.
    async fn list_containers(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError>;

    /// What the engine says of a container; `None` if it does not exist.
    async fn inspect(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError>;

    /// Runs a command in a container to its end.
    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError>;

    /// Starts a command in a container and stays connected to it.
    async fn attach_exec(&self, id: &str, spec: &ExecSpec) -> Result<Attached, EngineError>;

    /// Connects to a running container's main process. Output from before the call is not repeated.
    async fn attach(&self, id: &str) -> Result<Attached, EngineError>;

    /// The container's log from `since` (Unix seconds; 0 is the beginning), each line with the engine's own time;
    /// `follow` keeps the stream open until the container ends.
    async fn logs(&self, id: &str, since: i64, follow: bool) -> Result<Stream<LogLine>, EngineError>;

    /// Unpacks a tar archive (uncompressed) below `path` in a container, running or not.
    async fn upload(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError>;

    /// Reads a file or directory of a container, running or not, as a tar archive of at most `limit` bytes; `None` if it
    /// is not there.
    async fn download(&self, id: &str, path: &str, limit: usize) -> Result<Option<Vec<u8>>, EngineError>;

    /// Events of containers with our label of that value, from now on; with `since`, first again those of that time and
    /// later, as far back as the engine remembers.
    async fn events(&self, run: &str, since: Option<Timestamp>) -> Result<Stream<EngineEvent>, EngineError>;
}
