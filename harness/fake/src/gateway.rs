//! The processes in a container under test: a reconciler, a supervisor and a gateway that behave as the behaviour
//! table says.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::personality::Personality;
use super::world::{All, World, nanos};
use comeback_engine::ExecOutput;
use comeback_gateway::boot_line::{NO_STATE, STARTED};
use comeback_gateway::command::PROGRAM;
use comeback_gateway::files::{BOOT_LOG, EXIT_DIAG, GATEWAY_LOG, MARKER, STATE};
use comeback_gateway::state::{GATEWAY_STATE, PID, RUNNING, START_TIME};
use comeback_history::now::Process;
use comeback_scenario::overlay::ProcessKind;

const NO_MARKER: &str = "as a planned gateway stop — exiting cleanly";

async fn ms(n: u64) {
    tokio::time::sleep(Duration::from_millis(n)).await;
}

/// Works for so many milliseconds, or for ever.
async fn works(world: &World, id: &str, n: Option<u64>) {
    let count = |more: bool| {
        let mut all = world.lock();
        let works = all.personality.works();
        if let Some(c) = all.container(id).filter(|_| works) {
            c.working = if more {
                c.working + 1
            } else {
                c.working.saturating_sub(1)
            };
        }
    };
    count(true);
    match n {
        Some(n) => ms(n).await,
        None => std::future::pending().await,
    }
    count(false);
}

/// A boot: the reconciler decides by the files on the volume.
pub async fn boot(world: World, id: String) {
    let boot = {
        let mut all = world.lock();
        all.boots += 1;
        all.personality.boot_ms(all.boots)
    };
    works(&world, &id, boot).await;
    world.loads_overlay(&id, ProcessKind::Reconciler, None);
    let starts = {
        let mut all = world.lock();
        let Some(volume) = volume_of(&mut all, &id) else { return };
        let prior = all.file(&volume, STATE);
        let prior = prior
            .as_ref()
            .and_then(|state| state[GATEWAY_STATE].as_str())
            .unwrap_or(NO_STATE);
        let prior = match all.wanted.filter(|_| all.personality == Personality::MaskedSlow) {
            Some(true) => RUNNING,
            Some(false) => "stopped",
            None => prior,
        };
        let starts = prior == RUNNING && all.personality != Personality::NeverStarted;
        let action = if starts { STARTED } else { "registered" };
        let line = format!("profile=default prior_state={prior} action={action}");
        let at = all.now();
        all.append(&volume, BOOT_LOG, format!("{at} {line}"));
        all.log(&id, format!("reconcile: {line}"));
        let Some(c) = all.container(&id) else { return };
        c.slot = Some(super::world::Slot {
            down_file: !starts,
            ..Default::default()
        });
        send_slot(&mut all, &id);
        starts
    };
    ms(20).await;
    if starts {
        let delay = world.lock().personality.delay_ms();
        bring_up(&world, &id, delay);
    }
}

/// Runs an operator's command.
pub async fn command(world: &World, id: &str, argv: &[String]) -> ExecOutput {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    ms(300).await;
    world.loads_overlay(id, ProcessKind::Command, None);
    match words.as_slice() {
        [PROGRAM, "gateway", "start"] => {
            world.lock().wanted = Some(true);
            bring_up(world, id, 0);
        }
        [PROGRAM, "gateway", "stop"] => {
            world.lock().wanted = Some(false);
            let process = announce(world, id);
            ms(10).await;
            if let Some(process) = process {
                end(world, id, process, 15).await;
            }
        }
        _ => {
            return ExecOutput {
                id: String::new(),
                exit: Some(2),
                output: format!("the scripted gateway has no {argv:?}"),
            };
        }
    }
    let exit = world.inspect(id).is_some_and(|c| c.running).then_some(0);
    ExecOutput {
        id: String::new(),
        exit,
        output: String::new(),
    }
}

