//! Follows the engine's events of a case, and puts an agent into each incarnation of its container.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use comeback_engine::{Engine, EngineEvent, ExecSpec, again};
use comeback_gateway::script_facts;
use comeback_history::facts::{ContainerChange, Fact, Source};
use comeback_history::now::Now;
use comeback_observe::hub::HubEvent;
use comeback_observe::link::Link;
use comeback_observe::recorder::Recorder;
use comeback_observe::{AGENT, inspected};

/// The agent of the current incarnation, once it is connected.
type CurrentAgent = watch::Sender<Option<Arc<Link>>>;

/// The execs of which the engine has told that they have ended: `exec_die` on Docker, `exec_died` on Podman.
type EndedExecs = watch::Sender<BTreeSet<String>>;

/// Follows the container under test of one case. Dropping it disconnects the agent.
pub struct IncarnationMonitor {
    agent: watch::Receiver<Option<Arc<Link>>>,
    ended: watch::Receiver<BTreeSet<String>>,
    task: JoinHandle<()>,
}

impl Drop for IncarnationMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl IncarnationMonitor {
    /// Begins to follow the events of a case.
    ///
    /// `user` is who the agent acts as: root, or the user of PID 1 where that is another one, because root may lack the
    /// capabilities to look at that user's processes.
    pub fn start(
        engine: Arc<dyn Engine>,
        events: mpsc::UnboundedReceiver<HubEvent>,
        recorder: Recorder,
        user: Option<String>,
    ) -> Self {
        let (current, agent) = watch::channel(None);
        let user = user.unwrap_or_else(|| "root".to_owned());
        let (ends, ended) = watch::channel(BTreeSet::new());
        let task = tokio::spawn(follow(engine, events, recorder, current, ends, user));
        Self { agent, ended, task }
    }

    /// Waits up to `limit` for the engine's event of the end of an exec. False if there is none.
    pub async fn exec_ended(&self, exec: &str, limit: Duration) -> bool {
        let mut ended = self.ended.clone();
        let told = tokio::time::timeout(limit, ended.wait_for(|ended| ended.contains(exec))).await;
        matches!(told, Ok(Ok(_)))
    }

    /// The agent of the current incarnation, if there is one.
    pub fn agent(&self) -> Option<Arc<Link>> {
        self.agent.borrow().clone()
    }

    /// The agent of the current incarnation. Waits up to `limit` for it.
    pub async fn agent_within(&self, limit: Duration) -> Option<Arc<Link>> {
        let mut agent = self.agent.clone();
        let there = tokio::time::timeout(limit, agent.wait_for(Option::is_some)).await;
        there.ok()?.ok()?.clone()
    }
}

