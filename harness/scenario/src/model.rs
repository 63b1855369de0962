//! The validated scenario: what a case does and what each column of the behaviour table says.
//!
//! Everything here is plain data. `scenario::parse` is the only producer, so a value of these types has already been
//! checked: names resolve, step numbers exist, and at least one row can fail.

mod record;
mod setup;
mod steps;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};

pub use record::{Deviation, Known, Race, Releases, Seen};
pub use setup::{Healthcheck, MountKind, Setup, Sidecar};
pub use steps::{Operation, Parameter, ProfileSel, RecreateHow, Recreation, Signal, Step, User};
pub use table::{Absent, Expect, Figure, Guard, KnownRow, Moment, Value, ValueSet};

use crate::placeholders::{self, Placeholder};
use crate::vocabulary::OperationKind;
pub use crate::vocabulary::{Need, Probe};

/// The profile that lives at the root of the volume and exists in every gateway.
pub use comeback_gateway::DEFAULT_PROFILE;

/// One scenario file, checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's stem.
    pub id: String,
    /// One line for tables and test names.
    pub title: String,
    /// Why it matters, in a paragraph.
    pub why: String,
    /// Issues it reproduces or guards, as `#42675`.
    pub issues: Vec<String>,
    /// Free words to select by.
    pub tags: Vec<String>,
    /// First release expected to be in the fixed column; `None` means no release is.
    pub fixed_in: Option<Version>,
    /// Whose release decides which column is expected.
    pub column_of: ColumnOf,
    /// True if no row differs between the columns on purpose.
    pub invariant: bool,
    /// Releases the scenario applies to; `None` means all.
    pub releases: Option<VersionSpecifiers>,
    /// What the host must offer beyond an engine.
    pub needs: Vec<Need>,
    /// How long "stays up" and "stays down" are watched at the end.
    pub settle: Duration,
    /// How long a step `settle` watches, and a container has to stay up that ended by itself.
    pub watch: Duration,
    /// How the container and its gateway come to life.
    pub start: Start,
    /// Other containers on the same volume, which steps start and stop.
    pub sidecars: Vec<Sidecar>,
    /// Profiles of the volume, the default one first.
    pub profiles: Vec<Profile>,
    /// Files put on the volume before the first boot.
    pub seeds: Vec<Seed>,
    /// The pair of images of an upgrade or downgrade.
    pub upgrade: Option<Upgrade>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The rows of the behaviour table.
    pub expects: Vec<Expect>,
    /// What is measured beside the rows.
    pub figures: Vec<Figure>,
    /// Deviations of released versions that are already on record.
    pub known: Vec<Known>,
    /// What releases are known to do now and then.
    pub races: Vec<Race>,
    /// Where it came from, for messages and annotations.
    pub source: Source,
}

/// The tag of a scenario that is to be alone on the machine, whatever its steps are.
const ALONE: &str = "alone";

impl Scenario {
    /// True if one of its containers is of the image under test.
    pub fn uses_the_subject(&self) -> bool {
        let recreated = |step: &Step| match &step.op {
            Operation::Recreate(recreation) => self.next_image(Some(recreation)) == Some(&ImageRef::Subject),
            op => op.kind() == OperationKind::ComposeRecreate && self.next_image(None) == Some(&ImageRef::Subject),
        };
        *self.first_image() == ImageRef::Subject
            || self.sidecars.iter().any(|sidecar| sidecar.image == ImageRef::Subject)
            || self.steps.iter().any(recreated)
    }

    /// True if the reconciler is to start a gateway, and nothing is there by which it could.
    pub fn leaves_nothing_to_reconcile(&self) -> bool {
        let start = &self.start;
        let nothing = self.seeds.is_empty() && start.env.is_empty() && start.cmd.is_empty();
        nothing
            && start.setup.entrypoint.is_none()
            && self.profiles.iter().any(|profile| profile.start == StartBy::Reconcile)
    }

    /// The image whose release decides which column is expected.
    pub fn deciding_image(&self) -> &ImageRef {
        match self.column_of {
            ColumnOf::Subject => &ImageRef::Subject,
            ColumnOf::First => self.first_image(),
        }
    }

    /// The image of the first container.
    pub fn first_image(&self) -> &ImageRef {
        self.upgrade.as_ref().map_or(&self.start.image, |upgrade| &upgrade.from)
    }

    /// The image of a container that is made again: `None` for that of the one before.
    pub fn next_image<'s>(&'s self, recreation: Option<&'s Recreation>) -> Option<&'s ImageRef> {
        let named = recreation.and_then(|recreation| recreation.image.as_ref());
        named.or(self.upgrade.as_ref().map(|upgrade| &upgrade.to))
    }

