//! Whether the fault overlay of a case is in force in the processes that it is meant for.

use super::case::Case;
use super::overlay::OverlayError;
use super::{Done, Halt};
use comeback_engine::again;
use comeback_history::facts::{Fact, Source};
use comeback_image::overlay;
use comeback_observe::overlay::{NotInForce, not_in_force, read};

impl Case {
    /// Reads what the processes of the current container have said of the overlay since it was asked last.
    pub async fn hear_overlay(&self) {
        if self.fault.is_none() {
            return;
        }
        let id = self.subject_id();
        match again(|| overlay::said(self.ctx.engine.as_ref(), &id)).await {
            Ok(said) => {
                let said = read(&said);
                let heard = self.heard_of_overlay(said.len());
                for (at, fact) in said.into_iter().skip(heard) {
                    self.recorder.push(Source::Engine, at, fact);
                }
            }
            Err(error) => {
                let what = format!("what the fault overlay said in the container could not be read: {error}");
                self.recorder.push(Source::Engine, None, Fact::Lost { what });
            }
        }
    }

    /// That the overlay is in force as far as can be told before the first step: then nothing has to be tried.
    pub async fn overlay_in_force_so_far(&self) -> Done {
        self.hear_overlay().await;
        match self.overlay_missing() {
            // The process it is meant for may be one that a step runs.
            None | Some((_, NotInForce::NothingRan(_))) => Ok(()),
            Some((name, why)) if self.is_sure(&why) => Err(Halt::Error(OverlayError::NotInForce { name, why }.into())),
            Some(_) => Ok(()),
        }
    }

    /// False if the word that is missing may be among what got lost on our side.
    fn is_sure(&self, why: &NotInForce) -> bool {
        match why {
            NotInForce::Failed { .. } => true,
            NotInForce::RanWithout(_) | NotInForce::NothingRan(_) => self.recorder.now(|now| now.lost.is_empty()),
        }
    }

    /// How the case ends, given whether its overlay was in force: what an unbroken gateway did is no answer to what was asked.
    pub fn under_overlay(&self, end: Done) -> Done {
        let Some((name, why)) = self.overlay_missing() else {
            return end;
        };
        let overrules = match (&end, &why) {
            (Err(Halt::Error(_) | Halt::Unsupported(_)), _) => false,
            // It may have ended before the process that is missing.
            (Err(Halt::Inconclusive(_)), NotInForce::RanWithout(_) | NotInForce::NothingRan(_)) => false,
            (Err(Halt::Inconclusive(_)), NotInForce::Failed { .. }) | (Ok(()), _) => self.is_sure(&why),
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
