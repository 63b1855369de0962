//! What an engine cannot do, in one table: a case that needs it is `unsupported`, with the reason.

use comeback_engine::{EngineCondition, EngineInfo};
use comeback_scenario::vocabulary::Need;

use super::compose;

/// Why the engine cannot do what a scenario needs; `None` if it can. `daemon_restart`: the command that restarts its daemon.
pub async fn lacking(
    need: Need,
    engine: &EngineInfo,
    condition: &EngineCondition,
    daemon_restart: Option<&str>,
) -> Option<String> {
    let podman = engine.name == EngineInfo::PODMAN;
    let why = match need {
        Need::Compose => return compose::lacking().await,
        Need::MemoryLimit if !engine.memory_limit => "this engine does not enforce memory limits",
        Need::OomEvents if !engine.tells_of_oom() => {
            "podman does not report an OOM kill that leaves the container's first process alive, so the kill cannot be proved"
        }
        Need::Pause if condition.rootless && condition.cgroup_version == "1" => {
            "a rootless engine cannot freeze a container with cgroups of version 1"
        }
        Need::Healthcheck if podman && condition.cgroup_driver != "systemd" => {
            "podman runs health checks by systemd's timers, and does not use systemd here"
        }
        Need::SizedVolume if podman && condition.rootless => "rootless podman cannot give a volume a size",
        Need::DaemonRestart if podman => "podman has no daemon that its containers end with",
        Need::DaemonRestart if daemon_restart.is_none() => {
            "no command is named that restarts the engine's daemon, with all that runs on it (--daemon-restart)"
        }
        Need::HostFolder if !engine.host.starts_with("unix://") => {
            "a folder of this host is not there for an engine that is reached through a network"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

/// Everything that the engine cannot do, with the reason.
pub async fn unsupported(
    engine: &EngineInfo,
    condition: &EngineCondition,
    daemon_restart: Option<&str>,
) -> Vec<(Need, String)> {
    let mut all = Vec::new();
    for need in Need::ALL {
        if let Some(why) = lacking(need, engine, condition, daemon_restart).await {
            all.push((need, why));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str, memory_limit: bool) -> EngineInfo {
        EngineInfo {
            name: name.to_owned(),
            version: String::new(),
            api: String::new(),
            host: "unix:///run/engine.sock".to_owned(),
            cpus: 2,
            memory: 0,
            storage: String::new(),
            architecture: String::new(),
            memory_limit,
        }
    }

    async fn needs(engine: &EngineInfo, condition: &EngineCondition) -> Vec<&'static str> {
        let all = unsupported(engine, condition, Some("true")).await;
        let of_engine = all.iter().filter(|(need, _)| *need != Need::Compose);
        of_engine.map(|(need, _)| need.word()).collect()
    }

    #[tokio::test]
    async fn an_engine_lacks_what_its_answers_say() {
        let rootful = EngineCondition {
            cgroup_version: "2".to_owned(),
            cgroup_driver: "cgroupfs".to_owned(),
            ..EngineCondition::default()
        };
        assert_eq!(needs(&engine("docker", true), &rootful).await, [""; 0]);
        assert_eq!(needs(&engine("docker", false), &rootful).await, ["memory-limit"]);
        let podman = engine(EngineInfo::PODMAN, true);
        assert_eq!(
            needs(&podman, &rootful).await,
            ["oom-events", "healthcheck", "daemon-restart"]
        );
        let rootless = EngineCondition {
            rootless: true,
            cgroup_version: "1".to_owned(),
            ..rootful
        };
        let all = ["oom-events", "pause", "healthcheck", "sized-volume", "daemon-restart"];
        assert_eq!(needs(&podman, &rootless).await, all);
    }

    #[tokio::test]
    async fn an_engine_elsewhere_sees_no_folder_of_this_host() {
        let elsewhere = EngineInfo {
            host: "tcp://engine:2376".to_owned(),
            ..engine("docker", true)
        };
        assert_eq!(needs(&elsewhere, &EngineCondition::default()).await, ["host-folder"]);
    }

    #[tokio::test]
    async fn nobody_restarts_a_daemon_without_a_command_for_it() {
        let docker = engine("docker", true);
        let condition = EngineCondition::default();
        let why = lacking(Need::DaemonRestart, &docker, &condition, None).await;
        assert!(why.is_some_and(|why| why.contains("--daemon-restart")));
    }
}
