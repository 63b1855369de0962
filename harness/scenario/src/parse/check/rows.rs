//! Rows, figures and deviations: each is there once, at a moment that can come, and one of them can fail.

use super::super::cursor::{Reader, Span};
use super::super::rows::{Row, in_words};
use super::super::steps::RawStep;
use super::Places;
use crate::model::{Expect, Figure, KnownRow, Moment, RestartPolicy};
use crate::vocabulary::{About, Sender, Values};

impl Reader {
    /// Rows: there are some, each is there once, at a moment that can come, and one of them can fail.
    pub(in crate::parse) fn check_rows(
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
            self.check_command(row, steps);
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
        self.check_fixed_in(places);
    }

    /// An invariant has no release from which it is fixed.
    fn check_fixed_in(&mut self, places: &Places<'_, '_, '_>) {
        if places.invariant && places.tab.get("fixed_in").is_some() {
            let said = places.tab.key_span("invariant");
            self.error(
                places.tab.key_span("fixed_in"),
                "an invariant scenario holds in every release",
            )
            .label("leave it out")
            .also(said, "says that no row differs between releases");
        }
    }

    /// The scenario can fail, or says that it holds for both columns.
    fn check_columns(&mut self, places: &Places<'_, '_, '_>, expects: &[Row<Expect>]) {
        if expects.is_empty() {
            // One that is missing, or there but wrong, has been reported.
            if places
                .tab
                .get("expect")
                .is_some_and(|n| n.get_ref().as_array().is_some_and(|a| a.is_empty()))
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
                let label = match most_boots.unwrap_or(1) {
                    1 => "no step boots the container again".to_owned(),
                    most => format!("with these steps it boots {most} times at most"),
                };
                self.error(span.clone(), format!("there is no boot {n}")).label(label).note(
                    "the container boots once at the start, and again by engine-restart, engine-start, recreate and \
                     compose-recreate, or under a restart policy",
                );
            }
            _ => {}
        }
    }

    /// A row about what a command returned or printed is about a step that runs one.
    fn check_command(&mut self, row: &Row<Expect>, steps: &[RawStep]) {
        let (Some((Moment::After(n), place)), Some((probe, _))) = (&row.at, &row.probe) else {
            return;
        };
        let raw = n.checked_sub(1).and_then(|index| steps.get(index));
        let Some((raw, step)) = raw.and_then(|raw| Some((raw, raw.step.as_ref()?))) else {
            return;
        };
        if probe.info().about != About::Step {
            return;
        }
        if step.op.info().sender != Sender::Operator {
            self.error(
                place.clone(),
                format!("step {n} runs no command, so there is nothing for {probe}"),
            )
            .label("name the step of an operator's command")
            .also(raw.span.clone(), "this step");
        }
    }

    /// Figures: each is there once, of a step that there is and that is waited for.
    pub(in crate::parse) fn check_figures(&mut self, figures: &[(Figure, Span)], steps: &[RawStep]) {
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
            && known.observed.0.iter().any(|value| expect.fixed.contains(value))
        {
            self.error(row.span.clone(), "this is no deviation")
                .label(format!("the fixed column says `{}` too", expect.fixed));
        }
    }
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
