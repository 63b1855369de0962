//! How a container is set up, beyond its image, volume, environment and command.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::ImageRef;
use crate::vocabulary::ALL_CAPABILITIES;

/// Another container on the same volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// Its name, by which steps and rows call it.
    pub name: String,
    /// Its image.
    pub image: ImageRef,
    /// Its command; empty means `sleep infinity`.
    pub cmd: Vec<String>,
    /// Its entrypoint; `None` for the image's own.
    pub entrypoint: Option<Vec<String>>,
    /// Its extra environment.
    pub env: BTreeMap<String, String>,
}

/// How a container is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// The engine's own init is PID 1.
    pub init: bool,
    /// The entrypoint; `None` for the image's own.
    pub entrypoint: Option<Vec<String>>,
    /// The user of PID 1; `None` for the image's own.
    pub user: Option<String>,
    /// The root file system is read-only.
    pub read_only: bool,
    /// Capabilities that are taken away, or `ALL`.
    pub cap_drop: Vec<String>,
    /// Capabilities that are given.
    pub cap_add: Vec<String>,
    /// Directories in memory: a path, or a path and the options of the mount after a colon.
    pub tmpfs: Vec<String>,
    /// The health check; `None` for the image's own.
    pub healthcheck: Option<Healthcheck>,
    /// What is under the gateway's data.
    pub mount: MountKind,
    /// The size of the volume in bytes; `None` for no limit.
    pub volume_size: Option<u64>,
    /// The first container cannot write to the gateway's data; the one that `recreate` makes can.
    pub volume_read_only: bool,
}

/// What is under the gateway's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// A named volume.
    #[default]
    Volume,
    /// A folder of the engine's host.
    Bind,
}

/// A container's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// The command.
    pub cmd: Vec<String>,
    /// Time between two of them.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// So many failures in a row mean unhealthy.
    pub retries: u32,
}

impl Setup {
    /// The capabilities that are left of `usual`, as an engine reckons: what is dropped goes first, what is added comes after.
    pub fn capabilities(&self, usual: &[&str]) -> Vec<String> {
        let dropped = |name: &str| {
            self.cap_drop
                .iter()
                .any(|drop| drop == name || drop == ALL_CAPABILITIES)
        };
        let kept = usual
            .iter()
            .filter(|name| !dropped(name))
            .map(|name| (*name).to_owned());
        let mut all: Vec<String> = kept.collect();
        let added = self
            .cap_add
            .iter()
            .filter(|name| !usual.contains(&name.as_str()) || dropped(name));
        all.extend(added.cloned());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_goes_before_what_is_added() {
        let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let setup = |drop: &[&str], add: &[&str]| Setup {
            cap_drop: words(drop),
            cap_add: words(add),
            ..Setup::default()
        };
        let usual = ["CHOWN", "KILL"];
        assert_eq!(setup(&[], &[]).capabilities(&usual), words(&["CHOWN", "KILL"]));
        assert_eq!(setup(&["ALL"], &["KILL"]).capabilities(&usual), words(&["KILL"]));
        assert_eq!(
            setup(&["KILL"], &["SETUID"]).capabilities(&usual),
            words(&["CHOWN", "SETUID"])
        );
    }
}