/// `hermes gateway stop`: with the fix, it writes a marker with the PID of the gateway that it is about to stop.
fn announce(world: &World, id: &str) -> Option<Process> {
    let mut all = world.lock();
    let volume = volume_of(&mut all, id)?;
    let slot = all.container(id)?.slot.as_mut()?;
    slot.want_up = false;
    let process = slot.process?;
    if all.personality.marks_stops() {
        let marker = json!({"target_pid": process.pid, "target_start_time": process.start_time});
        all.write(&volume, MARKER, Some(marker.to_string()));
    }
    send_slot(&mut all, id);
    Some(process)
}

/// PID 1 got SIGTERM: it stops the gateway and ends when the gateway is gone.
pub async fn goes_down(world: &World, id: &str) {
    let process = {
        let mut all = world.lock();
        let slot = all.container(id).and_then(|c| c.slot.as_mut());
        let process = slot.and_then(|slot| {
            slot.want_up = false;
            slot.process
        });
        send_slot(&mut all, id);
        process
    };
    if let Some(process) = process {
        end(world, id, process, 15).await;
    }
    ms(80).await;
}

/// Sends a signal to the gateway process and waits for its end.
pub async fn end(world: &World, id: &str, process: Process, signal: i32) {
    let killed = signal == 9;
    if !killed && world.lock().personality == Personality::IgnoresSigterm {
        // The gateway ignores the signal, so it lives until something else kills it.
        return std::future::pending().await;
    }
    let planned = !killed && takes_shutdown(world, id, process);
    if !killed {
        ms(10).await;
        writes(world, id, process, "draining");
        ms(100).await;
        let last = if !planned && world.lock().personality.keeps_running() {
            RUNNING
        } else {
            "stopped"
        };
        writes(world, id, process, last);
        let code = i64::from(!planned);
        let tag = if planned {
            "gateway.exit_clean"
        } else {
            "gateway.exit_nonzero"
        };
        diagnoses(world, id, process, tag);
        ms(20).await;
        gone(world, id, process, code);
    } else {
        gone(world, id, process, -9);
    }
}

/// Handles a SIGTERM. True if a marker makes it a planned stop.
fn takes_shutdown(world: &World, id: &str, process: Process) -> bool {
    let mut all = world.lock();
    let Some(volume) = volume_of(&mut all, id) else {
        return false;
    };
    let now = all.now();
    let marker = all.file(&volume, MARKER);
    let old = marker.as_ref().is_some_and(|marker| expired(marker, now));
    let named = !old && marker.is_some_and(|marker| marker["target_start_time"] == json!(process.start_time));
    let how = if named { NO_MARKER } else { "— initiating shutdown" };
    if named || old {
        all.write(&volume, MARKER, None);
    }
    all.append(
        &volume,
        GATEWAY_LOG,
        format!("INFO gateway.run: Received SIGTERM {how}"),
    );
    named
}

/// A marker is valid for a minute by the gateway's clock.
fn expired(marker: &Json, now: Timestamp) -> bool {
    let written = marker["written_at"]
        .as_str()
        .and_then(|at| at.parse::<Timestamp>().ok());
    written.is_some_and(|written| now.duration_since(written).as_secs() > 60)
}

/// `delay`: milliseconds until the gateway writes its first state.
fn bring_up(world: &World, id: &str, delay: u64) {
    let mut all = world.lock();
    let process = Process {
        start_time: all.tick(),
        pid: u32::try_from(all.tick() % 30_000).unwrap_or(7) + 2,
    };
    let Some(c) = all.container(id) else { return };
    let Some(slot) = c.slot.as_mut() else { return };
    slot.want_up = true;
    if slot.process.is_some() {
        return;
    }
    slot.process = Some(process);
    c.tasks
        .push(tokio::spawn(serve(world.clone(), id.to_owned(), process, delay)));
    send_slot(&mut all, id);
}

