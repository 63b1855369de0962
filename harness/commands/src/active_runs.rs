//! The runs of this host that are going on. Each holds a lock in the cache for as long as its process lives. A lock file that
//! nobody has locked belongs to a run that was killed. Runs of other hosts and users are not known here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::resources::counted_resources;
use comeback_engine::{Engine, RUN_LABEL};
use comeback_image::Cache;

/// Folder of the locks, in the cache.
pub const FOLDER: &str = "alive";
/// Prefix of a lock file that is not locked yet. No run's id begins with it.
const BEGINNING: char = '.';

/// The declaration that a run is going on. Dropping it withdraws the declaration.
pub struct Alive {
    path: PathBuf,
    _file: File,
}

impl Alive {
    /// Declares a run. `None` if the cache cannot be written to, which does not keep the run from going on.
    pub fn declare(cache: &Cache, run: &str) -> Option<Self> {
        let path = cache.path(format!("{FOLDER}/{run}")).ok()?;
        // Renamed once it is locked: an unlocked file of that name belongs to a run that was killed.
        let unnamed = path.with_file_name(format!("{BEGINNING}{run}"));
        let file = File::create(&unnamed).ok()?;
        file.try_lock().ok()?;
        fs::rename(&unnamed, &path).ok()?;
        Some(Self { path, _file: file })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Every declared run with its lock file, and whether its process lives.
fn declared(cache: &Cache) -> Vec<(String, PathBuf, bool)> {
    let folder = cache.path(format!("{FOLDER}/x")).ok();
    let folder = folder.as_deref().and_then(Path::parent);
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    let files = entries.into_iter().flatten().flatten();
    let run = |file: fs::DirEntry| Some((file.file_name().to_str()?.to_owned(), file.path()));
    files
        .filter_map(run)
        .filter(|(run, _)| !run.starts_with(BEGINNING))
        .map(|(run, path)| {
            let lives = is_held(&path);
            (run, path, lives)
        })
        // A run that has just ended removed its file before it released the lock.
        .filter(|(_, path, lives)| *lives || path.is_file())
        .collect()
}

/// True if a process holds the lock of the file. The test takes a shared lock, so that two tests do not see each other.
pub fn is_held(path: &Path) -> bool {
    !File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// True if this run of this host and user is going on. A run declares itself before it creates anything, so the answer is
/// certain for a run of which something has been seen.
pub fn is_under_way(cache: &Cache, run: &str) -> bool {
    let path = cache.path(format!("{FOLDER}/{run}"));
    path.is_ok_and(|path| path.is_file() && is_held(&path))
}

/// Runs of this host and user that are going on.
pub fn under_way(cache: &Cache) -> BTreeSet<String> {
    let declared = declared(cache).into_iter();
    declared.filter(|(.., lives)| *lives).map(|(run, ..)| run).collect()
}

/// A line about leftovers of killed runs of this host on the engine, with the command that removes them. `None` without any.
pub async fn left_by_killed(cache: &Cache, engine: &Arc<dyn Engine>) -> Option<String> {
    let mut killed = declared(cache);
    killed.retain(|(.., lives)| !lives);
    if killed.is_empty() {
        return None;
    }
    let containers = engine.list_containers(RUN_LABEL).await.ok()?;
    let volumes = engine.list_volumes(RUN_LABEL).await.ok()?;
    let (mut counts, mut runs) = ([0, 0], Vec::new());
    for (run, path, _) in killed {
        let is_its = |label: Option<&String>| label == Some(&run);
        let of_containers = containers.iter().filter(|c| is_its(c.labels.get(RUN_LABEL))).count();
        let of_volumes = volumes.iter().filter(|v| is_its(v.labels.get(RUN_LABEL))).count();
        if of_containers + of_volumes == 0 {
            // Its watchdog or a sweep has cleaned up. If it ran on another engine, its leftovers there are not reported.
            let _ = fs::remove_file(path);
            continue;
        }
        counts = [counts[0] + of_containers, counts[1] + of_volumes];
        runs.push(run);
    }
    let first = runs.first()?;
    let (whose, command) = match runs.len() {
        1 => (
            "a run that was killed".to_owned(),
            format!("comeback sweep --run {first}"),
        ),
        n => (format!("{n} runs that were killed"), "comeback sweep".to_owned()),
    };
    Some(format!(
        "{} of {whose} are still on the engine; `{command}` removes them",
        counted_resources(counts[0], counts[1])
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use comeback_engine::ContainerSpec;
    use comeback_fake::{Fake, Personality};

    async fn with_containers(runs: &[&str]) -> Arc<dyn Engine> {
        let engine: Arc<dyn Engine> = Arc::new(Fake::new(Personality::Fixed));
        for run in runs {
            let spec = ContainerSpec {
                name: (*run).to_owned(),
                labels: [(RUN_LABEL.to_owned(), (*run).to_owned())].into(),
                ..ContainerSpec::default()
            };
            engine.create_container(&spec).await.unwrap();
        }
        engine
    }

    /// A run that is beginning or ending is seen as going on or not at all, and never as killed.
    #[test]
    fn a_run_that_is_just_beginning_is_not_taken_for_a_killed_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let looking = AtomicBool::new(true);
        let dead = std::thread::scope(|scope| {
            let look = scope.spawn(|| {
                let mut dead = Vec::new();
                while looking.load(Ordering::Relaxed) {
                    dead.extend(declared(&cache).into_iter().filter(|(.., lives)| !lives));
                }
                dead
            });
            for n in 0..10_000 {
                drop(Alive::declare(&cache, &n.to_string()));
            }
            looking.store(false, Ordering::Relaxed);
            look.join().unwrap()
        });
        assert_eq!(dead.first(), None);
    }

    #[test]
    fn a_single_run_can_be_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let lives = Alive::declare(&cache, "lives");
        File::create(cache.path("alive/killed").unwrap()).unwrap();
        let asked = ["lives", "killed", "never-was"].map(|run| is_under_way(&cache, run));
        assert_eq!(asked, [true, false, false]);
        drop(lives);
        assert!(!is_under_way(&cache, "lives"));
    }

    #[tokio::test]
    async fn only_leftovers_of_killed_runs_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let engine = with_containers(&["killed", "lives", "ended", "another-hosts"]).await;
        let lives = Alive::declare(&cache, "lives");
        drop(Alive::declare(&cache, "ended"));
        assert_eq!(left_by_killed(&cache, &engine).await, None);
        assert_eq!(under_way(&cache), ["lives".to_owned()].into());
        // A process that is killed lets go of its lock, and the file stays.
        File::create(cache.path("alive/killed").unwrap()).unwrap();
        let line = left_by_killed(&cache, &engine).await.unwrap();
        assert_eq!(
            line,
            "1 container and 0 volumes of a run that was killed are still on the engine; `comeback sweep --run killed` removes them"
        );
        assert_eq!(under_way(&cache), ["lives".to_owned()].into());
        engine.remove_container("killed").await.unwrap();
        assert_eq!(left_by_killed(&cache, &engine).await, None);
        assert!(!folder.path().join("alive/killed").exists());
        assert!(folder.path().join("alive/lives").exists());
        drop(lives);
        assert!(!folder.path().join("alive/lives").exists());
    }
}
