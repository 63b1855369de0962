//! Parses how the container is set up: its init, user, capabilities, file systems and health check.

use std::time::Duration;

use comeback_gateway::files::DATA;

use super::cursor::{Node, Reader, Span, Tab, list};
use super::scalars::is_slug;
use crate::model::{Healthcheck, ImageRef, MountKind, Setup, Sidecar};
use crate::vocabulary::{
    ALL_CAPABILITIES, CAPABILITIES, HEALTHCHECK, MOST_RETRIES, MOUNTS, TMPFS_FLAGS, TMPFS_VALUES, VOLUME_SIZE,
};

/// Directories that no scenario may cover, beside the root: the volume, and what the kernel and the engine put there.
const TAKEN: &[&str] = &[DATA, "/proc", "/sys", "/dev"];
/// Names of a case's own containers.
const OURS: &[&str] = &["subject", "observer", "seeder", "keeper", "volume"];

impl Reader {
    /// Takes one `[[container]]`, and where its name is.
    pub(super) fn sidecar(&mut self, tab: &Tab<'_, '_>) -> Option<(Sidecar, Span)> {
        let cmd = self.argv(tab, "cmd").unwrap_or_default();
        let entrypoint = self.argv(tab, "entrypoint");
        let env = self.env(tab);
        let image = match tab.get("image") {
            Some(_) => self.key_image(tab, "image")?,
            None => ImageRef::Subject,
        };
        let (text, span) = self.key_str(tab, "name")?;
        if !is_slug(text) || OURS.contains(&text) {
            self.error(span, format!("`{text}` cannot be a container's name"))
                .label("lower-case letters, digits and dashes, and none of comeback's own names")
                .note(format!("comeback's own: {}", list(OURS.iter().copied())));
            return None;
        }
        let sidecar = Sidecar {
            name: text.to_owned(),
            image,
            cmd,
            entrypoint,
            env,
        };
        Some((sidecar, span))
    }

    /// Takes the keys of `[start]` that set the container up.
    pub(super) fn setup(&mut self, tab: &Tab<'_, '_>) -> Setup {
        let user = self.key_str(tab, "user").and_then(|(text, span)| {
            let good = is_user(text);
            if !good {
                self.error(span, "this cannot be a user")
                    .label("a name or a number, with a group after a colon if need be: \"10000:10000\"");
            }
            good.then(|| text.to_owned())
        });
        let cap_drop = self.capabilities(tab, "cap_drop", true);
        let cap_add = self.capabilities(tab, "cap_add", false);
        if let Some(both) = cap_drop.iter().find(|name| cap_add.contains(name)) {
            self.error(tab.key_span("cap_add"), format!("`{both}` is in `cap_drop` as well"))
                .label("leave it out here or there");
        }
        Setup {
            init: self.key_bool(tab, "init", false),
            entrypoint: self.argv(tab, "entrypoint"),
            user,
            read_only: self.key_bool(tab, "read_only", false),
            cap_drop,
            cap_add,
            tmpfs: self.tmpfs(tab),
            healthcheck: tab
                .get("healthcheck")
                .and_then(|node| self.table(node, &HEALTHCHECK))
                .and_then(|tab| self.healthcheck(&tab)),
            mount: match tab.get("mount") {
                Some(_) => self.key_word(tab, "mount", MOUNTS).unwrap_or_default(),
                None => MountKind::default(),
            },
            volume_size: tab.get("volume_size").and_then(|node| self.volume_size(tab, node)),
            volume_read_only: self.key_bool(tab, "volume_read_only", false),
        }
    }

