//! What happens in a scenario, in sentences.

use std::fmt::Write as _;

use super::join;
use super::step::{seed, sentence, variables};
use crate::model::{DEFAULT_PROFILE, ImageRef, MountKind, RestartPolicy, Scenario, Setup, Sidecar, StartBy, StartWait};

/// What happens, in sentences.
pub(super) fn story(scenario: &Scenario) -> String {
    let mut said = Vec::new();
    if !scenario.seeds.is_empty() {
        let seeds: Vec<String> = scenario.seeds.iter().map(seed).collect();
        said.push(format!("The volume starts with {}.", join(&seeds)));
    }
    if let Some(upgrade) = &scenario.upgrade {
        let name = |image: &ImageRef| match image {
            ImageRef::Subject => "the image under test".to_owned(),
            ImageRef::Other(other) => other.clone(),
        };
        said.push(format!(
            "The first container is of {}, later ones of {}.",
            name(&upgrade.from),
            name(&upgrade.to)
        ));
    }
    if let ImageRef::Other(image) = &scenario.start.image {
        said.push(format!("The first container is of {image}."));
    }
    said.push(start(scenario));
    said.extend(scenario.sidecars.iter().map(sidecar));
    for (index, step) in scenario.steps.iter().enumerate() {
        let while_last = index > 0 && !scenario.steps[index - 1].wait;
        let then = if while_last { "Meanwhile" } else { "Then" };
        said.push(format!("{then} ({}) {}.", index + 1, sentence(step)));
    }
    said.join(" ")
}

fn start(scenario: &Scenario) -> String {
    let start = &scenario.start;
    let mut text = match start.by {
        StartBy::Operator => "The container boots and the operator starts the gateway".to_owned(),
        StartBy::Reconcile => "The container boots and the reconciler starts the gateway or leaves it".to_owned(),
        StartBy::Cmd => format!("The container boots with the command `{}`", start.cmd.join(" ")),
        StartBy::None => "The container boots and nobody starts the gateway".to_owned(),
    };
    match start.wait {
        StartWait::Running => text.push_str(", until it says `running` itself"),
        StartWait::Process => text.push_str("; what follows begins as soon as its process exists"),
        StartWait::None => {}
    }
    text.push('.');
    for profile in scenario.profiles.iter().filter(|p| p.name != DEFAULT_PROFILE) {
        let soul = if profile.soul { "" } else { " without a SOUL.md" };
        let who = match profile.start {
            StartBy::Operator => "started by the operator",
            StartBy::Reconcile => "left to the reconciler",
            StartBy::Cmd | StartBy::None => "started by nobody",
        };
        let _ = write!(text, " Profile {}{soul} is {who}.", profile.name);
    }
    match start.policy {
        RestartPolicy::No => {}
        RestartPolicy::Always => text.push_str(" Its restart policy is `always`."),
        RestartPolicy::UnlessStopped => text.push_str(" Its restart policy is `unless-stopped`."),
        RestartPolicy::OnFailure => text.push_str(" Its restart policy is `on-failure`."),
    }
    if !start.env.is_empty() {
        let _ = write!(text, " Its environment has {}.", join(&variables(&start.env)));
    }
    text.push_str(&setup(&start.setup));
    if let Some(overlay) = &start.overlay {
        let _ = write!(text, " The fault overlay {overlay} is on.");
    }
    text
}

/// Another container.
fn sidecar(sidecar: &Sidecar) -> String {
    let mut text = format!("Another container on the same volume is {}", sidecar.name);
    if let ImageRef::Other(image) = &sidecar.image {
        let _ = write!(text, ", of {image}");
    }
    for (what, argv) in [
        ("entrypoint", sidecar.entrypoint.as_deref()),
        ("command", Some(&*sidecar.cmd)),
    ] {
        if let Some(argv) = argv.filter(|argv| !argv.is_empty()) {
            let _ = write!(text, ", with the {what} `{}`", argv.join(" "));
        }
    }
    if !sidecar.env.is_empty() {
        let _ = write!(text, ", with the environment {}", join(&variables(&sidecar.env)));
    }
    text + "."
}

/// How the container is set up, where that is not as usual.
fn setup(setup: &Setup) -> String {
    let mut all = Vec::new();
    if setup.init {
        all.push("the engine's init as PID 1".to_owned());
    }
    if let Some(entrypoint) = &setup.entrypoint {
        all.push(format!("the entrypoint `{}`", entrypoint.join(" ")));
    }
    if let Some(user) = &setup.user {
        all.push(format!("the user {user}"));
    }
    if setup.read_only {
        all.push("a read-only root file system".to_owned());
    }
    for (names, what) in [(&setup.cap_drop, "without"), (&setup.cap_add, "with")] {
        if !names.is_empty() {
            all.push(format!("capabilities {what} {}", join(names)));
        }
    }
    if !setup.tmpfs.is_empty() {
        all.push(format!("{} in memory", join(&setup.tmpfs)));
    }
    if let Some(check) = &setup.healthcheck {
        let every = check.interval.as_secs_f64();
        all.push(format!("the health check `{}` every {every} s", check.cmd.join(" ")));
    }
    if setup.mount == MountKind::Bind {
        all.push("a folder of the host in place of a volume".to_owned());
    }
    if let Some(size) = setup.volume_size {
        all.push(format!("a volume of {} KiB", size >> 10));
    }
    if setup.volume_read_only {
        all.push("a volume that is read-only until the container is made again".to_owned());
    }
    match all.is_empty() {
        true => String::new(),
        false => format!(" It has {}.", join(&all)),
    }
}
