//! `sweep`: removes what killed runs left behind.

use super::{print, session};
use crate::cli::args::Sweep;
use crate::cli::{Exit, Failure, FailureKind};
use crate::engine::RUN_LABEL;
use crate::runner;

pub async fn sweep(args: Sweep) -> Result<Exit, Failure> {
    let connected = session::connect(&args.engine).await?;
    let engine = connected.engine;
    let host = connected.info.host.clone();
    let failed = |e| Failure::engine(&e, &host);
    if args.dry_run {
        let containers = engine.list_containers(RUN_LABEL).await.map_err(failed)?;
        let volumes = engine.list_volumes(RUN_LABEL).await.map_err(failed)?;
        let mut text = String::new();
        for container in &containers {
            text.push_str(&format!("container {}\n", container.name));
        }
        for volume in &volumes {
            text.push_str(&format!("volume    {}\n", volume.name));
        }
        text.push_str(&format!(
            "would remove {} containers and {} volumes\n",
            containers.len(),
            volumes.len()
        ));
        print(&text)?;
        return Ok(Exit::Held);
    }
    let swept = runner::sweep(&engine, |_| true).await.map_err(failed)?;
    if !swept.stuck.is_empty() {
        return Err(Failure::new(FailureKind::Leak { left: swept.stuck }));
    }
    print(&match (swept.containers.len(), swept.volumes.len()) {
        (0, 0) => "nothing of ours was left\n".to_owned(),
        (containers, volumes) => format!("removed {containers} containers and {volumes} volumes\n"),
    })?;
    Ok(Exit::Held)
}
