//! `sweep`: removes what killed runs left behind.

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

/// How often what could not be removed is tried again.
const LOOKS: u32 = 20;
/// How long is waited before that.
const BETWEEN: Duration = Duration::from_millis(500);

/// Removes, or with `--dry-run` lists, everything with our label but for that of runs under way, or what one run left.
pub async fn sweep(args: SweepOptions) -> Result<Exit, Failure> {
    let connected = session::connect(&args.engine).await?;
    let engine = connected.engine;
    let host = connected.info.host.clone();
    let failed = |e| Failure::engine(&e, &host);
    let cache = Cache::default();
    let lives = active_runs::under_way(&cache);
    let meant = |run: &str| match args.run.as_deref() {
        Some(only) => only == run,
        // Asked after the engine was: a run that began meanwhile is one that lives.
        None => !active_runs::is_under_way(&cache, run),
    };
    if args.dry_run {
        let all = there(&engine, meant).await.map_err(failed)?;
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
    let mut swept = comeback_runner::sweep(&engine, meant).await.map_err(failed)?;
    for _ in 0..LOOKS {
        if swept.stuck.is_empty() {
            break;
        }
        // The process behind a killed run may be removing the same.
        tokio::time::sleep(BETWEEN).await;
        let more = comeback_runner::sweep(&engine, meant).await.map_err(failed)?;
        swept.containers.extend(more.containers);
        swept.volumes.extend(more.volumes);
        swept.stuck = more.stuck;
    }
    if !swept.stuck.is_empty() {
        return Err(Failure::new(FailureKind::Leak { left: swept.stuck }));
    }
    let removed = match (swept.containers.len(), swept.volumes.len()) {
        (0, 0) => match &args.run {
            Some(run) => format!("nothing of run {} is there\n", sanitize(run)),
            None => "nothing of ours was left\n".to_owned(),
        },
        (containers, volumes) => format!("removed {}\n", counted_resources(containers, volumes)),
    };
    print(&(removed + &spared(&engine, &args, &lives).await.map_err(failed)?))?;
    Ok(Exit::Held)
}

/// What of the runs that are meant is on the engine: its kind and its name.
async fn there(
    engine: &Arc<dyn Engine>,
    meant: impl Fn(&str) -> bool,
) -> Result<Vec<(&'static str, String)>, EngineError> {
    let containers = engine.list_containers(RUN_LABEL).await?.into_iter();
    let volumes = engine.list_volumes(RUN_LABEL).await?.into_iter();
    let containers = containers.map(|c| ("container", c.name, c.labels));
    let volumes = volumes.map(|v| ("volume", v.name, v.labels));
    let is_meant = |labels: &BTreeMap<String, String>| labels.get(RUN_LABEL).is_some_and(|run| meant(run));
    let all = containers.chain(volumes).filter(|(.., labels)| is_meant(labels));
    Ok(all.map(|(kind, name, _)| (kind, name)).collect())
}

/// What is left alone because its run is under way, and how it is removed all the same; nothing if a run was named.
async fn spared(
    engine: &Arc<dyn Engine>,
    args: &SweepOptions,
    lives: &BTreeSet<String>,
) -> Result<String, EngineError> {
    if args.run.is_some() || lives.is_empty() {
        return Ok(String::new());
    }
    let all = there(engine, |run| lives.contains(run)).await?;
    if all.is_empty() {
        return Ok(String::new());
    }
    let whose: Vec<&str> = lives.iter().map(String::as_str).collect();
    Ok(format!(
        "left alone: {} of what is under way ({}); `--run` removes that too\n",
        counted(&all),
        whose.join(", ")
    ))
}

fn counted(all: &[(&str, String)]) -> String {
    let volumes = all.iter().filter(|(kind, _)| *kind == "volume").count();
    counted_resources(all.len() - volumes, volumes)
}
