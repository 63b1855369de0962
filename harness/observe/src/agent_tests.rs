//! Tests of the agent script under `python3`, on a scan directory of the test. A file stands for what the supervisor says.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::AGENT;
use super::script_tests::Script;
use super::wire::Message;
use comeback_history::facts::{Fact, ProcessExit, ServiceStatus};

const SLOT: &str = "service/gateway-default";
/// As s6-linux-init names a slot at the end of the container.
const HIDDEN: &str = "service/.s6-linux-init-shutdownd:gateway-default:KxW3";

/// A tool of the supervisor's that prints a file of the slot.
fn tool(path: &Path, file: &str) {
    fs::write(
        path,
        format!("#!/bin/sh\nfor slot; do :; done\ncat \"$slot/supervise/{file}\"\n"),
    )
    .unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An agent that watches one slot, whose process is up.
fn agent() -> Script {
    let mut agent = Script::start(AGENT, |folder, facts| {
        fs::create_dir_all(folder.join(SLOT).join("supervise")).unwrap();
        fs::create_dir(folder.join("tools")).unwrap();
        tool(&folder.join("tools/svstat"), "status");
        tool(&folder.join("tools/svdt"), "death_tally");
        facts["scan"] = json!(folder.join("service"));
        facts["tools"] = json!(folder.join("tools"));
        facts["status_tool"] = json!("svstat");
        facts["deaths_tool"] = json!("svdt");
        told(folder, SLOT, "true true 1", "");
    });
    let first = statuses(&agent.sync());
    assert!(first[0].slot && first[0].up && first[0].want_up, "{first:?}");
    agent
}

/// What the supervisor says of a slot from now on.
fn told(folder: &Path, slot: &str, status: &str, deaths: &str) {
    let supervise = folder.join(slot).join("supervise");
    fs::write(supervise.join("death_tally"), deaths).unwrap();
    fs::write(supervise.join("status"), status).unwrap();
}

fn statuses(messages: &[Message]) -> Vec<ServiceStatus> {
    let status = |message: &Message| match message.fact() {
        Some(Fact::Service { status, .. }) => Some(status),
        _ => None,
    };
    messages.iter().filter_map(status).collect()
}

#[test]
fn a_slot_that_is_hidden_is_watched_to_the_end_of_its_process() {
    let mut agent = agent();
    fs::rename(agent.path(SLOT), agent.path(HIDDEN)).unwrap();
    let hidden = statuses(&agent.sync());
    let last = hidden.last().unwrap();
    assert_eq!((last.slot, last.up, last.pid), (false, true, Some(1)), "{hidden:?}");

    told(&agent.path(""), HIDDEN, "false false -1", "@4000 exitcode 1");
    let ended = statuses(&agent.sync());
    let last = ended.last().unwrap();
    assert_eq!((last.slot, last.up), (false, false), "{ended:?}");
    assert_eq!(last.deaths, [ProcessExit::Code(1)]);
}

#[test]
fn a_slot_that_is_removed_is_gone() {
    let mut agent = agent();
    fs::remove_dir_all(agent.path(SLOT)).unwrap();
    let gone = statuses(&agent.sync());
    assert_eq!(gone.last(), Some(&ServiceStatus::default()), "{gone:?}");
}

#[test]
fn a_new_slot_takes_the_place_of_a_hidden_one() {
    let mut agent = agent();
    fs::rename(agent.path(SLOT), agent.path(HIDDEN)).unwrap();
    agent.sync();
    fs::create_dir_all(agent.path(SLOT).join("supervise")).unwrap();
    told(&agent.path(""), SLOT, "false true -1", "");
    let new = statuses(&agent.sync());
    let last = new.last().unwrap();
    assert_eq!((last.slot, last.up, last.want_up), (true, false, true), "{new:?}");
}

/// The first thing that the end of a container does to it, and to the tools that it runs at that moment.
#[test]
fn the_signal_to_every_process_does_not_end_it() {
    let mut agent = agent();
    for signal in ["-TERM", "-HUP", "-INT"] {
        agent.signal(signal);
    }
    told(&agent.path(""), SLOT, "false false -1", "");
    let seen = agent.sync();
    assert!(!statuses(&seen).last().unwrap().up, "{seen:?}");
    let signals = seen.iter().filter_map(|message| match message.fact() {
        Some(Fact::Signalled { signal }) => Some(signal),
        _ => None,
    });
    let mut signals: Vec<String> = signals.collect();
    signals.sort();
    assert_eq!(signals, ["SIGHUP", "SIGINT", "SIGTERM"]);
}

/// A script, or an init, that has the command among its words is no gateway.
#[test]
fn only_the_program_itself_is_a_gateway_process() {
    let mut agent = agent();
    let program = agent.path("hermes");
    fs::write(&program, "import time\ntime.sleep(600)\n").unwrap();
    // Other gateways may run on this host.
    let profile = format!("of-test-{}", std::process::id());
    let command = ["-p", &profile, "gateway", "run"];
    let mut gateway = Command::new("python3").arg(&program).args(command).spawn().unwrap();
    // It waits for a line that never comes.
    let mut around = Command::new("sh")
        .args(["-c", "read line", "sh", "hermes"])
        .args(command)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let counted = |messages: &[Message]| {
        let mut counts = messages.iter().filter_map(|message| match message.fact() {
            Some(Fact::Gateways { processes }) => processes.get(&profile).copied(),
            _ => None,
        });
        counts.next_back()
    };
    // What is called `python3` may be a script that finds the real one first.
    let since = Instant::now();
    let mut seen = agent.sync();
    while counted(&seen).is_none() && since.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
        seen.extend(agent.sync());
    }
    for child in [&mut gateway, &mut around] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(counted(&seen), Some(1), "{seen:?}");
}
