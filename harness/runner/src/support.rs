//! What an engine cannot do, in one table: a case that needs it is `unsupported`, with the reason.

use comeback_engine::{EngineCondition, EngineInfo};
use comeback_scenario::vocabulary::Need;

use super::compose;

/// Why the engine cannot do what a scenario needs; `None` if it can.
pub async fn lacking(need: Need, engine: &EngineInfo, condition: &EngineCondition) -> Option<String> {
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
        _ => return None,
    };
    Some(why.to_owned())
}

/// Everything that the engine cannot do, with the reason.
pub async fn unsupported(engine: &EngineInfo, condition: &EngineCondition) -> Vec<(Need, String)> {
    let mut all = Vec::new();
    for need in Need::ALL {
        if let Some(why) = lacking(need, engine, condition).await {
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
            host: String::new(),
            cpus: 2,
            memory: 0,
            storage: String::new(),
            architecture: String::new(),
            memory_limit,
        }
    }

    async fn needs(engine: &EngineInfo, condition: &EngineCondition) -> Vec<&'static str> {
        let all = unsupported(engine, condition).await;
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
        assert_eq!(needs(&podman, &rootful).await, ["oom-events", "healthcheck"]);
        let rootless = EngineCondition {
            rootless: true,
            cgroup_version: "1".to_owned(),
            ..rootful
        };
        let all = ["oom-events", "pause", "healthcheck", "sized-volume"];
        assert_eq!(needs(&podman, &rootless).await, all);
    }
}