async fn follow(
    engine: Arc<dyn Engine>,
    mut events: mpsc::UnboundedReceiver<HubEvent>,
    recorder: Recorder,
    agent: CurrentAgent,
    ends: EndedExecs,
    user: String,
) {
    let mut attaching: Option<JoinHandle<()>> = None;
    let mut current: Option<String> = None;
    let mut last: Option<Timestamp> = None;
    while let Some(message) = events.recv().await {
        let event = match message {
            HubEvent::Event(event) => event,
            HubEvent::Broken(why) => {
                let what = format!("the engine's event stream broke: {why}");
                recorder.push(Source::Engine, None, Fact::Lost { what });
                continue;
            }
            HubEvent::Restarted => {
                if let Some(id) = &current
                    && let Some(at) = ended_with_daemon(&engine, id, &recorder).await
                {
                    last = last.max(Some(at));
                    agent.send_replace(None);
                }
                continue;
            }
        };
        if event.action.starts_with("exec_die") {
            ends.send_modify(|ended| ended.extend(event.attributes.get("execID").cloned()));
            continue;
        }
        if let Some(status) = event.action.strip_prefix("health_status") {
            // Docker writes `health_status: healthy`; others put it into an attribute.
            let said = status.trim_start_matches(':').trim().to_owned();
            let said = Some(said).filter(|said| !said.is_empty());
            let status = said.or_else(|| event.attributes.get("health_status").cloned());
            if let Some(status) = status.filter(|_| current.as_deref() == Some(&event.container)) {
                recorder.push(Source::Engine, Some(event.at), Fact::Health { status });
            }
            continue;
        }
        let change = match event.action.as_str() {
            "start" => ContainerChange::Started,
            "die" => ContainerChange::Died,
            "oom" => ContainerChange::Oom,
            "destroy" => ContainerChange::Destroyed,
            "pause" => ContainerChange::Paused,
            "unpause" => ContainerChange::Unpaused,
            _ => continue,
        };
        let again = current.as_deref() == Some(&event.container);
        if change == ContainerChange::Started {
            current = Some(event.container.clone());
        } else if current.as_deref().is_some_and(|id| id != event.container) {
            // A recreated container may be up before the old one is destroyed.
            continue;
        }
        if last.is_some_and(|last| event.at < last) {
            // A `die` after the next `start` would end the wrong incarnation.
            let what = format!("the engine sent the event `{}` after a later one", event.action);
            recorder.push(Source::Engine, None, Fact::Lost { what });
            continue;
        }
        let earlier = last.replace(event.at).filter(|_| again);
        let key = if change == ContainerChange::Started {
            key(&engine, &event, earlier, &recorder).await
        } else {
            None
        };
        let started_at = key.as_ref().map(|key| key.started_at);
        let exit = event.attributes.get("exitCode").and_then(|code| code.parse().ok());
        let fact = Fact::Container {
            change,
            started_at,
            exit,
        };
        recorder.push(Source::Engine, Some(event.at), fact);
        if let Some(status) = key.as_ref().and_then(|key| key.health.clone()) {
            recorder.push(Source::Engine, None, Fact::Health { status });
        }
        match change {
            ContainerChange::Started => {
                if let Some(old) = attaching.take() {
                    old.abort();
                }
                if let Some(Key {
                    started_at,
                    current: true,
                    ..
                }) = key
                {
                    let (engine, recorder, agent) = (engine.clone(), recorder.clone(), agent.clone());
                    let spec = agent_as(&user);
                    attaching = Some(tokio::spawn(async move {
                        attach(&engine, &event.container, &spec, started_at, &recorder, &agent).await;
                    }));
                }
            }
            ContainerChange::Died | ContainerChange::Destroyed => {
                agent.send_replace(None);
            }
            ContainerChange::Oom | ContainerChange::Paused | ContainerChange::Unpaused => {}
        }
    }
}

/// Puts on record that the container ended while its engine's daemon was restarted, which no event tells. Returns when, or
/// `None` if it has not ended.
async fn ended_with_daemon(engine: &Arc<dyn Engine>, container: &str, recorder: &Recorder) -> Option<Timestamp> {
    let (running, started_at) = recorder.now(|now: &Now| (now.running(), now.started_at()));
    let status = match again(|| engine.inspect(container)).await {
        Ok(status) => status?,
        Err(error) => {
            let what = format!("the state of the container after the daemon's restart: {error}");
            recorder.push(Source::Engine, None, Fact::Lost { what });
            return None;
        }
    };
    let ended = running && (!status.running || status.started_at != started_at);
    let at = status.finished_at.filter(|_| ended)?;
    let fact = Fact::Container {
        change: ContainerChange::Died,
        started_at: None,
        // That of an incarnation before the current one is forgotten.
        exit: (!status.running).then_some(status.exit_code),
    };
    recorder.push(Source::Engine, None, inspected(status));
    recorder.push(Source::Engine, Some(at), fact);
    Some(at)
}

/// An incarnation's key.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    started_at: Timestamp,
    /// False if the container has been started again since. Then an agent would be put into a later incarnation.
    current: bool,
    /// What the container's health check says, if it has one.
    health: Option<String>,
}

