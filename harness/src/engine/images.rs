//! Image calls of the real engine.

use bollard::Docker;
use tokio::io::AsyncRead;

use super::{BuildRequest, EngineError, EngineErrorKind, ImageInfo, Progress, StoredImage};

/// Image calls over bollard.
pub(super) struct DockerImages {
    #[allow(dead_code)]
    docker: Docker,
}

fn not_yet() -> EngineError {
    EngineError::new("image", EngineErrorKind::Broken("not there yet".into()))
}

#[allow(clippy::unused_async)]
impl DockerImages {
    pub(super) fn new(docker: Docker) -> Self {
        Self { docker }
    }
    pub(super) async fn inspect_image(&self, _reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        Err(not_yet())
    }
    pub(super) async fn pull_image(
        &self,
        _reference: &str,
        _on: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), EngineError> {
        Err(not_yet())
    }
    pub(super) async fn import_image(
        &self,
        _reference: &str,
        _changes: &[String],
        _tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError> {
        Err(not_yet())
    }
    pub(super) async fn build_image(
        &self,
        _request: BuildRequest,
        _on: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<String, EngineError> {
        Err(not_yet())
    }
    pub(super) async fn list_images(&self, _label: &str) -> Result<Vec<StoredImage>, EngineError> {
        Err(not_yet())
    }
    pub(super) async fn remove_image(&self, _reference: &str) -> Result<bool, EngineError> {
        Err(not_yet())
    }
}
