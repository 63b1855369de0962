//! The keys of the file of defaults: the flag of each, and the values it can have.

/// A key of the file.
#[derive(Debug)]
pub(super) struct Key {
    /// The key as written in the file. It is also the name of the flag.
    pub name: &'static str,
    /// The flag's id in the definition of the command line.
    pub argument: &'static str,
    /// The kind of value it takes.
    pub kind: Kind,
    /// The commands it applies to.
    pub reach: Reach,
    /// Variables of other programs that set the same thing and take precedence over the file.
    pub overridden_by: &'static [&'static str],
}

/// The kind of value that a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A filter expression.
    Filter,
    /// A whole number from 1.
    Number,
    /// True or false.
    Flag,
    /// `90s`, or a whole number of seconds.
    Duration,
    /// A path, relative to the folder that holds `.config`.
    Path,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of `FORMAT=PATH`.
    Outputs,
}

/// The commands that a key applies to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// Every one that has the flag.
    All,
    /// Only the commands that judge the user's images. A file must not narrow what `reproduce` shows and `selftest` proves,
    /// and `scenarios` lists everything.
    Judges,
}

/// The commands of [`Reach::Judges`].
pub(super) const JUDGES: [&str; 3] = ["check", "compare", "matrix"];

const fn key(name: &'static str, argument: &'static str, kind: Kind) -> Key {
    Key {
        name,
        argument,
        kind,
        reach: Reach::All,
        overridden_by: &[],
    }
}

/// All keys.
pub(super) const KEYS: [Key; 15] = [
    Key {
        reach: Reach::Judges,
        ..key("filter", "filter", Kind::Filter)
    },
    key("scenarios", "scenarios", Kind::Path),
    key("jobs", "jobs", Kind::Number),
    key("repeat", "repeat", Kind::Number),
    key("timeout", "timeout", Kind::Duration),
    key("fail-fast", "fail_fast", Kind::Flag),
    key("observer", "observer", Kind::Word(&["image", "base"])),
    key("keep", "keep", Kind::Word(&["on-failure"])),
    key("output", "output", Kind::Outputs),
    key("record", "record", Kind::Path),
    Key {
        overridden_by: &["DOCKER_HOST", "DOCKER_CONTEXT"],
        ..key("host", "host", Kind::Text)
    },
    key("engine", "engine", Kind::Word(&["auto", "docker", "podman"])),
    key("offline", "offline", Kind::Flag),
    key("daemon-restart", "daemon_restart", Kind::Text),
    Key {
        overridden_by: &["NO_COLOR"],
        ..key("color", "color", Kind::Word(&["auto", "always", "never"]))
    },
];