/// Runs a gateway from its start.
async fn serve(world: World, id: String, process: Process, delay: u64) {
    let start = {
        let all = world.lock();
        all.personality.start_ms(all.boots)
    };
    works(&world, &id, start.map(|start| start + delay)).await;
    if !world.loads_overlay(&id, ProcessKind::Gateway, Some(process)) {
        return gone(&world, &id, process, 97);
    }
    let personality = world.lock().personality;
    match personality {
        Personality::Crashes => return gone(&world, &id, process, 1),
        Personality::CrashesUntilMended if !is_mended(&world, &id) => return gone(&world, &id, process, 1),
        Personality::CrashesUntilMended => works(&world, &id, Some(8000)).await,
        _ => {}
    }
    diagnoses(&world, &id, process, "gateway.start");
    ms(50).await;
    writes(&world, &id, process, "starting");
    ms(30).await;
    writes(&world, &id, process, RUNNING);
}

/// True if a step has put the file on the volume that ends a crash loop.
fn is_mended(world: &World, id: &str) -> bool {
    let mut all = world.lock();
    volume_of(&mut all, id).is_some_and(|volume| all.file(&volume, "mended").is_some())
}

fn runs(all: &mut All, id: &str, process: Process) -> bool {
    all.container(id)
        .and_then(|c| c.slot.as_ref())
        .is_some_and(|slot| slot.process == Some(process))
}

fn writes(world: &World, id: &str, process: Process, state: &str) {
    let mut all = world.lock();
    let (true, Some(volume)) = (runs(&mut all, id, process), volume_of(&mut all, id)) else {
        return;
    };
    let text = json!({
        PID: process.pid, "kind": "hermes-gateway", START_TIME: process.start_time, GATEWAY_STATE: state,
    });
    all.write(&volume, STATE, Some(text.to_string()));
}

fn diagnoses(world: &World, id: &str, process: Process, tag: &str) {
    let mut all = world.lock();
    let (true, Some(volume)) = (runs(&mut all, id, process), volume_of(&mut all, id)) else {
        return;
    };
    let line = json!({"tag": tag, "pid": process.pid});
    all.append(&volume, EXIT_DIAG, line.to_string());
}

/// A gateway process has ended: the supervisor counts it and starts another one if the service is wanted up.
fn gone(world: &World, id: &str, process: Process, code: i64) {
    let mut all = world.lock();
    if !runs(&mut all, id, process) {
        return;
    }
    let Some(c) = all.container(id) else { return };
    let Some(slot) = c.slot.as_mut() else { return };
    slot.process = None;
    slot.deaths.push(code);
    if slot.want_up {
        let (world, id) = (world.clone(), id.to_owned());
        c.tasks.push(tokio::spawn(async move {
            ms(1000).await;
            bring_up(&world, &id, 0);
        }));
    }
    send_slot(&mut all, id);
}

fn volume_of(all: &mut All, id: &str) -> Option<String> {
    all.container(id).filter(|c| c.status.running)?.volume.clone()
}

/// The gateway process that the supervisor runs now.
pub fn supervised(world: &World, id: &str) -> Option<Process> {
    world.lock().container(id)?.slot.as_ref()?.process
}

/// Sends the supervisor's status to every agent in a container.
pub fn send_slot(all: &mut All, id: &str) {
    let at = nanos(all.now());
    let Some(c) = all.container(id) else { return };
    let Some(slot) = &c.slot else { return };
    let up = slot.process.is_some();
    let deaths: Vec<_> = slot
        .deaths
        .iter()
        .map(|code| {
            if *code < 0 {
                json!(["signal", "SIGKILL"])
            } else {
                json!(["code", code])
            }
        })
        .collect();
    let message = json!({
        "k": "svc", "p": "default", "t": at, "slot": true, "down": slot.down_file, "up": up, "want": slot.want_up,
        "pid": slot.process.map(|p| p.pid), "st": slot.process.map(|p| p.start_time), "procs": u32::from(up),
        "deaths": deaths,
    });
    c.listeners
        .iter_mut()
        .for_each(|listener| listener.say(message.clone()));
}
