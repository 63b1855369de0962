//! Steps: each can be done where it stands.

use std::collections::BTreeMap;

use super::super::cursor::{Reader, Span};
use super::super::may_end_by_itself;
use super::super::steps::RawStep;
use super::Places;
use crate::model::{ImageRef, Operation, RestartPolicy, Setup, Signal, Start, Step};
use crate::vocabulary::{About, ContainerEffect, ProcessEffect};

impl Reader {
    /// Steps that need something of the rest of the file.
    pub(in crate::parse) fn check_steps(&mut self, places: &Places<'_, '_, '_>, steps: &[RawStep]) {
        let ops = || steps.iter().filter_map(|s| Some((&s.step.as_ref()?.op, s)));
        if let (Some(span), ImageRef::Other(_)) = (&places.upgrade, &places.start.image) {
            self.error(span.clone(), "`[start]` and `[upgrade]` both name the first image")
                .label("leave out `image` there, or this table");
        }
        if let Some(span) = &places.upgrade
            && steps.iter().all(|s| s.step.is_some())
            && !ops().any(|(op, _)| op.info().container == ContainerEffect::Recreates)
        {
            self.error(span.clone(), "an upgrade that never comes")
                .label("needs a step that creates the container again")
                .note("recreate or compose-recreate");
        }
        let mut held = false;
        let mut filled = false;
        let mut paused: BTreeMap<Option<String>, Span> = BTreeMap::new();
        let mut containers = Containers::begin(places.start);
        for (index, raw) in steps.iter().enumerate() {
            let Some(step) = &raw.step else {
                // It may be anything.
                containers = Containers::default();
                filled = true;
                continue;
            };
            match &step.op {
                Operation::EngineUnpause if !paused.contains_key(&step.container) => {
                    self.error(raw.span.clone(), "nothing is paused here")
                        .label("needs an `engine-pause` before it");
                }
                Operation::Fill | Operation::Free if places.start.setup.volume_size.is_none() => {
                    self.error(
                        raw.span.clone(),
                        "this volume has no size that it could be filled up to",
                    )
                    .label("needs `volume_size` in `[start]`");
                }
                Operation::Fill => filled = true,
                Operation::Free if !filled => {
                    self.error(raw.span.clone(), "nothing was filled up here")
                        .label("needs a `fill` before it");
                }
                Operation::DaemonRestart if places.start.setup.volume_size.is_some() => {
                    self.error(
                        raw.span.clone(),
                        "a volume with a size is in memory, and would be empty afterwards",
                    )
                    .label("leave out `volume_size` in `[start]`, or this step");
                }
                Operation::DaemonRestart if !step.wait => {
                    self.error(raw.span.clone(), "nothing can be done while the daemon is away")
                        .label("this step has to be waited for");
                }
                Operation::Recreate(recreation) if recreation.image.is_some() && places.upgrade.is_some() => {
                    self.error(raw.span.clone(), "`[upgrade]` says which image comes next")
                        .label("leave out `image` here, or `[upgrade]`");
                }
                Operation::ComposeRecreate if !is_plain(places.start) => {
                    self.error(
                        raw.span.clone(),
                        "Compose sets this container up as images/compose.yaml says, whatever `[start]` says",
                    )
                    .label("needs a `[start]` that sets nothing up; or use `recreate`");
                }
                Operation::HoldAt { state } => {
                    held = true;
                    self.check_hold(raw, step, state, &steps[index + 1..]);
                }
                Operation::Release if !held => {
                    self.error(raw.span.clone(), "nothing is held here")
                        .label("needs a `hold-at` before it");
                }
                Operation::WaitUntil { probe, .. } if probe.info().about == About::Path => {
                    self.error(raw.span.clone(), format!("{probe} needs a path, and a wait takes none"))
                        .label("wait for something else that tells the same");
                }
                Operation::WaitUntil { probe, .. } if probe.info().about == About::Step => {
                    self.error(
                        raw.span.clone(),
                        format!("{probe} is known once its step is over: there is nothing to wait for"),
                    )
                    .label("write it as `[[expect]]`, with `at = \"after:N\"`");
                }
                _ => {}
            }
            if step.op == Operation::EngineStart && containers.runs(&step.container) {
                self.error(raw.span.clone(), "the container runs already")
                    .label("leave it out, or end the container before");
            }
            if let Some(by) = containers.ended_before(step) {
                self.error(
                    raw.span.clone(),
                    format!("`{}` needs a container that runs", step.op.name()),
                )
                .label("it has ended by then")
                .also(by, "ended here")
                .note("engine-start starts it again");
            }
            containers.after(raw, step, places.start.policy);
            self.check_paused(raw, step, &mut paused);
        }
    }

