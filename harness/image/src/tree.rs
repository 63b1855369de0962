//! A directory of the host as a build context: its files, their hash, and an archive of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ImageError;
use super::assets::{Key, Tree};
use super::ignore::Ignore;

/// The largest build context, in bytes. A larger one holds files that do not belong there.
const LIMIT: u64 = 1024 * 1024 * 1024;
/// Directories that are never part of a source tree.
const NEVER: [&str; 9] = [
    ".git",
    ".hg",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
];

/// The files of a directory, without the paths that `ignore` excludes. Links are kept as links; sockets and devices
/// are left out.
pub(super) fn read(root: &Path, ignore: &Ignore) -> Result<Tree, ImageError> {
    let mut found = BTreeMap::new();
    let mut sizes = Sizes::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let absolute = if directory == Path::new("") {
            root.to_owned()
        } else {
            root.join(&directory)
        };
        let entries = std::fs::read_dir(&absolute).map_err(|e| unreadable(&absolute, &e))?;
        for entry in entries {
            let entry = entry.map_err(|e| unreadable(&absolute, &e))?;
            let path = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(|e| unreadable(&entry.path(), &e))?;
            let Some(name) = path.to_str().map(str::to_owned) else {
                return Err(ImageError::Path {
                    path: entry.path(),
                    why: "its name is not UTF-8: rename or remove it".to_owned(),
                });
            };
            if kind.is_dir() {
                let never = entry.file_name().to_str().is_some_and(|name| NEVER.contains(&name));
                if !never && !ignore.prunes(&name) {
                    waiting.push(path);
                }
            } else if !ignore.matches(&name) && (kind.is_file() || kind.is_symlink()) {
                sizes.add(entry.metadata().map_or(0, |m| m.len()));
                found.insert(name, (entry.path(), kind.is_symlink()));
            }
        }
    }
    sizes.check(root)?;
    let mut tree = Tree::default();
    for (name, (path, link)) in found {
        if link {
            let target = std::fs::read_link(&path).map_err(|e| unreadable(&path, &e))?;
            tree.link(name, target);
        } else {
            let content = std::fs::read(&path).map_err(|e| unreadable(&path, &e))?;
            tree.file(name, content);
        }
    }
    Ok(tree)
}

/// The sizes of the files of a tree, added up.
#[derive(Default)]
pub(super) struct Sizes(u64);

impl Sizes {
    pub(super) fn add(&mut self, bytes: u64) {
        self.0 += bytes;
    }

    /// An error if they are more than a build context may hold.
    pub(super) fn check(&self, root: &Path) -> Result<(), ImageError> {
        if self.0 <= LIMIT {
            return Ok(());
        }
        Err(ImageError::Path {
            path: root.to_owned(),
            why: format!("it holds {} MiB: too much for a build context", self.0 >> 20),
        })
    }
}

/// True for a path below a directory that is never part of a source tree.
pub(super) fn is_never_source(path: &str) -> bool {
    let directories = path.rsplit_once('/').map_or("", |(directories, _)| directories);
    directories.split('/').any(|name| NEVER.contains(&name))
}

/// The hash of a tree and of further inputs.
pub(super) fn key(tree: &Tree, inputs: &[(&str, &str)]) -> String {
    let mut key = Key::default();
    for (name, value) in inputs {
        key.add(name, value.as_bytes());
    }
    tree.hash(&mut key);
    key.hex()
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> ImageError {
    ImageError::Path {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn the_key_depends_on_sources_and_not_on_caches() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let put = |path: &str, content: &str| {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), content).unwrap();
        };
        put("gateway/run.py", "1");
        put("run.sh", "#!/bin/sh\n");
        std::os::unix::fs::symlink("run.sh", root.join("link")).unwrap();
        let now = || key(&read(root, &Ignore::default()).unwrap(), &[]);
        let before = now();
        put(".git/HEAD", "x");
        put("gateway/__pycache__/run.pyc", "x");
        put("web/node_modules/x/y.js", "x");
        assert_eq!(now(), before);
        put("gateway/run.py", "2");
        assert_ne!(now(), before);
        let tar = read(root, &Ignore::default()).unwrap().tar();
        let mut archive = tar::Archive::new(tar.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|e| e.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["gateway/run.py", "link", "run.sh"]);
    }

    #[test]
    fn link_targets_need_not_be_utf8() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let of = |target: &[u8]| {
            let link = root.join("link");
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(OsStr::from_bytes(target), link).unwrap();
            read(root, &Ignore::default()).unwrap()
        };
        let (one, other) = (of(b"\xe4"), of(b"\xff"));
        assert_ne!(key(&one, &[]), key(&other, &[]));
        let tar = one.tar();
        let mut archive = tar::Archive::new(tar.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.link_name_bytes().unwrap().as_ref(), b"\xe4");
    }

    #[test]
    fn the_error_for_an_unreadable_file_has_its_path() {
        let error = read(Path::new("/nowhere/at/all"), &Ignore::default())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("/nowhere/at/all: "), "{error}");
    }
}
