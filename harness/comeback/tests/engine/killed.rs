//! A run that is killed: its watchdog removes what it had created.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comeback_engine::Engine;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Notify;

use super::outsider::{child, stub};
use super::proxy::{Proxy, Seen};
use super::{engine, processes_of, resources_of};

/// The requests at which a run is killed: from the creation of the volume to the last reads before the removal. At
/// each of them it is killed once before the request is passed on, and once when the request is done but not yet
/// answered.
const REQUESTS: std::ops::RangeInclusive<usize> = 8..=34;
/// A run of this test takes every third of them, another third each time; with this variable it takes them all, as at night.
const ALL: &str = "COMEBACK_ALL_MOMENTS";
/// How many are in progress at a time.
const AT_ONCE: usize = 6;
/// Time limit until everything is removed.
const LIMIT: Duration = Duration::from_secs(10);

/// The id of the run with this record, once it has one.
fn run_of(record: &Path) -> Option<String> {
    let ledger = std::fs::read_to_string(record.join("ledger.jsonl")).ok()?;
    let began: serde_json::Value = serde_json::from_str(ledger.lines().next()?).ok()?;
    began["run"].as_str().map(str::to_owned)
}

/// The result of a run that was killed.
struct Killed {
    moment: Seen,
    at: String,
    had: usize,
    left: Vec<String>,
    watchers: Vec<u32>,
    took: Duration,
}

async fn killed_at(engine: Arc<dyn Engine>, moment: Seen) -> Killed {
    let now = Arc::new(Notify::new());
    let proxy = Proxy::start(Vec::new(), {
        let now = now.clone();
        move |seen| {
            if seen == moment {
                now.notify_one();
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let child = child()
        .args([
            "check",
            &stub("0.17.0"),
            "--filter",
            "docker-restart",
            "--host",
            &proxy.host,
            "--record",
        ])
        .arg(&record)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = child;
    tokio::time::timeout(Duration::from_secs(120), now.notified())
        .await
        .unwrap_or_else(|_| panic!("the run never reached {moment:?}:\n{}", proxy.requests().join("\n")));
    child.kill().unwrap();
    child.wait().unwrap();
    let since = Instant::now();
    let (Seen::Asked(number) | Seen::Answered(number)) = moment;
    let at = proxy.requests().get(number - 1).cloned().unwrap_or_default();
    let run = run_of(&record);
    let mut killed = Killed {
        moment,
        at,
        had: 0,
        left: Vec::new(),
        watchers: Vec::new(),
        took: Duration::ZERO,
    };
    let Some(run) = run else { return killed };
    loop {
        killed.left = resources_of(&engine, &run).await;
        killed.watchers = processes_of(&run);
        killed.had = killed.had.max(killed.left.len());
        killed.took = since.elapsed();
        // The watchdog ends last, after it has found nothing more to remove.
        if killed.left.is_empty() && killed.watchers.is_empty() || killed.took > LIMIT {
            return killed;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_moment_leaves_nothing() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let third = (std::env::var_os(ALL).is_none()).then(|| std::process::id() as usize % 3);
    let moments: Vec<Seen> = REQUESTS
        .flat_map(|n| [Seen::Asked(n), Seen::Answered(n)])
        .zip(0..)
        .filter(|(_, i)| third.is_none_or(|third| i % 3 == third))
        .map(|(moment, _)| moment)
        .collect();
    let wanted = moments.len();
    let all: Vec<Killed> = stream::iter(moments)
        .map(|moment| tokio::spawn(killed_at(engine.clone(), moment)))
        .buffer_unordered(AT_ONCE)
        .map(|done| done.unwrap())
        .collect()
        .await;
    let longest = all.iter().map(|k| k.took).max().unwrap_or_default();
    let had = all.iter().filter(|k| k.had > 0).count();
    println!(
        "{} kills, {had} of them with things to remove; the longest took {longest:?}",
        all.len()
    );
    let bad: Vec<String> = all
        .iter()
        .filter(|k| !k.left.is_empty() || !k.watchers.is_empty())
        .map(|k| {
            format!(
                "{:?} ({}): left {:?}, watched by {:?}",
                k.moment, k.at, k.left, k.watchers
            )
        })
        .collect();
    assert!(bad.is_empty(), "after {LIMIT:?}:\n{}", bad.join("\n"));
    assert!(
        all.len() == wanted && wanted >= 18 && had > all.len() / 2,
        "only {had} of the killed runs had created anything"
    );
}
