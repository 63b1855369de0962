//! Whether a container is what was asked for. An engine that answers that it has created one has proven nothing: a container
//! that can write to its root file system would show what a read-only one never does.

use std::collections::BTreeSet;

use bollard::models::{ContainerConfig, ContainerInspectResponse, HostConfig, RestartPolicyNameEnum};

use super::{ANSWER, DockerEngine, bounded, short};
use crate::{ContainerSpec, EngineError, EngineErrorKind, RestartPolicy};

impl DockerEngine {
    /// Fails if the container differs from what was asked for.
    pub(super) async fn is_as_asked(&self, id: &str, spec: &ContainerSpec) -> Result<(), EngineError> {
        let call = format!("create container {}", spec.name);
        let look = format!("inspect container {}", short(id));
        let found = bounded(look, ANSWER, self.docker.inspect_container(id, None)).await?;
        match differences(spec, found, self.podman) {
            none if none.is_empty() => Ok(()),
            some => Err(EngineError::new(call, EngineErrorKind::NotAsAsked(some.join(", ")))),
        }
    }
}

/// In what a container differs from what was asked for, in the words of the engine's API.
fn differences(spec: &ContainerSpec, found: ContainerInspectResponse, podman: bool) -> Vec<String> {
    let (config, host) = (found.config.unwrap_or_default(), found.host_config.unwrap_or_default());
    let mut all = Vec::new();
    let mut same = |what: &str, same: bool| {
        if !same {
            all.push(what.to_owned());
        }
    };
    same("Privileged", host.privileged != Some(true));
    same(
        "NetworkMode",
        host.network_mode.as_deref() == Some(spec.network.as_deref().unwrap_or("none")),
    );
    same("ReadonlyRootfs", host.readonly_rootfs == Some(spec.read_only));
    same("Init", host.init.unwrap_or(false) == spec.init);
    // Podman tells a list of its own, made of what it gives by default.
    same("CapAdd and CapDrop", podman || has_capabilities(spec, &host));
    same("RestartPolicy", policy_of(&host) == spec.policy);
    let memory = spec.limits.memory.and_then(|bytes| i64::try_from(bytes).ok());
    same("Memory", host.memory.unwrap_or(0) == memory.unwrap_or(0));
    // Podman adds some below a read-only root.
    let tmpfs: BTreeSet<&String> = host.tmpfs.iter().flat_map(|all| all.keys()).collect();
    same("Tmpfs", spec.tmpfs.keys().all(|path| tmpfs.contains(path)));
    same("User", spec.user.is_none() || config.user == spec.user);
    same("Env", has_environment(spec, &config));
    same("Entrypoint and Cmd", has_command(spec, &config));
    same("Healthcheck", has_health_check(spec, &config));
    let mounts = found.mounts.unwrap_or_default();
    for asked in &spec.mounts {
        let there = mounts.iter().any(|mount| {
            mount.destination.as_ref() == Some(&asked.path)
                && mount.name.as_ref() == Some(&asked.volume)
                && mount.rw == Some(!asked.read_only)
        });
        same(&format!("the mount at {}", asked.path), there);
    }
    all
}

fn has_capabilities(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let names = |names: &Option<Vec<String>>| -> BTreeSet<String> {
        let bare = |name: &String| name.strip_prefix("CAP_").unwrap_or(name).to_owned();
        names.iter().flatten().map(bare).collect()
    };
    names(&host.cap_drop) == BTreeSet::from(["ALL".to_owned()])
        && names(&host.cap_add) == spec.capabilities.iter().cloned().collect()
}

fn policy_of(host: &HostConfig) -> RestartPolicy {
    match host.restart_policy.as_ref().and_then(|policy| policy.name) {
        Some(RestartPolicyNameEnum::ALWAYS) => RestartPolicy::Always,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => RestartPolicy::UnlessStopped,
        Some(RestartPolicyNameEnum::ON_FAILURE) => RestartPolicy::OnFailure,
        Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => RestartPolicy::No,
    }
}

fn has_environment(spec: &ContainerSpec, config: &ContainerConfig) -> bool {
    let all = config.env.as_deref().unwrap_or_default();
    let mut asked = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
    asked.all(|variable| all.contains(&variable))
}

