//! Removes what comeback created: what an attempt, a run or a killed harness left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::folder;
use comeback_engine::{Engine, EngineError, RUN_LABEL, VolumeInfo, again};
use comeback_observe::hub::CASE_LABEL;

/// Deadline of one removal, independent of other deadlines.
const LIMIT: Duration = Duration::from_secs(30);

/// Pause between two looks for containers that an aborted step may still create.
const BETWEEN: Duration = Duration::from_millis(500);
/// After so many looks without a find, nothing more is expected.
const QUIET: u32 = 3;
/// Most looks.
const LOOKS: u32 = 40;

/// Everything that an attempt created.
#[derive(Default)]
pub struct Leftovers {
    /// Containers, by id.
    pub containers: Vec<String>,
    /// Volumes.
    pub volumes: Vec<VolumeInfo>,
    /// Id of the container under test, once there is one.
    pub subject: Option<String>,
    /// The label of the case, if the engine may have containers whose ids are not known: the answer to a creation was
    /// lost, or a later call failed.
    pub unsure_of: Option<String>,
    /// True if a step was aborted, so that the engine may still carry out its requests.
    pub cut_short: bool,
}

impl Leftovers {
    /// Keeps the container under test and the volume for inspection, and removes the rest.
    pub async fn keep(mut self, engine: &Arc<dyn Engine>) {
        let Some(subject) = self.subject.take() else {
            return self.remove(engine).await;
        };
        engine.keep(&subject).await;
        if let Some(case) = self.unsure_of.take() {
            self.containers.extend(containers_of(engine, &case).await);
            self.containers.sort();
            self.containers.dedup();
        }
        self.containers.retain(|id| *id != subject);
        self.volumes.clear();
        self.remove(engine).await;
    }

    /// Removes everything. A failure is logged and left to the leak check.
    pub async fn remove(mut self, engine: &Arc<dyn Engine>) {
        let unsure_of = self.unsure_of.take();
        if let Some(case) = &unsure_of {
            self.containers.extend(containers_of(engine, case).await);
            self.containers.sort();
            self.containers.dedup();
        }
        remove_containers(engine, &self.containers).await;
        if let (true, Some(case)) = (self.cut_short, &unsure_of) {
            // The engine may still be carrying out the requests of an aborted step.
            let mut quiet = 0;
            for _ in 0..LOOKS {
                tokio::time::sleep(BETWEEN).await;
                let late = containers_of(engine, case).await;
                remove_containers(engine, &late).await;
                quiet = if late.is_empty() { quiet + 1 } else { 0 };
                if quiet == QUIET {
                    break;
                }
            }
        }
        for volume in &self.volumes {
            if let Err(why) = remove_volume(engine, volume).await {
                tracing::warn!("volume {} could not be removed: {why}", volume.name);
            }
        }
    }
}

/// The ids of the case's containers on the engine.
async fn containers_of(engine: &Arc<dyn Engine>, case: &str) -> Vec<String> {
    let label = format!("{CASE_LABEL}={case}");
    match again(|| engine.list_containers(&label)).await {
        Ok(all) => all.into_iter().map(|c| c.id).collect(),
        Err(why) => {
            tracing::warn!("the containers of {case} could not be listed: {why}");
            Vec::new()
        }
    }
}

/// Removes containers at the same time, because the engine spends most of a removal waiting. A failure is logged.
async fn remove_containers(engine: &Arc<dyn Engine>, ids: &[String]) {
    let removals = ids.iter().map(|id| timed(again(|| engine.remove_container(id))));
    for (id, outcome) in ids.iter().zip(futures_util::future::join_all(removals).await) {
        if let Err(why) = outcome {
            tracing::warn!("container {id} could not be removed: {why}");
        }
    }
}

/// Removes a volume, with its folder if it has one.
async fn remove_volume(engine: &Arc<dyn Engine>, volume: &VolumeInfo) -> Result<bool, String> {
    folder::remove(engine.as_ref(), volume).await?;
    timed(again(|| engine.remove_volume(&volume.name))).await
}

async fn timed(work: impl Future<Output = Result<bool, EngineError>>) -> Result<bool, String> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// The result of a sweep.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Swept {
    /// Names of removed containers.
    pub containers: Vec<String>,
    /// Names of removed volumes.
    pub volumes: Vec<String>,
    /// Containers and volumes that could not be removed, with the reason.
    pub stuck: Vec<String>,
}

/// How many removals run at a time.
const AT_ONCE: usize = 8;

