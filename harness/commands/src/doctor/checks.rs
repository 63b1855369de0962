//! The checks, one function each.

use super::tested;
use super::ways::Ways;
use crate::REFERENCES;
use crate::options::EngineOptions;
use crate::session::{self, Connected};
use comeback_engine::{Address, Engine, EngineCondition, EngineInfo, NamedBy, NoAddress};
use comeback_history::clock::ClockOffset;
use comeback_image::{Base, Cache, ImageError, ImageExpr, list, survey};
use comeback_report::doctor::Finding;
use comeback_scenario::vocabulary::{NEEDS, Need};

/// The space that the images of both references and a few runs take, in bytes.
const ROOM: u64 = 2_000_000_000;
const GB: u64 = 1_000_000_000;

/// The engine, and where its address comes from.
pub async fn engine(
    args: &EngineOptions,
    address: Option<&Result<Address, NoAddress>>,
) -> (Option<Connected>, Finding) {
    let named_by = match address {
        Some(Ok(address)) => address.named_by.clone(),
        // Connecting fails for the same reason, and says it.
        _ => NamedBy::Asked,
    };
    match session::connect(args).await {
        Ok(connected) => {
            let info = &connected.info;
            let tested = tested::words(&info.name, &info.version);
            let what = format!("{} {} at {}: {named_by}; {tested}", info.name, info.version, info.host);
            (Some(connected), Finding::ok("engine", what))
        }
        Err(failure) => {
            let why = failure.why().unwrap_or_default();
            let named = if matches!(address, Some(Ok(_))) {
                format!(", {named_by}")
            } else {
                String::new()
            };
            let what = format!("{}{named}: {why}", failure.what());
            // Without the advice to run `comeback doctor`: this is its output.
            let hint = failure.hint().unwrap_or_default();
            let advice = hint.split("; `comeback doctor`").next().unwrap_or_default();
            (None, Finding::bad("engine", what, advice))
        }
    }
}

/// The API, and the host of the engine.
pub fn api(info: &EngineInfo) -> Finding {
    let what = format!(
        "{}; {} processors, {} MB of memory, {}",
        info.api,
        info.cpus,
        info.memory / 1_000_000,
        info.architecture
    );
    if info.architecture == "x86_64" {
        Finding::ok("API", what)
    } else {
        let advice = "comeback has only been tested on x86_64: please report how it works here";
        Finding::warn("API", what, advice)
    }
}

/// The clock of the engine's host, compared with this host's.
pub fn clock(offset: Option<ClockOffset>) -> Finding {
    let Some(clock) = offset else {
        let advice = "synchronize the clocks of both hosts with NTP, so that there is no difference";
        return Finding::warn("clock", session::NO_CLOCK, advice);
    };
    let within = format!("measured to {} ms", clock.uncertainty_ms);
    let what = match clock.words() {
        Some(words) => format!("{words}, {within}; comeback corrects for it"),
        None => format!("the same as this host's, {within}"),
    };
    Finding::ok("clock", what)
}

/// The storage driver of the engine.
pub fn storage(info: &EngineInfo, condition: &EngineCondition) -> Finding {
    let what = format!("{} on {}", info.storage, condition.system);
    match info.storage.as_str() {
        "fuse-overlayfs" | "vfs" => Finding::warn(
            "storage",
            format!("{what}: with overlay2, images are built sooner and a run takes about two thirds of the time"),
            "nothing to do, unless the engine can use overlay2",
        ),
        _ => Finding::ok("storage", what),
    }
}

