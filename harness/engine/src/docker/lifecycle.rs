//! Operations on existing containers.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    RestartContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use jiff::Timestamp;

use super::{ANSWER, DockerEngine, RUN, bounded, short};
use crate::{ContainerStatus, EngineError};

/// How often a removal is retried if the container ends while it is being killed.
const REMOVALS: u32 = 5;

/// A grace in whole seconds, as the engine wants it. It is rounded up, because a shorter grace would change the
/// experiment.
fn seconds(grace: Duration) -> i32 {
    let whole = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

impl DockerEngine {
    pub(super) async fn start_id(&self, id: &str) -> Result<(), EngineError> {
        let call = format!("start container {}", short(id));
        bounded(
            call,
            RUN,
            self.docker.start_container(id, None::<StartContainerOptions>),
        )
        .await
    }

    pub(super) async fn restart_id(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let options = RestartContainerOptionsBuilder::new().t(seconds(grace)).build();
        let call = format!("restart container {}", short(id));
        bounded(call, RUN + grace, self.docker.restart_container(id, Some(options))).await
    }

    pub(super) async fn stop_id(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let options = StopContainerOptionsBuilder::new().t(seconds(grace)).build();
        let call = format!("stop container {}", short(id));
        bounded(call, RUN + grace, self.docker.stop_container(id, Some(options))).await
    }

    pub(super) async fn kill_id(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let call = format!("kill container {} with {signal}", short(id));
        bounded(call, ANSWER, self.docker.kill_container(id, Some(options))).await
    }

    pub(super) async fn pause_id(&self, id: &str) -> Result<(), EngineError> {
        bounded(
            format!("pause container {}", short(id)),
            ANSWER,
            self.docker.pause_container(id),
        )
        .await
    }

    pub(super) async fn unpause_id(&self, id: &str) -> Result<(), EngineError> {
        bounded(
            format!("unpause container {}", short(id)),
            ANSWER,
            self.docker.unpause_container(id),
        )
        .await
    }

    pub(super) async fn remove_id(&self, id: &str) -> Result<bool, EngineError> {
        // The call below removes the container. If testcontainers still owned it, its drop would block a worker
        // thread on the same call.
        self.owned.disown(id).await;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let call = format!("remove container {}", short(id));
        let mut tries = REMOVALS;
        loop {
            let removal = self.docker.remove_container(id, Some(options.clone()));
            match bounded(call.clone(), RUN, removal).await {
                Ok(()) => return Ok(true),
                Err(e) if e.is_not_found() => return Ok(false),
                // Podman fails if the container ends by itself while it is being killed.
                Err(e) if self.podman && tries > 0 && e.to_string().contains("state improper") => tries -= 1,
                Err(e) => return Err(e),
            }
        }
    }

    pub(super) async fn inspect_id(&self, id: &str) -> Result<Option<ContainerStatus>, EngineError> {
        let call = format!("inspect container {}", short(id));
        let work = self.docker.inspect_container(id, None::<InspectContainerOptions>);
        match bounded(call, ANSWER, work).await {
            Ok(answer) => Ok(Some(status(answer))),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) async fn containers_labelled(&self, label: &str) -> Result<Vec<ContainerStatus>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let answer = bounded("list containers", ANSWER, self.docker.list_containers(Some(options))).await?;
        Ok(answer
            .into_iter()
            .map(|c| {
                let state = c.state.map(|s| s.to_string()).unwrap_or_default();
                ContainerStatus {
                    id: c.id.unwrap_or_default(),
                    name: c.names.unwrap_or_default().first().map(|n| bare(n)).unwrap_or_default(),
                    labels: c.labels.unwrap_or_default().into_iter().collect(),
                    running: state == "running" || state == "paused",
                    restarting: state == "restarting",
                    started_at: None,
                    finished_at: None,
                    exit_code: 0,
                    oom_killed: false,
                    paused: state == "paused",
                    health: None,
                }
            })
            .collect())
    }
}

/// A container's name without the leading slash that the engine writes.
fn bare(name: &str) -> String {
    name.trim_start_matches('/').to_owned()
}

/// A time from the engine, which writes the year 1 for "never".
fn moment(text: Option<String>) -> Option<Timestamp> {
    let at: Timestamp = text?.parse().ok()?;
    (at.as_second() > 0).then_some(at)
}

fn status(answer: ContainerInspectResponse) -> ContainerStatus {
    let state = answer.state.unwrap_or_default();
    ContainerStatus {
        id: answer.id.unwrap_or_default(),
        name: answer.name.as_deref().map(bare).unwrap_or_default(),
        labels: answer
            .config
            .and_then(|c| c.labels)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        // Docker reports a container as running while it is between two starts of a restart policy.
        running: state.running.unwrap_or(false) && state.restarting != Some(true),
        restarting: state.status == Some(ContainerStateStatusEnum::RESTARTING),
        started_at: moment(state.started_at),
        finished_at: moment(state.finished_at),
        exit_code: state.exit_code.unwrap_or(0),
        oom_killed: state.oom_killed.unwrap_or(false),
        paused: state.paused.unwrap_or(false),
        health: state
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string())
            .filter(|status| !status.is_empty() && status != "none"),
    }
}
