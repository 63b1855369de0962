//! `sweep`: removes what killed runs left behind.

use std::time::Duration;

use super::{behind, print, session};
use crate::cli::args::Sweep;
use crate::cli::{Exit, Failure, FailureKind};
use crate::engine::RUN_LABEL;
use crate::report::sanitize;
use crate::runner;

/// How often what could not be removed is tried again.
const LOOKS: u32 = 20;
/// How long is waited before that.
const BETWEEN: Duration = Duration::from_millis(500);

/// Removes, or with `--dry-run` lists, everything with our label, or what one run left.
pub async fn sweep(args: Sweep) -> Result<Exit, Failure> {
    let connected = session::connect(&args.engine).await?;
    let engine = connected.engine;
    let host = connected.info.host.clone();
    let failed = |e| Failure::engine(&e, &host);
    let meant = |run: &str| args.run.as_deref().is_none_or(|only| only == run);
    if args.dry_run {
        let containers = engine.list_containers(RUN_LABEL).await.map_err(failed)?;
        let volumes = engine.list_volumes(RUN_LABEL).await.map_err(failed)?;
        let containers = containers
            .iter()
            .map(|c| ("container", &c.name, c.labels.get(RUN_LABEL)));
        let volumes = volumes.iter().map(|v| ("volume", &v.name, v.labels.get(RUN_LABEL)));
        let (mut text, mut counts) = (String::new(), [0, 0]);
        for (kind, name, run) in containers.chain(volumes) {
            if run.is_some_and(|run| meant(run)) {
                text.push_str(&format!("{kind:9} {name}\n"));
                counts[usize::from(kind == "volume")] += 1;
            }
        }
        text.push_str(&format!("would remove {}\n", things(counts[0], counts[1])));
        print(&text)?;
        return Ok(Exit::Held);
    }
    if let (true, Some(run)) = (args.behind, &args.run) {
        return match behind::clean_up(&engine, run, &[], true).await {
            None => Ok(Exit::Held),
            Some(why) => Err(Failure::new(FailureKind::Leak { left: vec![why] })),
        };
    }
    let mut swept = runner::sweep(&engine, meant).await.map_err(failed)?;
    for _ in 0..LOOKS {
        if swept.stuck.is_empty() {
            break;
        }
        // The process behind a killed run may be removing the same.
        tokio::time::sleep(BETWEEN).await;
        let more = runner::sweep(&engine, meant).await.map_err(failed)?;
        swept.containers.extend(more.containers);
        swept.volumes.extend(more.volumes);
        swept.stuck = more.stuck;
    }
    if !swept.stuck.is_empty() {
        return Err(Failure::new(FailureKind::Leak { left: swept.stuck }));
    }
    print(&match (swept.containers.len(), swept.volumes.len()) {
        (0, 0) => match &args.run {
            Some(run) => format!("nothing of run {} is there\n", sanitize(run)),
            None => "nothing of ours was left\n".to_owned(),
        },
        (containers, volumes) => format!("removed {}\n", things(containers, volumes)),
    })?;
    Ok(Exit::Held)
}

/// `2 containers and 1 volume`.
pub(super) fn things(containers: usize, volumes: usize) -> String {
    let s = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "{containers} container{} and {volumes} volume{}",
        s(containers),
        s(volumes)
    )
}
