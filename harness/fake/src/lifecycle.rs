//! Starts and ends of scripted containers.

use std::time::Duration;

use super::world::{World, is};
use super::{gateway, refused};
use comeback_engine::{EngineError, RestartPolicy};

/// How long an engine waits before its restart policy first restarts a container. The wait doubles each time.
const BACKOFF: Duration = Duration::from_millis(100);

impl World {
    pub fn start(&self, id: &str) -> Result<(), EngineError> {
        self.start_as(id, 0)
    }

    /// The command ended by itself, so the container ends and its restart policy decides whether it starts again.
    fn ends(&self, id: &str, code: i64) {
        let mut all = self.lock();
        let Some(c) = all.container(id).filter(|c| c.status.running) else {
            return;
        };
        let again = match c.policy {
            RestartPolicy::No => false,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        };
        let restarts = c.restarts.filter(|_| again);
        c.status.restarting = restarts.is_some();
        all.dies(id, code);
        if let Some(so_far) = restarts {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(BACKOFF * 2_u32.pow(so_far.min(9))).await;
                if world.inspect(&id).is_some_and(|status| status.restarting) {
                    // The container may have been removed meanwhile.
                    let _ = world.start_as(&id, so_far + 1);
                }
            });
        }
    }

    fn start_as(&self, id: &str, restarts: u32) -> Result<(), EngineError> {
        let mut all = self.lock();
        let (at, init) = (all.now(), all.tick());
        let Some(c) = all.container(id) else {
            return Err(refused("start", 404, "no such container"));
        };
        if c.status.running {
            return Ok(());
        }
        c.status.running = true;
        c.status.restarting = false;
        c.restarts = Some(restarts);
        c.status.started_at = Some(at);
        c.init = init;
        if is(c, "subject") {
            c.tasks.push(tokio::spawn(gateway::boot(self.clone(), id.to_owned())));
            if let Some((after, code)) = c.ends {
                let (world, id) = (self.clone(), id.to_owned());
                c.tasks.push(tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    world.ends(&id, code);
                }));
            }
        }
        all.emit(id, "start", &[]);
        Ok(())
    }

    /// SIGTERM to PID 1, which first stops its services.
    pub async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        {
            let mut all = self.lock();
            match all.container(id) {
                None => return Err(refused("stop", 404, "no such container")),
                Some(c) if !c.status.running => {
                    c.status.restarting = false;
                    return Ok(());
                }
                Some(c) => {
                    c.restarts = None;
                    all.emit(id, "kill", &[("signal", "15".to_owned())]);
                }
            }
        }
        let went = tokio::time::timeout(grace, gateway::goes_down(self, id)).await.is_ok();
        self.lock().dies(id, if went { 0 } else { 137 });
        Ok(())
    }
}
