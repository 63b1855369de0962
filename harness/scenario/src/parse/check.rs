//! What holds between the parts of a file: names resolve, numbers exist, and something can fail.

use comeback_gateway::files::profile_of;

use super::cursor::{Reader, Span, Tab};
use super::rows::{Row, in_words};
use super::steps::RawStep;
use crate::diagnostic::Diagnostic;
use crate::model::{
    Expect, Figure, ImageRef, KnownRow, Moment, MountKind, Need, Operation, Parameter, Profile, RestartPolicy, Seed,
    Setup, Sidecar, Start,
};
use crate::vocabulary::{ContainerEffect, IntentEffect, Values, did_you_mean};

/// The parts that are complete by the time the checks run.
pub(super) struct Places<'a, 't, 'i> {
    pub(super) tab: &'a Tab<'t, 'i>,
    pub(super) invariant: bool,
    pub(super) start: &'a Start,
    pub(super) profiles: &'a [Profile],
    pub(super) seeds: &'a [Seed],
    /// The other containers, and where their names are.
    pub(super) sidecars: &'a [(Sidecar, Span)],
    /// Where `[upgrade]` is, if it is there.
    pub(super) upgrade: Option<Span>,
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
        let of_steps = steps.iter().filter_map(|raw| raw.container.as_ref());
        let of_rows = expects.iter().filter_map(|row| row.container.as_ref());
        let of_deviations = deviating.iter().filter_map(|row| row.container.as_ref());
        for (name, span) in of_steps.chain(of_rows).chain(of_deviations) {
            if !names.contains(&name.as_str()) {
                self.not_declared("container", name, span, &names)
                    .note("declare one with [[container]]; without `container`, the one under test is meant");
            }
        }
    }

    /// Rows: there are some, each is there once, at a moment that can come, and one of them can fail.
    pub(super) fn check_rows(
        &mut self,
        places: &Places<'_, '_, '_>,
        steps: &[RawStep],
        expects: &[Row<Expect>],
        deviating: &[&Row<KnownRow>],
    ) {
        // Where the steps could not be read, no number is too large.
        let unread = places.tab.get("step").is_some_and(|n| !n.get_ref().is_array());
        let most_steps = if unread { usize::MAX } else { steps.len() };
        let most_boots = most_boots(places, steps).filter(|_| !unread);
        for row in expects {
            self.check_number(row.at.as_ref(), most_steps, most_boots);
        }
        for row in deviating {
            self.check_number(row.at.as_ref(), most_steps, most_boots);
            self.check_deviation(row, expects);
        }
        for (index, row) in expects.iter().enumerate() {
            let Some(key) = row.key() else { continue };
            // Several things can be said by one step.
            let several = key.1.info().values == Values::Substring;
            let twice = |other: &&Row<Expect>| other.key() == Some(key) && (!several || other.row == row.row);
            if let Some(first) = expects[..index].iter().find(twice) {
                let first = first.span.clone();
                self.error(row.span.clone(), format!("the row {} is there twice", in_words(key)))
                    .label("again here")
                    .also(first, "first here")
                    .note("alternatives are a list: fixed = [\"up\", \"respawning\"]");
            }
        }
        self.check_columns(places, expects);
    }

    /// The scenario can fail, or says that it holds for both columns.
    fn check_columns(&mut self, places: &Places<'_, '_, '_>, expects: &[Row<Expect>]) {
        if expects.is_empty() {
            // An `expect` that is there but wrong has been reported.
            if places
                .tab
                .get("expect")
                .is_none_or(|n| n.get_ref().as_array().is_some_and(|a| a.is_empty()))
            {
                self.error(0..0, "this scenario checks nothing: it has no expectation")
                    .label("needs at least one `[[expect]]`");
            }
            return;
        }
        let differs = |r: &&Row<Expect>| r.row.as_ref().is_some_and(|e| !e.fixed.same(&e.regressed));
        let differing = expects.iter().find(differs);
        match (places.invariant, differing) {
            (true, Some(row)) => {
                let said = places.tab.key_span("invariant");
                self.error(
                    row.span.clone(),
                    "this row differs between its columns in an invariant scenario",
                )
                .label("differs")
                .also(said, "says that no row does");
            }
            (false, None) if expects.iter().all(|r| r.row.is_some()) => {
                self.error(
                    0..0,
                    "this scenario can't fail: no expectation differs between its columns",
                )
                .note("add one that does, or say `invariant = true`");
            }
            _ => {}
        }
    }

    /// The step or boot a moment counts to exists.
    fn check_number(&mut self, at: Option<&(Moment, Span)>, steps: usize, most_boots: Option<usize>) {
        match at {
            Some((Moment::After(n), span)) if *n > steps => {
                let label = match steps {
                    0 => "there is no step".to_owned(),
                    1 => "there is 1 step".to_owned(),
                    _ => format!("there are {steps} steps"),
                };
                self.error(span.clone(), format!("there is no step {n}")).label(label);
            }
            Some((Moment::Boot(n), span)) if most_boots.is_some_and(|most| *n > most) => {
                let most = most_boots.unwrap_or(1);
                let label = match most {
                    1 => "no step boots the container again".to_owned(),
                    _ => format!("with these steps it boots {most} times at most"),
                };
                self.error(span.clone(), format!("there is no boot {n}")).label(label).note(
                    "the container boots once at the start, and again by engine-restart, engine-start, recreate and \
                     compose-recreate, or under a restart policy",
                );
            }
            _ => {}
        }
    }

    /// Figures: each is there once, of a step that there is and that is waited for.
    pub(super) fn check_figures(&mut self, figures: &[(Figure, Span)], steps: &[RawStep]) {
        for (index, (figure, span)) in figures.iter().enumerate() {
            self.check_number(Some(&(Moment::After(figure.step), span.clone())), steps.len(), None);
            let step = figure.step.checked_sub(1).and_then(|n| steps.get(n));
            if let Some(raw) = step
                && raw.step.as_ref().is_some_and(|step| !step.wait)
            {
                self.error(
                    span.clone(),
                    "this step is not waited for, so nothing tells how long it takes",
                )
                .label("name a step that is waited for")
                .also(raw.span.clone(), "this step");
            }
            let same = |(other, _): &&(Figure, Span)| (other.step, other.probe) == (figure.step, figure.probe);
            if let Some((_, first)) = figures[..index].iter().find(same) {
                self.error(
                    span.clone(),
                    format!("the figure after:{} {} is there twice", figure.step, figure.probe),
                )
                .label("again here")
                .also(first.clone(), "first here");
            }
        }
    }

    /// A deviation is one from a row there is.
    fn check_deviation(&mut self, row: &Row<KnownRow>, expects: &[Row<Expect>]) {
        let (Some(key), Some(known)) = (row.key(), &row.row) else {
            return;
        };
        let Some(expect) = expects.iter().find(|e| e.key() == Some(key)) else {
            self.error(row.span.clone(), format!("no `[[expect]]` is about {}", in_words(key)))
                .label("a deviation from what?");
            return;
        };
        if let Some(expect) = &expect.row
            && known.observed.same(&expect.fixed)
        {
            self.error(row.span.clone(), "this is no deviation")
                .label(format!("the fixed column says `{}` too", expect.fixed));
        }
    }

    /// Steps that need something of the rest of the file.
    pub(super) fn check_steps(&mut self, places: &Places<'_, '_, '_>, steps: &[RawStep]) {
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
        let mut held: Option<Span> = None;
        let mut paused = false;
        for raw in steps {
            match raw.step.as_ref().map(|s| &s.op) {
                Some(Operation::EnginePause) => paused = true,
                Some(Operation::EngineUnpause) if !paused => {
                    self.error(raw.span.clone(), "nothing is paused here")
                        .label("needs an `engine-pause` before it");
                }
                Some(Operation::Fill | Operation::Free) if places.start.setup.volume_size.is_none() => {
                    self.error(
                        raw.span.clone(),
                        "this volume has no size that it could be filled up to",
                    )
                    .label("needs `volume_size` in `[start]`");
                }
                Some(Operation::DaemonRestart) if places.start.setup.volume_size.is_some() => {
                    self.error(
                        raw.span.clone(),
                        "a volume with a size is in memory, and would be empty afterwards",
                    )
                    .label("leave out `volume_size` in `[start]`, or this step");
                }
                Some(Operation::DaemonRestart) if raw.step.as_ref().is_some_and(|step| !step.wait) => {
                    self.error(raw.span.clone(), "nothing can be done while the daemon is away")
                        .label("this step has to be waited for");
                }
                Some(Operation::Recreate(recreation)) if recreation.image.is_some() && places.upgrade.is_some() => {
                    self.error(raw.span.clone(), "`[upgrade]` says which image comes next")
                        .label("leave out `image` here, or `[upgrade]`");
                }
                Some(Operation::ComposeRecreate) if !is_plain(places.start) => {
                    self.error(
                        raw.span.clone(),
                        "Compose sets this container up as images/compose.yaml says, whatever `[start]` says",
                    )
                    .label("needs a `[start]` that sets nothing up but `mount` and `volume_size`; or use `recreate`");
                }
                Some(Operation::HoldAt { .. }) => {
                    held = Some(raw.span.clone());
                    if raw.step.as_ref().is_some_and(|step| step.wait) {
                        self.error(
                            raw.span.clone(),
                            "this would wait for a state that only a later step brings",
                        )
                        .label("needs `wait = false`; the step that brings the state comes next");
                    }
                }
                Some(Operation::Release) if held.is_none() => {
                    self.error(raw.span.clone(), "nothing is held here")
                        .label("needs a `hold-at` before it");
                }
                _ => {}
            }
        }
    }
}

/// True if the container is set up as usual, but for its volume.
fn is_plain(start: &Start) -> bool {
    let usual = Setup {
        mount: start.setup.mount,
        volume_size: start.setup.volume_size,
        ..Setup::default()
    };
    start.setup == usual && start.cmd.is_empty() && start.env.is_empty() && start.policy == RestartPolicy::No
}

/// The most boots the steps can lead to; `None` where there is no limit.
fn most_boots(places: &Places<'_, '_, '_>, steps: &[RawStep]) -> Option<usize> {
    if places.start.policy != RestartPolicy::No {
        return None;
    }
    // What could not be read may be anything.
    let boots = |raw: &&RawStep| {
        raw.step
            .as_ref()
            .is_none_or(|s| s.container.is_none() && s.op.info().container.starts())
    };
    Some(1 + steps.iter().filter(boots).count())
}
