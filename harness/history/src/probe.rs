//! Probes: how a fact is read off the history.
//!
//! Most probes are read off the folded history at a mark; `boot:N` reads the reconciler's own moment, and `down:N` what a
//! gateway life left behind.

mod around;
mod left;

use super::facts::{CaseEvidence, Fact, FileContent, MomentName, Observation, ProcessExit, ServiceStatus, TakenFor};
use super::now::{Life, Now, Process, ProfileNow, word};
use super::order::{agreed, by_time};
use comeback_gateway::state::{DESIRED_STATE, GATEWAY_STATE, STARTUP_FAILED, is_serving, served};
use comeback_scenario::model::{DEFAULT_PROFILE, Expect, Moment, Probe, Value};
use comeback_scenario::vocabulary::OperationKind;

use around::{entry_at, gateways, ticks, zombies};
use left::{left_by, uncounted};

pub use super::invariant::{InvariantRow, invariants};
pub use super::reading::Reading;

/// Reads a row's probe at its moment.
pub fn read(case: &CaseEvidence, row: &Expect) -> Reading {
    let read = |history: &[Observation]| match &row.path {
        Some(path) => entry_at(history, row.at, path),
        None => in_order(history, row.at, row.probe, &row.profile, row.container.as_deref()),
    };
    agreed(read(&case.history), &read(&by_time(&case.history)))
}

fn in_order(history: &[Observation], at: Moment, probe: Probe, profile: &str, container: Option<&str>) -> Reading {
    match (at, probe) {
        (Moment::After(step), Probe::StepExit | Probe::StepSays) => step_end(history, step, probe),
        (_, Probe::StepTook) => Reading::missing("it is a figure, and no row"),
        (_, Probe::StepExit | Probe::StepSays) => Reading::missing("a step's end is read at after:N"),
        (Moment::Down(n), _) => down(history, n, probe, profile),
        (Moment::Boot(n), _) => boot(history, n, probe, profile),
        _ => match until(history, at) {
            None => Reading::missing(format!("the case did not get to {at}")),
            Some(upto) => at_mark(upto, probe, profile, container),
        },
    }
}

/// The history up to a mark.
pub(super) fn until(history: &[Observation], at: Moment) -> Option<&[Observation]> {
    let name = MomentName::from(at);
    let end = history
        .iter()
        .position(|o| o.container.is_none() && matches!(&o.fact, Fact::Mark { moment } if *moment == name))?;
    Some(&history[..end])
}

/// What a probe shows in a live case; `None` where it cannot be told without a mark.
/// `before` is the process that a new one is compared with.
pub fn current(now: &Now, probe: Probe, profile: &str, before: Option<Process>) -> Option<Value> {
    if probe == Probe::ServiceNewProcess {
        let p = now.profile(profile);
        return Some(Value::Bool(!now.looping() && p.up() && p.supervised() != before));
    }
    match of_now(now, probe, profile) {
        Reading::Seen { value, .. } => Some(value),
        Reading::Missing { .. } => None,
    }
}

fn at_mark(upto: &[Observation], probe: Probe, profile: &str, container: Option<&str>) -> Reading {
    let all = Now::at_end(upto);
    let none = Now::default();
    let now = all.of(container).unwrap_or(&none);
    if probe == Probe::ServiceNewProcess {
        let old = process_before_last_action(upto, profile, container);
        let p = now.profile(profile);
        let new = !now.looping() && p.up() && p.supervised() != old;
        return Reading::seen(Value::Bool(new), p.service.map(|s| s.1));
    }
    of_now(now, probe, profile)
}

