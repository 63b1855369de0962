//! The command line on a real engine: misuse, accidents, and that nothing is left behind.

#![allow(clippy::unwrap_used)]

mod cleanup;
mod confinement;
mod contract;
mod explore;
mod faults;
mod gate;
mod hostile;
mod kept;
mod killed;
mod misuse;
mod module;
#[path = "../outsider/mod.rs"]
mod outsider;
mod overlays;
mod proxy;
mod records;
mod tags;
mod together;
mod versus;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use comeback_engine::{ContainerSpec, DockerEngine, Engine, RUN_LABEL, default_host};

/// The engine; without one, the tests fail with advice.
async fn engine() -> Arc<dyn Engine> {
    match DockerEngine::connect(None).await {
        Ok(engine) => Arc::new(engine),
        Err(error) => panic!(
            "no container engine answers at {}: start Docker or set DOCKER_HOST; `cargo fast` runs the tests that need none \
             ({error})",
            default_host()
        ),
    }
}

/// Held by tests that run many cases or otherwise load the machine, so that they do not break the deadlines of
/// others.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Processes with the run's id among their arguments: its watchdog.
fn processes_of(run: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        std::fs::read_to_string(format!("/proc/{id}/cmdline"))
            .is_ok_and(|line| line.split('\0').any(|word| word == run))
    })
    .collect()
}

/// Kills the watchdog of a run, so that killing the run leaves everything it created.
fn kill_watchdog(run: &str) {
    let behind = processes_of(run);
    assert_eq!(behind.len(), 1, "watchdogs of the run");
    let killed = Command::new("kill").args(["-KILL", &behind[0].to_string()]).status();
    assert!(killed.unwrap().success());
}

/// Starts a run with `-v`, and kills it together with its watchdog at the first line that contains `says`. Returns
/// the run's id, and whether there was such a line.
fn killed_when(command: &mut Command, says: &str) -> (String, bool) {
    let mut going = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(going.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let id = lines
        .find_map(|line| Some(line.strip_prefix("run ")?.split_once(": ")?.0.to_owned()))
        .unwrap();
    let said = lines.any(|line| line.contains(says));
    kill_watchdog(&id);
    going.kill().unwrap();
    going.wait().unwrap();
    (id, said)
}

/// Names of the containers and volumes of a run.
async fn resources_of(engine: &Arc<dyn Engine>, run: &str) -> Vec<String> {
    let label = format!("{RUN_LABEL}={run}");
    let containers = engine.list_containers(&label).await.unwrap();
    let volumes = engine.list_volumes(&label).await.unwrap();
    let containers = containers.into_iter().map(|c| c.name);
    containers.chain(volumes.into_iter().map(|v| v.name)).collect()
}

/// Creates a container without starting it.
async fn container(engine: &Arc<dyn Engine>, image: &str, name: &str, label: (&str, &str)) -> String {
    let spec = ContainerSpec {
        image: image.to_owned(),
        name: name.to_owned(),
        labels: BTreeMap::from([(label.0.to_owned(), label.1.to_owned())]),
        cmd: vec!["true".to_owned()],
        ..ContainerSpec::default()
    };
    engine.create_container(&spec).await.unwrap()
}
