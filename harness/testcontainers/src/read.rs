//! What a container's gateways left to read.

use comeback_engine::testcontainers::{ContainerAsync, Image, TestcontainersError};
use comeback_gateway::boot_line::{BootLine, ON_STDOUT};
use comeback_gateway::files;
use serde_json::Value;

/// What the boot reconciler did, boot for boot and profile for profile, as it printed it. The container may have ended.
///
/// # Errors
/// The container's log cannot be read.
pub async fn boot_lines<I: Image>(container: &ContainerAsync<I>) -> Result<Vec<BootLine>, TestcontainersError> {
    let log = container.stdout_to_vec().await?;
    let log = String::from_utf8_lossy(&log);
    let lines = log.lines().filter_map(|line| line.strip_prefix(ON_STDOUT));
    Ok(lines.filter_map(BootLine::parse).collect())
}

/// A profile's state file. The container may have ended.
///
/// # Errors
/// The file is not there, or is not JSON.
pub async fn state<I: Image>(container: &ContainerAsync<I>, profile: &str) -> Result<Value, TestcontainersError> {
    let path = format!("{}/{}", files::DATA, files::state_of(profile));
    let content: Vec<u8> = container.copy_file_from(path, Vec::new()).await?;
    serde_json::from_slice(&content).map_err(TestcontainersError::other)
}