/// The process a profile had in a container before the last step there that could have ended it, or before the first step
/// if there was none.
pub fn process_before_last_action(upto: &[Observation], profile: &str, container: Option<&str>) -> Option<Process> {
    let is_action = |o: &Observation| matches!(&o.fact, Fact::StepBegan { op, .. } if op.info().process.is_action());
    let acted = upto
        .iter()
        .rposition(|o| o.container.as_deref() == container && is_action(o));
    let earlier = match acted {
        Some(acted) => &upto[..acted],
        None => until(upto, Moment::Start)?,
    };
    Now::at_end(earlier)
        .of(container)?
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
        Probe::StatePidIsService => Reading::seen(Value::Bool(!now.looping() && p.up()), p.state.map(|s| s.1)),
        Probe::Marker => marker(p.marker.as_ref()),
        Probe::BootPriorState | Probe::BootAction | Probe::BootLines | Probe::BootFolded | Probe::BootPriorExit => {
            boot_words(now, now.incarnations.len(), probe, profile)
        }
        Probe::Served => serving(now, profile, &p),
        Probe::Slot => service(now, &p, presence(false), |status| presence(status.slot)),
        Probe::SlotDownFile => service(now, &p, presence(false), |status| presence(status.down_file)),
        Probe::Service => service(now, &p, Value::absent(), |status| Value::str(service_word(&p, status))),
        Probe::ServiceProcesses => service(now, &p, Value::Int(0), |s| Value::Int(i64::from(s.processes))),
        Probe::ServiceDeaths => service(now, &p, Value::Int(0), |s| {
            Value::Int(i64::try_from(s.deaths.len()).unwrap_or(i64::MAX))
        }),
        Probe::GatewayProcesses => gateways(now, profile),
        Probe::CronTicks => ticks(&p),
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
            let word = match now.running() {
                _ if now.looping() => "looping",
                true if now.paused => "paused",
                true => "running",
                false => "exited",
            };
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
        Probe::ContainerBoots => {
            let boots = i64::try_from(now.incarnations.len()).unwrap_or(i64::MAX);
            Reading::seen(Value::Int(boots), now.incarnations.last().map(|i| i.seq))
        }
        Probe::ContainerHealth => match &now.health {
            Some((status, seq)) => Reading::seen(Value::str(status.clone()), Some(*seq)),
            None => Reading::seen(Value::absent(), now.incarnations.last().map(|i| i.seq)),
        },
        Probe::ContainerZombies => zombies(now),
        Probe::File => Reading::missing("it needs a path"),
        Probe::StepExit | Probe::StepSays | Probe::StepTook => Reading::missing("a step's end is read at after:N"),
    }
}

