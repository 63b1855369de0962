//! Files for the volume, as tar archives with the owner they need.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;

use super::case::Case;
use super::outcome::StepOutcome;
use super::{Done, Halt};
use comeback_engine::{Engine, EngineError, ExecSpec};
use comeback_gateway::{command, files};
use comeback_history::now::Process;
use comeback_scenario::model::{DEFAULT_PROFILE, Scenario, Seed, SeedContent};
use comeback_scenario::placeholders::{self, Placeholder};

/// uid and gid of `hermes` in scenarios, and in most images.
const HERMES: u64 = command::UID as u64;
/// The most that is read of a list of users, in bytes.
const USERS: usize = 64 * 1024;

/// The uid of `hermes` in a container: an image may change it, also while it boots.
pub async fn uid_of_hermes(engine: &dyn Engine, container: &str) -> Result<u64, EngineError> {
    let users = engine.download(container, command::USERS, USERS).await?;
    let users = users.as_deref().and_then(text_in).unwrap_or_default();
    Ok(command::uid_in(&users).map_or(HERMES, u64::from))
}

/// The file that uses up all room, on the volume.
const FILLER: &str = ".comeback-fill";
/// Writes a file until there is no room, first in large pieces, or removes it. Prints how many blocks are free then.
const FILL: &str = "import os, sys
what, path = sys.argv[1:]
if what == 'fill':
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for size in (1 << 20, 4096, 1):
        try:
            while True:
                os.write(fd, bytes(size))
        except OSError as error:
            if error.errno != 28:
                raise
elif os.path.lexists(path):
    os.unlink(path)
print('free', os.statvfs(os.path.dirname(path)).f_bavail)
";

impl Case {
    /// Uses up all room on the volume.
    pub async fn fill(&self) -> Done<StepOutcome> {
        match self.room("fill").await? {
            0 => Ok(StepOutcome::default()),
            free => Err(Halt::Inconclusive(
                format!("fill: {free} blocks of the volume are still free").into(),
            )),
        }
    }

    /// Gives that room back.
    pub async fn free(&self) -> Done<StepOutcome> {
        match self.room("free").await? {
            0 => Err(Halt::Inconclusive("free: no block of the volume is free".into())),
            _ => Ok(StepOutcome::default()),
        }
    }

    /// Fills the volume up, or gives the room back. Returns how many blocks are free then.
    async fn room(&self, what: &str) -> Done<u64> {
        let Some(keeper) = &self.keeper else {
            return Err(Halt::Inconclusive(format!("{what}: the volume has no size").into()));
        };
        let path = format!("{}/{FILLER}", files::DATA);
        let spec = ExecSpec {
            argv: ["python3", "-I", "-S", "-c", FILL, what, &path]
                .map(str::to_owned)
                .into(),
            user: Some("0".to_owned()),
            ..ExecSpec::default()
        };
        let end = self.ctx.engine.exec(keeper, &spec).await?;
        let free = end
            .output
            .trim()
            .strip_prefix("free ")
            .and_then(|free| free.parse().ok());
        match (end.exit, free) {
            (Some(0), Some(free)) => Ok(free),
            _ => {
                let said = match end.output.trim() {
                    "" => "it said nothing",
                    said => said,
                };
                Err(Halt::Inconclusive(
                    format!("{what}: it was not done ({}): {said}", end.ended()).into(),
                ))
            }
        }
    }
}

/// Puts an archive on the volume. Returns the first path that is not there afterwards as it is in the archive: that the engine
/// answered proves nothing.
pub async fn put(engine: &dyn Engine, container: &str, tar: Vec<u8>) -> Result<Option<String>, EngineError> {
    engine.upload(container, files::DATA, tar.clone()).await?;
    for leaf in leaves(&entries(&tar)) {
        let path = format!("{}/{}", files::DATA, leaf.path);
        let limit = leaf.content.len() + OVERHEAD;
        let there = match engine.download(container, &path, limit).await {
            Ok(Some(tar)) => entries(&tar).first().is_some_and(|found| found.is_like(leaf)),
            Ok(None) => false,
            // Another one may be there by now, and a longer one; of a directory that is no surprise.
            Err(error) if error.may_pass() => leaf.kind == tar::EntryType::Directory,
            Err(error) => return Err(error),
        };
        if !there {
            return Ok(Some(leaf.path.clone()));
        }
    }
    Ok(None)
}

