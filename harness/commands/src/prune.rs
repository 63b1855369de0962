//! Keeps the cache from growing without end: old records, logs and remembered facts are removed when a run begins.
//!
//! This looks only at the cache's own folders, one level deep, and at most once a day. A record that was written elsewhere
//! (`--record DIR`) belongs to the user. Build locks are empty files and stay, because a lock without its file locks nothing.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::active_runs;
use comeback_image::{Cache, UV_VERSION};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many records are kept, the newest first.
const RECORDS: usize = 500;
/// How long a record is kept after it was last written to.
const RECORD_AGE: Duration = DAY.saturating_mul(30);
/// How long the log of a build is kept.
const LOG_AGE: Duration = DAY.saturating_mul(30);
/// How long other unused files are kept.
const FILE_AGE: Duration = DAY.saturating_mul(90);
/// Its time of modification is when the cache was last pruned.
const STAMP: &str = "pruned";
/// Prefix of a record that is being removed. No run's id begins with it.
const REMOVING: &str = ".removing-";

/// An entry in a folder of the cache. The metadata is that of the entry itself, also if it is a link.
struct Entry {
    path: PathBuf,
    name: String,
    metadata: Metadata,
}

/// Prunes in the background. A run does not wait for it, and an error is only logged. If the process ends first, a later run
/// does the rest.
pub fn begin(cache: Cache) {
    let pruning = move || {
        if let Err(error) = prune(&cache, SystemTime::now()) {
            tracing::debug!("the cache was not pruned: {error}");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("prune".to_owned()).spawn(pruning) {
        tracing::debug!("the cache is not pruned: {error}");
    }
}

/// Prunes, unless another process is pruning or has pruned within a day.
fn prune(cache: &Cache, now: SystemTime) -> io::Result<()> {
    let lock = cache.path("locks/prune").map_err(io::Error::other)?;
    let lock = File::create(lock)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    let stamp = cache.folder(STAMP);
    let pruned = fs::symlink_metadata(&stamp).and_then(|stamp| stamp.modified());
    // A stamp in the future means that the clock was set back. Then the cache is pruned.
    if pruned.is_ok_and(|pruned| now.duration_since(pruned).is_ok_and(|age| age < DAY)) {
        return Ok(());
    }
    records(cache, now);
    old_files(&cache.folder("logs"), now, LOG_AGE, |_| true);
    for folder in ["facts", "matrix"] {
        old_files(&cache.folder(folder), now, FILE_AGE, |_| true);
    }
    let is_held = |entry: &Entry| active_runs::is_held(&entry.path);
    old_files(&cache.folder(active_runs::FOLDER), now, FILE_AGE, |entry| {
        !is_held(entry)
    });
    old_files(&cache.folder(""), now, FILE_AGE, is_download);
    File::create(stamp)?.set_modified(now)
}

/// Removes records that are too old or too many. A run that is going on keeps its record.
fn records(cache: &Cache, now: SystemTime) {
    let mut records = entries(&cache.folder("runs"));
    records.retain(|entry| entry.metadata.is_dir());
    let (left, mut records): (Vec<_>, Vec<_>) = records.into_iter().partition(|e| e.name.starts_with(REMOVING));
    for entry in left {
        log_error(&entry.path, fs::remove_dir_all(&entry.path));
    }
    records.retain(|entry| is_run(&entry.name));
    records.sort_by_key(|entry| Reverse(entry.metadata.modified().ok()));
    for (position, entry) in records.iter().enumerate() {
        let is_old = entry.metadata.modified().is_ok_and(|at| is_older(now, at, RECORD_AGE));
        if (position < RECORDS && !is_old) || active_runs::is_under_way(cache, &entry.name) {
            continue;
        }
        // Renamed first, so that there is never half a record under its name.
        let removing = entry.path.with_file_name(format!("{REMOVING}{}", entry.name));
        let removed = fs::rename(&entry.path, &removing).and_then(|()| fs::remove_dir_all(&removing));
        log_error(&entry.path, removed);
    }
}

/// True for the id of a run, which begins with the time. Anything else was put there by the user and stays.
fn is_run(name: &str) -> bool {
    let (time, rest) = name.split_once('-').unwrap_or_default();
    time.len() == 14 && time.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty()
}

/// True for a download that this version does not use. Those that it uses are kept for `--offline`.
fn is_download(entry: &Entry) -> bool {
    let current = format!("uv-{UV_VERSION}-");
    let is_package = Path::new(&entry.name).extension() == Some(OsStr::new("deb"));
    is_package || (entry.name.starts_with("uv-") && !entry.name.starts_with(&current))
}

/// Removes files of a folder (not of its subfolders) that were not read or written for this long.
fn old_files(folder: &Path, now: SystemTime, age: Duration, may_go: impl Fn(&Entry) -> bool) {
    for entry in entries(folder) {
        let used = entry.metadata.modified().ok().max(entry.metadata.accessed().ok());
        let is_old = used.is_some_and(|at| is_older(now, at, age));
        if entry.metadata.is_file() && is_old && may_go(&entry) {
            log_error(&entry.path, fs::remove_file(&entry.path));
        }
    }
}

fn is_older(now: SystemTime, at: SystemTime, age: Duration) -> bool {
    now.duration_since(at).is_ok_and(|is| is > age)
}

/// The entries of a folder; none if the folder is a link.
fn entries(folder: &Path) -> Vec<Entry> {
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    let read = is_folder.then(|| fs::read_dir(folder).ok()).flatten();
    let entry = |entry: fs::DirEntry| {
        Some(Entry {
            path: entry.path(),
            name: entry.file_name().into_string().ok()?,
            metadata: entry.metadata().ok()?,
        })
    };
    read.into_iter().flatten().flatten().filter_map(entry).collect()
}

fn log_error(path: &Path, removed: io::Result<()>) {
    if let Err(error) = removed {
        tracing::debug!("{} stays in the cache: {error}", path.display());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::FileTimes;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    const RUN: &str = "20260101000000-1-1";

    struct Place {
        folder: TempDir,
        cache: Cache,
        now: SystemTime,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = Cache::at(folder.path());
            let now = SystemTime::now();
            Self { folder, cache, now }
        }

        fn age(&self, path: &Path, days: u32) {
            let at = self.now - DAY * days;
            let times = FileTimes::new().set_accessed(at).set_modified(at);
            File::open(path).unwrap().set_times(times).unwrap();
        }

        fn file(&self, path: &str, days: u32) -> PathBuf {
            let path = self.cache.path(path).unwrap();
            fs::write(&path, "x").unwrap();
            self.age(&path, days);
            path
        }

        fn record(&self, run: &str, days: u32) {
            let ledger = self.file(&format!("runs/{run}/ledger.jsonl"), days);
            self.age(ledger.parent().unwrap(), days);
        }

        fn prune(&self) {
            prune(&self.cache, self.now).unwrap();
        }

        fn prune_a_day_later(&mut self) {
            self.now += DAY;
            self.prune();
        }

        fn has(&self, path: &str) -> bool {
            fs::symlink_metadata(self.folder.path().join(path)).is_ok()
        }
    }

    #[test]
    fn old_records_are_removed_and_other_folders_stay() {
        let place = Place::new();
        place.record("20260101000000-1-1", 31);
        place.record("20260101000000-1-2", 29);
        place.record("mine", 1000);
        place.record(&format!("{REMOVING}20260101000000-1-3"), 0);
        place.prune();
        assert_eq!(fs::read_dir(place.folder.path().join("runs")).unwrap().count(), 2);
        assert!(place.has("runs/20260101000000-1-2") && place.has("runs/mine"));
    }

    #[test]
    fn the_newest_records_stay() {
        let place = Place::new();
        place.record("20260101000000-0-oldest", 3);
        for n in 0..RECORDS {
            place.record(&format!("20260101000000-1-{n}"), 2);
        }
        place.prune();
        assert!(!place.has("runs/20260101000000-0-oldest"));
        assert_eq!(fs::read_dir(place.folder.path().join("runs")).unwrap().count(), RECORDS);
    }

    #[test]
    fn a_run_under_way_keeps_its_record() {
        let mut place = Place::new();
        place.record(RUN, 40);
        let alive = active_runs::Alive::declare(&place.cache, RUN);
        place.age(&place.folder.path().join("alive").join(RUN), 1000);
        place.file("alive/20260101000000-1-killed", 91);
        place.file("alive/20260101000000-2-killed", 80);
        place.prune();
        assert!(place.has(&format!("runs/{RUN}/ledger.jsonl")));
        assert!(place.has(&format!("alive/{RUN}")));
        assert!(!place.has("alive/20260101000000-1-killed"));
        assert!(place.has("alive/20260101000000-2-killed"));
        drop(alive);
        place.prune_a_day_later();
        assert!(!place.has(&format!("runs/{RUN}")));
    }

    #[test]
    fn unused_files_are_removed() {
        let place = Place::new();
        let current = format!("uv-{UV_VERSION}-x86_64");
        for (path, days) in [("logs/old.log", 31), ("facts/old.json", 91), ("matrix/old.json", 91)] {
            place.file(path, days);
        }
        for (path, days) in [("logs/new.log", 29), ("facts/new.json", 89), ("matrix/new.json", 89)] {
            place.file(path, days);
        }
        for path in [
            "uv-0.0.1-x86_64",
            "mmdebstrap.deb",
            current.as_str(),
            "lengths.json",
            "locks/key",
        ] {
            place.file(path, 1000);
        }
        // Written long ago, and read since.
        let read = place.file("matrix/read.json", 1000);
        let times = FileTimes::new().set_accessed(place.now - DAY);
        File::open(read).unwrap().set_times(times).unwrap();
        place.prune();
        for path in [
            "logs/old.log",
            "facts/old.json",
            "matrix/old.json",
            "uv-0.0.1-x86_64",
            "mmdebstrap.deb",
        ] {
            assert!(!place.has(path), "{path} is still there");
        }
        for path in [
            "logs/new.log",
            "facts/new.json",
            "matrix/new.json",
            "matrix/read.json",
            "lengths.json",
            "locks/key",
        ] {
            assert!(place.has(path), "{path} is gone");
        }
        assert!(place.has(&current));
    }

    #[test]
    fn links_are_not_followed() {
        let place = Place::new();
        let elsewhere = Place::new();
        elsewhere.record(RUN, 1000);
        elsewhere.file("old.json", 1000);
        let target = elsewhere.folder.path();
        // A folder of the cache, a record, and something in a record.
        symlink(target, place.cache.path("matrix").unwrap()).unwrap();
        symlink(
            target.join("runs").join(RUN),
            place.cache.path(format!("runs/{RUN}")).unwrap(),
        )
        .unwrap();
        place.record("20260101000000-1-2", 31);
        let record = place.folder.path().join("runs/20260101000000-1-2");
        symlink(target, record.join("link")).unwrap();
        place.age(&record, 31);
        // Pruned later than any link was made.
        prune(&place.cache, place.now + DAY * 1000).unwrap();
        assert!(!record.exists());
        assert!(elsewhere.has("old.json") && elsewhere.has(&format!("runs/{RUN}/ledger.jsonl")));
    }

    #[test]
    fn only_one_process_prunes_and_only_once_a_day() {
        let mut place = Place::new();
        place.prune();
        place.file("logs/old.log", 40);
        place.prune();
        assert!(place.has("logs/old.log"), "pruned twice a day");
        let other = File::open(place.cache.path("locks/prune").unwrap()).unwrap();
        other.lock().unwrap();
        place.prune_a_day_later();
        assert!(place.has("logs/old.log"), "pruned while another does");
        drop(other);
        place.prune();
        assert!(!place.has("logs/old.log"));
    }
}
