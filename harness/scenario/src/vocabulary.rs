//! The words of scenario files, each written down once.
//!
//! The parser takes its lists of what is allowed from here, the diagnostics their suggestions, `comeback scenarios
//! operations|probes` its text and the JSON schema its shape.

mod invariants;
mod names;
mod operation_info;
mod operations;
mod probes;
mod shapes;

use serde::{Deserialize, Serialize};

pub use invariants::{Invariant, InvariantInfo};
pub(crate) use names::{is_step_parameter, suggest_operation};
pub use operation_info::{
    Afterwards, ContainerEffect, Cost, Exploring, IntentEffect, OperationInfo, ProcessEffect, Sender, Target,
};
pub use operations::OperationKind;
pub use probes::{About, ENTRY_KINDS, Moments, Probe, ProbeInfo, Values};
pub use shapes::{
    COMMON, EXPECT, FIGURE, HEALTHCHECK, KNOWN, KNOWN_ROW, PROFILE, RACE, SEED, SIDECAR, START, TOP, UPGRADE,
};

/// Declares a closed set of words: an enum, the list of all its members, and what is known of each. Whoever matches on the
/// enum has to know every member, and a member without its facts does not compile.
macro_rules! declare {
    ($(#[$doc:meta])* enum $Kind:ident: $Info:ident; $($member:ident => $info:expr,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum $Kind {
            $($member,)+
        }

        impl $Kind {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$member,)+];

            /// What is known of it.
            pub fn info(self) -> &'static $Info {
                match self {
                    $(Self::$member => {
                        static INFO: $Info = $info;
                        &INFO
                    })+
                }
            }
        }
    };
}
use declare;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may be written there.
    pub kind: Kind,
    /// A table without it is an error.
    pub required: bool,
    /// What it means, for documentation.
    pub doc: &'static str,
}

/// What may be written as a key's value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The number of the file format.
    Schema,
    /// Any text.
    Text,
    /// One line that is not empty.
    Line,
    /// `true` or `false`.
    Bool,
    /// A whole number between these two.
    Number(u64, u64),
    /// A duration, such as `"500ms"`, between these two, in milliseconds.
    Duration(u64, u64),
    /// A duration of whole seconds, up to that many.
    Seconds(u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// A list of strings, any content.
    Strings,
    /// A program and its arguments: strings, at least one.
    Argv,
    /// A list of issue numbers, `"#42675"`.
    Issues,
    /// A list of tags: lower-case words.
    Tags,
    /// A lower-case word.
    Name,
    /// The name of a fault overlay.
    Overlay,
    /// A user of a container, with a group after a colon if it has one.
    User,
    /// A table of strings.
    Env,
    /// The size of a volume, such as `"64M"`.
    Size,
    /// A list of capabilities that an engine gives by default, or `ALL`.
    Capabilities,
    /// A list of paths in the container, each with the options of its mount after a colon if it has any.
    Tmpfs,
    /// A PEP 440 version.
    Version,
    /// The releases of a deviation: a list of PEP 440 versions, at least one, or a range.
    Releases,
    /// How often of how many, `"1/186"`.
    Seen,
    /// A PEP 440 range, `">=0.17,<0.19"`.
    Range,
    /// An image expression or `"subject"`.
    Image,
    /// A path below the volume's root.
    VolumePath,
    /// A profile's name.
    Profile,
    /// A profile's name or `"all"`.
    ProfileOrAll,
    /// Who starts a profile's gateway: a word, or a table with `by`.
    ProfileStart,
    /// A JSON document: as text, or as a TOML table or array.
    Json,
    /// Bytes in base64.
    Base64,
    /// `"hermes"`, `"root"` or a number.
    Owner,
    /// Permission bits, `"0644"`.
    Mode,
    /// A signal's name.
    Signal,
    /// The name of a probe that rows read.
    Probe,
    /// The name of a probe that figures read.
    Figure,
    /// A moment of the case.
    Moment,
    /// The moment after a step.
    After,
    /// A value the probe can have, or a list of them.
    Values,
    /// A table of that shape.
    Table(&'static Shape),
    /// A list of tables of that shape.
    Tables(&'static Shape),
    /// The same, and at least one.
    SomeTables(&'static Shape),
    /// The list of steps: each a table with one operation as its key.
    Steps,
}

/// The keys a table may have.
#[derive(Debug)]
pub struct Shape {
    /// How it is written in a file: `[start]`.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Shape {
    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }

    /// The names of its keys, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|k| k.name)
    }
}

/// A key that may be left out.
const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        doc,
    }
}

/// A key that must be there.
const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        doc,
    }
}

/// A year, in milliseconds: longer than anything that is waited for.
pub(crate) const YEAR_MS: u64 = 365 * 24 * 3600 * 1000;

/// Signals that can kill a process, besides those that a step can send.
pub const DEADLY: &[&str] = &[
    "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGPIPE", "SIGALRM", "SIGTRAP", "SIGSYS",
];

