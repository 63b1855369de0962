//! How long an image's first boot and first start take, and the deadlines that follow for the waits of its cases.
//!
//! One number for every gateway is too short for one that boots slowly and too long for one that never comes. So each image
//! is measured while its first case runs, and later waits get a multiple of what was measured, between two bounds.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{ContainerChange, Fact, Observation};
use super::now::{Process, process_of, word};
use comeback_gateway::boot_line::STARTED;
use comeback_gateway::state::{GATEWAY_STATE, is_serving};

/// How many times as long as the first time a boot or a start may take, on a machine that cases share.
const FACTOR: u32 = 6;
/// The longest deadline is this part of the time limit of a case, so that a gateway that never comes is judged before that.
const PART_OF_CASE: u32 = 4;

/// What is measured, and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From the container's start to the first line of the reconciler.
    BootLine,
    /// From the container's start to the agent's first word.
    Agent,
    /// From the spawning of a gateway to its own `running`.
    Running,
    /// From a gateway's `running` to its rest. It is not measured: its deadline follows from [`Phase::Running`].
    Live,
}

impl Phase {
    /// The shortest deadline, and what the longest one is at least, however short the time limit of a case is. In seconds, on
    /// a machine that is not shared.
    fn bounds(self) -> (u64, u64) {
        match self {
            Self::BootLine | Self::Agent => (20, 20),
            Self::Running => (30, 60),
            Self::Live => (15, 15),
        }
    }

    /// What took so long, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::BootLine => "the image's first boot",
            Self::Agent => "the first agent on the image",
            Self::Running | Self::Live => "the image's first start of a gateway",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Took {
    /// It took so many seconds.
    Seconds(f64),
    /// It had not come after so many seconds, which was the longest deadline.
    MoreThan(f64),
}

/// What was measured on an image, as the harness saw it; null where nothing is known yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// From the container's start to the first line of the reconciler.
    pub boot_line: Option<Took>,
    /// From the container's start to the agent's first word.
    pub agent: Option<Took>,
    /// From the spawning of a gateway to its own `running`.
    pub running: Option<Took>,
}

impl Measured {
    /// The measurement that the deadline of a phase follows from.
    pub fn of(&self, phase: Phase) -> Option<Took> {
        match phase {
            Phase::BootLine => self.boot_line,
            Phase::Agent => self.agent,
            Phase::Running | Phase::Live => self.running,
        }
    }

    /// Reads off a history how long the first boot and the first start in it took.
    pub fn in_history(history: &[Observation]) -> Self {
        let start = history.iter().find(|o| is_change(o, ContainerChange::Started));
        let Some(start) = start else { return Self::default() };
        let end = history.iter().position(|o| is_change(o, ContainerChange::Died));
        let boot = &history[..end.unwrap_or(history.len())];
        let first = |which: fn(&Fact) -> bool| boot.iter().find(|o| which(&o.fact)).map(|o| o.known);
        let since = |began: Timestamp, at: Timestamp| {
            Took::Seconds(milliseconds(at.duration_since(began).as_secs_f64().max(0.0)))
        };
        let line = first(|f| matches!(f, Fact::BootLine { .. }));
        let agent = first(|f| {
            matches!(
                f,
                Fact::Ready {
                    started_at: Some(_),
                    ..
                }
            )
        });
        Self {
            boot_line: line.map(|at| since(start.known, at)),
            agent: agent.map(|at| since(start.known, at)),
            running: first_start(boot).map(|(spawned, ran)| since(spawned, ran)),
        }
    }

    /// Adds what was measured later. The first time counts, except that any is better than none that came.
    pub fn add(&mut self, later: Self) {
        let add = |have: &mut Option<Took>, new: Option<Took>| {
            if let (None, Some(_)) | (Some(Took::MoreThan(_)), Some(Took::Seconds(_))) = (&have, new) {
                *have = new;
            }
        };
        add(&mut self.boot_line, later.boot_line);
        add(&mut self.agent, later.agent);
        add(&mut self.running, later.running);
    }

    /// Adds that a phase had not come to its end when its longest deadline was over.
    pub fn add_missing(&mut self, phase: Phase, waited: Duration) {
        let have = match phase {
            Phase::BootLine => &mut self.boot_line,
            Phase::Agent => &mut self.agent,
            Phase::Running => &mut self.running,
            Phase::Live => return,
        };
        have.get_or_insert(Took::MoreThan(milliseconds(waited.as_secs_f64())));
    }

    /// The deadline of a phase: six times what was measured, between the shortest and the longest; the longest before
    /// anything is measured, and the shortest once it is known that nothing comes. `slack` is the factor for cases that share
    /// the processors, `case` the time limit of a case.
    pub fn deadline(&self, phase: Phase, slack: u32, case: Duration) -> Duration {
        let (least, most) = phase.bounds();
        let shared = |seconds| Duration::from_secs(seconds).saturating_mul(slack);
        let most = shared(most).max(case / PART_OF_CASE).min(case);
        let wanted = match self.of(phase) {
            None => most,
            Some(Took::MoreThan(_)) => shared(least),
            Some(Took::Seconds(took)) => {
                let took = Duration::try_from_secs_f64(took).unwrap_or(most);
                took.saturating_mul(FACTOR.saturating_mul(slack)).max(shared(least))
            }
        };
        wanted.min(most)
    }

