//! Reads a user's volume. The volume is never written to. Credentials, and data that no boot needs, are not copied.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::bad;
use crate::Failure;
use comeback_gateway::files::{BOOT_LOG, LOGS, directory as directory_of, profile_of};
use comeback_scenario::model::{Seed, SeedContent};

/// Limit of the copy, in bytes.
const LIMIT: u64 = 256 * 1024 * 1024;

/// A copy of a volume.
pub(super) struct Copied {
    /// Every file and directory, parents first.
    pub(super) seeds: Vec<Seed>,
    /// Paths below the root that were left out.
    pub(super) left_out: Vec<String>,
}

/// True for credentials. A gateway without a network does not need them.
fn is_secret(name: &str) -> bool {
    name == ".env" || name.starts_with(".env.") || name.starts_with("auth.json") || name == "credentials.json"
}

/// True for data that no boot reads and that may be large: conversations, caches, and logs other than the reconciler's.
fn is_ballast(path: &str) -> bool {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_home = parent.is_empty() || profile_of(parent).is_some_and(|profile| parent == directory_of(profile));
    let log = parent.rsplit('/').next() == Some(LOGS);
    let directory = [
        "sessions",
        "cache",
        "image_cache",
        "audio_cache",
        "sandboxes",
        "node_modules",
    ];
    (in_home && directory.contains(&name)) || (log && !name.starts_with(BOOT_LOG))
}

/// Reads a whole directory. Links are copied as links and never followed.
pub(super) fn read(root: &Path) -> Result<Copied, Failure> {
    let failed = |path: &Path, error: &io::Error| bad(path, error.to_string());
    if !fs::metadata(root).map_err(|e| failed(root, &e))?.is_dir() {
        return Err(bad(root, "it is not a directory"));
    }
    let mut copied = Copied {
        seeds: Vec::new(),
        left_out: Vec::new(),
    };
    let (mut size, mut waiting) = (0, vec![PathBuf::new()]);
    while let Some(directory) = waiting.pop() {
        let absolute = root.join(&directory);
        let mut entries: Vec<fs::DirEntry> = fs::read_dir(&absolute)
            .and_then(Iterator::collect)
            .map_err(|e| failed(&absolute, &e))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let absolute = entry.path();
            let below = directory.join(entry.file_name());
            let Some(path) = below.to_str().map(str::to_owned) else {
                return Err(bad(
                    &absolute,
                    "its name is not UTF-8: rename it, or make a copy without it",
                ));
            };
            let metadata = entry.metadata().map_err(|e| failed(&absolute, &e))?;
            if is_secret(&entry.file_name().to_string_lossy()) || is_ballast(&path) {
                copied.left_out.push(path);
                continue;
            }
            let kind = metadata.file_type();
            let content = if kind.is_dir() {
                waiting.push(below);
                SeedContent::Dir
            } else if kind.is_symlink() {
                let target = fs::read_link(&absolute).map_err(|e| failed(&absolute, &e))?;
                SeedContent::Link(target)
            } else if kind.is_file() {
                size += metadata.len();
                if size > LIMIT {
                    let why = format!(
                        "the volume holds more than {} MiB: make a copy with less in it, and seed from that",
                        LIMIT >> 20
                    );
                    return Err(bad(root, why));
                }
                SeedContent::Bytes(fs::read(&absolute).map_err(|e| failed(&absolute, &e))?)
            } else {
                copied.left_out.push(path);
                continue;
            };
            copied.seeds.push(seed(path, content, &metadata));
        }
    }
    Ok(copied)
}

fn seed(path: String, content: SeedContent, metadata: &Metadata) -> Seed {
    Seed {
        path,
        content,
        owner: u64::from(metadata.uid()),
        mode: metadata.mode() & 0o7777,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn credentials_and_ballast_are_not_copied() {
        for path in [".env", "auth.json", "auth.json.lock", ".env.local"] {
            assert!(is_secret(path), "{path}");
        }
        assert!(!is_secret("gateway_state.json"));
        for path in [
            "sessions",
            "profiles/work/sessions",
            "logs/gateway.log",
            "profiles/work/logs/agent.log",
        ] {
            assert!(is_ballast(path), "{path}");
        }
        for path in [
            "logs",
            "logs/container-boot.log",
            "logs/container-boot.log.1",
            "skills/x/cache",
            "profiles/cache/x",
        ] {
            assert!(!is_ballast(path), "{path}");
        }
    }

    #[test]
    fn links_are_copied_as_links() {
        let root = tempfile::tempdir().unwrap();
        // A target is bytes: these are no UTF-8.
        let target = Path::new(OsStr::from_bytes(b"/srv/\xe4\xff"));
        std::os::unix::fs::symlink(target, root.path().join("gateway_state.json")).unwrap();
        let copied = read(root.path()).unwrap();
        assert_eq!(copied.seeds[0].content, SeedContent::Link(target.to_owned()));
        let tar = comeback_runner::archive(&copied.seeds, None, jiff::Timestamp::UNIX_EPOCH, 10_000).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.link_name().unwrap().unwrap(), target);
    }
}