/// The sizes that a volume can be given, in bytes.
pub const VOLUME_SIZE: std::ops::RangeInclusive<u64> = 4 << 20..=192 << 20;

/// Options of a directory in memory that stand alone.
pub const TMPFS_FLAGS: &[&str] = &[
    "async",
    "atime",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "relatime",
    "remount",
    "ro",
    "rw",
    "strictatime",
    "suid",
    "sync",
];
/// Options of a directory in memory that have a value.
pub const TMPFS_VALUES: &[&str] = &["gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"];

/// The largest `size` of a seed, in bytes.
pub const MAX_SEED: u64 = 64 * 1024 * 1024;

/// The most failures in a row that a health check may be given.
pub const MOST_RETRIES: u32 = 100;

/// Whose release decides which column is expected.
pub const COLUMN_OF: &[&str] = &["subject", "first"];

/// Who can start a gateway.
pub const START_BY: &[&str] = &["operator", "reconcile", "cmd", "none"];
/// What the start phase can wait for.
pub const START_WAIT: &[&str] = &["running", "process", "none"];
/// The engine's restart policies.
pub const POLICIES: &[&str] = &["no", "always", "unless-stopped", "on-failure"];
/// What a host may have to offer.
pub const NEEDS: &[&str] = &[
    "compose",
    "memory-limit",
    "oom-events",
    "pause",
    "healthcheck",
    "sized-volume",
    "daemon-restart",
    "host-folder",
];
/// What can be under the gateway's data.
pub const MOUNTS: &[&str] = &["volume", "bind"];
/// Something the host must have for a scenario to run; without it the case is `unsupported`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The Compose tool: `docker compose` or `docker-compose`.
    Compose,
    /// An engine that enforces a memory limit.
    MemoryLimit,
    /// An engine that reports an OOM kill which leaves the container's first process alive.
    OomEvents,
    /// An engine that can freeze a container.
    Pause,
    /// An engine that runs health checks.
    Healthcheck,
    /// An engine that can make a volume of a given size.
    SizedVolume,
    /// A command that restarts the engine's daemon.
    DaemonRestart,
    /// An engine on this host, which sees its folders.
    HostFolder,
}

impl Need {
    /// All of them, in the order of [`NEEDS`].
    pub const ALL: [Self; 8] = [
        Self::Compose,
        Self::MemoryLimit,
        Self::OomEvents,
        Self::Pause,
        Self::Healthcheck,
        Self::SizedVolume,
        Self::DaemonRestart,
        Self::HostFolder,
    ];

    /// Its word in scenario files.
    pub fn word(self) -> &'static str {
        NEEDS[Self::ALL.iter().position(|need| *need == self).unwrap_or_default()]
    }
}

/// The capabilities that engines give to a container by default. A scenario may ask for these and for no others.
pub const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// The word for every capability.
pub const ALL_CAPABILITIES: &str = "ALL";

/// The parts of the fix a row can stand guard over.
pub const GUARDS: &[&str] = &["signal", "marker", "reconciler"];
/// The users a step can act as.
pub const USERS: &[&str] = &["hermes", "root"];
/// The kinds of seed.
pub const SEED_KINDS: &[&str] = &["file", "dir", "symlink"];
/// How `recreate` gets rid of the old container.
pub const RECREATE_HOW: &[&str] = &["stop", "force"];
pub use comeback_gateway::state::STATES as GATEWAY_STATES;
/// Where an image can come from: the word before the colon of an image expression.
pub const IMAGE_SOURCES: &[&str] = &["release", "pypi", "source", "docker", "dockerfile"];
/// The word for the image under test.
pub const SUBJECT: &str = "subject";
/// The word for every profile.
pub const ALL_PROFILES: &str = "all";

/// The candidate that was probably meant, if one is close enough to say so.
pub fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Edit distance alone misses words put in another order, Jaro-Winkler alone likes any common beginning: the better
    // of the two, with a bar for each that keeps unrelated words quiet.
    let typed = typed.to_lowercase().replace('_', "-");
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let plain = candidate.to_lowercase().replace('_', "-");
            let edits = strsim::normalized_damerau_levenshtein(&typed, &plain);
            let likeness = strsim::jaro_winkler(&typed, &plain);
            (edits >= 0.5 || likeness >= 0.88).then_some((candidate, edits + likeness))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(candidate, _)| candidate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_help_and_stay_quiet() {
        let words = ["engine-restart", "engine-stop", "operator-stop", "signal-gateway"];
        assert_eq!(did_you_mean("engine_restart", words), Some("engine-restart"));
        assert_eq!(did_you_mean("operater-stop", words), Some("operator-stop"));
        assert_eq!(did_you_mean("teleport", words), None);
        assert_eq!(did_you_mean("", words), None);
    }
}