/// The entries by which it is seen that all are there. A later one takes the place of an earlier one, and a directory is seen by
/// what was put into it: it would be read with all that is in it, which can be much.
fn leaves(all: &[Entry]) -> Vec<&Entry> {
    let remains = |(index, entry): &(usize, &Entry)| {
        let inside = format!("{}/", entry.path);
        let replaced = all[index + 1..].iter().any(|later| later.path == entry.path);
        !replaced && !all.iter().any(|other| other.path.starts_with(&inside))
    };
    all.iter().enumerate().filter(remains).map(|(_, entry)| entry).collect()
}

/// The most that an archive of one file is larger than the file, in bytes.
const OVERHEAD: usize = 64 * 1024;

/// What an archive has at a path.
struct Entry {
    path: String,
    kind: tar::EntryType,
    content: Vec<u8>,
    target: Option<std::path::PathBuf>,
}

impl Entry {
    /// True if it is of that kind and has that content. A directory may have more in it, and an engine may follow a link.
    fn is_like(&self, wanted: &Self) -> bool {
        match wanted.kind {
            tar::EntryType::Symlink => self.kind != tar::EntryType::Symlink || self.target == wanted.target,
            tar::EntryType::Directory => self.kind == tar::EntryType::Directory,
            _ => self.kind == wanted.kind && self.content == wanted.content,
        }
    }
}

/// The entries of an archive, as far as it can be read.
fn entries(tar: &[u8]) -> Vec<Entry> {
    let mut archive = tar::Archive::new(tar);
    let entry = |mut entry: tar::Entry<'_, &[u8]>| {
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        Some(Entry {
            path: entry.path().ok()?.to_string_lossy().trim_end_matches('/').to_owned(),
            kind: entry.header().entry_type(),
            content,
            target: entry.link_name().ok()?.map(std::borrow::Cow::into_owned),
        })
    };
    let entries = archive.entries().into_iter().flatten();
    entries.filter_map(|found| entry(found.ok()?)).collect()
}

/// The text of the first file of an archive.
fn text_in(tar: &[u8]) -> Option<String> {
    let first = entries(tar).into_iter().next()?;
    Some(String::from_utf8_lossy(&first.content).into_owned())
}

/// Files that must be on the volume before the first boot: the seeds, and what makes a profile of a directory.
pub fn before_boot(scenario: &Scenario) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for profile in scenario.profiles.iter().filter(|p| p.name != DEFAULT_PROFILE) {
        let directory = files::directory(&profile.name);
        seeds.push(if profile.soul {
            file(
                format!("{directory}/{}", files::SOUL),
                SeedContent::Text("A profile under test.\n".into()),
            )
        } else {
            file(directory, SeedContent::Dir)
        });
    }
    seeds.extend(scenario.seeds.iter().cloned());
    seeds
}

fn file(path: String, content: SeedContent) -> Seed {
    Seed {
        path,
        mode: if content == SeedContent::Dir { 0o755 } else { 0o644 },
        content,
        owner: HERMES,
    }
}

/// A tar archive of these files, with their parent directories. `process` fills `{pid}` and `{start_time}`,
/// and `now` `{now}`: by the clock of the engine's host, which whoever reads the files goes by. `hermes` is that user's uid in the
/// container: what belongs to it gets this uid.
pub fn archive(seeds: &[Seed], process: Option<Process>, now: Timestamp, hermes: u64) -> std::io::Result<Vec<u8>> {
    let owner_of = |seed: &Seed| if seed.owner == HERMES { hermes } else { seed.owner };
    let mut tar = tar::Builder::new(Vec::new());
    let mut made = BTreeSet::new();
    for seed in seeds {
        let mut parent = String::new();
        let parts: Vec<&str> = seed.path.split('/').collect();
        for part in &parts[..parts.len() - 1] {
            parent = if parent.is_empty() {
                (*part).to_owned()
            } else {
                format!("{parent}/{part}")
            };
            if made.insert(parent.clone()) {
                append(&mut tar, &parent, hermes, 0o755, now, None)?;
            }
        }
        let bytes = match &seed.content {
            SeedContent::Link(target) => {
                link(&mut tar, seed, owner_of(seed), target, now)?;
                continue;
            }
            SeedContent::Dir => None,
            SeedContent::Text(text) | SeedContent::Json(text) => Some(fill(text, process, now).into_bytes()),
            SeedContent::Bytes(bytes) => Some(bytes.clone()),
            SeedContent::Size(size) => Some(filler(*size)),
        };
        if bytes.is_some() || made.insert(seed.path.clone()) {
            append(&mut tar, &seed.path, owner_of(seed), seed.mode, now, bytes.as_deref())?;
        }
    }
    tar.into_inner()
}

