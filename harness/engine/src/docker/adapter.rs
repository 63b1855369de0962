//! [`Engine`] and [`Images`] for the real engine. Each call is implemented in the file of its subject.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::AsyncRead;

use super::DockerEngine;
use crate::images::DockerImages;
use crate::{
    Attached, BuildRequest, ContainerSpec, ContainerStatus, Engine, EngineCondition, EngineError, EngineEvent,
    EngineInfo, ExecOutput, ExecSpec, ImageInfo, ImageProgress, Images, LogLine, StoredImage, Stream, VolumeInfo,
    VolumePlace,
};

impl DockerEngine {
    pub(super) fn images(&self) -> DockerImages {
        DockerImages::new(self.client().clone(), self.is_podman())
    }
}

#[async_trait]
impl Images for DockerEngine {
    async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        self.images().inspect_image(reference).await
    }

    async fn probe_pull(&self, reference: &str) -> Result<(), EngineError> {
        self.images().probe_pull(reference).await
    }

    async fn pull_image(&self, reference: &str, on: &(dyn Fn(ImageProgress) + Send + Sync)) -> Result<(), EngineError> {
        self.images().pull_image(reference, on).await
    }

    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError> {
        self.images().import_image(reference, changes, tar).await
    }

    async fn build_image(
        &self,
        request: BuildRequest,
        on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<String, EngineError> {
        self.images().build_image(request, on).await
    }

    async fn list_images(&self, label: &str) -> Result<Vec<StoredImage>, EngineError> {
        self.images().list_images(label).await
    }

    async fn remove_image(&self, reference: &str) -> Result<bool, EngineError> {
        self.images().remove_image(reference).await
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.engine_info().await
    }

    async fn system_time(&self) -> Result<Option<Timestamp>, EngineError> {
        self.host_time().await
    }

    async fn condition(&self) -> Result<EngineCondition, EngineError> {
        self.engine_condition().await
    }

    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        place: &VolumePlace,
    ) -> Result<(), EngineError> {
        self.make_volume(name, labels, place).await
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, EngineError> {
        self.drop_volume(name).await
    }

    async fn list_volumes(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError> {
        self.volumes_labelled(label).await
    }

    async fn run_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        self.run_spec(spec).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        self.create_spec(spec).await
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        self.start_id(id).await
    }

    async fn restart(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.restart_id(id, grace).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.stop_id(id, grace).await
    }

    async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        self.kill_id(id, signal).await
    }

    async fn pause(&self, id: &str) -> Result<(), EngineError> {
        self.pause_id(id).await
    }

    async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        self.unpause_id(id).await
    }

    async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        self.remove_id(id).await
    }

    async fn keep(&self, id: &str) {
        self.owned.disown(id).await;
    }

    async fn list_containers(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError> {
        self.containers_labelled(label).await
    }

    async fn inspect(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError> {
        self.inspect_id(id).await
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecOutput, EngineError> {
        self.exec_to_end(id, spec).await
    }

    async fn attach_exec(&self, id: &str, spec: &ExecSpec) -> Result<Attached, EngineError> {
        let program = spec.argv.first().map_or("", String::as_str);
        self.attach_new_exec(id, spec, &format!("attach exec {program}")).await
    }

    async fn attach(&self, id: &str) -> Result<Attached, EngineError> {
        self.attach_main(id).await
    }

    async fn logs(&self, id: &str, since: i64, follow: bool) -> Result<Stream<LogLine>, EngineError> {
        Ok(self.follow_logs(id, since, follow))
    }

    async fn upload(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError> {
        self.upload_tar(id, path, tar).await
    }

    async fn download(&self, id: &str, path: &str, limit: usize) -> Result<Option<Vec<u8>>, EngineError> {
        self.download_tar(id, path, limit).await
    }

    async fn events(&self, run: &str, since: Option<Timestamp>) -> Result<Stream<EngineEvent>, EngineError> {
        Ok(self.watch_events(run, since))
    }
}
