//! The operations, with who sends what to whom.

use super::{GATEWAY_STATES, Key, Kind, RECREATE_HOW, Shape, did_you_mean, optional, required, shapes::SEED};

/// One operation of the closed set.
#[derive(Debug)]
pub struct OperationInfo {
    /// Its name and its own parameters; those every step takes are in [`super::COMMON`].
    pub shape: Shape,
    /// Who acts.
    pub sender: &'static str,
    /// On whom.
    pub target: &'static str,
    /// Which signal gets there, if one does.
    pub signal: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// A line of a scenario file that uses it.
    pub example: &'static str,
    /// Other names people try; only for suggestions.
    pub also: &'static [&'static str],
}

impl OperationInfo {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.shape.name
    }
}

/// The operation of that name.
pub fn operation(name: &str) -> Option<&'static OperationInfo> {
    OPERATIONS.iter().find(|o| o.name() == name)
}

/// The operation that was probably meant.
pub(crate) fn suggest_operation(typed: &str) -> Option<&'static str> {
    let lower = typed.to_lowercase().replace(['_', ' '], "-");
    if let Some(known) = OPERATIONS.iter().find(|o| o.also.contains(&lower.as_str())) {
        return Some(known.name());
    }
    // People who think of one engine write its name.
    for engine in ["docker-", "podman-", "container-"] {
        if let Some(rest) = lower.strip_prefix(engine) {
            let name = format!("engine-{rest}");
            if let Some(known) = operation(&name) {
                return Some(known.name());
            }
        }
    }
    did_you_mean(&lower, OPERATIONS.iter().map(OperationInfo::name))
}

const ALL: Key = optional(
    "all",
    Kind::Bool,
    "pass `--all`: every profile's gateway (default false)",
);
const GRACE: Key = optional(
    "grace",
    Kind::Seconds,
    "time between SIGTERM and SIGKILL, whole seconds up to 600 (default \"10s\")",
);
const SIGNAL: Key = required("signal", Kind::Signal, "the signal to send");

