//! The tables of a scenario file.

use super::{
    COLUMN_OF, GUARDS, Key, Kind, MAX_SEED, MOST_RETRIES, MOUNTS, NEEDS, POLICIES, SEED_KINDS, START_BY, START_WAIT,
    Shape, YEAR_MS, optional, required,
};

/// The file itself.
pub const TOP: Shape = Shape {
    name: "a scenario",
    keys: &[
        required("schema", Kind::Schema, "the file format's number: 1"),
        required("title", Kind::Line, "one line for tables and test names"),
        optional("why", Kind::Text, "why it matters, in a paragraph"),
        optional("issues", Kind::Issues, "issues it reproduces or guards, as \"#42675\""),
        optional(
            "tags",
            Kind::Tags,
            "words to select by; the first one groups the listing",
        ),
        optional(
            "fixed_in",
            Kind::Version,
            "the first release expected in the fixed column; without it none is",
        ),
        optional(
            "column_of",
            Kind::Word(COLUMN_OF),
            "with several images: whose release decides which column is expected, that of the image under test or that of the first \
             container's (default \"subject\" if a step ends a gateway of it, else \"first\")",
        ),
        optional(
            "invariant",
            Kind::Bool,
            "true: no row differs between the columns, on purpose (default false)",
        ),
        optional("releases", Kind::Range, "the releases it applies to (default all)"),
        optional("needs", Kind::Words(NEEDS), "what the host must offer beyond an engine"),
        optional(
            "settle",
            Kind::Duration(0, 60_000),
            "how long \"stays up\" and \"stays down\" are watched at the end, and how long a step `settle` watches, up to 60 s (default \"5s\"; \"2s\" at the end of a scenario without a command, an entrypoint and a restart policy)",
        ),
        optional(
            "start",
            Kind::Table(&START),
            "how the container and its gateway come to life",
        ),
        optional(
            "profile",
            Kind::Tables(&PROFILE),
            "the profiles; the default one is implied",
        ),
        optional(
            "container",
            Kind::Tables(&SIDECAR),
            "other containers on the same volume; a step starts one: engine-start = { container = \"NAME\" }",
        ),
        optional(
            "seed",
            Kind::Tables(&SEED),
            "files put on the volume before the first boot",
        ),
        optional(
            "upgrade",
            Kind::Table(&UPGRADE),
            "the images of an upgrade or downgrade",
        ),
        optional("step", Kind::Steps, "what is done, in order"),
        required(
            "expect",
            Kind::SomeTables(&EXPECT),
            "the rows of the behaviour table; at least one",
        ),
        optional(
            "figure",
            Kind::Tables(&FIGURE),
            "what is measured beside the rows; no verdict depends on it",
        ),
        optional(
            "known",
            Kind::Tables(&KNOWN),
            "deviations of releases that are on record",
        ),
        optional(
            "race",
            Kind::Tables(&RACE),
            "deviations on record that are met now and then",
        ),
    ],
};

