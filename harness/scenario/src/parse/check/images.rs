//! Whose shutdown decides which column is expected.

use super::super::cursor::{Reader, Span};
use super::super::rows::Row;
use super::super::steps::RawStep;
use super::Places;
use crate::model::{ColumnOf, Expect, ImageRef, Moment, Operation};
use crate::vocabulary::{COLUMN_OF, ContainerEffect, ProcessEffect};

/// The first step that ends a gateway of the image under test, in a scenario that begins with another image.
struct SubjectEnds {
    /// Its number, counted from 1.
    step: usize,
    /// How many times the container has booted before it, if only the steps boot it.
    boots: usize,
    /// Where it is.
    span: Span,
}

impl SubjectEnds {
    /// True if the step has an effect on what is read at that moment.
    fn reaches(&self, at: Moment) -> bool {
        match at {
            Moment::Start => false,
            Moment::After(n) => n >= self.step,
            // Gateways can end in between, so the number of a gateway's end may be larger than that of its boot.
            Moment::Down(n) => n >= self.boots,
            Moment::Boot(n) => n > self.boots,
            Moment::End => true,
        }
    }
}

impl Reader {
    /// Decides from whose release the expected column follows, and checks that no other image decides a row that differs.
    ///
    /// What a scenario is for is the image under test. So its release counts as soon as a step ends a gateway of it, unless
    /// the file says otherwise; and if the file does, no row that such a step has an effect on may differ: a gateway under
    /// test that is broken would look like the old one, from which nothing else is expected.
    pub(in crate::parse) fn column_of(
        &mut self,
        places: &Places<'_, '_, '_>,
        steps: &[RawStep],
        expects: &[Row<Expect>],
    ) -> ColumnOf {
        let said: Option<ColumnOf> = match places.tab.get("column_of") {
            Some(_) => self.key_word(places.tab, "column_of", COLUMN_OF),
            None => None,
        };
        let place = places.tab.key_span("column_of");
        if *places.first_image() == ImageRef::Subject || places.invariant {
            if said.is_some() {
                let why = match places.invariant {
                    true => "no row of an invariant scenario differs between its columns",
                    false => "the scenario begins with the image under test",
                };
                self.error(place, "`column_of` has nothing to decide here")
                    .label(format!("leave it out: {why}"));
            }
            return ColumnOf::Subject;
        }
        let ends = subject_ends(places, steps);
        match (said, ends) {
            (None, None) => ColumnOf::First,
            (None, Some(_)) => ColumnOf::Subject,
            (Some(ColumnOf::Subject), None) => {
                self.error(place, "no step ends a gateway of the image under test")
                    .label("so the column follows from the first image");
                ColumnOf::First
            }
            (Some(ColumnOf::First), Some(ends)) => {
                for row in expects {
                    let differs = row.row.as_ref().is_some_and(|row| !row.fixed.same(&row.regressed));
                    if differs && row.at.as_ref().is_some_and(|(at, _)| ends.reaches(*at)) {
                        self.error(row.span.clone(), "this row is decided by the image under test as well")
                            .label("give it the same value in both columns, or read it earlier")
                            .also(ends.span.clone(), "this step ends a gateway of the image under test")
                            .also(place.clone(), "says that the first image decides");
                    }
                }
                ColumnOf::First
            }
            (Some(said), _) => said,
        }
    }
}

/// The first step that ends a gateway of the image under test; a step that could not be read ends none.
fn subject_ends(places: &Places<'_, '_, '_>, steps: &[RawStep]) -> Option<SubjectEnds> {
    let mut image = places.first_image();
    let mut boots = 1;
    for (index, raw) in steps.iter().enumerate() {
        let Some(step) = raw.step.as_ref().filter(|step| step.container.is_none()) else {
            continue;
        };
        let info = step.op.info();
        if *image == ImageRef::Subject && (info.process == ProcessEffect::Ends || info.container.ends()) {
            return Some(SubjectEnds {
                step: index + 1,
                boots,
                span: raw.span.clone(),
            });
        }
        let named = match &step.op {
            Operation::Recreate(recreation) => recreation.image.as_ref(),
            _ => None,
        };
        if info.container == ContainerEffect::Recreates
            && let Some(next) = named.or(places.pair.map(|pair| &pair.to))
        {
            image = next;
        }
        boots += usize::from(info.container.starts());
    }
    None
}
