//! The `images/` folder, which is compiled into the binary, and archives of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rust_embed::Embed;
use sha2::{Digest, Sha256};

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../images"]
struct Images;

/// Modification time of every file in an archive. It is fixed, so that the same input gives the same archive.
const EPOCH: u64 = 0;

/// The text of a file in `images/`. Panics if there is none, so only for files known at compile time.
pub(super) fn text(path: &str) -> String {
    find(path).unwrap_or_else(|| unreachable!("images/{path} is compiled in"))
}

/// The text of a file in `images/`; `None` if there is none.
pub(super) fn find(path: &str) -> Option<String> {
    let file = Images::get(path)?;
    Some(String::from_utf8_lossy(&file.data).into_owned())
}

/// Files to put into an image: paths (relative, with slashes) and contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Directory,
    File(Vec<u8>),
    Link(PathBuf),
}

impl Tree {
    /// The root file system that is added to every gateway image.
    pub(super) fn rootfs() -> Self {
        let mut tree = Self::default();
        for path in Images::iter().filter(|path| !path.contains("__pycache__")) {
            let file = Images::get(&path);
            if let (Some(target), Some(file)) = (path.strip_prefix("gateway/rootfs/"), file) {
                tree.file(target, file.data.into_owned());
            }
        }
        tree
    }

    pub(super) fn file(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.entries.insert(path.into(), Entry::File(content.into()));
    }

    /// Adds a file if nothing has its path.
    pub(super) fn file_if_absent(&mut self, path: &str, content: &str) {
        let entry = self.entries.entry(path.to_owned());
        entry.or_insert_with(|| Entry::File(content.into()));
    }

    /// The text of a file in the tree; `None` if it is no file, or not UTF-8.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match self.entries.get(path)? {
            Entry::File(content) => String::from_utf8(content.clone()).ok(),
            Entry::Directory | Entry::Link(_) => None,
        }
    }

    pub(super) fn directory(&mut self, path: impl Into<String>) {
        self.entries.insert(path.into(), Entry::Directory);
    }

    pub(super) fn link(&mut self, path: impl Into<String>, target: impl Into<PathBuf>) {
        self.entries.insert(path.into(), Entry::Link(target.into()));
    }

    /// Adds everything that the archive depends on to a hash.
    pub(super) fn hash(&self, hash: &mut Key) {
        for (path, entry) in &self.entries {
            match entry {
                Entry::Directory => hash.add(path, b"directory"),
                Entry::File(content) => hash.add(path, content),
                Entry::Link(target) => hash.add(path, target.as_os_str().as_bytes()),
            }
        }
    }

    /// An archive of the tree. All entries belong to root.
    ///
    /// Directories get an entry only if they are comeback's own: an entry for `/usr` would change the `/usr` of the
    /// system below.
    pub(super) fn tar(&self) -> Vec<u8> {
        let mut parents = BTreeSet::new();
        for path in self.entries.keys() {
            let mut rest = path.as_str();
            while let Some((parent, _)) = rest.rsplit_once('/') {
                if parent.starts_with("opt/") || parent == "command" {
                    parents.insert(parent.to_owned());
                }
                rest = parent;
            }
        }
        let mut archive = tar::Builder::new(Vec::new());
        for parent in &parents {
            append(&mut archive, parent, &Entry::Directory);
        }
        for (path, entry) in &self.entries {
            append(&mut archive, path, entry);
        }
        archive.into_inner().unwrap_or_default()
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, entry: &Entry) {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(EPOCH);
    header.set_uid(0);
    header.set_gid(0);
    // Writing to memory does not fail, and a path too long for a header gets an extension header.
    let done = match entry {
        Entry::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, format!("{path}/"), std::io::empty())
        }
        Entry::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            archive.append_link(&mut header, path, target)
        }
        Entry::File(content) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(mode(content));
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_slice())
        }
    };
    debug_assert!(done.is_ok(), "{path}: {done:?}");
}

