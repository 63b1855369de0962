//! Puts fault overlays into the containers under test before they start.

use super::{Done, Halt, RunContext};
use comeback_engine::{ContainerSpec, Engine, EngineError, EngineErrorKind, again};
use comeback_gateway::command::PROGRAM;
use comeback_gateway::image::VENV;
use comeback_image::overlay;
use comeback_observe::overlay::NotInForce;
use comeback_scenario::overlay::{ProcessKind, overlays};

/// The overlay of a case.
#[derive(Debug, Clone)]
pub struct Fault {
    pub name: String,
    pub process: ProcessKind,
}

/// Why an overlay could not be put into a container, or was not in force there.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// There is no such overlay.
    #[error("there is no fault overlay `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// Its name.
        name: String,
        /// Names of all overlays.
        known: Vec<String>,
    },
    /// The Python that runs the gateway was not found.
    #[error(
        "fault overlay {0} cannot be put into this image: the virtual environment of `{venv}/bin/{program}` has no \
         pyvenv.cfg that names its Python's version",
        venv = VENV,
        program = PROGRAM
    )]
    NoPython(String),
    /// The directory for it could not be written to.
    #[error(
        "fault overlay {name} cannot be put into {place} of this image, from where its gateway's Python loads it: {error}"
    )]
    NoPlace {
        /// Its name.
        name: String,
        /// The directory.
        place: String,
        /// The engine's answer, for example that the directory does not exist or the root file system is read-only.
        #[source]
        error: EngineError,
    },
    /// It was put into the container but was not in force.
    #[error("fault overlay {name} did not take effect: {why}")]
    NotInForce {
        /// Its name.
        name: String,
        /// The reason.
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
    /// The overlay with that name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, OverlayError> {
        let overlay = overlays().into_iter().find(|o| o.name == name);
        let overlay = overlay.ok_or_else(|| OverlayError::unknown(name))?;
        Ok(Self {
            name: overlay.name,
            // Each overlay of the table has one.
            process: overlay.process.unwrap_or(ProcessKind::Gateway),
        })
    }

    /// Puts the overlay into a container that has not been started yet.
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
            // The engine answered: the directory does not exist or is not writable.
            Err(error) if matches!(error.kind, EngineErrorKind::Status { .. }) => {
                Err(Halt::Error(OverlayError::NoPlace { name, place, error }.into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Creates and starts a container under test, with the case's overlay if there is one.
pub async fn run(ctx: &RunContext, spec: &ContainerSpec, fault: Option<&Fault>) -> Done<String> {
    let Some(fault) = fault else {
        return Ok(ctx.engine.run_container(spec).await?);
    };
    let id = ctx.engine.create_container(spec).await?;
    fault.put(ctx.engine.as_ref(), &id).await?;
    ctx.engine.start(&id).await?;
    Ok(id)
}