pub(super) fn state(probe: Probe, content: Option<&(FileContent, u64)>) -> Reading {
    let seq = content.map(|c| c.1);
    let value = match (probe, content.map(|c| &c.0)) {
        (_, None | Some(FileContent::Absent)) => Value::absent(),
        (Probe::StateParses, Some(content)) => Value::Bool(matches!(content, FileContent::Json { .. })),
        (_, Some(content)) => {
            let key = if probe == Probe::StateDesiredState {
                DESIRED_STATE
            } else {
                GATEWAY_STATE
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

/// Gateways that serve a profile: its own, and the root's where that lists it.
fn serving(now: &Now, profile: &str, p: &ProfileNow) -> Reading {
    if now.running() && !now.looping() && now.agent != now.started_at() {
        return Reading::missing("nobody watched the supervisor of this incarnation");
    }
    let serves = |by: &ProfileNow, only_if_listed: bool| {
        let word = by.own_word().filter(|_| !now.looping());
        let list = by.state.as_ref().and_then(|(content, _)| served_profiles(content));
        let listed = list.map_or(!only_if_listed, |list| list.contains(&profile));
        i64::from(word.is_some_and(is_serving) && listed)
    };
    let root = now.profile(DEFAULT_PROFILE);
    let by_root = if profile == DEFAULT_PROFILE {
        0
    } else {
        serves(&root, true)
    };
    let seq = [p, &root].iter().filter_map(|p| p.state.as_ref()).map(|s| s.1).max();
    Reading::seen(Value::Int(serves(p, false) + by_root), seq)
}

/// The profiles that a state file lists as served, if it lists any.
fn served_profiles(content: &FileContent) -> Option<Vec<&str>> {
    match content {
        FileContent::Json { value } => Some(served(value)).filter(|list| !list.is_empty()),
        FileContent::Absent | FileContent::Unreadable { .. } => None,
    }
}

/// What the supervisor said last. `looping` is what counts where the container ends again and again.
fn service(now: &Now, p: &ProfileNow, looping: Value, of: impl Fn(&ServiceStatus) -> Value) -> Reading {
    let seq = p.service.as_ref().map(|s| s.1);
    if now.looping() {
        // Whatever a boot brought is gone with it a moment later: nothing is there to stay.
        return Reading::seen(looping, now.incarnations.last().map(|i| i.seq));
    }
    if now.running() && now.agent != now.started_at() {
        return Reading::missing("nobody watched the supervisor of this incarnation");
    }
    // With the container down, or no slot at all, there is no service.
    let none = ServiceStatus::default();
    let status = p.service.as_ref().map_or(&none, |s| &s.0);
    Reading::seen(of(status), seq)
}

/// `up`: supervised, and that process has written that it runs, or the state file is its own. A gateway in another container may
/// have written over it since. `respawning`: wanted up and not there yet, or about to end because it cannot start.
fn service_word(p: &ProfileNow, status: &ServiceStatus) -> &'static str {
    let ran = || p.current_life().is_some_and(|life| life.ran);
    match (status.up, status.want_up) {
        (true, true) if p.own_word() == Some(STARTUP_FAILED) => "respawning",
        (true, _) if p.up() || ran() => "up",
        (_, true) => "respawning",
        (true, false) => "up",
        (false, false) => "down",
    }
}

fn boot(history: &[Observation], n: usize, probe: Probe, profile: &str) -> Reading {
    let end = Now::at_end(history);
    if end.incarnations.len() < n {
        return Reading::missing(format!("there was no boot {n}"));
    }
    match probe {
        Probe::BootPriorState | Probe::BootAction | Probe::BootLines | Probe::BootFolded | Probe::BootPriorExit => {
            boot_words(&end, n, probe, profile)
        }
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
        Probe::StatePidIsService
        | Probe::Slot
        | Probe::SlotDownFile
        | Probe::Service
        | Probe::ServiceNewProcess
        | Probe::ServiceExit
        | Probe::ServiceProcesses
        | Probe::ServiceDeaths
        | Probe::GatewayProcesses
        | Probe::CronTicks
        | Probe::Served
        | Probe::Shutdown
        | Probe::Container
        | Probe::ContainerExit
        | Probe::ContainerBoots
        | Probe::ContainerHealth
        | Probe::ContainerZombies
        | Probe::File
        | Probe::StepExit
        | Probe::StepSays
        | Probe::StepTook => match until(history, Moment::Boot(n)) {
            Some(upto) => at_mark(upto, probe, profile, None),
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
        Probe::BootPriorExit => last
            .and_then(|l| l.prior_exit.as_deref())
            .map_or_else(Value::absent, Value::str),
        Probe::BootFolded => last.and_then(|l| l.folded).map_or_else(Value::absent, Value::Bool),
        _ => last
            .and_then(|l| l.prior_state.as_deref())
            .map_or_else(Value::absent, Value::str),
    };
    Reading::seen(value, seq)
}

fn down(history: &[Observation], n: usize, probe: Probe, profile: &str) -> Reading {
    let end = Now::at_end(history);
    let p = end.profile(profile);
    let index = n.saturating_sub(1);
    if let Some(why) = uncounted(&end, profile, &p, index) {
        return Reading::missing(why);
    }
    let Some(life) = p.lives.get(index).filter(|l| l.ended.is_some()) else {
        // If all was watched, a life that did not end is something seen, not something missing.
        return match until(history, Moment::End) {
            Some(_) => Reading::seen(Value::absent(), None),
            None => Reading::missing(format!("the case did not get to {}", Moment::Down(n))),
        };
    };
    let left = || left_by(history, profile, &p.lives, index);
    match probe {
        Probe::StateGatewayState | Probe::StateDesiredState | Probe::StateParses => match left() {
            Ok(left) => state(probe, left.state.as_ref()),
            Err(why) => Reading::missing(why),
        },
        Probe::Marker => match left() {
            Ok(left) => marker(left.marker.as_ref()),
            Err(why) => Reading::missing(why),
        },
        Probe::ServiceExit => exit_of(life),
        Probe::Shutdown => taken_for(life),
        Probe::Service | Probe::ServiceProcesses | Probe::Slot | Probe::SlotDownFile => {
            let upto = life.ended.and_then(|ended| usize::try_from(ended).ok());
            match upto.and_then(|upto| history.get(..=upto)) {
                Some(upto) => of_now(&Now::at_end(upto), probe, profile),
                None => Reading::missing("where it ended is not in the record"),
            }
        }
        Probe::StatePidIsService
        | Probe::BootPriorState
        | Probe::BootAction
        | Probe::BootLines
        | Probe::BootFolded
        | Probe::BootPriorExit
        | Probe::Served
        | Probe::ServiceNewProcess
        | Probe::ServiceDeaths
        | Probe::GatewayProcesses
        | Probe::CronTicks
        | Probe::Container
        | Probe::ContainerExit
        | Probe::ContainerBoots
        | Probe::ContainerHealth
        | Probe::ContainerZombies
        | Probe::File
        | Probe::StepExit
        | Probe::StepSays
        | Probe::StepTook => Reading::missing(format!("{probe} is not read at down:N")),
    }
}

fn exit_of(life: &Life) -> Reading {
    let value = match (&life.exit, life.said_exit) {
        (Some(ProcessExit::Code(code)), _) => Value::Int(*code),
        (None, Some(code)) => Value::Int(code),
        (Some(ProcessExit::Signal(name)), _) => Value::str(name.clone()),
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

/// True if a step's command could not be run, because no container ran when the step began, or was left running. Then that it
/// returned nothing was seen, and is not missing.
fn returns_nothing(history: &[Observation], step: usize) -> bool {
    let began = history.iter().enumerate().find_map(|(index, o)| match &o.fact {
        Fact::StepBegan { step: s, op, .. } if *s == step => Some((index, *op, o.container.as_deref())),
        _ => None,
    });
    began.is_some_and(|(index, op, container)| {
        let now = Now::at_end(&history[..index]);
        let none = |now: &Now| !now.running() || now.looping() || now.paused;
        op == OperationKind::OperatorRun || now.of(container).is_none_or(none)
    })
}

fn step_end(history: &[Observation], step: usize, probe: Probe) -> Reading {
    let ended = history.iter().find_map(|o| match &o.fact {
        Fact::StepEnded {
            step: s, exit, output, ..
        } if *s == step => Some((o.seq, *exit, output)),
        _ => None,
    });
    match (ended, probe) {
        (None, _) => Reading::missing(format!("step {step} did not come to its end")),
        (Some((seq, _, output)), Probe::StepSays) => Reading::seen(Value::str(output.clone()), Some(seq)),
        (Some((seq, Some(code), _)), _) => Reading::seen(Value::Int(code), Some(seq)),
        (Some((seq, None, _)), _) if returns_nothing(history, step) => Reading::seen(Value::absent(), Some(seq)),
        (Some(_), _) => Reading::missing(format!("step {step} returned no exit code")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::facts::{ContainerChange, Source};
    use crate::fixtures::{History, serves};

    /// A container that has just been started, and when.
    fn started() -> (History, Option<Timestamp>) {
        let history = History::default();
        let started_at = Some(Timestamp::UNIX_EPOCH);
        let change = ContainerChange::Started;
        history.push(
            Source::Engine,
            started_at,
            Fact::Container {
                change,
                started_at,
                exit: None,
            },
        );
        (history, started_at)
    }

    /// A container in which the root's gateway runs and lists these profiles.
    fn root_lists(listed: &[&str], word: &str) -> Now {
        Now::at_end(&with_root(listed, word).observations())
    }

    fn with_root(listed: &[&str], word: &str) -> History {
        let history = History::watched(Some(Timestamp::UNIX_EPOCH));
        let status = ServiceStatus {
            up: true,
            want_up: true,
            pid: Some(40),
            start_time: Some(40),
            ..ServiceStatus::default()
        };
        history.push(
            Source::Agent,
            None,
            Fact::Service {
                profile: "default".into(),
                status,
            },
        );
        let value = json!({"pid": 40, "start_time": 40, "gateway_state": word, "served_profiles": listed});
        let content = FileContent::Json {
            value: value.as_object().unwrap().clone(),
        };
        history.push(
            Source::Observer,
            None,
            Fact::State {
                profile: "default".into(),
                content,
            },
        );
        history
    }

    /// `hermes profile use work`: the gateway of the default slot is work's then, and that of work's own slot finds it running.
    #[test]
    fn a_gateway_that_writes_to_another_profile_is_that_of_its_slot() {
        let history = History::watched(Some(Timestamp::UNIX_EPOCH));
        history.push(Source::Agent, None, serves("default", 40));
        history.push(Source::Agent, None, serves("work", 41));
        let value = json!({"pid": 40, "start_time": 40, "gateway_state": "running"});
        let value = value.as_object().unwrap().clone();
        let (profile, content) = ("work".to_owned(), FileContent::Json { value });
        history.push(Source::Observer, None, Fact::State { profile, content });
        let now = Now::at_end(&history.observations());
        let service = |profile| current(&now, Probe::Service, profile, None);
        assert_eq!(service("default"), Some(Value::str("up")));
        assert_eq!(service("work"), Some(Value::str("respawning")));
        let lives = |profile: &str| {
            now.profile(profile)
                .lives
                .iter()
                .map(|l| (l.process.pid, l.ran))
                .collect::<Vec<_>>()
        };
        assert_eq!((lives("default"), lives("work")), (vec![(40, true)], vec![(41, false)]));
    }

    /// A pause ends no process, so the one from before the first step is no new one.
    #[test]
    fn a_process_that_no_step_ended_is_not_new() {
        let history = with_root(&[], "running");
        history.mark(Moment::Start);
        history.mark(Moment::After(1));
        let seen = at_mark(&history.observations(), Probe::ServiceNewProcess, "default", None);
        assert!(matches!(
            seen,
            Reading::Seen {
                value: Value::Bool(false),
                ..
            }
        ));
    }

    #[rstest]
    #[case::listed(&["default", "work"], "running", "work", 1)]
    #[case::not_listed(&["default"], "running", "work", 0)]
    #[case::listed_by_one_that_starts(&["default", "work"], "starting", "work", 0)]
    #[case::the_root_that_leaves_itself_out(&["work"], "running", "default", 0)]
    #[case::the_root_itself(&["default", "work"], "running", "default", 1)]
    #[case::the_root_without_a_list(&[], "degraded", "default", 1)]
    fn a_profile_is_served_by_its_own_gateway_or_the_roots(
        #[case] listed: &[&str],
        #[case] word: &str,
        #[case] profile: &str,
        #[case] wanted: i64,
    ) {
        let served = current(&root_lists(listed, word), Probe::Served, profile, None);
        assert_eq!(served, Some(Value::Int(wanted)));
    }

    #[rstest]
    #[case("folded_into_root=True", Value::Bool(true))]
    #[case("", Value::absent())]
    fn a_boot_line_tells_whether_its_profile_is_folded(#[case] rest: &str, #[case] wanted: Value) {
        let (history, started_at) = started();
        let fact = Fact::BootLine {
            profile: "work".into(),
            prior_state: None,
            action: "registered".into(),
            line: format!("x profile=work prior_state=None action=registered {rest}"),
        };
        history.push(Source::Observer, started_at, fact);
        let now = Now::at_end(&history.observations());
        assert_eq!(current(&now, Probe::BootFolded, "work", None), Some(wanted));
    }
}
