//! The state of a case at one point of its history: what all facts up to there add up to.
//!
//! The runner folds facts as they come and waits on the result; probes fold a saved history up to a mark. Both read the
//! same thing.

mod profile;
mod sidecars;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::facts::{ContainerChange, Fact, FileContent, Observation};
use comeback_gateway::boot_line;
use comeback_gateway::state::{GATEWAY_STATE, is_serving};
pub use profile::{Life, Process, ProfileNow, process_of, word};

/// A line of the reconciler.
#[derive(Debug, Clone)]
pub struct BootLine {
    /// Whose.
    pub profile: String,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// Where in the history.
    pub seq: u64,
    /// `prior_state`.
    pub prior_state: Option<String>,
    /// `action`.
    pub action: String,
    /// `folded_into_root`; `None` if the line does not have it.
    pub folded: Option<bool>,
    /// `prior_exit`; `None` if the line does not have it.
    pub prior_exit: Option<String>,
    /// The profile's state file and marker just before it.
    pub state: Option<FileContent>,
    /// The marker just before it.
    pub marker: Option<FileContent>,
}

/// One start-to-exit life of the container.
#[derive(Debug, Clone)]
pub struct Incarnation {
    /// Its key.
    pub started_at: Timestamp,
    /// Where in the history it began.
    pub seq: u64,
    /// Its end: where in the history, and the exit code.
    pub died: Option<(u64, Option<i64>)>,
    /// When it ended, by the engine's clock; `None` if the engine did not tell.
    pub died_at: Option<Timestamp>,
    /// Start time of its PID 1, in clock ticks since the host's boot, once the agent has told it.
    pub init_start: Option<u64>,
    /// True if its boot was followed to its rest: its mark `boot:N` was set.
    pub rested: bool,
}

/// Everything at one point of the history.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// By name.
    pub profiles: BTreeMap<String, ProfileNow>,
    /// Oldest first.
    pub incarnations: Vec<Incarnation>,
    /// Oldest first.
    pub boot_lines: Vec<BootLine>,
    /// OOM kills the engine told of.
    pub ooms: usize,
    /// Which incarnation the agent sees.
    pub agent: Option<Timestamp>,
    /// Greetings of agents, by the incarnation they see: one may come before the engine's word on that incarnation, or late.
    greetings: BTreeMap<Timestamp, Option<u64>>,
    /// Where evidence went missing, and what.
    pub lost: Vec<(u64, String)>,
    /// Name of PID 1, as the agent said last.
    pub init: Option<String>,
    /// Set when the container was removed.
    pub removed: bool,
    /// True while the container's processes are frozen.
    pub paused: bool,
    /// What the engine said last of the health check of this incarnation, and where in the history.
    pub health: Option<(String, u64)>,
    /// How many processes in the container are a gateway, by profile, and where in the history that was told.
    pub gateways: Option<(BTreeMap<String, u32>, u64)>,
    /// How many processes in the container have ended and were not reaped, and where in the history that was told.
    pub zombies: Option<(u32, u64)>,
    /// What is at the paths that rows are about: kind and owner, `None` if nothing is there.
    pub entries: BTreeMap<String, (Option<(String, u32)>, u64)>,
    /// The uid of the user that operators act as.
    pub operator: Option<u32>,
    /// The other containers on the volume, by name. Each knows the volume, too.
    pub sidecars: BTreeMap<String, Now>,
    /// How many incarnations there were when a step last began that starts or stops the container.
    acted_at: usize,
}

/// So many ends by itself make a container one that ends again and again.
pub const LOOP_ENDS: usize = 3;