/// `[start]`.
pub const START: Shape = Shape {
    name: "[start]",
    keys: &[
        optional(
            "by",
            Kind::Word(START_BY),
            "who starts the gateway (default \"operator\")",
        ),
        optional(
            "wait",
            Kind::Word(START_WAIT),
            "what is waited for before the first step (default \"running\"; \"none\" if nobody starts it)",
        ),
        optional("cmd", Kind::Argv, "the container's command (default `sleep infinity`)"),
        optional("env", Kind::Env, "extra environment of the container"),
        optional(
            "image",
            Kind::Image,
            "the image of the first container (default \"subject\"); `recreate` can change it",
        ),
        optional(
            "entrypoint",
            Kind::Argv,
            "the container's entrypoint (default: the image's own)",
        ),
        optional(
            "init",
            Kind::Bool,
            "true: the engine's own init is PID 1, as with `docker run --init` (default false)",
        ),
        optional(
            "user",
            Kind::User,
            "the user of PID 1, as with `docker run --user` (default: the image's own)",
        ),
        optional(
            "read_only",
            Kind::Bool,
            "true: the root file system is read-only (default false)",
        ),
        optional(
            "cap_drop",
            Kind::Capabilities,
            "capabilities to take away from those that a boot needs, or \"ALL\"",
        ),
        optional(
            "cap_add",
            Kind::Capabilities,
            "capabilities to give, of those that engines give by default",
        ),
        optional(
            "tmpfs",
            Kind::Tmpfs,
            "directories in memory, as with `docker run --tmpfs`: \"/run\" or \"/run:exec,size=16m\"",
        ),
        optional(
            "healthcheck",
            Kind::Table(&HEALTHCHECK),
            "the container's health check (default: the image's own)",
        ),
        optional(
            "mount",
            Kind::Word(MOUNTS),
            "what is under the gateway's data: a named volume, or a folder of the host in its temporary directory (default \"volume\")",
        ),
        optional(
            "volume_size",
            Kind::Size,
            "the size of the volume, 4M to 192M: it is in memory then (default: no limit)",
        ),
        optional(
            "volume_read_only",
            Kind::Bool,
            "true: until `recreate`, the container cannot write to the gateway's data, as with `docker run -v …:ro` \
             (default false)",
        ),
        optional(
            "policy",
            Kind::Word(POLICIES),
            "the container's restart policy (default \"no\")",
        ),
        optional("overlay", Kind::Overlay, "a fault overlay to switch on"),
    ],
};

/// `healthcheck` of `[start]`.
pub const HEALTHCHECK: Shape = Shape {
    name: "healthcheck",
    keys: &[
        required("cmd", Kind::Argv, "the command; its exit code 0 means healthy"),
        optional(
            "interval",
            Kind::Duration(100, 3_600_000),
            "time between two of them (default \"1s\")",
        ),
        optional(
            "timeout",
            Kind::Duration(100, 3_600_000),
            "how long one may take (default \"10s\")",
        ),
        optional(
            "retries",
            Kind::Number(1, MOST_RETRIES as u64),
            "so many failures in a row mean unhealthy (default 1)",
        ),
    ],
};

/// `[[container]]`.
pub const SIDECAR: Shape = Shape {
    name: "[[container]]",
    keys: &[
        required("name", Kind::Name, "its name, for `container` of steps and rows"),
        optional("image", Kind::Image, "its image (default \"subject\")"),
        optional("cmd", Kind::Argv, "its command (default `sleep infinity`)"),
        optional("entrypoint", Kind::Argv, "its entrypoint (default: the image's own)"),
        optional("env", Kind::Env, "its extra environment"),
    ],
};

/// `[[profile]]`.
pub const PROFILE: Shape = Shape {
    name: "[[profile]]",
    keys: &[
        required("name", Kind::Profile, "its name; `default` is the root of the volume"),
        optional(
            "start",
            Kind::ProfileStart,
            "who starts its gateway (default: as `[start]` says, but \"none\" where that is \"cmd\")",
        ),
        optional(
            "soul",
            Kind::Bool,
            "whether its directory has the SOUL.md that makes it a profile (default true)",
        ),
    ],
};

/// `[[seed]]`; the operation `stamp` takes the same keys.
pub const SEED: Shape = Shape {
    name: "[[seed]]",
    keys: &[
        required("path", Kind::VolumePath, "where, below the volume's root"),
        optional("text", Kind::Text, "its content, with placeholders"),
        optional("json", Kind::Json, "its content as JSON, with placeholders"),
        optional("base64", Kind::Base64, "its content as bytes"),
        optional(
            "size",
            Kind::Number(0, MAX_SEED),
            "that many bytes of filler, up to 64 MiB",
        ),
        optional(
            "target",
            Kind::Line,
            "where a symbolic link leads, with kind = \"symlink\"",
        ),
        optional(
            "kind",
            Kind::Word(SEED_KINDS),
            "a file, a directory or a symbolic link (default \"file\")",
        ),
        optional(
            "owner",
            Kind::Owner,
            "\"hermes\", \"root\" or a number (default \"hermes\")",
        ),
        optional(
            "mode",
            Kind::Mode,
            "permission bits (default \"0644\", \"0755\" for a directory)",
        ),
    ],
};

