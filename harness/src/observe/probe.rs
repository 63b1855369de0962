//! Probes: how a fact is read off the history.
//!
//! Most probes are read off the folded history at a mark; `boot:N` reads the reconciler's own moment, and `down:N` what a
//! gateway life left behind.

use super::history::{CaseEvidence, Exit, Fact, FileContent, MomentName, Observation, ServiceStatus, TakenFor};
use super::now::{Life, Now, Process, ProfileNow, word};
use crate::scenario::model::{Moment, Probe, Scenario, Value};

pub use super::invariant::{InvariantRow, invariants};

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A value, and the position in the history of the observation it was read off, where there is one.
    Seen {
        /// The value.
        value: Value,
        /// Position of the observation.
        seq: Option<u64>,
    },
    /// The evidence does not tell.
    Missing {
        /// Why not.
        why: String,
    },
}

impl Reading {
    pub(super) fn seen(value: Value, seq: Option<u64>) -> Self {
        Self::Seen { value, seq }
    }

    pub(super) fn missing(why: impl Into<String>) -> Self {
        Self::Missing { why: why.into() }
    }
}

/// Reads a probe at a moment.
pub fn read(_scenario: &Scenario, case: &CaseEvidence, at: Moment, probe: Probe, profile: &str) -> Reading {
    match (at, probe) {
        (Moment::After(step), Probe::StepExit | Probe::StepSays) => step_end(case, step, probe),
        (_, Probe::StepExit | Probe::StepSays) => Reading::missing("a step's end is read at after:N"),
        (Moment::Down(n), _) => down(case, n, probe, profile),
        (Moment::Boot(n), _) => boot(case, n, probe, profile),
        _ => match until(&case.history, at) {
            None => Reading::missing(format!("the case did not get to {at}")),
            Some(upto) => at_mark(upto, probe, profile),
        },
    }
}

/// The history up to a mark.
pub(super) fn until(history: &[Observation], at: Moment) -> Option<&[Observation]> {
    let name = MomentName::from(at);
    let end = history
        .iter()
        .position(|o| matches!(&o.fact, Fact::Mark { moment } if *moment == name))?;
    Some(&history[..end])
}

/// What a probe shows in a live case; `None` where it cannot be told without a mark.
/// `before` is the process that a new one is compared with.
pub fn current(now: &Now, probe: Probe, profile: &str, before: Option<Process>) -> Option<Value> {
    if probe == Probe::ServiceNewProcess {
        let p = now.profile(profile);
        return Some(Value::Bool(p.up() && p.supervised() != before));
    }
    match of_now(now, probe, profile) {
        Reading::Seen { value, .. } => Some(value),
        Reading::Missing { .. } => None,
    }
}

fn at_mark(upto: &[Observation], probe: Probe, profile: &str) -> Reading {
    let now = Now::at_end(upto);
    if probe == Probe::ServiceNewProcess {
        let old = process_before_last_action(upto, profile);
        let p = now.profile(profile);
        return Reading::seen(Value::Bool(p.up() && p.supervised() != old), p.service.map(|s| s.1));
    }
    of_now(&now, probe, profile)
}

/// The process a profile had before the last step that could have ended it.
pub fn process_before_last_action(upto: &[Observation], profile: &str) -> Option<Process> {
    const PASSIVE: [&str; 5] = ["wait-until", "settle", "hold-at", "release", "stamp"];
    let acted = upto
        .iter()
        .rposition(|o| matches!(&o.fact, Fact::StepBegan { op, .. } if !PASSIVE.contains(&op.as_str())))?;
    Now::at_end(&upto[..acted])
        .profile(profile)
        .lives
        .last()
        .map(|l| l.process)
}