    /// In a paused container nothing can be done, and it cannot be paused again.
    fn check_paused(&mut self, raw: &RawStep, step: &Step, paused: &mut BTreeMap<Option<String>, Span>) {
        let info = step.op.info();
        let pauses = step.op == Operation::EnginePause;
        if let Some(by) = paused
            .get(&step.container)
            .cloned()
            .filter(|_| pauses || info.sender.needs_container())
        {
            let name = step.op.name();
            self.error(
                raw.span.clone(),
                format!("`{name}` cannot be done in a paused container"),
            )
            .label("nothing runs in it")
            .also(by, "paused here")
            .note("engine-unpause lets it go on");
        }
        if pauses {
            paused.entry(step.container.clone()).or_insert(raw.span.clone());
        } else if step.op == Operation::EngineUnpause || info.container.acts() {
            paused.remove(&step.container);
        }
    }

    /// What is held at a state is held in flight, and a step that follows may bring the state.
    fn check_hold(&mut self, raw: &RawStep, step: &Step, state: &str, rest: &[RawStep]) {
        if step.wait {
            self.error(
                raw.span.clone(),
                "this would wait for a state that only a later step brings",
            )
            .label("needs `wait = false`; the step that brings the state comes next");
        }
        let brings = |raw: &RawStep| {
            raw.step.as_ref().is_none_or(|step| {
                let info = step.op.info();
                info.process != ProcessEffect::Keeps || info.container.acts()
            })
        };
        if !rest.iter().any(brings) {
            self.error(raw.span.clone(), "no step that follows ends or starts a gateway")
                .label(format!("so none brings the state `{state}`"));
        }
    }
}

/// What is certain of the containers, by their names. The one under test has none.
#[derive(Default)]
struct Containers {
    /// Those that have ended, and where.
    ended: BTreeMap<Option<String>, Span>,
    /// Those that run.
    running: Vec<Option<String>>,
}

impl Containers {
    fn begin(start: &Start) -> Self {
        let running = if may_end_by_itself(start, &[]) {
            Vec::new()
        } else {
            vec![None]
        };
        Self {
            running,
            ..Self::default()
        }
    }

    /// True if the container runs for certain.
    fn runs(&self, container: &Option<String>) -> bool {
        self.running.contains(container)
    }

    /// Where the container of a step that needs one has ended.
    fn ended_before(&self, step: &Step) -> Option<Span> {
        let needs = step.op.info().sender.needs_container()
            || matches!(step.op, Operation::EnginePause | Operation::EngineKill { .. });
        self.ended.get(&step.container).filter(|_| needs).cloned()
    }

    /// A step is over, or has begun.
    fn after(&mut self, raw: &RawStep, step: &Step, policy: RestartPolicy) {
        let effect = step.op.info().container;
        if !effect.acts() {
            return;
        }
        self.running.retain(|name| *name != step.container);
        if effect.starts() {
            self.ended.remove(&step.container);
            // Its new command may end at once; one in flight may not have begun.
            if step.wait && !matches!(step.op, Operation::Recreate(_)) && policy == RestartPolicy::No {
                self.running.push(step.container.clone());
            }
        } else if step.wait && ends_for_good(&step.op, policy) {
            self.ended.insert(step.container.clone(), raw.span.clone());
        }
    }
}

/// True if the container has ended after it for certain, and nobody starts it again.
fn ends_for_good(op: &Operation, policy: RestartPolicy) -> bool {
    let deadly = |signal: &Signal| matches!(signal, Signal::Kill | Signal::Term);
    match op {
        Operation::EngineStop { .. } => true,
        Operation::EngineKill { signal } => deadly(signal),
        Operation::SignalInit { signal } => deadly(signal) && policy == RestartPolicy::No,
        Operation::DaemonRestart => policy == RestartPolicy::No,
        _ => false,
    }
}

/// True if the container and its volume are set up as usual.
fn is_plain(start: &Start) -> bool {
    start.setup == Setup::default() && start.cmd.is_empty() && start.env.is_empty() && start.policy == RestartPolicy::No
}
