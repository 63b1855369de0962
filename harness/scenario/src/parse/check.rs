//! What holds between the parts of a file: names resolve, numbers exist, and something can fail.

mod images;
mod rows;
mod seeds;
mod steps;

use comeback_gateway::files::profile_of;

use super::cursor::{Reader, Span, Tab};
use super::rows::Row;
use super::steps::RawStep;
use crate::diagnostic::Diagnostic;
use crate::model::{
    Expect, ImageRef, KnownRow, Moment, MountKind, Need, Operation, Parameter, Profile, Seed, Sidecar, Start, Upgrade,
};
use crate::vocabulary::{IntentEffect, did_you_mean};

/// The parts that are complete by the time the checks run.
pub(super) struct Places<'a, 't, 'i> {
    pub(super) tab: &'a Tab<'t, 'i>,
    pub(super) invariant: bool,
    pub(super) start: &'a Start,
    pub(super) profiles: &'a [Profile],
    pub(super) seeds: &'a [Seed],
    /// The other containers, and where their names are.
    pub(super) sidecars: &'a [(Sidecar, Span)],
    /// `[upgrade]`, if it is there and was understood.
    pub(super) pair: Option<&'a Upgrade>,
    /// Where `[upgrade]` is, if it is there.
    pub(super) upgrade: Option<Span>,
}

impl Places<'_, '_, '_> {
    /// The image of the first container.
    fn first_image(&self) -> &ImageRef {
        self.pair.map_or(&self.start.image, |pair| &pair.from)
    }
}

/// What a step needs of the host goes without saying.
pub(super) fn with_implied_needs(mut needs: Vec<Need>, start: &Start, steps: &[RawStep]) -> Vec<Need> {
    let of_start = [
        start.setup.healthcheck.as_ref().map(|_| Need::Healthcheck),
        start.setup.volume_size.map(|_| Need::SizedVolume),
        (start.setup.mount == MountKind::Bind).then_some(Need::HostFolder),
    ];
    let of_steps = steps.iter().filter_map(|s| s.step.as_ref());
    let of_steps = of_steps.flat_map(|step| step.op.info().needs.iter().copied());
    for implied in of_start.into_iter().flatten().chain(of_steps) {
        if !needs.contains(&implied) {
            needs.push(implied);
        }
    }
    needs
}

impl Reader {
    /// Every profile that is named exists: it is declared, created by a step, or its directory is seeded.
    pub(super) fn check_profiles(
        &mut self,
        places: &Places<'_, '_, '_>,
        steps: &[RawStep],
        expects: &[Row<Expect>],
        deviating: &[&Row<KnownRow>],
    ) {
        let mut names: Vec<&str> = places.profiles.iter().map(|p| p.name.as_str()).collect();
        let mut paths: Vec<&str> = places.seeds.iter().map(|s| s.path.as_str()).collect();
        for raw in steps {
            let Some(op) = raw.step.as_ref().map(|s| &s.op) else {
                continue;
            };
            if let (IntentEffect::Creates, Some((name, _))) = (op.info().intent, &raw.profile) {
                names.push(name);
            }
            if let Some(Parameter::Seed(seed)) = op.parameter() {
                paths.push(&seed.path);
            }
        }
        names.extend(paths.iter().filter_map(|path| profile_of(path)));

        let of_steps = steps
            .iter()
            .filter_map(|s| s.profile.as_ref().map(|(n, span)| (n.as_str(), span)));
        let of_rows = expects
            .iter()
            .filter_map(|r| Some((r.profile.0.as_str(), r.profile.1.as_ref()?)));
        let of_deviations = deviating
            .iter()
            .filter_map(|r| Some((r.profile.0.as_str(), r.profile.1.as_ref()?)));
        let used: Vec<(&str, &Span)> = of_steps.chain(of_rows).chain(of_deviations).collect();
        for (name, span) in used {
            if !names.contains(&name) {
                self.not_declared("profile", name, span, &names)
                    .note(format!("profiles: {}", names.join(", ")))
                    .note("declare one with [[profile]], or create it with the step profile-create");
            }
        }
    }

    /// Reports a name that is not among the declared ones. The caller adds notes.
    fn not_declared(&mut self, what: &str, name: &str, span: &Span, names: &[&str]) -> &mut Diagnostic {
        let label = match did_you_mean(name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "not declared".to_owned(),
        };
        self.error(span.clone(), format!("unknown {what} `{name}`"))
            .label(label)
    }

    /// A row about another container is read once a step has started it.
    fn check_started(&mut self, steps: &[RawStep], expects: &[Row<Expect>]) {
        for row in expects {
            let (Some((name, span)), Some((at, _))) = (&row.container, &row.at) else {
                continue;
            };
            let starts = |raw: &RawStep| {
                let of_it = raw.container.as_ref().is_some_and(|(of, _)| of == name);
                of_it && raw.step.as_ref().is_some_and(|step| step.op == Operation::EngineStart)
            };
            let number = steps.iter().position(starts).map(|index| index + 1);
            let before = match (at, number) {
                (Moment::Start, _) => true,
                (Moment::After(n), Some(number)) => *n < number,
                _ => false,
            };
            if before {
                self.error(span.clone(), format!("container `{name}` is not there yet at `{at}`"))
                    .label("read it once a step has started it");
            }
        }
    }

    /// Every container that is named is declared, once, and a step starts it before anything is done in it.
    pub(super) fn check_containers(
        &mut self,
        places: &Places<'_, '_, '_>,
        steps: &[RawStep],
        expects: &[Row<Expect>],
        deviating: &[&Row<KnownRow>],
    ) {
        let names: Vec<&str> = places
            .sidecars
            .iter()
            .map(|(sidecar, _)| sidecar.name.as_str())
            .collect();
        for (index, (sidecar, span)) in places.sidecars.iter().enumerate() {
            if let Some(first) = names[..index].iter().position(|name| *name == sidecar.name) {
                let first = places.sidecars[first].1.clone();
                self.error(span.clone(), format!("container `{}` is declared twice", sidecar.name))
                    .label("again here")
                    .also(first, "first here");
            }
        }
        let mut started: Vec<&str> = Vec::new();
        for raw in steps {
            let Some((name, span)) = &raw.container else { continue };
            let Some(op) = raw.step.as_ref().map(|step| &step.op) else {
                continue;
            };
            if *op == Operation::EngineStart {
                started.push(name);
            } else if names.contains(&name.as_str()) && !started.contains(&name.as_str()) {
                self.error(span.clone(), format!("container `{name}` is not there yet"))
                    .label("start it first: engine-start = { container = … }");
            }
        }
        self.check_started(steps, expects);
        let of_steps = steps.iter().filter_map(|raw| raw.container.as_ref());
        let of_rows = expects.iter().filter_map(|row| row.container.as_ref());
        let of_deviations = deviating.iter().filter_map(|row| row.container.as_ref());
        for (name, span) in of_steps.chain(of_rows).chain(of_deviations) {
            if !names.contains(&name.as_str()) {
                self.not_declared("container", name, span, &names)
                    .note("declare one with [[container]]; without `container`, the one under test is meant");
            }
        }
        // A step that could not be read may be the one that starts it.
        let complete = steps.iter().all(|raw| raw.step.is_some());
        for (name, span) in places.sidecars.iter().map(|(sidecar, span)| (&sidecar.name, span)) {
            if complete && !started.contains(&name.as_str()) {
                self.error(span.clone(), format!("no step starts the container `{name}`"))
                    .label(format!("needs a step: engine-start = {{ container = \"{name}\" }}"));
            }
        }
    }
}
