//! Adapters to a container engine: the only crate that uses bollard and testcontainers.
//!
//! [`Engine`] deals with containers, volumes, execs and events, and knows nothing of scenarios and gateways. A failed
//! call is an [`EngineError`], never an observation.
//!
//! ```no_run
//! use comeback_engine::{DockerEngine, Engine as _, RUN_LABEL};
//!
//! # async fn example() -> Result<(), comeback_engine::EngineError> {
//! let engine = DockerEngine::connect(None).await?;
//! println!("{} {}", engine.info().await?.name, engine.list_containers(RUN_LABEL).await?.len());
//! # Ok(())
//! # }
//! ```

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
    Healthcheck, ImageInfo, ImageProgress, Limits, LogLine, LogSource, Mount, RestartPolicy, StoredImage, VolumeInfo,
    VolumePlace,
};
pub use testcontainers;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

/// The label of everything that comeback creates. Its value is the run's id.
pub const RUN_LABEL: &str = "comeback.run";

/// A stream of items that may fail midway.
pub type Stream<T> = BoxStream<'static, Result<T, EngineError>>;

/// A process started by [`Engine::attach_exec`], or the main process of an attached container.
pub struct Attached {
    /// Complete lines of standard output and error, in order.
    pub lines: Stream<LogLine>,
    /// Standard input.
    pub input: std::pin::Pin<Box<dyn AsyncWrite + Send>>,
    /// The id of the exec; `None` for a main process.
    pub id: Option<String>,
}

/// Image calls of an engine. Each fails with an [`EngineError`] that names the call.
#[async_trait]
pub trait Images: Send + Sync {
    /// Details of a local image; `None` if it does not exist.
    async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError>;

    /// Checks that the engine can pull an image, without pulling it. The error says why not.
    async fn probe_pull(&self, reference: &str) -> Result<(), EngineError>;

    /// Pulls an image from its registry. Progress goes to `on`.
    async fn pull_image(&self, reference: &str, on: &(dyn Fn(ImageProgress) + Send + Sync)) -> Result<(), EngineError>;

    /// Creates an image from a root file system archive and applies Dockerfile instructions to its configuration.
    /// Returns the image's id.
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

    /// All images that have `label`.
    async fn list_images(&self, label: &str) -> Result<Vec<StoredImage>, EngineError>;

    /// Removes an image; `false` if it did not exist.
    async fn remove_image(&self, reference: &str) -> Result<bool, EngineError>;
}

/// Container, volume and event calls of an engine. Each fails with an [`EngineError`] that names the call.
#[async_trait]
pub trait Engine: Images {
    /// Name, version and capabilities.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// The current time by the clock of the engine's host; `None` if the engine does not report it.
    async fn system_time(&self) -> Result<Option<Timestamp>, EngineError>;

    /// Details beyond [`Engine::info`], for `comeback doctor`.
    async fn condition(&self) -> Result<EngineCondition, EngineError>;

    /// Creates a volume.
    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        place: &VolumePlace,
    ) -> Result<(), EngineError>;

    /// Removes a volume; `false` if it did not exist.
    async fn remove_volume(&self, name: &str) -> Result<bool, EngineError>;

    /// Volumes with a label, whatever its value.
    async fn list_volumes(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError>;

    /// Creates and starts a container. Returns its id.
    async fn run_container(&self, spec: &ContainerSpec) -> Result<String, EngineError>;

    /// Creates a container without starting it. Returns its id.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, EngineError>;

    /// Starts a created or stopped container.
    async fn start(&self, id: &str) -> Result<(), EngineError>;

    /// Sends SIGTERM, then SIGKILL after the grace (whole seconds), then starts the container.
    async fn restart(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// Sends SIGTERM, then SIGKILL after the grace (whole seconds).
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// Sends a signal to PID 1, by name: `SIGKILL`.
    async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError>;

    /// Freezes all processes of a container.
    async fn pause(&self, id: &str) -> Result<(), EngineError>;

    /// Lets the processes of a frozen container go on.
    async fn unpause(&self, id: &str) -> Result<(), EngineError>;

    /// Removes a container, and kills it first if it runs; `false` if it did not exist.
    async fn remove_container(&self, id: &str) -> Result<bool, EngineError>;

    /// Keeps a container when this handle is dropped, which otherwise removes the containers it created.
    async fn keep(&self, id: &str);

    /// Containers with a label, whatever its value, running or not.
    async fn list_containers(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError>;

    /// The state of a container; `None` if it does not exist.
    async fn inspect(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError>;

    /// Runs a command in a container and waits for its end.
    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError>;

    /// Starts a command in a container and stays connected to it.
    async fn attach_exec(&self, id: &str, spec: &ExecSpec) -> Result<Attached, EngineError>;

    /// Connects to a running container's main process. Output from before the call is not repeated.
    async fn attach(&self, id: &str) -> Result<Attached, EngineError>;

    /// The container's log from `since` (Unix seconds; 0 is the beginning), each line with the engine's time.
    /// `follow` keeps the stream open until the container ends.
    async fn logs(&self, id: &str, since: i64, follow: bool) -> Result<Stream<LogLine>, EngineError>;

    /// Unpacks a tar archive (uncompressed) below `path` in a container, running or not.
    async fn upload(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError>;

    /// Reads a file or directory of a container, running or not, as a tar archive of at most `limit` bytes; `None` if
    /// it does not exist.
    async fn download(&self, id: &str, path: &str, limit: usize) -> Result<Option<Vec<u8>>, EngineError>;

    /// Events of containers whose [`RUN_LABEL`] is `run`, from now on. With `since`, the stream starts with the
    /// events from that time on, as far back as the engine remembers.
    async fn events(&self, run: &str, since: Option<Timestamp>) -> Result<Stream<EngineEvent>, EngineError>;
}
