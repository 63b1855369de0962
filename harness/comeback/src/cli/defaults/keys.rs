//! The keys of the file: which flag each is the default of, and what it can be.

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    /// As written in the file, which is the flag's name.
    pub name: &'static str,
    /// The flag's id in the definition of the command line.
    pub argument: &'static str,
    /// What it can be.
    pub kind: Kind,
    /// For which commands it counts.
    pub reach: Reach,
    /// Variables, beside our own, that say the same and count more.
    pub beaten_by: &'static [&'static str],
}

/// What a value can be.
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
    /// A path, from the folder that holds `.config`.
    Path,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of `FORMAT=PATH`.
    Outputs,
}

/// For which commands a key counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// Every one that has the flag.
    All,
    /// Those that judge images of the caller's: what `reproduce` shows and `selftest` proves is not for a file to cut
    /// short, and `scenarios` lists what there is.
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
        beaten_by: &[],
    }
}

/// All of them.
pub(super) const KEYS: [Key; 14] = [
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
        beaten_by: &["DOCKER_HOST", "DOCKER_CONTEXT"],
        ..key("host", "host", Kind::Text)
    },
    key("engine", "engine", Kind::Word(&["auto", "docker", "podman"])),
    key("offline", "offline", Kind::Flag),
    Key {
        beaten_by: &["NO_COLOR"],
        ..key("color", "color", Kind::Word(&["auto", "always", "never"]))
    },
];
