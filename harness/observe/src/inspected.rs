//! Turns the engine's answer about a container into a fact.

use comeback_engine::ContainerStatus;
use comeback_history::facts::{self, Fact};

/// The fact that the engine answered with this status.
pub fn inspected(status: ContainerStatus) -> Fact {
    Fact::Inspected {
        status: facts::ContainerStatus {
            id: status.id,
            name: status.name,
            labels: status.labels,
            running: status.running,
            restarting: status.restarting,
            started_at: status.started_at,
            finished_at: status.finished_at,
            exit_code: status.exit_code,
            oom_killed: status.oom_killed,
            paused: status.paused,
            health: status.health,
        },
    }
}