/// A probe that the folded history answers by itself.
fn of_now(now: &Now, probe: Probe, profile: &str) -> Reading {
    let p = now.profile(profile);
    match probe {
        Probe::StateGatewayState | Probe::StateDesiredState | Probe::StateParses => state(probe, p.state.as_ref()),
        Probe::StatePidIsService => Reading::seen(Value::Bool(p.up()), p.state.map(|s| s.1)),
        Probe::Marker => marker(p.marker.as_ref()),
        Probe::BootPriorState | Probe::BootAction | Probe::BootLines => {
            boot_words(now, now.incarnations.len(), probe, profile)
        }
        Probe::Slot | Probe::SlotDownFile | Probe::Service | Probe::ServiceProcesses => service(now, &p, probe),
        Probe::ServiceNewProcess => Reading::missing("it needs a moment to compare with"),
        Probe::ServiceExit => match p.lives.iter().rev().find(|l| l.ended.is_some()) {
            Some(life) => exit_of(life),
            None => Reading::seen(Value::absent(), None),
        },
        Probe::Shutdown => match p.lives.iter().rev().find(|l| !l.taken_for.is_empty()) {
            Some(life) => taken_for(life),
            None => Reading::seen(Value::absent(), None),
        },
        Probe::Container => {
            let word = if now.running() { "running" } else { "exited" };
            Reading::seen(
                Value::str(word),
                now.incarnations.last().map(|i| i.died.map_or(i.seq, |d| d.0)),
            )
        }
        Probe::ContainerExit => match now.incarnations.iter().rev().find_map(|i| i.died) {
            Some((seq, Some(code))) => Reading::seen(Value::Int(code), Some(seq)),
            Some((_, None)) => Reading::missing("the engine told no exit code"),
            None => Reading::seen(Value::absent(), None),
        },
        Probe::StepExit | Probe::StepSays => Reading::missing("a step's end is read at after:N"),
    }
}

pub(super) fn state(probe: Probe, content: Option<&(FileContent, u64)>) -> Reading {
    let seq = content.map(|c| c.1);
    let value = match (probe, content.map(|c| &c.0)) {
        (_, None | Some(FileContent::Absent)) => Value::absent(),
        (Probe::StateParses, Some(content)) => Value::Bool(matches!(content, FileContent::Json { .. })),
        (_, Some(content)) => {
            let key = if probe == Probe::StateDesiredState {
                "desired_state"
            } else {
                "gateway_state"
            };
            word(content, key).map_or_else(Value::absent, Value::str)
        }
    };
    Reading::seen(value, seq)
}

fn marker(content: Option<&(FileContent, u64)>) -> Reading {
    let there = content.is_some_and(|c| c.0 != FileContent::Absent);
    Reading::seen(presence(there), content.map(|c| c.1))
}

fn presence(there: bool) -> Value {
    Value::str(if there { "present" } else { "absent" })
}

fn service(now: &Now, p: &ProfileNow, probe: Probe) -> Reading {
    let seq = p.service.as_ref().map(|s| s.1);
    if now.running() && now.agent != now.started_at() {
        return Reading::missing("nobody watched the supervisor of this incarnation");
    }
    // With the container down, or no slot at all, there is no service.
    let none = ServiceStatus::default();
    let status = p.service.as_ref().map_or(&none, |s| &s.0);
    let value = match probe {
        Probe::Slot => presence(status.slot),
        Probe::SlotDownFile => presence(status.down_file),
        Probe::ServiceProcesses => Value::Int(i64::from(status.processes)),
        _ => Value::str(service_word(p, status)),
    };
    Reading::seen(value, seq)
}

/// `up`: supervised, and the state file is that process's own. `respawning`: wanted up and not there yet.
fn service_word(p: &ProfileNow, status: &ServiceStatus) -> &'static str {
    match (status.up, status.want_up) {
        (true, _) if p.up() => "up",
        (_, true) => "respawning",
        (true, false) => "up",
        (false, false) => "down",
    }
}

fn boot(case: &CaseEvidence, n: usize, probe: Probe, profile: &str) -> Reading {
    let end = Now::at_end(&case.history);
    if end.incarnations.len() < n {
        return Reading::missing(format!("there was no boot {n}"));
    }
    match probe {
        Probe::BootPriorState | Probe::BootAction | Probe::BootLines => boot_words(&end, n, probe, profile),
        Probe::StateGatewayState | Probe::StateDesiredState | Probe::StateParses | Probe::Marker => {
            // What the reconciler found: the files as they were just before its line.
            let Some(line) = end.lines_of_boot(n).into_iter().find(|l| l.profile == profile) else {
                return Reading::missing(format!("the reconciler wrote no line of {profile} at boot {n}"));
            };
            let content = |c: &Option<FileContent>| c.clone().map(|c| (c, line.seq));
            if probe == Probe::Marker {
                marker(content(&line.marker).as_ref())
            } else {
                state(probe, content(&line.state).as_ref())
            }
        }
        _ => match until(&case.history, Moment::Boot(n)) {
            Some(upto) => at_mark(upto, probe, profile),
            None => Reading::missing(format!("boot {n} was not followed to its rest")),
        },
    }
}

