//! The runner: carries out cases on a container engine, and never judges them.
//!
//! [`run_cases`] runs [`Assignment`]s, as many at a time as there are [`Slots`] for, and reports each [`Attempt`] to its caller,
//! who says what comes [`Next`]. Every step proves its effect, every wait has a condition and a deadline, and everything that an
//! attempt creates carries the label of its run and is removed after it.
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
mod environments;
mod flights;
mod halt;
mod in_force;
mod limits;
mod live;
mod monitor;
mod operator;
mod outcome;
mod overlay;
mod picture;
mod rest;
mod restarts;
mod schedule;
mod slots;
mod start;
mod steps;
mod still;
mod subject;
mod volume;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use comeback_engine::Engine;
use comeback_history::facts::{CaseEvidence, Observation};
use comeback_image::Image;
use comeback_observe::clock::Clocks;
use comeback_observe::hub::EventHub;
use comeback_scenario::model::Scenario;

pub use cleanup::{Swept, remove_run, sweep};
pub use compose::tool as compose_tool;
pub use environments::Environments;
use halt::{Halt, Why};
pub use schedule::{Assignment, Attempt, Next, run_case, run_cases};
pub use slots::{Slots, longest_first};
pub use subject::case_on_engine;
pub use volume::archive;

/// What all cases of a run share.
pub struct RunContext {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Our clock, and that of its host.
    pub clocks: Clocks,
    /// Its events.
    pub hub: EventHub,
    /// Its address, for tools that find it by `DOCKER_HOST`.
    pub host: String,
    /// The run's id, and the value of our label.
    pub run: String,
    /// Deadline of each wait.
    pub limit: Duration,
    /// Longest a case may take.
    pub case_limit: Duration,
    /// The image the observer runs from; `None` is the one under test.
    pub observer: Option<Image>,
    /// What cases wait for before they begin.
    pub slots: Slots,
    /// Variables of the images.
    pub environments: Environments,
    /// What is drawn follows from it: the moments at which steps begin.
    pub seed: u64,
}

/// The images a case runs on.
#[derive(Debug, Clone)]
pub struct CaseImages {
    /// The image under test.
    pub subject: Image,
    /// What the container is first made of.
    pub first: Image,
    /// What `recreate` makes it of.
    pub next: Image,
}

/// CaseProgress of one attempt, for whoever shows it.
#[derive(Debug, Clone)]
pub enum CaseProgress {
    /// It is doing this or waiting for that now.
    Phase(String),
    /// This was observed.
    Observed(Box<Observation>),
}

/// One attempt to be run.
pub struct Order {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its images.
    pub images: CaseImages,
    /// Name of the image under test.
    pub image: String,
    /// Position in the plan: part of the names of what is created.
    pub index: usize,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Where progress goes.
    pub progress: mpsc::UnboundedSender<CaseProgress>,
}

type Done<T = ()> = Result<T, Halt>;

/// Evidence of one attempt, and what is still to be removed.
pub struct Finished {
    /// The evidence.
    pub evidence: CaseEvidence,
    /// Removes what the attempt created.
    pub leftovers: cleanup::Leftovers,
}
