//! The engine's own description of itself, for `comeback doctor`.

use super::{ANSWER, DockerEngine, bounded};
use crate::{EngineCondition, EngineError};

impl DockerEngine {
    pub(super) async fn engine_condition(&self) -> Result<EngineCondition, EngineError> {
        let info = bounded("info", ANSWER, self.docker.info()).await?;
        let security = info.security_options.unwrap_or_default();
        Ok(EngineCondition {
            system: info.operating_system.unwrap_or_default(),
            data_root: info.docker_root_dir.unwrap_or_default(),
            cgroup_driver: info.cgroup_driver.map(|d| d.to_string()).unwrap_or_default(),
            // Engines older than this field support version 1 only.
            cgroup_version: info.cgroup_version.map_or_else(|| "1".to_owned(), |v| v.to_string()),
            memory_limit: info.memory_limit.unwrap_or(false),
            swap_limit: info.swap_limit.unwrap_or(false),
            pids_limit: info.pids_limit.unwrap_or(false),
            rootless: security.iter().any(|option| option.contains("rootless")),
            warnings: info.warnings.unwrap_or_default(),
        })
    }
}
