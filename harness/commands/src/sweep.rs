//! `sweep`: removes the leftovers of killed runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::resources::counted_resources;
use super::{active_runs, print, session, watchdog};
use crate::options::SweepOptions;
use crate::{Failure, FailureKind};
use comeback_engine::{Engine, EngineError, RUN_LABEL};
use comeback_image::Cache;
use comeback_text::terminal::sanitize;
use comeback_verdict::Exit;

/// How often a failed removal is retried.
const LOOKS: u32 = 20;
/// The time between two tries.
const BETWEEN: Duration = Duration::from_millis(500);

/// Removes, or with `--dry-run` lists, everything with a run's label. Runs that are still going on are spared; if a run is
/// named, only its leftovers are removed.
pub async fn sweep(args: SweepOptions) -> Result<Exit, Failure> {
    let connected = session::connect(&args.engine).await?;
    let engine = connected.engine;
    let host = connected.info.host.clone();
    let failed = |e| Failure::engine(&e, &host);
    let cache = Cache::default();
    let lives = active_runs::under_way(&cache);
    let selected = |run: &str| match args.run.as_deref() {
        Some(only) => only == run,
        // Asked after the engine has listed its resources, so that a run that has just begun is seen as going on.
        None => !active_runs::is_under_way(&cache, run),
    };
    if args.dry_run {
        let all = resources(&engine, selected).await.map_err(failed)?;
        let mut text: String = all.iter().map(|(kind, name)| format!("{kind:9} {name}\n")).collect();
        text.push_str(&format!("would remove {}\n", counted(&all)));
        print(&(text + &spared(&engine, &args, &lives).await.map_err(failed)?))?;
        return Ok(Exit::Held);
    }
    if let (true, Some(run)) = (args.watchdog, &args.run) {
        return match watchdog::clean_up(&engine, run, &[], true).await {
            None => Ok(Exit::Held),
            Some(why) => Err(Failure::new(FailureKind::Leak { left: vec![why] })),
        };
    }
    let mut swept = comeback_runner::sweep(&engine, selected).await.map_err(failed)?;
    for _ in 0..LOOKS {
        if swept.stuck.is_empty() {
            break;
        }
        // The watchdog of a killed run may be removing the same resources.
        tokio::time::sleep(BETWEEN).await;
        let more = comeback_runner::sweep(&engine, selected).await.map_err(failed)?;
        swept.containers.extend(more.containers);
        swept.volumes.extend(more.volumes);
        swept.stuck = more.stuck;
    }
    if !swept.stuck.is_empty() {
        return Err(Failure::new(FailureKind::Leak { left: swept.stuck }));
    }
    let removed = match (swept.containers.len(), swept.volumes.len()) {
        (0, 0) => match &args.run {
            Some(run) => format!("nothing is left of run {}\n", sanitize(run)),
            None => "nothing is left of killed runs\n".to_owned(),
        },
        (containers, volumes) => format!("removed {}\n", counted_resources(containers, volumes)),
    };
    print(&(removed + &spared(&engine, &args, &lives).await.map_err(failed)?))?;
    Ok(Exit::Held)
}

/// The resources of the selected runs on the engine: kind and name.
async fn resources(
    engine: &Arc<dyn Engine>,
    selected: impl Fn(&str) -> bool,
) -> Result<Vec<(&'static str, String)>, EngineError> {
    let containers = engine.list_containers(RUN_LABEL).await?.into_iter();
    let volumes = engine.list_volumes(RUN_LABEL).await?.into_iter();
    let containers = containers.map(|c| ("container", c.name, c.labels));
    let volumes = volumes.map(|v| ("volume", v.name, v.labels));
    let is_selected = |labels: &BTreeMap<String, String>| labels.get(RUN_LABEL).is_some_and(|run| selected(run));
    let all = containers.chain(volumes).filter(|(.., labels)| is_selected(labels));
    Ok(all.map(|(kind, name, _)| (kind, name)).collect())
}

/// A line about the resources of runs that are still going on, which are spared. Empty if a run was named.
async fn spared(
    engine: &Arc<dyn Engine>,
    args: &SweepOptions,
    lives: &BTreeSet<String>,
) -> Result<String, EngineError> {
    if args.run.is_some() || lives.is_empty() {
        return Ok(String::new());
    }
    let all = resources(engine, |run| lives.contains(run)).await?;
    if all.is_empty() {
        return Ok(String::new());
    }
    let whose: Vec<&str> = lives.iter().map(String::as_str).collect();
    Ok(format!(
        "spared: {} of runs that are still going on ({}); `--run` removes them too\n",
        counted(&all),
        whose.join(", ")
    ))
}

fn counted(all: &[(&str, String)]) -> String {
    let volumes = all.iter().filter(|(kind, _)| *kind == "volume").count();
    counted_resources(all.len() - volumes, volumes)
}
