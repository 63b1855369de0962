//! What a run measures on its images while their first cases run, and the deadlines that follow.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::case::Case;
use comeback_history::facts::{Fact, Source};
use comeback_history::pace::{Measured, Pace, Phase, Reached};

/// What was measured on each image, by its id.
#[derive(Debug, Default)]
pub struct Paces(Mutex<BTreeMap<String, Measured>>);

impl Paces {
    /// What was measured on the image with that id so far.
    fn of(&self, image: &str) -> Measured {
        let paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.get(image).copied().unwrap_or_default()
    }

    /// Adds to what was measured on an image. True if something was not known before.
    fn add(&self, image: &str, add: impl FnOnce(&mut Measured)) -> bool {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = paces.entry(image.to_owned()).or_default();
        let before = *measured;
        add(measured);
        *measured != before
    }
}

impl Case {
    /// The id of the image that the container under test runs on.
    fn image(&self) -> String {
        self.shared().image.digest.clone()
    }

    /// The deadline of a phase on the container's image, as far as it is measured now. What it follows from is put on record.
    pub fn deadline(&self, phase: Phase) -> Duration {
        self.tell_pace(false);
        let measured = self.ctx.paces.of(&self.image());
        measured.deadline(phase, self.ctx.slots.slack(), self.ctx.case_limit)
    }

    /// The deadline of a phase while something makes progress.
    pub fn longest(&self, phase: Phase) -> Duration {
        let measured = self.ctx.paces.of(&self.image());
        measured.longest(phase, self.ctx.slots.slack(), self.ctx.case_limit)
    }

    /// What a record says of a phase's deadline when it is over.
    pub fn reached(&self, phase: Phase, limit: Duration) -> Reached {
        Reached {
            seconds: limit.as_secs_f64(),
            phase: Some(phase),
            took: self.ctx.paces.of(&self.image()).of(phase),
        }
    }

    /// Measures the image by the first boot and the first start of this case, as far as they have come. A gateway under a fault
    /// overlay says nothing about its image, and another container may have any command.
    pub fn measure(&self) {
        if self.shared().replaced || self.fault.is_some() || self.container.is_some() {
            return;
        }
        let measured = self.recorder.read(|_, history| Measured::in_history(history));
        if self.ctx.paces.add(&self.image(), |known| known.add(measured)) {
            self.tell_pace(true);
        }
    }

    /// Notes that a phase did not come to its end within its longest deadline.
    pub fn note_missing(&self, phase: Phase, waited: Duration) {
        if self.fault.is_none()
            && self.container.is_none()
            && self
                .ctx
                .paces
                .add(&self.image(), |known| known.add_missing(phase, waited))
        {
            self.tell_pace(true);
        }
    }

    /// Puts on record what is known of the image and the deadlines that follow, unless that is there: another case may have
    /// measured the image meanwhile.
    fn tell_pace(&self, here: bool) {
        let measured = self.ctx.paces.of(&self.image());
        if self.shared().pace_told.replace(measured) == Some(measured) {
            return;
        }
        let deadlines = measured.deadlines(self.ctx.slots.slack(), self.ctx.case_limit);
        let pace = Pace {
            measured,
            deadlines,
            here,
        };
        self.recorder.push(Source::Harness, None, Fact::Pace { pace });
    }
}