/// Without an entrypoint and a command of its own the image's count.
fn has_command(spec: &ContainerSpec, config: &ContainerConfig) -> bool {
    let words = |words: &Option<Vec<String>>| words.clone().unwrap_or_default();
    let mut asked = spec.entrypoint.clone();
    asked.extend(spec.cmd.clone());
    match (spec.entrypoint.is_empty(), spec.cmd.is_empty()) {
        (true, true) => true,
        (true, false) => words(&config.cmd) == spec.cmd,
        (false, _) => [words(&config.entrypoint), words(&config.cmd)].concat() == asked,
    }
}

fn has_health_check(spec: &ContainerSpec, config: &ContainerConfig) -> bool {
    let found = config.healthcheck.clone().unwrap_or_default();
    let Some(asked) = spec.healthcheck.as_ref().map(super::run::health_config) else {
        return true;
    };
    (found.test, found.interval, found.timeout, found.retries)
        == (asked.test, asked.interval, asked.timeout, asked.retries)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerConfig, MountPoint, RestartPolicy as ApiPolicy};

    use super::*;
    use crate::Mount;

    fn spec() -> ContainerSpec {
        ContainerSpec {
            env: [("A".to_owned(), "1".to_owned())].into(),
            cmd: vec!["sleep".into(), "infinity".into()],
            mounts: vec![Mount {
                volume: "v".into(),
                path: "/opt/data".into(),
                read_only: true,
            }],
            policy: RestartPolicy::Always,
            capabilities: vec!["KILL".into()],
            read_only: true,
            tmpfs: [("/run".to_owned(), "exec".to_owned())].into(),
            user: Some("hermes".into()),
            ..ContainerSpec::default()
        }
    }

    /// What a real engine tells of such a container.
    fn found() -> ContainerInspectResponse {
        ContainerInspectResponse {
            config: Some(ContainerConfig {
                env: Some(vec!["PATH=/bin".into(), "A=1".into()]),
                entrypoint: Some(vec!["/init".into()]),
                cmd: Some(vec!["sleep".into(), "infinity".into()]),
                user: Some("hermes".into()),
                ..Default::default()
            }),
            host_config: Some(HostConfig {
                network_mode: Some("none".into()),
                readonly_rootfs: Some(true),
                init: Some(false),
                cap_drop: Some(vec!["ALL".into()]),
                cap_add: Some(vec!["CAP_KILL".into()]),
                restart_policy: Some(ApiPolicy {
                    name: Some(RestartPolicyNameEnum::ALWAYS),
                    maximum_retry_count: Some(0),
                }),
                memory: Some(0),
                tmpfs: Some(HashMap::from([("/run".to_owned(), "exec".to_owned())])),
                ..Default::default()
            }),
            mounts: Some(vec![MountPoint {
                name: Some("v".into()),
                destination: Some("/opt/data".into()),
                rw: Some(false),
                ..Default::default()
            }]),
            ..Default::default()
        }
    }

    type Lie = fn(&mut HostConfig, &mut ContainerConfig, &mut Vec<MountPoint>);

    #[test]
    fn what_differs_is_told() {
        let lies: [(Lie, &str); 15] = [
            (|_, _, _| (), ""),
            (|host, _, _| host.privileged = Some(true), "Privileged"),
            (|host, _, _| host.network_mode = Some("bridge".into()), "NetworkMode"),
            (|host, _, _| host.readonly_rootfs = Some(false), "ReadonlyRootfs"),
            (|host, _, _| host.init = Some(true), "Init"),
            (|host, _, _| host.cap_drop = None, "CapAdd and CapDrop"),
            (|host, _, _| host.cap_add = None, "CapAdd and CapDrop"),
            (|host, _, _| host.restart_policy = None, "RestartPolicy"),
            (|host, _, _| host.memory = Some(1 << 20), "Memory"),
            (|host, _, _| host.tmpfs = None, "Tmpfs"),
            (|_, config, _| config.user = Some("root".into()), "User"),
            (|_, config, _| config.env = None, "Env"),
            (|_, config, _| config.cmd = None, "Entrypoint and Cmd"),
            (|_, _, mounts| mounts.clear(), "the mount at /opt/data"),
            (|_, _, mounts| mounts[0].rw = Some(true), "the mount at /opt/data"),
        ];
        for (lie, told) in lies {
            let mut found = found();
            lie(
                found.host_config.get_or_insert_default(),
                found.config.get_or_insert_default(),
                found.mounts.get_or_insert_default(),
            );
            assert_eq!(differences(&spec(), found, false).join(", "), told);
        }
    }
}