    /// The paths on the volume that its rows and waits are about.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.expects.iter().filter_map(|row| row.path.as_deref()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Every image that the scenario names beside the one under test, as an image expression.
    pub fn other_images(&self) -> Vec<&str> {
        let of_steps = self.steps.iter().filter_map(|step| match &step.op {
            Operation::Recreate(recreation) => self.next_image(Some(recreation)),
            _ => self.upgrade.as_ref().map(|upgrade| &upgrade.to),
        });
        let mut names: Vec<&str> = Vec::new();
        let of_sidecars = self.sidecars.iter().map(|sidecar| &sidecar.image);
        for image in std::iter::once(self.first_image()).chain(of_steps).chain(of_sidecars) {
            if let ImageRef::Other(name) = image
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// True if it ends everything that runs on the engine.
    pub fn wants_the_engine(&self) -> bool {
        self.steps.iter().any(|step| step.op == Operation::DaemonRestart)
    }

    /// True if it measures a window of time: something is caught as it happens, or two things go on at once. What else keeps
    /// the processors busy would move that window.
    pub fn wants_the_machine(&self) -> bool {
        let window = |step: &Step| !step.wait || matches!(step.op, Operation::HoldAt { .. });
        self.wants_the_engine()
            || self.start.wait == StartWait::Process
            || self.steps.iter().any(window)
            || self.tags.iter().any(|t| t == ALONE)
    }
}

/// The text a scenario was read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path as shown to people: `scenarios/docker-restart.toml`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Line of each `[[expect]]` table, in order, counted from 1.
    pub expect_lines: Vec<usize>,
}

/// How the gateway is brought to life before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Who starts it.
    pub by: StartBy,
    /// What is waited for before the first step.
    pub wait: StartWait,
    /// The container's command; empty means `sleep infinity`.
    pub cmd: Vec<String>,
    /// Extra environment of the container.
    pub env: BTreeMap<String, String>,
    /// The container's restart policy.
    pub policy: RestartPolicy,
    /// A fault overlay to switch on.
    pub overlay: Option<String>,
    /// The image of the first container.
    pub image: ImageRef,
    /// How the container is set up.
    pub setup: Setup,
}

/// Who starts the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartBy {
    /// `hermes gateway start`, run in the container.
    Operator,
    /// The boot reconciler, from what is on the volume.
    Reconcile,
    /// The container's own command.
    Cmd,
    /// Nobody.
    None,
}

/// What the start phase waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartWait {
    /// The gateway's own `running`.
    Running,
    /// The gateway's process.
    Process,
    /// Nothing but the boot.
    None,
}

/// Whose release decides which column is expected, where a scenario has several images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnOf {
    /// That of the image under test.
    Subject,
    /// That of the first container's image.
    First,
}

/// The engine's restart policy for the container under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never restarted by the engine.
    #[default]
    No,
    /// Restarted whenever it ends.
    Always,
    /// Restarted unless somebody stopped it through the engine.
    UnlessStopped,
    /// Restarted when it ends with an exit code other than 0.
    OnFailure,
}

/// One profile on the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name; `default` is the root of the volume.
    pub name: String,
    /// Who starts its gateway.
    pub start: StartBy,
    /// Whether the directory has the `SOUL.md` that makes it a profile.
    pub soul: bool,
}

/// A file or directory put on the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Path below the volume's root.
    pub path: String,
    /// What it holds.
    pub content: SeedContent,
    /// Numeric owner and group; 10000 is `hermes`.
    pub owner: u64,
    /// Permission bits.
    pub mode: u32,
}

/// Content of a seed. Text may hold the placeholders `{pid}`, `{start_time}`, `{now}` and `{now-90s}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedContent {
    /// A directory.
    Dir,
    /// Text, placeholders not yet filled in.
    Text(String),
    /// A JSON value as text, placeholders not yet filled in.
    Json(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// That many bytes of filler lines.
    Size(u64),
    /// A symbolic link to there.
    Link(PathBuf),
}

impl Seed {
    /// True if its content has a placeholder for a gateway's process.
    pub fn names_a_process(&self) -> bool {
        let (SeedContent::Text(text) | SeedContent::Json(text)) = &self.content else {
            return false;
        };
        let of_process = |found: &Placeholder| matches!(found, Placeholder::Pid | Placeholder::StartTime);
        placeholders::find(text).iter().any(of_process)
    }
}

impl SeedContent {
    /// How many bytes it has, placeholders as they are written.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Dir | Self::Link(_) => 0,
            Self::Text(text) | Self::Json(text) => text.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Size(bytes) => *bytes,
        }
    }

    /// The permission bits of a seed that names none.
    pub fn usual_mode(&self) -> u32 {
        match self {
            Self::Dir => 0o755,
            Self::Link(_) => 0o777,
            Self::Text(_) | Self::Json(_) | Self::Bytes(_) | Self::Size(_) => 0o644,
        }
    }
}

/// The images of an upgrade: image expressions, one of them `subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Runs until the first `recreate`.
    pub from: ImageRef,
    /// Runs after it.
    pub to: ImageRef,
}

/// One side of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRef {
    /// The image under test.
    Subject,
    /// Another image, as an image expression: `release:0.16.0`.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{GUARDS, MOUNTS, NEEDS, POLICIES, RECREATE_HOW, START_BY, START_WAIT, USERS};
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, StrDeserializer};

    fn reads<'de, T: serde::Deserialize<'de>>(words: &[&'de str]) {
        for word in words {
            let de: StrDeserializer<'de, Error> = (*word).into_deserializer();
            T::deserialize(de).unwrap_or_else(|e| panic!("{word}: {e}"));
        }
    }

    #[test]
    fn every_word_is_a_variant() {
        reads::<StartBy>(START_BY);
        reads::<StartWait>(START_WAIT);
        reads::<RestartPolicy>(POLICIES);
        reads::<Need>(NEEDS);
        reads::<Guard>(GUARDS);
        reads::<User>(USERS);
        reads::<RecreateHow>(RECREATE_HOW);
        reads::<MountKind>(MOUNTS);
    }
}
