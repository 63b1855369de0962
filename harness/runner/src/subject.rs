//! The containers of a case: the subject and the observer.

use std::collections::BTreeMap;

use super::Order;
use super::case::Settings;
use comeback_engine::{ContainerSpec, Limits, Mount, RUN_LABEL};
use comeback_gateway::{files::DATA, script_facts};
use comeback_image::Image;
use comeback_observe::OBSERVER;
use comeback_observe::hub::{CASE_LABEL, ROLE_LABEL, SUBJECT};
use comeback_scenario::model::{Operation, RestartPolicy};

/// Memory of a container under test, in bytes: a gateway takes 150 to 250 MB, an upgrade's CLI beside it as much again.
const MEMORY: u64 = 2 << 30;
/// The same where the gateway is to meet the OOM killer: filling it up takes a second.
pub const OOM_MEMORY: u64 = 768 << 20;
const PIDS: i64 = 512;
/// The same for containers of ours.
const HELPER_PIDS: i64 = 16;
/// Size of one engine log file, in bytes.
const LOG_BYTES: u64 = 8 << 20;
/// Largest file a container may write, in bytes: a gateway's own are below 1 MB.
const FILE_BYTES: u64 = 256 << 20;
/// What a boot of the gateway takes: the volume's owner is changed, services are run and signalled as `hermes`, and files
/// of either are written by the other.
const CAPABILITIES: &[&str] = &["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

/// What an attempt is called on the engine, for the case of that index in the plan.
pub fn case_on_engine(run: &str, index: usize, attempt: u32) -> String {
    format!("{run}-{index}-{attempt}")
}

/// Names of what one attempt creates.
#[derive(Debug, Clone)]
pub struct Names {
    /// The case's key on the engine, value of its label.
    pub case: String,
    /// The volume.
    pub volume: String,
    run: String,
}

impl Names {
    /// Names for an attempt of a run.
    pub fn new(run: &str, order: &Order) -> Self {
        let case = case_on_engine(run, order.index, order.attempt);
        Self {
            volume: format!("comeback-{case}"),
            case,
            run: run.to_owned(),
        }
    }

    /// Labels for a thing of this attempt.
    pub fn labels(&self, role: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            (RUN_LABEL.to_owned(), self.run.clone()),
            (CASE_LABEL.to_owned(), self.case.clone()),
            (ROLE_LABEL.to_owned(), role.to_owned()),
        ])
    }

    fn container(&self, role: &str) -> String {
        format!("comeback-{}-{role}", self.case)
    }
}

/// The generation of the first container of a case.
pub const FIRST_GENERATION: usize = 1;

/// The container under test. `generation` tells recreated ones apart.
pub fn subject(names: &Names, order: &Order, image: &Image, settings: &Settings, generation: usize) -> ContainerSpec {
    let start = &order.scenario.start;
    let setup = &start.setup;
    let oom = order.scenario.steps.iter().any(|s| s.op == Operation::OomGateway);
    ContainerSpec {
        policy: policy(start.policy),
        limits: limits(if oom { OOM_MEMORY } else { MEMORY }, PIDS),
        capabilities: setup.capabilities(CAPABILITIES),
        mounts: vec![volume(names, setup.volume_read_only && generation == FIRST_GENERATION)],
        read_only: setup.read_only,
        init: setup.init,
        user: setup.user.clone(),
        tmpfs: setup.tmpfs.iter().map(|text| in_memory(text)).collect(),
        healthcheck: setup.healthcheck.as_ref().map(|check| comeback_engine::Healthcheck {
            cmd: check.cmd.clone(),
            interval: check.interval,
            timeout: check.timeout,
            retries: check.retries,
        }),
        ..on_volume(names, SUBJECT, image, settings, generation)
    }
}

/// A container on the volume of the case, as it is where a scenario says nothing else: another one is so, by its name.
pub fn on_volume(names: &Names, role: &str, image: &Image, settings: &Settings, generation: usize) -> ContainerSpec {
    ContainerSpec {
        image: image.digest.clone(),
        name: names.container(&format!("{role}-{generation}")),
        labels: names.labels(role),
        env: settings.env.clone(),
        entrypoint: settings.entrypoint.clone(),
        cmd: match settings.cmd.is_empty() {
            true => vec!["sleep".into(), "infinity".into()],
            false => settings.cmd.clone(),
        },
        mounts: vec![volume(names, false)],
        limits: limits(MEMORY, PIDS),
        capabilities: CAPABILITIES.iter().map(|name| (*name).to_owned()).collect(),
        ..ContainerSpec::default()
    }
}

/// What a container may use, with this memory in bytes and so many processes.
fn limits(memory: u64, pids: i64) -> Limits {
    Limits {
        memory: Some(memory),
        pids: Some(pids),
        log_bytes: Some(LOG_BYTES),
        file_bytes: Some(FILE_BYTES),
    }
}

/// A directory in memory, and the options of its mount.
fn in_memory(text: &str) -> (String, String) {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    (path.to_owned(), options.to_owned())
}

/// The container that has a volume in memory all the time, so that what is on it stays, and from which it is filled up.
pub fn keeper(names: &Names, image: &Image, size: u64) -> ContainerSpec {
    ContainerSpec {
        entrypoint: vec!["sleep".into()],
        cmd: vec!["infinity".into()],
        name: names.container("keeper"),
        labels: names.labels("keeper"),
        // What is on the volume counts as memory of the container that wrote it.
        limits: limits((64 << 20) + size, HELPER_PIDS),
        capabilities: vec!["DAC_OVERRIDE".into()],
        read_only: true,
        user: Some("0".into()),
        ..seeder(names, image)
    }
}

/// A scenario's restart policy as the engine takes it.
fn policy(policy: RestartPolicy) -> comeback_engine::RestartPolicy {
    match policy {
        RestartPolicy::No => comeback_engine::RestartPolicy::No,
        RestartPolicy::Always => comeback_engine::RestartPolicy::Always,
        RestartPolicy::UnlessStopped => comeback_engine::RestartPolicy::UnlessStopped,
        RestartPolicy::OnFailure => comeback_engine::RestartPolicy::OnFailure,
    }
}

/// The observer. `new_only` passes over what the logs hold when it starts.
pub fn observer(names: &Names, image: &Image, new_only: bool) -> ContainerSpec {
    let facts = script_facts().to_string();
    let mut cmd: Vec<String> = ["-I", "-S", "-u", "-c", OBSERVER, &facts].map(str::to_owned).into();
    if new_only {
        cmd.push("new".into());
    }
    ContainerSpec {
        image: image.digest.clone(),
        name: names.container("observer"),
        labels: names.labels("observer"),
        entrypoint: vec!["python3".into()],
        cmd,
        mounts: vec![volume(names, true)],
        limits: limits(256 << 20, HELPER_PIDS),
        stdin: true,
        // The files of `hermes` are read as root; nothing is written at all.
        capabilities: vec!["DAC_OVERRIDE".into()],
        read_only: true,
        ..ContainerSpec::default()
    }
}

/// A container that is never started: it only gives access to the volume.
pub fn seeder(names: &Names, image: &Image) -> ContainerSpec {
    ContainerSpec {
        image: image.digest.clone(),
        name: names.container("seeder"),
        labels: names.labels("seeder"),
        cmd: vec!["true".into()],
        mounts: vec![volume(names, false)],
        // Never started; but who knows.
        limits: limits(64 << 20, HELPER_PIDS),
        ..ContainerSpec::default()
    }
}

fn volume(names: &Names, read_only: bool) -> Mount {
    Mount {
        volume: names.volume.clone(),
        path: DATA.into(),
        read_only,
    }
}
