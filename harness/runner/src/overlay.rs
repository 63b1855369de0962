//! Fault overlays in the containers under test: put there before the start, and asked for their word after it.

use super::case::Case;
use super::{Done, Halt, RunContext};
use comeback_engine::{ContainerSpec, Engine, EngineError, EngineErrorKind, again};
use comeback_history::facts::{Fact, Source};
use comeback_image::overlay;
use comeback_observe::overlay::{NotInForce, not_in_force, read};
use comeback_scenario::overlay::{ProcessKind, overlays};

/// The overlay of a case.
#[derive(Debug, Clone)]
pub struct Fault {
    name: String,
    process: ProcessKind,
}

/// Why an overlay cannot be put into a container, or was not in force there.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// Nobody knows it.
    #[error("there is no fault overlay `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// Its name.
        name: String,
        /// Names of those there are.
        known: Vec<String>,
    },
    /// The Python that runs the gateway was not found.
    #[error(
        "fault overlay {0} cannot be put into this image: the virtual environment of `/opt/hermes/.venv/bin/hermes` has no \
         pyvenv.cfg that names its Python's version"
    )]
    NoPython(String),
    /// The place for it could not be written to.
    #[error(
        "fault overlay {name} cannot be put into {place} of this image, where its gateway's Python would load it: {error}"
    )]
    NoPlace {
        /// Its name.
        name: String,
        /// The directory.
        place: String,
        /// What the engine says: the directory is not there, the root file system is read-only.
        #[source]
        error: EngineError,
    },
    /// It was put there, and did not take effect.
    #[error("fault overlay {name} did not take effect: {why}")]
    NotInForce {
        /// Its name.
        name: String,
        /// Why.
        why: NotInForce,
    },
}

impl OverlayError {
    fn unknown(name: &str) -> Self {
        Self::Unknown {
            name: name.to_owned(),
            known: overlays().into_iter().map(|o| o.name).collect(),
        }
    }
}

impl Fault {
    /// The overlay of that name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, OverlayError> {
        let overlay = overlays().into_iter().find(|o| o.name == name);
        let overlay = overlay.ok_or_else(|| OverlayError::unknown(name))?;
        Ok(Self {
            name: overlay.name,
            // Each of the table has one.
            process: overlay.process.unwrap_or(ProcessKind::Gateway),
        })
    }

    /// Puts it into a container that has not been started yet.
    pub async fn put(&self, engine: &dyn Engine, container: &str) -> Done {
        let name = self.name.clone();
        let Some(place) = again(|| overlay::site_packages(engine, container)).await? else {
            return Err(Halt::Error(OverlayError::NoPython(name).into()));
        };
        let Some(tar) = overlay::archive(&name) else {
            return Err(Halt::Error(OverlayError::unknown(&name).into()));
        };
        match engine.upload(container, &place, tar).await {
            Ok(()) => Ok(()),
            // An answer: the directory is not there, or nothing can be written to it.
            Err(error) if matches!(error.kind, EngineErrorKind::Status { .. }) => {
                Err(Halt::Error(OverlayError::NoPlace { name, place, error }.into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Creates and starts a container under test, with the overlay in it if the case has one.
pub async fn run(ctx: &RunContext, spec: &ContainerSpec, fault: Option<&Fault>) -> Done<String> {
    let Some(fault) = fault else {
        return Ok(ctx.engine.run_container(spec).await?);
    };
    let id = ctx.engine.create_container(spec).await?;
    fault.put(ctx.engine.as_ref(), &id).await?;
    ctx.engine.start(&id).await?;
    Ok(id)
}

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
