//! The observer and the agent: numbered lines to the harness, and answers to its commands.

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream};
use tokio::sync::mpsc;

use super::world::{Listener, World};
use super::{gateway, received};
use comeback_engine::Attached;
use comeback_history::now::Process;

/// Buffer for input on its way, in bytes.
const INPUT: usize = 64 * 1024;

/// Which script a connection is to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Observer,
    Agent,
}

/// Connects to a container's observer. A new connection continues the numbering of the one before.
pub fn observer(world: &World, id: &str) -> Attached {
    connect(world, id, Who::Observer)
}

/// Starts an agent in a container.
pub fn agent(world: &World, id: &str) -> Attached {
    connect(world, id, Who::Agent)
}

fn connect(world: &World, id: &str, who: Who) -> Attached {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (ours, theirs) = tokio::io::duplex(INPUT);
    let listener = {
        let mut all = world.lock();
        all.container(id).map(|c| {
            match (who, c.listeners.first_mut()) {
                (Who::Observer, Some(listener)) => listener.reconnect(sender),
                _ => c.listeners.push(Listener::new(sender)),
            }
            c.listeners.len() - 1
        })
    };
    if let Some(listener) = listener {
        let task = tokio::spawn(listen(world.clone(), id.to_owned(), who, listener, theirs));
        if let Some(c) = world.lock().container(id) {
            c.tasks.push(task);
        }
    }
    Attached {
        lines: received(receiver),
        input: Box::pin(ours),
        id: (who == Who::Agent).then(|| "exec".to_owned()),
    }
}

async fn listen(world: World, id: String, who: Who, listener: usize, input: DuplexStream) {
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Json = serde_json::from_str(&line).unwrap_or_default();
        let number = &command["id"];
        let first = {
            let mut all = world.lock();
            let Some(c) = all.container(&id) else { return };
            let init = c.init;
            let Some(listener) = c.listeners.get_mut(listener) else {
                return;
            };
            let first = !std::mem::replace(&mut listener.greeted, true);
            if first {
                listener.say(json!({"k": "hello", "init": init, "comm": comeback_gateway::supervisor::PROCESS}));
            }
            first
        };
        if first && who == Who::Observer {
            let mut all = world.lock();
            let present = all.present(&id);
            let listener = all.container(&id).and_then(|c| c.listeners.get_mut(listener));
            if let Some(listener) = listener {
                present.into_iter().for_each(|message| listener.say(message));
            }
        } else if first {
            gateway::send_slot(&mut world.lock(), &id);
        }
        match command["c"].as_str() {
            Some("sync") => say(&world, &id, listener, json!({"k": "sync", "id": number})),
            Some("live") if who == Who::Agent => {
                let live = json!({"k": "live", "p": command["p"], "pid": command["pid"], "st": command["st"]});
                say(&world, &id, listener, live);
                say(&world, &id, listener, json!({"k": "reply", "id": number, "ok": true}));
            }
            Some("idle") if who == Who::Agent => {
                let idles = world.lock().container(&id).is_none_or(|c| c.working == 0);
                let reply = json!({"k": "reply", "id": number, "ok": idles, "why": "it works"});
                say(&world, &id, listener, reply);
            }
            Some("kill") if who == Who::Agent => {
                let signal = i32::try_from(command["sig"].as_i64().unwrap_or(15)).unwrap_or(15);
                let process = gateway::supervised(&world, &id);
                say(&world, &id, listener, reply(number, process));
                if let Some(process) = process {
                    let (world, id) = (world.clone(), id.clone());
                    tokio::spawn(async move { gateway::end(&world, &id, process, signal).await });
                }
            }
            _ => {}
        }
    }
}

fn reply(number: &Json, process: Option<Process>) -> Json {
    match process {
        Some(process) => {
            json!({"k": "reply", "id": number, "ok": true, "pid": process.pid, "st": process.start_time})
        }
        None => json!({"k": "reply", "id": number, "ok": false, "why": "no gateway process runs"}),
    }
}

fn say(world: &World, id: &str, listener: usize, message: Json) {
    let mut all = world.lock();
    if let Some(listener) = all.container(id).and_then(|c| c.listeners.get_mut(listener)) {
        listener.say(message);
    }
}