/// Removes every container and volume with the label `comeback.run`, if `ours` returns true for the label's value.
///
/// # Errors
///
/// If the engine cannot list its containers or volumes. Removals that fail are in [`Swept::stuck`].
pub async fn sweep(engine: &Arc<dyn Engine>, ours: impl Fn(&str) -> bool) -> Result<Swept, EngineError> {
    sweep_where(engine, |labels| labels.get(RUN_LABEL).is_some_and(|run| ours(run))).await
}

async fn sweep_where(
    engine: &Arc<dyn Engine>,
    is_ours: impl Fn(&BTreeMap<String, String>) -> bool,
) -> Result<Swept, EngineError> {
    let mut swept = Swept::default();
    let mut containers = again(|| engine.list_containers(RUN_LABEL)).await?;
    containers.retain(|container| is_ours(&container.labels));
    let removals = containers
        .iter()
        .map(|c| timed(again(|| engine.remove_container(&c.id))));
    let outcomes: Vec<_> = stream::iter(removals).buffered(AT_ONCE).collect().await;
    for (container, outcome) in containers.into_iter().zip(outcomes) {
        match outcome {
            Ok(_) => {
                tracing::info!("removed container {}", container.name);
                swept.containers.push(container.name);
            }
            Err(why) => swept.stuck.push(format!("container {}: {why}", container.name)),
        }
    }
    let mut volumes = again(|| engine.list_volumes(RUN_LABEL)).await?;
    volumes.retain(|volume| is_ours(&volume.labels));
    let removals = volumes.iter().map(|volume| remove_volume(engine, volume));
    let outcomes: Vec<_> = stream::iter(removals).buffered(AT_ONCE).collect().await;
    for (volume, outcome) in volumes.into_iter().zip(outcomes) {
        match outcome {
            Ok(_) => {
                tracing::info!("removed volume {}", volume.name);
                swept.volumes.push(volume.name);
            }
            Err(why) => swept.stuck.push(format!("volume {}: {why}", volume.name)),
        }
    }
    Ok(swept)
}

/// Removes everything that one run left, except what the cases `kept` have.
///
/// # Errors
///
/// Those of [`sweep`].
pub async fn remove_run(engine: &Arc<dyn Engine>, run: &str, kept: &[String]) -> Result<Swept, EngineError> {
    sweep_where(engine, |labels| {
        let is_kept = labels.get(CASE_LABEL).is_some_and(|case| kept.contains(case));
        labels.get(RUN_LABEL).is_some_and(|label| label == run) && !is_kept
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use comeback_engine::{ContainerSpec, VolumePlace};
    use comeback_fake::faulty::{Fault, Faulty, Kind};
    use comeback_fake::{Fake, Personality};
    use tracing_test::traced_test;

    use super::*;

    /// An engine that refuses every call of that name, and what an attempt created there.
    async fn left_on(refused: &'static str) -> (Arc<dyn Engine>, Leftovers) {
        let fault = Fault {
            op: refused,
            nth: 0,
            always: true,
            kind: Kind::Refused,
        };
        let engine: Arc<dyn Engine> = Arc::new(Faulty::new(Fake::new(Personality::Fixed), Some(fault)));
        engine
            .create_volume("volume-1", &BTreeMap::new(), &VolumePlace::Engine)
            .await
            .unwrap();
        let spec = ContainerSpec {
            name: "container-1".to_owned(),
            ..ContainerSpec::default()
        };
        let leftovers = Leftovers {
            containers: vec![engine.create_container(&spec).await.unwrap()],
            volumes: vec![VolumeInfo {
                name: "volume-1".to_owned(),
                labels: BTreeMap::new(),
            }],
            ..Leftovers::default()
        };
        (engine, leftovers)
    }

    #[traced_test]
    #[tokio::test(start_paused = true)]
    async fn a_container_that_cannot_be_removed_is_logged() {
        let (engine, leftovers) = left_on("remove").await;
        let id = leftovers.containers[0].clone();
        leftovers.remove(&engine).await;
        assert!(logs_contain(&format!("container {id} could not be removed: ")));
        assert!(!logs_contain("volume volume-1 could not be removed"));
    }

    #[traced_test]
    #[tokio::test(start_paused = true)]
    async fn a_volume_that_cannot_be_removed_is_logged() {
        let (engine, leftovers) = left_on("remove volume").await;
        leftovers.remove(&engine).await;
        assert!(logs_contain("volume volume-1 could not be removed: "));
        assert!(!logs_contain("container "));
    }
}