/// Disk space for images, if the engine's folder is on this host.
pub fn disk(info: &EngineInfo, condition: &EngineCondition) -> Finding {
    let root = condition.data_root.as_str();
    let local = info.host.starts_with("unix://") && !root.is_empty();
    let room = local.then(|| rustix::fs::statvfs(root).ok()).flatten();
    let Some(room) = room else {
        return Finding::ok(
            "disk",
            format!("{root} is not on this host, so its free space is not known"),
        );
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let what = format!("{:.1} GB free in {root}", free as f64 / GB as f64);
    if free >= ROOM {
        Finding::ok("disk", what)
    } else {
        let advice = "the images of both references and a run take up to 2 GB: make room, e.g. `comeback images prune --older-than \
                      7d`";
        Finding::bad("disk", what, advice)
    }
}

/// Resource limits. Some scenarios test them, and all cases run under them.
pub fn limits(condition: &EngineCondition) -> Finding {
    let rootless = if condition.rootless { ", rootless" } else { "" };
    let with = format!(
        "cgroup v{} ({}{rootless})",
        condition.cgroup_version, condition.cgroup_driver
    );
    let mut missing = Vec::new();
    if !condition.memory_limit {
        missing.push("memory (scenarios about OOM are unsupported)");
    }
    if !condition.pids_limit {
        missing.push("the number of processes");
    }
    if missing.is_empty() {
        let swap = if condition.swap_limit {
            ", swap included"
        } else {
            ", swap not counted"
        };
        return Finding::ok("limits", format!("memory{swap}, and processes; {with}"));
    }
    Finding::warn(
        "limits",
        format!("not enforced: {}; {with}", missing.join(", ")),
        "let the engine use cgroups with the memory and pids controllers (rootless: cgroup v2 with systemd delegation)",
    )
}

/// The engine's own warnings, without those about limits, which have a check of their own.
pub fn warnings(condition: &EngineCondition) -> Vec<Finding> {
    let other = |w: &&String| !w.contains("limit support") && !w.contains("blkio") && !w.contains("bridge-nf");
    let said: Vec<&str> = condition.warnings.iter().filter(other).map(|w| w.trim()).collect();
    if said.is_empty() {
        return Vec::new();
    }
    let advice = "the engine's own words: see its documentation if a run is affected";
    vec![Finding::warn("engine says", said.join("; "), advice)]
}

/// The sources of images.
pub async fn ways(engine: &dyn Engine, info: &EngineInfo, offline: bool) -> Result<Ways, ImageError> {
    let bases = survey::bases(engine).await?;
    let mut references = Vec::new();
    for name in REFERENCES {
        let expression: ImageExpr = name.parse()?;
        references.push((name.to_owned(), survey::here(engine, &expression).await?));
    }
    let stored = list(engine).await?;
    let default = bases.iter().find(|b| b.base == Base::default());
    let debian = default.map_or("", |b| b.debian);
    let (builder, pull, index) = tokio::join!(
        survey::builder_works(engine),
        async {
            match offline {
                true => None,
                false => Some(engine.probe_pull(debian).await.map_err(|e| e.kind.to_string())),
            }
        },
        index(offline)
    );
    Ok(Ways {
        references,
        default_base: default.is_some_and(|b| b.here),
        bases: bases.iter().filter(|b| b.here).map(|b| b.base.to_string()).collect(),
        stored: (stored.len(), stored.iter().map(|i| i.own).sum()),
        pull: (debian, pull),
        bootstrap: survey::bootstrap(&info.architecture),
        index,
        builder: builder.map_err(|e| e.to_string()),
    })
}

/// The answer of the package index; `None` when offline.
async fn index(offline: bool) -> Option<Result<String, String>> {
    if offline {
        return None;
    }
    Some(match survey::newest().await {
        Ok((newest, index)) => Ok(format!("{index} has hermes-agent up to {newest}")),
        Err(error) => Err(error.to_string()),
    })
}

/// What the engine cannot do. The Compose tool has a check of its own.
pub async fn support(info: &EngineInfo, condition: &EngineCondition, daemon_restart: Option<&str>) -> Vec<Finding> {
    let lacking = comeback_runner::unsupported(info, condition, daemon_restart).await;
    let lacking: Vec<_> = lacking.into_iter().filter(|(need, _)| *need != Need::Compose).collect();
    if lacking.is_empty() {
        return vec![Finding::ok(
            "operations",
            format!("this engine can do all that scenarios ask for: {}", NEEDS.join(", ")),
        )];
    }
    let finding = |(need, why): (Need, String)| {
        if need == Need::DaemonRestart {
            // Nothing is wrong with an engine that nobody restarts.
            return Finding::ok("operations", format!("{}: not done here: {why}", need.word()));
        }
        let advice = "scenarios that need it are unsupported; the others are not affected";
        Finding::warn("operations", format!("{}: {why}", need.word()), advice)
    };
    lacking.into_iter().map(finding).collect()
}

/// The compose tool, which one scenario needs.
pub async fn compose() -> Finding {
    match comeback_runner::compose_tool().await {
        Some(tool) => Finding::ok("compose", format!("`{tool}`")),
        None => Finding::warn(
            "compose",
            "neither `docker compose` nor `docker-compose` is on this host",
            "scenarios with compose-recreate are unsupported without it; the others do not need it",
        ),
    }
}

/// The cache folder, for downloads, logs and records.
pub fn cache() -> Finding {
    match survey::cache_works(&Cache::default()) {
        Ok(folder) => Finding::ok("cache", format!("{folder} can be written")),
        Err(error) => Finding::bad(
            "cache",
            error.to_string(),
            "records and downloads are kept there; --record DIR moves only the records",
        ),
    }
}
