//! Which runs of this host are under way: each holds a lock in the cache for as long as its process lives, whatever ends it.
//! A lock that nobody holds is of a run that was killed. Of runs of other hosts and users nothing is known, and nothing said.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::resources::counted_resources;
use comeback_engine::{Engine, RUN_LABEL};
use comeback_image::Cache;

/// Folder of the locks, in the cache.
pub const FOLDER: &str = "alive";
/// How the file of a run begins that is not locked yet. No run's id does.
const BEGINNING: char = '.';

/// Says that a run is under way. Dropping it says that it came to its end.
pub struct Alive {
    path: PathBuf,
    _file: File,
}

impl Alive {
    /// Says so from now on. A cache that cannot be written to is no reason not to run.
    pub fn declare(cache: &Cache, run: &str) -> Option<Self> {
        let path = cache.path(format!("{FOLDER}/{run}")).ok()?;
        // It gets its name once it is locked: a file of that name without a lock is of a run that was killed.
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

/// Every run that said it is under way and did not come to its end since, with the file that says so, and whether its
/// process lives.
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
        // One that came to its end while it was looked at has taken its file away before it let go of it.
        .filter(|(_, path, lives)| *lives || path.is_file())
        .collect()
}

/// True if a process holds the lock of that file. Shared, so that two that look do not take each other for it.
pub fn is_held(path: &Path) -> bool {
    !File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// True if that run of this host and user is under way now. A run says so before it creates anything: asked after something
/// of it was seen, this is no guess.
pub fn is_under_way(cache: &Cache, run: &str) -> bool {
    let path = cache.path(format!("{FOLDER}/{run}"));
    path.is_ok_and(|path| path.is_file() && is_held(&path))
}

/// Runs of this host and user that are under way.
pub fn under_way(cache: &Cache) -> BTreeSet<String> {
    let declared = declared(cache).into_iter();
    declared.filter(|(.., lives)| *lives).map(|(run, ..)| run).collect()
}

/// In one line: what killed runs of this host left on the engine, and what removes it. `None` if nothing is left.
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
            // Removed by the process behind it, or by a sweep. It may have run on another engine: then nobody is told.
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
        "{} of {whose} are still there; `{command}` removes them",
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

    /// Whoever looks while a run begins or ends sees no run, or one that lives; never one that was killed.
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
    fn it_is_asked_of_one_run_too() {
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
    async fn only_what_a_killed_run_left_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let engine = with_containers(&["killed", "lives", "ended", "another-hosts"]).await;
        let lives = Alive::declare(&cache, "lives");
        drop(Alive::declare(&cache, "ended"));
        assert_eq!(left_by_killed(&cache, &engine).await, None);
        assert_eq!(under_way(&cache), ["lives".to_owned()].into());
        // A process that is killed lets go of its lock, and the file stays.
        File::create(cache.path("alive/killed").unwrap()).unwrap();
        let told = left_by_killed(&cache, &engine).await.unwrap();
        assert_eq!(
            told,
            "1 container and 0 volumes of a run that was killed are still there; `comeback sweep --run killed` removes them"
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