fn boot_words(now: &Now, n: usize, probe: Probe, profile: &str) -> Reading {
    let lines: Vec<_> = now
        .lines_of_boot(n)
        .into_iter()
        .filter(|l| l.profile == profile)
        .collect();
    let last = lines.last();
    let seq = last.map(|l| l.seq);
    let value = match probe {
        Probe::BootLines => Value::Int(i64::try_from(lines.len()).unwrap_or(i64::MAX)),
        Probe::BootAction => last.map_or_else(Value::absent, |l| Value::str(&*l.action)),
        _ => last
            .and_then(|l| l.prior_state.as_deref())
            .map_or_else(Value::absent, Value::str),
    };
    Reading::seen(value, seq)
}

fn down(case: &CaseEvidence, n: usize, probe: Probe, profile: &str) -> Reading {
    let end = Now::at_end(&case.history);
    let p = end.profile(profile);
    // All was watched, so a life that did not end is something seen, not something missing.
    let Some((index, life)) = p.lives.iter().enumerate().nth(n - 1).filter(|(_, l)| l.ended.is_some()) else {
        return Reading::seen(Value::absent(), None);
    };
    let left_state = life.left_state.clone().or_else(|| p.state.clone());
    let left_marker = life.left_marker.clone().or_else(|| p.marker.clone());
    match probe {
        Probe::StateGatewayState | Probe::StateDesiredState | Probe::StateParses => {
            if let Some(why) = overwritten(&end, profile, &p, index) {
                return Reading::missing(why);
            }
            state(probe, left_state.as_ref())
        }
        Probe::Marker => marker(left_marker.as_ref()),
        Probe::ServiceExit => exit_of(life),
        Probe::Shutdown => taken_for(life),
        Probe::Service | Probe::ServiceProcesses | Probe::Slot | Probe::SlotDownFile => {
            let Some(ended) = life.ended else {
                return Reading::missing("it did not end");
            };
            let upto = usize::try_from(ended).unwrap_or(usize::MAX).min(case.history.len() - 1);
            of_now(&Now::at_end(&case.history[..=upto]), probe, profile)
        }
        _ => Reading::missing(format!("{probe} is not read at down:N")),
    }
}

/// Why the last word of a life may not be what was read: a content was replaced before it could be read, around the time
/// the next life began to write.
fn overwritten(end: &Now, profile: &str, p: &ProfileNow, index: usize) -> Option<String> {
    let path = format!("{profile}/gateway_state.json");
    let left = p.lives[index].left_state.as_ref()?.1;
    let next_wrote = p.lives.get(index + 1).and_then(|l| l.first_write)?;
    end.missed
        .iter()
        .any(|(seq, what)| *what == path && *seq >= left && *seq <= next_wrote + 2)
        .then(|| "a state was overwritten before it could be read".to_owned())
}

fn exit_of(life: &Life) -> Reading {
    let value = match (&life.exit, life.said_exit) {
        (Some(Exit::Code(code)), _) => Value::Int(*code),
        (None, Some(code)) => Value::Int(code),
        (Some(Exit::Signal(name)), _) => Value::str(name.clone()),
        (None, None) => return Reading::missing("neither the supervisor nor the gateway told how it ended"),
    };
    Reading::seen(value, life.ended)
}

fn taken_for(life: &Life) -> Reading {
    let value = if life.taken_for.contains(&TakenFor::Restart) {
        Value::str("restart")
    } else {
        match life.taken_for.first() {
            Some(TakenFor::Planned) => Value::str("planned"),
            Some(_) => Value::str("signal"),
            None => Value::absent(),
        }
    };
    Reading::seen(value, life.ended)
}

fn step_end(case: &CaseEvidence, step: usize, probe: Probe) -> Reading {
    let ended = case.history.iter().find_map(|o| match &o.fact {
        Fact::StepEnded {
            step: s, exit, output, ..
        } if *s == step => Some((o.seq, *exit, output)),
        _ => None,
    });
    match (ended, probe) {
        (None, _) => Reading::missing(format!("step {step} did not come to its end")),
        (Some((seq, _, output)), Probe::StepSays) => Reading::seen(Value::str(output.clone()), Some(seq)),
        (Some((seq, Some(code), _)), _) => Reading::seen(Value::Int(code), Some(seq)),
        (Some(_), _) => Reading::missing(format!("step {step} returned no exit code")),
    }
}