/// Every operation, in the order of the documentation.
pub const OPERATIONS: &[OperationInfo] = &[
    OperationInfo {
        shape: Shape {
            name: "operator-start",
            keys: &[ALL],
        },
        sender: "the operator, in the container",
        target: "the gateway's service",
        signal: "",
        doc: "`hermes gateway start`",
        example: "operator-start = {}",
        also: &["start", "gateway-start", "hermes-gateway-start"],
    },
    OperationInfo {
        shape: Shape {
            name: "operator-stop",
            keys: &[ALL],
        },
        sender: "the operator, in the container",
        target: "the gateway's service",
        signal: "SIGTERM from the supervisor, announced by the planned-stop marker where the fix is in",
        doc: "`hermes gateway stop`",
        example: "operator-stop = { profile = \"work\" }",
        also: &["stop", "gateway-stop", "hermes-gateway-stop"],
    },
    OperationInfo {
        shape: Shape {
            name: "operator-restart",
            keys: &[ALL],
        },
        sender: "the operator, in the container",
        target: "the gateway's service",
        signal: "SIGTERM from the supervisor",
        doc: "`hermes gateway restart`",
        example: "operator-restart = {}",
        also: &["restart", "gateway-restart", "hermes-gateway-restart"],
    },
    OperationInfo {
        shape: Shape {
            name: "engine-restart",
            keys: &[GRACE],
        },
        sender: "the engine",
        target: "PID 1",
        signal: "SIGTERM, SIGKILL after the grace",
        doc: "`docker restart`: stop, then start the same container",
        example: "engine-restart = { grace = \"10s\" }",
        also: &["container-restart", "reboot"],
    },
    OperationInfo {
        shape: Shape {
            name: "engine-stop",
            keys: &[GRACE],
        },
        sender: "the engine",
        target: "PID 1",
        signal: "SIGTERM, SIGKILL after the grace",
        doc: "`docker stop`: the container stays, exited",
        example: "engine-stop = { grace = \"0s\" }",
        also: &["container-stop"],
    },
    OperationInfo {
        shape: Shape {
            name: "engine-kill",
            keys: &[optional(
                "signal",
                Kind::Signal,
                "the signal to send (default \"SIGKILL\")",
            )],
        },
        sender: "the engine",
        target: "PID 1",
        signal: "the one named",
        doc: "`docker kill`: the engine counts the container as stopped by hand, so no restart policy brings it back",
        example: "engine-kill = { signal = \"SIGKILL\" }",
        also: &["kill", "container-kill"],
    },
    OperationInfo {
        shape: Shape {
            name: "engine-start",
            keys: &[],
        },
        sender: "the engine",
        target: "the exited container",
        signal: "",
        doc: "`docker start`",
        example: "engine-start = {}",
        also: &["container-start"],
    },
    OperationInfo {
        shape: Shape {
            name: "recreate",
            keys: &[optional(
                "how",
                Kind::Word(RECREATE_HOW),
                "`stop` it first, or remove it by `force` while it runs (default \"stop\")",
            )],
        },
        sender: "the engine",
        target: "the container",
        signal: "SIGTERM, or SIGKILL by force",
        doc: "remove the container and create it again on the same volume; from the first one on with the `to` image of \
              `[upgrade]`, if there is one",
        example: "recreate = { how = \"stop\" }",
        also: &[
            "upgrade",
            "force-recreate",
            "engine-recreate",
            "docker-run",
            "rm",
            "docker-rm",
            "remove",
        ],
    },
    OperationInfo {
        shape: Shape {
            name: "compose-recreate",
            keys: &[],
        },
        sender: "the Compose tool",
        target: "the container",
        signal: "SIGTERM, SIGKILL after the grace",
        doc: "`docker compose up --force-recreate` on the same volume",
        example: "compose-recreate = {}",
        also: &["compose", "compose-up", "docker-compose", "compose-restart"],
    },
    OperationInfo {
        shape: Shape {
            name: "signal-gateway",
            keys: &[SIGNAL],
        },
        sender: "a process in the container",
        target: "the gateway's process",
        signal: "the one named, unannounced",
        doc: "`kill` of the gateway alone; its supervisor respawns it",
        example: "signal-gateway = { signal = \"SIGTERM\" }",
        also: &[
            "signal",
            "sigterm",
            "sigkill",
            "kill-gateway",
            "gateway-kill",
            "gateway-signal",
        ],
    },
    OperationInfo {
        shape: Shape {
            name: "signal-init",
            keys: &[SIGNAL],
        },
        sender: "a process in the container",
        target: "PID 1",
        signal: "the one named; the kernel ignores SIGKILL and SIGSTOP here",
        doc: "end the container from the inside, so that a restart policy applies",
        example: "signal-init = { signal = \"SIGTERM\" }",
        also: &["kill-init", "init-signal", "signal-pid1"],
    },
    OperationInfo {
        shape: Shape {
            name: "oom-gateway",
            keys: &[],
        },
        sender: "the kernel's OOM killer",
        target: "the gateway's process",
        signal: "SIGKILL",
        doc: "memory runs out in the container and the gateway is the one to go",
        example: "oom-gateway = {}",
        also: &["oom", "oom-kill", "out-of-memory"],
    },
    OperationInfo {
        shape: Shape {
            name: "ctrl-c",
            keys: &[],
        },
        sender: "a process in the container",
        target: "the gateway's process",
        signal: "SIGINT",
        doc: "what Ctrl+C sends: a planned stop by definition",
        example: "ctrl-c = {}",
        also: &["sigint", "interrupt", "ctrlc", "control-c"],
    },
    OperationInfo {
        shape: Shape {
            name: "stamp",
            keys: SEED.keys,
        },
        sender: "the harness",
        target: "the volume",
        signal: "",
        doc: "put a file on the volume while the container exists; placeholders name the gateway that runs now",
        example: "stamp = { path = \"gateway.pid\", text = \"{pid}\" }",
        also: &["seed", "write", "write-file", "put"],
    },
    OperationInfo {
        shape: Shape {
            name: "profile-create",
            keys: &[],
        },
        sender: "the operator, in the container",
        target: "the volume and the supervisor",
        signal: "",
        doc: "`hermes profile create`; `profile` names the new one",
        example: "profile-create = { profile = \"work\" }",
        also: &["create-profile"],
    },
    OperationInfo {
        shape: Shape {
            name: "profile-delete",
            keys: &[],
        },
        sender: "the operator, in the container",
        target: "the volume and the supervisor",
        signal: "SIGTERM from the supervisor, if its gateway runs",
        doc: "`hermes profile delete`; `profile` names it",
        example: "profile-delete = { profile = \"work\" }",
        also: &["delete-profile", "profile-remove"],
    },
    OperationInfo {
        shape: Shape {
            name: "wait-until",
            keys: &[
                required("probe", Kind::Probe, "the fact to wait for"),
                required("value", Kind::Values, "any of these ends the wait"),
            ],
        },
        sender: "the harness",
        target: "nobody",
        signal: "",
        doc: "go on when a probe has a value",
        example: "wait-until = { probe = \"service\", value = \"up\" }",
        also: &["wait", "wait-for", "await"],
    },
    OperationInfo {
        shape: Shape {
            name: "hold-at",
            keys: &[required(
                "state",
                Kind::Word(GATEWAY_STATES),
                "the value of `gateway_state` to freeze it at",
            )],
        },
        sender: "the harness, in the container",
        target: "the gateway's process",
        signal: "SIGSTOP",
        doc: "freeze the gateway the moment its state file says so",
        example: "hold-at = { state = \"draining\" }",
        also: &["freeze", "hold", "pause"],
    },
    OperationInfo {
        shape: Shape {
            name: "release",
            keys: &[],
        },
        sender: "the harness, in the container",
        target: "the gateway's process",
        signal: "SIGCONT",
        doc: "let a gateway go on that `hold-at` froze",
        example: "release = {}",
        also: &["unfreeze", "resume", "unpause", "continue"],
    },
    OperationInfo {
        shape: Shape {
            name: "settle",
            keys: &[],
        },
        sender: "the harness",
        target: "nobody",
        signal: "",
        doc: "watch for the scenario's `settle` window",
        example: "settle = {}",
        also: &["sleep", "watch"],
    },
];