    /// The deadline of a phase while something in the container makes progress: the longest one, unless it is known already that
    /// nothing comes.
    pub fn longest(&self, phase: Phase, slack: u32, case: Duration) -> Duration {
        match self.of(phase) {
            Some(Took::MoreThan(_)) => self.deadline(phase, slack, case),
            Some(Took::Seconds(_)) | None => Self::default().deadline(phase, slack, case),
        }
    }

    /// All deadlines, in seconds.
    pub fn deadlines(&self, slack: u32, case: Duration) -> Deadlines {
        let seconds = |phase| self.deadline(phase, slack, case).as_secs_f64();
        Deadlines {
            boot_line: seconds(Phase::BootLine),
            agent: seconds(Phase::Agent),
            running: seconds(Phase::Running),
            live: seconds(Phase::Live),
        }
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut before = "";
        let mut part = |what: &str, took: Option<Took>| {
            let took = match took {
                None => return Ok(()),
                Some(Took::Seconds(took)) => format!("after {took:.1} s"),
                Some(Took::MoreThan(most)) => format!("not within {most:.0} s"),
            };
            write!(f, "{before}{what} {took}")?;
            before = ", ";
            Ok(())
        };
        part("the agent's first word", self.agent)?;
        part("the reconciler's line", self.boot_line)?;
        part("a gateway's `running`", self.running)
    }
}

/// The deadlines of a case's waits for a boot and for a start, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deadlines {
    /// From the container's start to the reconciler's line.
    pub boot_line: f64,
    /// From the container's start to the agent's first word.
    pub agent: f64,
    /// From the spawning of a gateway to its own `running`.
    pub running: f64,
    /// From a gateway's `running` to its rest.
    pub live: f64,
}

/// What is known of the image of a case's container, and the deadlines that follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// What was measured on the image so far.
    pub measured: Measured,
    /// The deadlines that follow.
    pub deadlines: Deadlines,
    /// True if this case made the last of these measurements.
    pub here: bool,
}

/// The deadline that a wait reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// How long was waited, in seconds.
    pub seconds: f64,
    /// What its deadline follows from; `None` for a wait whose deadline is the same for every image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What was measured of it before the wait; `None` if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Took>,
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} s", self.seconds)?;
        let Some(phase) = self.phase else { return Ok(()) };
        match self.took {
            // Less than a tenth of a second is not known well enough for a factor.
            Some(Took::Seconds(took)) if took >= 0.1 => {
                write!(
                    f,
                    ", {:.0} times the {took:.1} s of {}",
                    self.seconds / took,
                    phase.words()
                )
            }
            Some(Took::Seconds(took)) => write!(f, " ({} took {took:.1} s)", phase.words()),
            Some(Took::MoreThan(most)) => write!(f, " ({} had not come after {most:.0} s)", phase.words()),
            None => write!(f, " ({} was not measured yet)", phase.words()),
        }
    }
}

/// Rounded to milliseconds, which is enough, and readable in a record.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn is_change(o: &Observation, wanted: ContainerChange) -> bool {
    o.container.is_none() && matches!(&o.fact, Fact::Container { change, .. } if *change == wanted)
}

/// When the first gateway that wrote that it runs was spawned and wrote that, in one boot.
fn first_start(boot: &[Observation]) -> Option<(Timestamp, Timestamp)> {
    let ran = |o: &Observation| match &o.fact {
        Fact::State { profile, content } if word(content, GATEWAY_STATE).is_some_and(is_serving) => {
            // A seeded file says it too, of a process that nobody spawns here.
            let process = process_of(content)?;
            let spawned = boot.iter().find(|o| spawns(&o.fact, profile, process))?;
            Some((spawned.known, o.known, profile.clone()))
        }
        _ => None,
    };
    let (spawned, ran, profile) = boot.iter().find_map(ran)?;
    // The agent may come too late to see the spawning of a gateway that the boot starts.
    let started = boot
        .iter()
        .find(|o| matches!(&o.fact, Fact::BootLine { profile: of, action, .. } if *of == profile && action == STARTED));
    Some((started.map_or(spawned, |o| spawned.min(o.known)), ran))
}

/// True if the supervisor says that it runs this process.
fn spawns(fact: &Fact, of: &str, process: Process) -> bool {
    matches!(fact, Fact::Service { profile, status } if profile == of && status.up
        && status.pid == Some(process.pid) && status.start_time == Some(process.start_time))
}

#[cfg(test)]
mod tests;
