//! Volumes.

use std::collections::{BTreeMap, HashMap};

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder};

use super::{ANSWER, DockerEngine, bounded};
use crate::{EngineError, VolumeInfo, VolumePlace};

impl DockerEngine {
    pub(super) async fn make_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        place: &VolumePlace,
    ) -> Result<(), EngineError> {
        let mounted = |of: &str, device: &str, how: String| {
            let options = [("type", of), ("device", device), ("o", &how)];
            let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Some(options.into_iter().collect())
        };
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            driver_opts: match place {
                VolumePlace::Engine => None,
                VolumePlace::Memory(bytes) => mounted("tmpfs", "tmpfs", format!("size={bytes},mode=0755")),
                VolumePlace::Folder(path) => mounted("none", path, "bind".to_owned()),
            },
            ..Default::default()
        };
        let call = format!("create volume {name}");
        bounded(call, ANSWER, self.docker.create_volume(request)).await?;
        Ok(())
    }

    pub(super) async fn drop_volume(&self, name: &str) -> Result<bool, EngineError> {
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        let call = format!("remove volume {name}");
        match bounded(call, ANSWER, self.docker.remove_volume(name, Some(options))).await {
            Ok(()) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    pub(super) async fn volumes_labelled(&self, label: &str) -> Result<Vec<VolumeInfo>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let answer = bounded("list volumes", ANSWER, self.docker.list_volumes(Some(options))).await?;
        Ok(answer
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|v| VolumeInfo {
                name: v.name,
                labels: v.labels.into_iter().collect(),
            })
            .collect())
    }
}