    /// Takes the list of a program and its arguments; `None` if the key is not there or the list is empty.
    pub(super) fn argv(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<Vec<String>> {
        let node = tab.get(key)?;
        let words: Vec<String> = self
            .key_strs(tab, key, "strings")
            .into_iter()
            .map(|(word, _)| word.to_owned())
            .collect();
        if words.is_empty() && node.get_ref().as_array().is_some_and(|items| items.is_empty()) {
            self.error(node.span(), format!("`{key}` is empty"))
                .label("name a program, or leave the key out");
        }
        (!words.is_empty()).then_some(words)
    }

    /// Takes an image of a key.
    pub(super) fn key_image(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<ImageRef> {
        let (text, span) = self.key_str(tab, key)?;
        self.image(text, span)
    }

    fn capabilities(&mut self, tab: &Tab<'_, '_>, key: &str, all: bool) -> Vec<String> {
        let mut names = Vec::new();
        for (text, span) in self.key_strs(tab, key, "capabilities") {
            let upper = text.to_ascii_uppercase();
            let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
            if CAPABILITIES.contains(&name) || (all && name == ALL_CAPABILITIES) {
                names.push(name.to_owned());
                continue;
            }
            let label = match key {
                "cap_add" => "a scenario may only add what engines give to every container",
                _ => "no engine gives it to a container by itself",
            };
            self.error(span, format!("`{key}` cannot have `{text}`"))
                .label(label)
                .note(format!("capabilities: {}", list(CAPABILITIES.iter().copied())));
        }
        names
    }

    fn tmpfs(&mut self, tab: &Tab<'_, '_>) -> Vec<String> {
        let mut all = Vec::new();
        for (text, span) in self.key_strs(tab, "tmpfs", "paths") {
            let path = text.split_once(':').map_or(text, |(path, _)| path);
            let under =
                |taken: &str| path == taken || path.strip_prefix(taken).is_some_and(|rest| rest.starts_with('/'));
            let problem = if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
                "it has to be an absolute path"
            } else if path == "/" || TAKEN.iter().any(|taken| under(taken)) {
                "this place belongs to the volume, the kernel or the engine"
            } else if !text
                .split_once(':')
                .is_none_or(|(_, options)| options.split(',').all(is_tmpfs_option))
            {
                "an option after the colon is not one of a tmpfs"
            } else {
                all.push(text.to_owned());
                continue;
            };
            self.error(span, format!("`{text}` cannot be a directory in memory"))
                .label(problem)
                .note("such as \"/run\" or \"/run:exec,size=16m,mode=1777\"");
        }
        all
    }

    fn healthcheck(&mut self, tab: &Tab<'_, '_>) -> Option<Healthcheck> {
        let cmd = self.argv(tab, "cmd")?;
        let mut time = |key: &str, default: Duration| match tab.get(key) {
            None => Some(default),
            Some(_) => self.key_duration(tab, key),
        };
        let interval = time("interval", Duration::from_secs(1));
        let timeout = time("timeout", Duration::from_secs(10));
        let retries = match tab.get("retries") {
            None => Some(1),
            Some(node) => {
                let number = self.int(node)?;
                let retries = u32::try_from(number).ok().filter(|n| (1..=MOST_RETRIES).contains(n));
                if retries.is_none() {
                    self.error(
                        node.span(),
                        format!("a health check fails after 1 to {MOST_RETRIES} failures in a row"),
                    )
                    .label("such as 3");
                }
                retries
            }
        };
        Some(Healthcheck {
            cmd,
            interval: interval?,
            timeout: timeout?,
            retries: retries?,
        })
    }

    fn volume_size(&mut self, tab: &Tab<'_, '_>, node: &Node<'_>) -> Option<u64> {
        if tab
            .get("mount")
            .is_some_and(|mount| mount.get_ref().as_str() == Some("bind"))
        {
            self.error(node.span(), "a folder of the host has no size of its own")
                .label("leave out this, or `mount = \"bind\"`");
        }
        let text = self.str(node)?;
        let bytes = bytes(text).filter(|bytes| VOLUME_SIZE.contains(bytes));
        if bytes.is_none() {
            let megabytes = |bytes: &u64| format!("\"{}M\"", bytes >> 20);
            let (least, most) = (megabytes(VOLUME_SIZE.start()), megabytes(VOLUME_SIZE.end()));
            self.error(node.span(), "the volume cannot have that size")
                .label(format!("{least} to {most}"));
        }
        bytes
    }
}

/// True for `NAME`, `NUMBER`, and both with a group of that form after a colon.
fn is_user(text: &str) -> bool {
    let good = |part: &str| {
        let mut letters = part.bytes();
        letters.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && letters.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let (user, group) = text
        .split_once(':')
        .map_or((text, None), |(user, group)| (user, Some(group)));
    good(user) && group.is_none_or(good)
}

/// True for an option that engines take for a directory in memory (`docker run --tmpfs`).
fn is_tmpfs_option(option: &str) -> bool {
    match option.split_once('=') {
        Some(("size", value)) => {
            let digits = value.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G', '%']);
            digits.parse::<u64>().is_ok() && value.len() <= digits.len() + 1
        }
        Some((name, value)) => TMPFS_VALUES.contains(&name) && !value.is_empty(),
        None => TMPFS_FLAGS.contains(&option),
    }
}

/// Parses `65536K`, `64M`.
fn bytes(text: &str) -> Option<u64> {
    let number = |unit: &str| text.strip_suffix(unit)?.parse::<u64>().ok();
    match (number("K"), number("M")) {
        (Some(number), _) => number.checked_mul(1 << 10),
        (_, Some(number)) => number.checked_mul(1 << 20),
        (None, None) => None,
    }
}
