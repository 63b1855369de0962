//! The runner: carries out cases on a container engine, and never judges them.
//!
//! [`run_cases`] runs [`Assignment`]s, as many at a time as there are [`Slots`] for, and reports each [`Attempt`] to
//! its caller, which decides what is [`Next`]. Every step proves its effect, every wait has a condition and a deadline,
//! and everything that an attempt creates carries the label of its run and is removed after it.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use comeback_runner::{Assignment, Attempt, Next, RunContext, run_cases};
//!
//! # async fn run(context: Arc<RunContext>, cases: Vec<Assignment>) {
//! run_cases(&context, cases, |key, attempt: Attempt<'_>| {
//!     if let Attempt::Ended(evidence) = attempt {
//!         println!("{key}: {} facts", evidence.history.len());
//!     }
//!     Next::default()
//! })
//! .await;
//! # }
//! ```

mod attempt;
mod case;
mod cleanup;
mod compose;
mod control;
mod daemon;
mod environments;
mod flights;
mod folder;
mod halt;
mod in_force;
mod limits;
mod live;
mod monitor;
mod observer;
mod operator;
mod outcome;
mod overlay;
mod paces;
mod picture;
mod rest;
mod restarts;
mod schedule;
mod slots;
mod start;
mod steps;
mod still;
mod stop;
mod subject;
mod support;
mod volume;
mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use comeback_engine::Engine;
use comeback_history::facts::{CaseEvidence, Observation};
use comeback_image::Image;
use comeback_observe::clock::Clocks;
use comeback_observe::hub::EventHub;
use comeback_scenario::model::{ImageRef, Scenario};

pub use cleanup::{Swept, remove_run, sweep};
pub use compose::tool as compose_tool;
pub use environments::Environments;
use halt::{Halt, Why};
pub use paces::Paces;
pub use schedule::{Assignment, Attempt, Next, run_case, run_cases};
pub use slots::{Slots, longest_first};
pub use subject::case_on_engine;
pub use support::unsupported;
pub use volume::archive;

/// The context that all cases of a run share.
pub struct RunContext {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Our clock, and its difference from that of the engine's host.
    pub clocks: Clocks,
    /// The engine's events.
    pub hub: EventHub,
    /// Whether the engine tells of the end of each command in a container, so that it can be proved.
    pub tells_of_execs: bool,
    /// The command that restarts the engine's daemon, for a shell on this host.
    pub daemon_restart: Option<String>,
    /// The engine's address, for tools that read `DOCKER_HOST`.
    pub host: String,
    /// The run's id, which is the value of the label `comeback.run`.
    pub run: String,
    /// Deadline of a wait for which no other one is measured, on an idle machine.
    pub limit: Duration,
    /// Deadline of a case.
    pub case_limit: Duration,
    /// The observer's image; `None` for the image under test.
    pub observer: Option<Image>,
    /// The permits that cases wait for before they begin.
    pub slots: Slots,
    /// The environment variables of the images.
    pub environments: Environments,
    /// What was measured on the images.
    pub paces: Paces,
    /// The seed from which the moments of steps are drawn.
    pub seed: u64,
    /// Asked at each moment; `None` if no case is to stop early.
    pub stop_at: Option<StopAt>,
}

/// Says whether a case stops at the moment it has just come to, and why. It is given all that was observed by then.
pub type StopAt = Arc<dyn Fn(&CaseEvidence) -> Option<String> + Send + Sync>;

/// The images a case runs on.
#[derive(Debug, Clone)]
pub struct CaseImages {
    /// The image under test.
    pub subject: Image,
    /// The image of the first container.
    pub first: Image,
    /// The images that the scenario names, by their image expressions.
    pub others: BTreeMap<String, Image>,
}

impl CaseImages {
    /// The image that a scenario names. One that was not obtained is the image under test: no plan has such a case.
    pub fn of(&self, image: &ImageRef) -> &Image {
        match image {
            ImageRef::Subject => &self.subject,
            ImageRef::Other(name) => self.others.get(name).unwrap_or(&self.subject),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Image> {
        [&self.subject, &self.first].into_iter().chain(self.others.values())
    }
}

/// Progress of one attempt, for the progress display.
#[derive(Debug, Clone)]
pub enum CaseProgress {
    /// The attempt does this or waits for that now, in words.
    Phase(String),
    /// A new observation.
    Observed(Box<Observation>),
}

/// An attempt to run.
pub struct Order {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its images.
    pub images: CaseImages,
    /// Name of the image under test.
    pub image: String,
    /// Position in the plan, from 0, which is part of the names of containers and volumes.
    pub index: usize,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Attempt, from 1.
    pub attempt: u32,
    /// The channel for progress.
    pub progress: mpsc::UnboundedSender<CaseProgress>,
}

type Done<T = ()> = Result<T, Halt>;

/// A finished attempt: its evidence, and what is still to be removed.
pub struct Finished {
    /// The evidence.
    pub evidence: CaseEvidence,
    /// What the attempt created. The scheduler removes it.
    pub leftovers: cleanup::Leftovers,
}