impl Now {
    /// What a whole history adds up to.
    pub fn at_end<'a>(history: impl IntoIterator<Item = &'a Observation>) -> Self {
        let mut now = Self::default();
        for observation in history {
            now.apply(observation);
        }
        now
    }

    /// A profile, or what is known of one nobody has spoken of.
    pub fn profile(&self, name: &str) -> ProfileNow {
        self.profiles.get(name).cloned().unwrap_or_default()
    }

    /// True while the container's main process runs.
    pub fn running(&self) -> bool {
        self.incarnations.last().is_some_and(|i| i.died.is_none())
    }

    /// How often the container has ended of those times it was started since a step last began that starts or stops it: none
    /// of these ends is a step's.
    pub fn ends_by_itself(&self) -> usize {
        let since = self.incarnations.get(self.acted_at..).unwrap_or_default();
        since.iter().filter(|i| i.died.is_some()).count()
    }

    /// True if the container ends again and again: it has ended by itself [`LOOP_ENDS`] times, and no boot has come to its
    /// rest since. Only a restart policy starts a container in between.
    pub fn looping(&self) -> bool {
        let rests = self.incarnations.last().is_some_and(|i| i.died.is_none() && i.rested);
        !self.removed && !rests && self.ends_by_itself() >= LOOP_ENDS
    }

    /// True if the current incarnation has ended and was there when a step last began that starts or stops the container:
    /// that step ended it, or nobody was to start it again.
    pub fn ended_by_a_step(&self) -> bool {
        !self.running() && self.acted_at > 0 && self.acted_at == self.incarnations.len()
    }

    /// The current incarnation's key.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.incarnations.last().map(|i| i.started_at)
    }

    /// Lines of the Nth boot (from 1), all profiles. A line belongs to the boot in whose time it was written.
    pub fn lines_of_boot(&self, boot: usize) -> Vec<&BootLine> {
        if boot == 0 || boot > self.incarnations.len() {
            return Vec::new();
        }
        let of_boot = |line: &&BootLine| !self.is_before(line, boot) && self.is_before(line, boot + 1);
        self.boot_lines.iter().filter(of_boot).collect()
    }

    /// True if a line was written before the Nth boot began. The boot begins when the incarnation before it has ended: on a
    /// busy machine an engine sets down `StartedAt` so late that the reconciler is done by then.
    fn is_before(&self, line: &BootLine, boot: usize) -> bool {
        let Some(this) = self.incarnations.get(boot - 1) else {
            return true;
        };
        let Some(last) = boot.checked_sub(2).and_then(|i| self.incarnations.get(i)) else {
            // Nothing is told of what was there before the first boot.
            return false;
        };
        match (line.at, last.died_at) {
            (Some(at), Some(died_at)) => at < died_at,
            (Some(at), None) => at < this.started_at,
            (None, _) => line.seq < last.died.map_or(this.seq, |(seq, _)| seq),
        }
    }

    /// Takes an observation in that is about this container or the volume. `elsewhere`: a process that runs in another one.
    fn take(&mut self, o: &Observation, elsewhere: &dyn Fn(Process) -> bool) {
        let incarnation = self.incarnations.len();
        match &o.fact {
            Fact::State { profile, content } => {
                let inits = self.inits();
                if let Some(process) = process_of(content).filter(|process| !elsewhere(*process)) {
                    let runs = word(content, GATEWAY_STATE).is_some_and(is_serving);
                    // A gateway that was started without a profile writes to the one in use, whatever its slot is.
                    let writer = self.supervisor_of(process).unwrap_or_else(|| profile.clone());
                    let p = self.profiles.entry(writer).or_default();
                    p.names(process, runs, &inits, o);
                }
                let p = self.profiles.entry(profile.clone()).or_default();
                p.state = Some((content.clone(), o.seq));
            }
            Fact::Marker { profile, content } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                p.marker = Some((content.clone(), o.seq));
            }
            Fact::BootLine {
                profile,
                prior_state,
                action,
                line,
            } => {
                let p = self.profiles.get(profile);
                self.boot_lines.push(BootLine {
                    profile: profile.clone(),
                    at: o.at,
                    seq: o.seq,
                    prior_state: prior_state.clone(),
                    action: action.clone(),
                    folded: boot_line::folded(line),
                    prior_exit: boot_line::prior_exit(line).map(str::to_owned),
                    state: p.and_then(|p| p.state.as_ref()).map(|s| s.0.clone()),
                    marker: p.and_then(|p| p.marker.as_ref()).map(|s| s.0.clone()),
                });
            }
            Fact::Shutdown { profile, taken_for, .. } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                // The log names no process. It is written by the life that had last been seen to write or to run by then: a
                // line may come late, when the next life is there already.
                let born_after = |l: &Life| matches!((l.born_at, o.at), (Some(born), Some(at)) if at < born);
                if let Some(life) = p.lives.iter_mut().rev().find(|l| !born_after(l)) {
                    life.taken_for.push(*taken_for);
                }
            }
            Fact::ExitDiag { profile, pid, exit, .. } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                if let (Some(exit), Some(life)) = (exit, p.lives.iter_mut().rev().find(|l| l.process.pid == *pid)) {
                    life.said_exit = Some(*exit);
                }
            }
            Fact::Service { profile, status } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                p.serves(status, incarnation, o);
            }
            Fact::Zombies { count } => self.zombies = Some((*count, o.seq)),
            Fact::Gateways { processes } => self.gateways = Some((processes.clone(), o.seq)),
            Fact::Entry { path, kind, uid } => {
                let what = kind.clone().zip(*uid);
                self.entries.insert(path.clone(), (what, o.seq));
            }
            Fact::Operator { uid } => self.operator = Some(*uid),
            Fact::Tick { profile } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                p.tick = Some((o.at, o.seq));
            }
            Fact::Health { status } => self.health = Some((status.clone(), o.seq)),
            Fact::Init { name } => self.init = Some(name.clone()),
            Fact::Live {
                profile,
                pid,
                start_time,
            } => {
                let p = self.profiles.entry(profile.clone()).or_default();
                p.live = Some(Process {
                    pid: *pid,
                    start_time: *start_time,
                });
            }
            Fact::Container {
                change,
                started_at,
                exit,
            } => {
                self.container(*change, *started_at, *exit, o.seq);
                if *change == ContainerChange::Died
                    && let Some(last) = self.incarnations.last_mut()
                {
                    last.died_at = last.died_at.or(o.at);
                }
            }
            Fact::Ready {
                started_at,
                init_start,
                init,
            } => {
                if let Some(started_at) = started_at {
                    self.greetings.insert(*started_at, *init_start);
                    self.init.clone_from(init);
                    self.greet(o.seq);
                }
            }
            Fact::Lost { what } => self.lost.push((o.seq, what.clone())),
            Fact::StepBegan { op, .. } => {
                // What the container does after such a step is counted anew.
                if op.info().container.acts() {
                    self.acted_at = incarnation;
                }
            }
            Fact::Mark { moment } => {
                let number = moment.0.strip_prefix("boot:").and_then(|n| n.parse::<usize>().ok());
                if let Some(boot) = number.and_then(|n| self.incarnations.get_mut(n.checked_sub(1)?)) {
                    boot.rested = true;
                }
            }
            Fact::Signalled { .. }
            | Fact::Slots { .. }
            | Fact::StepEnded { .. }
            | Fact::WaitEnded { .. }
            | Fact::Pace { .. }
            | Fact::Inspected { .. }
            | Fact::Missed { .. }
            | Fact::Observer { .. }
            | Fact::Overlay { .. } => {}
        }
    }

    /// The profile whose slot the supervisor has run that process in.
    fn supervisor_of(&self, process: Process) -> Option<String> {
        let mut profiles = self.profiles.iter();
        profiles.find_map(|(name, p)| p.has_supervised(process).then(|| name.clone()))
    }

    /// Start times of each incarnation's PID 1, where they are known.
    fn inits(&self) -> Vec<Option<u64>> {
        self.incarnations.iter().map(|i| i.init_start).collect()
    }

    /// Brings incarnations and the greetings of their agents together, whichever came first.
    fn greet(&mut self, seq: u64) {
        let current = self.started_at();
        self.agent = current.filter(|current| self.greetings.contains_key(current));
        for incarnation in &mut self.incarnations {
            if let Some(init_start) = self.greetings.get(&incarnation.started_at) {
                incarnation.init_start = *init_start;
            }
        }
        let inits = self.inits();
        for profile in self.profiles.values_mut() {
            profile.knows(&inits, seq);
        }
    }

    fn container(&mut self, change: ContainerChange, started_at: Option<Timestamp>, exit: Option<i64>, seq: u64) {
        match change {
            ContainerChange::Started => {
                if let Some(started_at) = started_at
                    && self.started_at() != Some(started_at)
                {
                    self.end_incarnation(seq, None);
                    self.removed = false;
                    self.incarnations.push(Incarnation {
                        started_at,
                        seq,
                        died: None,
                        died_at: None,
                        init_start: None,
                        rested: false,
                    });
                    (self.paused, self.health) = (false, None);
                    self.greet(seq);
                }
            }
            ContainerChange::Died => self.end_incarnation(seq, exit),
            ContainerChange::Oom => self.ooms += 1,
            ContainerChange::Paused => self.paused = true,
            ContainerChange::Unpaused => self.paused = false,
            ContainerChange::Destroyed => {
                self.end_incarnation(seq, None);
                self.removed = true;
            }
        }
    }

    fn end_incarnation(&mut self, seq: u64, exit: Option<i64>) {
        if let Some(last) = self.incarnations.last_mut()
            && last.died.is_none()
        {
            last.died = Some((seq, exit));
            (self.paused, self.gateways, self.zombies) = (false, None, None);
            for p in self.profiles.values_mut() {
                p.service = None;
                p.tallied = 0;
                p.end_life(seq);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::Source;
    use crate::fixtures::History;

    /// A moment of one minute, in milliseconds.
    pub fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_531_665_000 + ms).unwrap()
    }

    pub fn container(history: &History, change: ContainerChange, ms: i64) {
        let started_at = (change == ContainerChange::Started).then(|| at(ms));
        let fact = Fact::Container {
            change,
            started_at,
            exit: None,
        };
        history.push(Source::Engine, Some(at(ms)), fact);
    }

    pub fn line(history: &History, ms: i64) {
        let fact = Fact::BootLine {
            profile: "default".to_owned(),
            prior_state: None,
            action: "registered".to_owned(),
            line: String::new(),
        };
        history.push(Source::Observer, Some(at(ms)), fact);
    }

    #[test]
    fn a_line_written_before_the_engine_had_set_down_the_start_is_that_boots() {
        let history = History::default();
        container(&history, ContainerChange::Started, 0);
        // As on a machine that was busy: the reconciler is done 20 ms before `StartedAt`.
        line(&history, -20);
        container(&history, ContainerChange::Died, 900);
        line(&history, 1_407);
        container(&history, ContainerChange::Started, 1_427);
        // Of the boot before, and told late.
        line(&history, 890);
        let now = Now::at_end(&history.observations());
        let lines = |boot: usize| {
            now.lines_of_boot(boot)
                .iter()
                .map(|l| l.at.unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(1), [at(-20), at(890)]);
        assert_eq!(lines(2), [at(1_407)]);
        assert_eq!((lines(0).len(), lines(3).len()), (0, 0));
    }

    #[test]
    fn without_an_end_the_start_divides() {
        let history = History::default();
        container(&history, ContainerChange::Started, 0);
        line(&history, 100);
        container(&history, ContainerChange::Started, 1_000);
        line(&history, 1_100);
        let now = Now::at_end(&history.observations());
        assert_eq!((now.lines_of_boot(1).len(), now.lines_of_boot(2).len()), (1, 1));
    }
}