/// The key of the incarnation that a start event is about. `earlier` is the time of the container's previous event.
async fn key(
    engine: &Arc<dyn Engine>,
    event: &EngineEvent,
    earlier: Option<Timestamp>,
    recorder: &Recorder,
) -> Option<Key> {
    let status = match again(|| engine.inspect(&event.container)).await {
        Ok(status) => status?,
        Err(error) => {
            tracing::debug!("{error}");
            return None;
        }
    };
    let health = status.health.clone();
    let key = key_of(event.at, earlier, status.started_at).map(|key| key.map(|key| Key { health, ..key }));
    recorder.push(Source::Engine, None, inspected(status));
    key.unwrap_or_else(|what| {
        recorder.push(Source::Engine, None, Fact::Lost { what });
        None
    })
}

/// The key of the incarnation that began with an event at `told`, from the `StartedAt` of an inspect after it.
///
/// The engine sets `StartedAt` after the events before the start and before the event of the start. `StartedAt` is the
/// key because all sources agree on it. If the container ended and was started again before the inspect, `StartedAt`
/// belongs to that later start.
///
/// # Errors
///
/// If `StartedAt` is that of an earlier start, so that it is not known which start the event is about.
fn key_of(told: Timestamp, earlier: Option<Timestamp>, started_at: Option<Timestamp>) -> Result<Option<Key>, String> {
    let Some(started_at) = started_at else { return Ok(None) };
    if started_at > told {
        // No other source will name this incarnation, so the time of the event, which is unique, serves as the key.
        let key = Key {
            started_at: told,
            current: false,
            health: None,
        };
        return Ok(Some(key));
    }
    if earlier.is_some_and(|earlier| started_at < earlier) {
        return Err(format!(
            "the engine's event is of a start at {told}, but its inspect gives {started_at}, before the previous event"
        ));
    }
    let key = Key {
        started_at,
        current: true,
        health: None,
    };
    Ok(Some(key))
}

/// The command that the agent is, as this user.
fn agent_as(user: &str) -> ExecSpec {
    let facts = script_facts().to_string();
    let argv = ["python3", "-I", "-S", "-u", "-c", AGENT, &facts];
    ExecSpec {
        argv: argv.map(str::to_owned).into(),
        user: Some(user.to_owned()),
        stdin: true,
        ..ExecSpec::default()
    }
}

async fn attach(
    engine: &Arc<dyn Engine>,
    container: &str,
    spec: &ExecSpec,
    started_at: Timestamp,
    recorder: &Recorder,
    agent: &CurrentAgent,
) {
    // Right after a start, the container may not accept an exec yet.
    for attempt in 1..=5 {
        let outcome = match engine.attach_exec(container, spec).await {
            Ok(attached) => {
                let greeter = recorder.clone();
                let greeted = move |hello: &comeback_observe::wire::Message| {
                    let fact = Fact::Ready {
                        started_at: Some(started_at),
                        init_start: hello.init,
                        init: hello.comm.clone(),
                    };
                    greeter.push(Source::Agent, None, fact);
                };
                Link::open(attached, Source::Agent, recorder.clone(), greeted)
                    .await
                    .map_err(|e| e.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match outcome {
            Ok(link) => {
                agent.send_replace(Some(Arc::new(link)));
                return;
            }
            Err(why) => tracing::debug!("attempt {attempt} to put the agent into {container}: {why}"),
        }
        let ended = recorder.now(|now| !now.running() || now.started_at() != Some(started_at));
        if ended {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100 * attempt)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_665_000 + ms).unwrap_or_default()
    }

    /// Starts at 0 and 150, with events at 2 and 152, and an end at 100. The inspect may come at any time.
    #[test]
    fn no_incarnation_gets_the_key_of_another_one() {
        let key = |ms, current| {
            let started_at = at(ms);
            Ok(Some(Key {
                started_at,
                current,
                health: None,
            }))
        };
        assert_eq!(key_of(at(2), None, Some(at(0))), key(0, true));
        assert_eq!(key_of(at(152), Some(at(100)), Some(at(150))), key(150, true));
        // The inspect after the first event was answered after the second start.
        assert_eq!(key_of(at(2), None, Some(at(150))), key(2, false));
        // The inspect after the second event gives the first start.
        assert!(key_of(at(152), Some(at(100)), Some(at(0))).is_err());
        assert_eq!(key_of(at(2), None, None), Ok(None));
    }
}