fn append(
    tar: &mut tar::Builder<Vec<u8>>,
    path: &str,
    owner: u64,
    mode: u32,
    now: Timestamp,
    bytes: Option<&[u8]>,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(if bytes.is_some() {
        tar::EntryType::Regular
    } else {
        tar::EntryType::Directory
    });
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(now.as_second()).unwrap_or(0));
    let bytes = bytes.unwrap_or_default();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}

fn link(
    tar: &mut tar::Builder<Vec<u8>>,
    seed: &Seed,
    owner: u64,
    target: &Path,
    now: Timestamp,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mode(seed.mode);
    header.set_mtime(u64::try_from(now.as_second()).unwrap_or(0));
    header.set_size(0);
    tar.append_link(&mut header, &seed.path, target)
}

fn fill(text: &str, process: Option<Process>, now: Timestamp) -> String {
    placeholders::fill(text, |placeholder| match placeholder {
        Placeholder::Pid => process.map(|p| p.pid.to_string()),
        Placeholder::StartTime => process.map(|p| p.start_time.to_string()),
        // The gateway writes and reads ISO 8601 in UTC, with microseconds.
        Placeholder::Now(ago) => Some((now - ago).strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()),
    })
}

/// Lines that a log may hold, up to exactly that many bytes.
fn filler(size: u64) -> Vec<u8> {
    let line = b"# a line of an earlier life, only there to take up room\n";
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut bytes: Vec<u8> = line.iter().copied().cycle().take(size).collect();
    if let Some(last) = bytes.last_mut() {
        *last = b'\n';
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_is_what_remains() {
        let text = |path: &str, text: &str| file(path.to_owned(), SeedContent::Text(text.to_owned()));
        let seeds = [
            text("profiles/work/SOUL.md", "ours"),
            text("profiles/work/SOUL.md", "theirs"),
            text("a", "b"),
        ];
        let tar = archive(&seeds, None, Timestamp::UNIX_EPOCH, HERMES).unwrap();
        let all = entries(&tar);
        let seen: Vec<(&str, &[u8])> = leaves(&all)
            .into_iter()
            .map(|leaf| (&*leaf.path, &*leaf.content))
            .collect();
        assert_eq!(seen, [("profiles/work/SOUL.md", &b"theirs"[..]), ("a", b"b")]);
    }

    #[test]
    fn an_archive_holds_parents_owners_and_filled_text() {
        let seeds = [
            file(
                "profiles/a/.gateway-planned-stop.json".into(),
                SeedContent::Json("{\"p\":{pid},\"w\":\"{now-90s}\"}".into()),
            ),
            file("profiles/a/logs".into(), SeedContent::Dir),
        ];
        let process = Process { pid: 7, start_time: 99 };
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let bytes = archive(&seeds, Some(process), now, HERMES).unwrap();
        let mut names = Vec::new();
        let mut archive = tar::Archive::new(bytes.as_slice());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().uid().unwrap(), HERMES);
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            names.push(format!("{} {text}", entry.path().unwrap().display()));
        }
        assert_eq!(
            names,
            [
                "profiles ",
                "profiles/a ",
                "profiles/a/.gateway-planned-stop.json {\"p\":7,\"w\":\"2026-01-02T03:02:35.000000+00:00\"}",
                "profiles/a/logs "
            ]
        );
    }

    #[test]
    fn filler_is_exact() {
        assert_eq!(filler(262_144).len(), 262_144);
        assert!(filler(0).is_empty());
    }
}