/// `[upgrade]`.
pub const UPGRADE: Shape = Shape {
    name: "[upgrade]",
    keys: &[
        required("from", Kind::Image, "the image of the first container"),
        required("to", Kind::Image, "the image from the first recreation on"),
    ],
};

/// The parameters that every step takes, beside those of its operation.
pub const COMMON: &[Key] = &[optional(
    "wait",
    Kind::Bool,
    "false: the next step starts while this one is in flight (default true)",
)];

/// `[[expect]]`.
pub const EXPECT: Shape = Shape {
    name: "[[expect]]",
    keys: &[
        required("at", Kind::Moment, "when it is read"),
        required("probe", Kind::Probe, "what is read"),
        optional("profile", Kind::Profile, "of which profile (default \"default\")"),
        optional(
            "path",
            Kind::VolumePath,
            "with the probe `file`: which, below the volume's root",
        ),
        optional(
            "container",
            Kind::Name,
            "of which `[[container]]`, with a probe of a container or its services (default: the one under test)",
        ),
        required("fixed", Kind::Values, "what a fixed release shows"),
        required("regressed", Kind::Values, "what a regressed release shows"),
        optional(
            "guards",
            Kind::Word(GUARDS),
            "the part of the fix the row stands guard over",
        ),
    ],
};

/// `[[figure]]`.
pub const FIGURE: Shape = Shape {
    name: "[[figure]]",
    keys: &[
        required("at", Kind::After, "of which step: after:N"),
        required("probe", Kind::Figure, "what is measured"),
        required(
            "at_most",
            Kind::Duration(1, YEAR_MS),
            "the bound: reports say how often more was measured",
        ),
    ],
};

/// `[[known]]`.
pub const KNOWN: Shape = Shape {
    name: "[[known]]",
    keys: &[
        RELEASES,
        BASES,
        SUPERVISOR,
        NOTE,
        optional(
            "or_fixed",
            Kind::Bool,
            "true where the steps hit a race on purpose: the fixed column may be seen too (default false)",
        ),
        ROWS,
    ],
};

/// `[[race]]`.
pub const RACE: Shape = Shape {
    name: "[[race]]",
    keys: &[
        RELEASES,
        BASES,
        SUPERVISOR,
        NOTE,
        required("seen", Kind::Seen, "how often it was seen of how many times: \"1/186\""),
        ROWS,
    ],
};

const RELEASES: Key = required(
    "releases",
    Kind::Releases,
    "the releases that do it: a list of versions, or a range, open at the end while nobody has mended it",
);
const BASES: Key = optional("bases", Kind::Strings, "the image bases it was seen on (default all)");
const SUPERVISOR: Key = optional(
    "supervisor",
    Kind::Range,
    "the supervisor's versions it was seen with (default all)",
);
const NOTE: Key = required("note", Kind::Text, "what is going on");
const ROWS: Key = required("rows", Kind::SomeTables(&KNOWN_ROW), "what is seen instead");

/// One of the `rows` of a deviation on record.
pub const KNOWN_ROW: Shape = Shape {
    name: "rows",
    keys: &[
        required("at", Kind::Moment, "when, as in the row it is about"),
        required("probe", Kind::Probe, "what"),
        optional("profile", Kind::Profile, "of which profile (default \"default\")"),
        optional(
            "path",
            Kind::VolumePath,
            "with the probe `file`: which, below the volume's root",
        ),
        optional(
            "container",
            Kind::Name,
            "of which `[[container]]`, with a probe of a container or its services (default: the one under test)",
        ),
        required("observed", Kind::Values, "what that release shows"),
    ],
};
