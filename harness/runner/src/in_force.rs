//! Checks that the fault overlay of a case is in force in the processes that it is meant for.

use super::case::Case;
use super::overlay::OverlayError;
use super::{Done, Halt};
use comeback_engine::again;
use comeback_history::facts::{Fact, Source};
use comeback_image::overlay;
use comeback_observe::overlay::{NotInForce, not_in_force, read};

impl Case {
    /// Reads the new reports of the overlay in the current container.
    pub async fn read_overlay_reports(&self) {
        if self.fault.is_none() {
            return;
        }
        let id = self.subject_id();
        match again(|| overlay::said(self.ctx.engine.as_ref(), &id)).await {
            Ok(reports) => {
                let reports = read(&reports);
                let known = self.overlay_reports_read(reports.len());
                for (at, fact) in reports.into_iter().skip(known) {
                    self.recorder.push(Source::Engine, at, fact);
                }
            }
            Err(error) => {
                let what = format!("the reports of the fault overlay could not be read from the container: {error}");
                self.recorder.push(Source::Engine, None, Fact::Lost { what });
            }
        }
    }

    /// Checks before the first step that the overlay is in force, as far as that is known, so that no step is tried in
    /// vain.
    pub async fn overlay_in_force_so_far(&self) -> Done {
        self.read_overlay_reports().await;
        match self.overlay_missing() {
            // A step may run the process that it is meant for.
            None | Some((_, NotInForce::NothingRan(_))) => Ok(()),
            Some((name, why)) if self.is_sure(&why) => Err(Halt::Error(OverlayError::NotInForce { name, why }.into())),
            Some(_) => Ok(()),
        }
    }

    /// False if the missing report may be one that the harness lost.
    fn is_sure(&self, why: &NotInForce) -> bool {
        match why {
            NotInForce::Failed { .. } => true,
            NotInForce::RanWithout(_) | NotInForce::NothingRan(_) => self.recorder.now(|now| now.lost.is_empty()),
        }
    }

    /// How the case ends, given whether its overlay was in force. If it was not, the case is an error, because an
    /// unbroken gateway does not answer the question.
    pub fn under_overlay(&self, end: Done) -> Done {
        let Some((name, why)) = self.overlay_missing() else {
            return end;
        };
        let overrules = match (&end, &why) {
            (Err(Halt::Error(_) | Halt::Unsupported(_)), _) => false,
            // The case may have ended before that process ran.
            (Err(Halt::Inconclusive(_)), NotInForce::RanWithout(_) | NotInForce::NothingRan(_)) => false,
            (Err(Halt::Inconclusive(_)), NotInForce::Failed { .. }) | (Ok(()) | Err(Halt::Stopped(_)), _) => {
                self.is_sure(&why)
            }
        };
        if overrules {
            return Err(Halt::Error(OverlayError::NotInForce { name, why }.into()));
        }
        end
    }

    fn overlay_missing(&self) -> Option<(String, NotInForce)> {
        let fault = self.fault.as_ref()?;
        let why = self
            .recorder
            .read(|now, history| not_in_force(&fault.name, fault.process, now, history))?;
        Some((fault.name.clone(), why))
    }
}