/// The mode of a file. Compiled-in files have none, so programs are recognised by their first bytes.
fn mode(content: &[u8]) -> u32 {
    if content.starts_with(b"#!") || content.starts_with(b"\x7fELF") {
        0o755
    } else {
        0o644
    }
}

/// A hash of everything that goes into an image.
#[derive(Default)]
pub(super) struct Key(Sha256);

impl Key {
    /// Adds a named part.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        // The lengths keep ("ab", "c") and ("a", "bc") apart.
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// The hash as 64 hexadecimal digits.
    pub(super) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The part of a key that goes into a tag.
pub(super) fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

/// A Dockerfile with the values of its arguments filled in.
///
/// If possible, the value of an `ARG` replaces its uses and the instruction is removed, because on some storage
/// drivers every instruction after `FROM` costs seconds.
pub(super) fn inline(dockerfile: &str, args: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for line in dockerfile.lines() {
        let declares = |name: &str| line.strip_prefix("ARG ").is_some_and(|rest| rest.trim() == name);
        if args.iter().any(|(name, _)| declares(name)) {
            continue;
        }
        let line = args.iter().fold(line.to_owned(), |line, (name, value)| {
            line.replace(&format!("${{{name}}}"), value)
        });
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use super::*;

    fn entries(tar: &[u8]) -> BTreeMap<String, (u32, u64)> {
        let mut archive = tar::Archive::new(tar);
        archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, (entry.header().mode().unwrap(), entry.header().size().unwrap()))
            })
            .collect()
    }

    #[test]
    fn only_programs_are_executable() {
        let all = entries(&Tree::rootfs().tar());
        for program in [
            "init",
            "command/with-contenv",
            "opt/comeback/boot/scripts/rc.init",
            "opt/comeback/boot/scripts/rc.shutdown",
            "opt/hermes/bin/hermes",
            "opt/comeback/boot/finish",
            "opt/comeback/setup-base",
            "opt/comeback/install",
            "opt/hermes/docker/main-wrapper.sh",
        ] {
            assert_eq!(all[program].0, 0o755, "{program}");
        }
        assert_eq!(all["opt/comeback/warm"].0, 0o644);
        assert_eq!(all["opt/hermes/docker/"].0, 0o755);
        assert!(!all.keys().any(|path| path.starts_with("gateway") || path == "opt/"));
    }

    #[test]
    fn the_same_tree_gives_the_same_archive() {
        assert_eq!(Tree::rootfs().tar(), Tree::rootfs().tar());
        let mut tree = Tree::default();
        tree.link("bin", "usr/bin");
        tree.directory("usr/bin");
        tree.file("etc/x", "content");
        let bytes = tree.tar();
        assert_eq!(bytes, tree.tar());
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut last = String::new();
        let mut count = 0;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            last.clear();
            entry.read_to_string(&mut last).unwrap();
            count += 1;
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn a_key_depends_on_every_part() {
        let key = |parts: &[(&str, &str)]| {
            let mut key = Key::default();
            for (name, value) in parts {
                key.add(name, value.as_bytes());
            }
            key.hex()
        };
        let one = key(&[("ab", "c")]);
        assert_eq!(one, key(&[("ab", "c")]));
        assert_eq!(one.len(), 64);
        assert_ne!(one, key(&[("a", "bc")]));
        assert_ne!(one, key(&[("ab", "c"), ("", "")]));
        assert_ne!(one, key(&[("ab", "d")]));
    }

    #[test]
    fn inline_replaces_arguments() {
        let text = inline(
            "ARG BASE\nFROM ${BASE}\nARG VERSION\nARG OTHER\nRUN x==${VERSION} ${OTHER}",
            &[("BASE", "base:1"), ("VERSION", "0.17.0")],
        );
        assert_eq!(text, "FROM base:1\nARG OTHER\nRUN x==0.17.0 ${OTHER}\n");
        let ours = inline(
            &super::text("gateway/Dockerfile"),
            &[("BASE", "b"), ("REQUIREMENT", "a==1")],
        );
        let steps: Vec<&str> = ours.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(steps.len(), 2, "each step costs seconds: {ours}");
    }
}
