//! The implicit invariants: rows that are added to every scenario.

use super::facts::{CaseEvidence, Fact, FileContent, Observation, Source};
use super::now::Now;
use super::order::{agreed, by_time};
use super::probe::until;
use super::reading::Reading;
use comeback_gateway::files::{is_profile_name, state_of};
use comeback_gateway::state::RUNNING;
use comeback_gateway::supervisor::PROCESS;
use comeback_scenario::model::{
    DEFAULT_PROFILE, Expect, Moment, Operation, Probe, ProfileSel, Scenario, SeedContent, StartBy, StartWait, Step,
    Value,
};
use comeback_scenario::vocabulary::{IntentEffect, Invariant, OperationKind};

/// An implicit row.
#[derive(Debug, Clone, PartialEq)]
pub struct InvariantRow {
    /// The moment.
    pub at: Moment,
    /// Which one.
    pub kind: Invariant,
    /// The profile.
    pub profile: String,
    /// The required value.
    pub wanted: Value,
    /// The observed value.
    pub reading: Reading,
}

/// Reads the implicit invariants of every boot and of the end.
pub fn invariants(scenario: &Scenario, case: &CaseEvidence) -> Vec<InvariantRow> {
    let same = |one: &InvariantRow, other: &InvariantRow| {
        (one.at, one.kind, &one.profile) == (other.at, other.kind, &other.profile)
    };
    let only_one = || Reading::missing("facts arrived late: whether there is a value here depends on their order");
    let by_time = in_order(scenario, &by_time(&case.history));
    let mut rows = in_order(scenario, &case.history);
    for row in &mut rows {
        let reading = std::mem::replace(&mut row.reading, only_one());
        if let Some(other) = by_time.iter().find(|other| same(row, other)) {
            row.reading = match row.wanted == other.wanted {
                true => agreed(reading, &other.reading),
                false => only_one(),
            };
        }
    }
    for mut row in by_time {
        if !rows.iter().any(|told| same(told, &row)) {
            row.reading = only_one();
            rows.push(row);
        }
    }
    rows
}

fn in_order(scenario: &Scenario, history: &[Observation]) -> Vec<InvariantRow> {
    let end = Now::at_end(history);
    // Whoever says what PID 1 is says whether anything is reconciled.
    let boots = match sets_pid_1(scenario) {
        true => 0,
        false => end.incarnations.len(),
    };
    let mut rows: Vec<InvariantRow> = (1..=boots).filter_map(|boot| supervised(history, boot)).collect();
    let about_container = has_container_rows(scenario);
    if !about_container {
        rows.extend(stays_up(history));
    }
    // The reconciler writes no boot line for a name that the gateway refuses.
    for profile in scenario.profiles.iter().filter(|p| p.soul && is_profile_name(&p.name)) {
        rows.extend(came_up(scenario, history, &profile.name, profile.start));
        for boot in 1..=end.incarnations.len() {
            // A boot that the end of the container cut short need not write a line. Another row is about the end of the
            // container.
            let cut_short = (about_container || end.looping()) && !end.incarnations[boot - 1].rested;
            let began = end.incarnations[boot - 1].seq;
            let is_there = !deleted_before(scenario, history, began, &profile.name);
            let owes_a_line = boot <= boots && is_there && (!cut_short || !end.lines_of_boot(boot).is_empty());
            if owes_a_line && !says_how_many_lines(scenario, boot, &profile.name) {
                rows.push(one_boot_line(&end, boot, &profile.name));
            }
            rows.extend(slot_agrees(history, &end, boot, &profile.name));
        }
        rows.extend(settled(history, &profile.name));
        rows.extend(nobody_beside(scenario, history, &profile.name));
        rows.extend(state_parses(scenario, history, &profile.name));
        rows.extend(unknown_keys(scenario, history, &profile.name));
    }
    rows
}

/// True if a step has deleted the profile before that place in the history, and none has created it again.
fn deleted_before(scenario: &Scenario, history: &[Observation], seq: u64, profile: &str) -> bool {
    let mut gone = false;
    for o in history.iter().take_while(|o| o.seq < seq) {
        let Fact::StepEnded {
            step, exit: Some(0), ..
        } = &o.fact
        else {
            continue;
        };
        let Some(step) = step.checked_sub(1).and_then(|index| scenario.steps.get(index)) else {
            continue;
        };
        if matches!(&step.profile, ProfileSel::One(name) if name == profile) {
            match step.op.info().intent {
                IntentEffect::Deletes => gone = true,
                IntentEffect::Creates => gone = false,
                IntentEffect::Keeps | IntentEffect::Up | IntentEffect::Down => {}
            }
        }
    }
    gone
}

/// True if the scenario has its own rows about the end of the container. Then those count.
fn has_container_rows(scenario: &Scenario) -> bool {
    scenario.expects.iter().any(|e| {
        let ended = || {
            ["exited", "looping"]
                .map(Value::str)
                .iter()
                .any(|word| e.fixed.contains(word) || e.regressed.contains(word))
        };
        match e.probe {
            Probe::ContainerExit | Probe::ContainerBoots => true,
            Probe::Container => ended(),
            _ => false,
        }
    })
}

/// The container stays up until the first step, and is never looping. There is a row only if that does not hold.
fn stays_up(history: &[Observation]) -> Vec<InvariantRow> {
    let word = |at: Moment| {
        let now = Now::at_end(until(history, at)?);
        let word = match now.running() {
            _ if now.looping() => "looping",
            false if at == Moment::Start => "exited",
            _ => return None,
        };
        Some(InvariantRow {
            at,
            kind: Invariant::Container,
            profile: DEFAULT_PROFILE.to_owned(),
            wanted: Value::str("running"),
            reading: Reading::seen(
                Value::str(word),
                now.incarnations.last().map(|i| i.died.map_or(i.seq, |d| d.0)),
            ),
        })
    };
    [Moment::Start, Moment::End].into_iter().filter_map(word).collect()
}

/// The container's first process is the supervisor, which brings the services back. There is a row only if that does not
/// hold: then no other row says anything about the gateway.
fn supervised(history: &[Observation], boot: usize) -> Option<InvariantRow> {
    let now = Now::at_end(until(history, Moment::Boot(boot))?);
    // With a line of the reconciler, somebody does what a supervisor's boot does; PID 1 may still become it.
    let silent = now.lines_of_boot(boot).is_empty();
    let name = now.init.filter(|name| silent && name != PROCESS)?;
    Some(InvariantRow {
        at: Moment::Boot(boot),
        kind: Invariant::Supervisor,
        profile: DEFAULT_PROFILE.to_owned(),
        wanted: Value::str(PROCESS),
        reading: Reading::seen(Value::str(&name), None),
    })
}

/// A gateway that was started and waited for came up.
fn came_up(scenario: &Scenario, history: &[Observation], profile: &str, by: StartBy) -> Option<InvariantRow> {
    if scenario.start.wait != StartWait::Running || by == StartBy::None {
        return None;
    }
    let reading = match until(history, Moment::Start) {
        None => Reading::missing("the start phase did not end"),
        Some(upto) => {
            let p = Now::at_end(upto).profile(profile);
            Reading::seen(Value::Bool(p.own_word() == Some(RUNNING)), p.state.map(|s| s.1))
        }
    };
    Some(InvariantRow {
        at: Moment::Start,
        kind: Invariant::CameUp,
        profile: profile.to_owned(),
        wanted: Value::Bool(true),
        reading,
    })
}

/// True if the scenario has its own row for that fact. Then that row counts, including its deviations.
fn says_how_many_lines(scenario: &Scenario, boot: usize, profile: &str) -> bool {
    scenario
        .expects
        .iter()
        .any(|e| e.at == Moment::Boot(boot) && e.probe == Probe::BootLines && e.profile == profile)
}

/// The reconciler writes exactly one line per profile and boot.
fn one_boot_line(end: &Now, boot: usize, profile: &str) -> InvariantRow {
    let lines: Vec<_> = end
        .lines_of_boot(boot)
        .into_iter()
        .filter(|l| l.profile == profile)
        .collect();
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    InvariantRow {
        at: Moment::Boot(boot),
        kind: Invariant::OneBootLine,
        profile: profile.to_owned(),
        wanted: Value::Int(1),
        reading: Reading::seen(Value::Int(count), lines.last().map(|l| l.seq)),
    }
}

/// The reconciler writes `started` exactly if the slot it made has no `down` file. This is read at the boot's mark,
/// because the slots of the previous incarnation still exist at the beginning.
fn slot_agrees(history: &[Observation], end: &Now, boot: usize, profile: &str) -> Option<InvariantRow> {
    let line = end.lines_of_boot(boot).into_iter().rfind(|l| l.profile == profile)?;
    let upto = until(history, Moment::Boot(boot))?;
    let (status, seq) = Now::at_end(upto).profile(profile).service.filter(|s| s.0.slot)?;
    Some(InvariantRow {
        at: Moment::Boot(boot),
        kind: Invariant::SlotAgrees,
        profile: profile.to_owned(),
        wanted: Value::Bool(true),
        reading: Reading::seen(Value::Bool((line.action == "started") != status.down_file), Some(seq)),
    })
}

/// True if PID 1 is not the image's own: another entrypoint, or the engine's init.
fn sets_pid_1(scenario: &Scenario) -> bool {
    let setup = &scenario.start.setup;
    let recreated = |step: &Step| matches!(&step.op, Operation::Recreate(new) if new.entrypoint.is_some());
    setup.init || setup.entrypoint.is_some() || scenario.steps.iter().any(recreated)
}

/// In the settling window nothing changes: a gateway that is up stays up with the same process, and one that is down
/// stays down.
fn settled(history: &[Observation], profile: &str) -> Option<InvariantRow> {
    let upto = until(history, Moment::End)?;
    // A record is untrusted, so its marks may be in any order. Only marks before the end can begin the window.
    let is_mark =
        |o: &Observation| matches!(o.fact, Fact::Mark { .. }) && o.source == Source::Harness && o.container.is_none();
    let (earlier, window) = upto.split_at(upto.iter().rposition(is_mark)?);
    let before = Now::at_end(earlier).profile(profile);
    let now = Now::at_end(upto);
    if now.looping() {
        // The state of a looping container at one moment is chance. Another row is about the looping.
        return None;
    }
    let after = now.profile(profile);
    let mut here = window.iter().filter(|o| o.container.is_none());
    let deaths = here.any(|o| match &o.fact {
        Fact::Service { profile: p, status } => p == profile && status.up != before.supervised().is_some(),
        _ => false,
    });
    Some(InvariantRow {
        at: Moment::End,
        kind: Invariant::Settled,
        profile: profile.to_owned(),
        wanted: Value::Bool(true),
        reading: Reading::seen(
            Value::Bool(!deaths && before.supervised() == after.supervised()),
            after.service.map(|s| s.1),
        ),
    })
}

/// At the end no other process of the gateway runs beside the supervised one, unless a row of the scenario says how many there
/// are, or a step runs one. There is a row only if that does not hold.
fn nobody_beside(scenario: &Scenario, history: &[Observation], profile: &str) -> Option<InvariantRow> {
    let now = Now::at_end(until(history, Moment::End)?);
    let says = |e: &Expect| e.at == Moment::End && e.probe == Probe::GatewayProcesses && e.profile == profile;
    let runs_one = |step: &Step| matches!(step.op, Operation::OperatorRun { .. });
    if now.looping() || scenario.expects.iter().any(says) || scenario.steps.iter().any(runs_one) {
        return None;
    }
    let after = now.profile(profile);
    let wanted = u32::from(after.supervised().is_some());
    let (status, seq) = after
        .service
        .filter(|(status, _)| now.running() && status.processes > wanted)?;
    Some(InvariantRow {
        at: Moment::End,
        kind: Invariant::NobodyBeside,
        profile: profile.to_owned(),
        wanted: Value::Int(wanted.into()),
        reading: Reading::seen(Value::Int(status.processes.into()), Some(seq)),
    })
}

/// Every state file that was written in the container parses. Seeds may have any content.
fn state_parses(scenario: &Scenario, history: &[Observation], profile: &str) -> Option<InvariantRow> {
    let begun = history.iter().position(|o| matches!(o.fact, Fact::BootLine { .. }))?;
    let stamped = scenario.steps.iter().any(|s| s.op.kind() == OperationKind::Stamp);
    let bad = history[begun..].iter().find(
        |o| matches!(&o.fact, Fact::State { profile: p, content: FileContent::Unreadable { .. } } if p == profile),
    );
    Some(InvariantRow {
        at: Moment::End,
        kind: Invariant::StateParses,
        profile: profile.to_owned(),
        wanted: Value::Bool(true),
        reading: Reading::seen(Value::Bool(bad.is_none() || stamped), bad.map(|o| o.seq)),
    })
}

/// Unknown keys of a seeded state file survive.
fn unknown_keys(scenario: &Scenario, history: &[Observation], profile: &str) -> Option<InvariantRow> {
    let path = state_of(profile);
    let seed = scenario.seeds.iter().find(|s| s.path == path)?;
    let SeedContent::Json(text) = &seed.content else {
        return None;
    };
    let seeded: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let foreign: Vec<&String> = seeded.keys().filter(|k| k.starts_with("x_")).collect();
    if foreign.is_empty() {
        return None;
    }
    let state = Now::at_end(history).profile(profile).state;
    let kept = match &state {
        Some((FileContent::Json { value }, _)) => foreign.iter().all(|k| value.get(*k) == seeded.get(*k)),
        _ => false,
    };
    Some(InvariantRow {
        at: Moment::End,
        kind: Invariant::UnknownKeysSurvive,
        profile: profile.to_owned(),
        wanted: Value::Bool(true),
        reading: Reading::seen(Value::Bool(kept), state.map(|s| s.1)),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::facts::{CaseEnd, ContainerChange, ServiceStatus};
    use crate::fixtures::History;
    use comeback_scenario::fixtures::{docker_restart, expect};

    fn started(history: &History) {
        let fact = Fact::Container {
            change: ContainerChange::Started,
            started_at: Some(Timestamp::UNIX_EPOCH),
            exit: None,
        };
        history.push(Source::Engine, None, fact);
    }

    fn serves(history: &History, pid: Option<u32>) {
        let status = ServiceStatus {
            slot: true,
            up: pid.is_some(),
            want_up: pid.is_some(),
            pid,
            start_time: pid.map(u64::from),
            processes: u32::from(pid.is_some()),
            ..ServiceStatus::default()
        };
        let profile = DEFAULT_PROFILE.to_owned();
        history.push(Source::Agent, None, Fact::Service { profile, status });
    }

    fn evidence(history: &History) -> CaseEvidence {
        CaseEvidence {
            scenario: "docker-restart".into(),
            image: "release:0.17.0".into(),
            attempt: 1,
            repeat: 1,
            started: Timestamp::UNIX_EPOCH,
            clock: None,
            seconds: 0.0,
            end: CaseEnd::Complete,
            steps: Vec::new(),
            latencies_ms: Vec::new(),
            history: history.observations(),
            logs: BTreeMap::new(),
        }
    }

    fn value_of(scenario: &Scenario, history: &History, name: &str) -> Option<Value> {
        let rows = invariants(scenario, &evidence(history));
        rows.into_iter()
            .find(|r| r.kind.info().name == name)
            .map(|r| match r.reading {
                Reading::Seen { value, .. } => value,
                Reading::Missing { why } => panic!("{why}"),
            })
    }

    #[test]
    fn the_settling_window_begins_at_its_mark() {
        for (during, settled) in [(Some(8), false), (Some(7), true)] {
            let history = History::default();
            started(&history);
            history.mark(Moment::Start);
            // A gateway may come up before the window, but its process may not be replaced in the window.
            serves(&history, Some(7));
            history.settling();
            serves(&history, during);
            history.mark(Moment::End);
            let seen = value_of(&docker_restart(), &history, "invariant.settled");
            assert_eq!(seen, Some(Value::Bool(settled)));
        }
    }

    #[test]
    fn a_process_beside_the_supervised_one_is_told() {
        let seen = |processes: u32| {
            let history = History::default();
            started(&history);
            let status = ServiceStatus {
                slot: true,
                up: true,
                want_up: true,
                pid: Some(7),
                start_time: Some(7),
                processes,
                ..ServiceStatus::default()
            };
            let profile = DEFAULT_PROFILE.to_owned();
            history.push(Source::Agent, None, Fact::Service { profile, status });
            history.settling();
            history.mark(Moment::End);
            value_of(&docker_restart(), &history, "invariant.nobody_beside")
        };
        assert_eq!((seen(1), seen(2)), (None, Some(Value::Int(2))));
    }

    /// A record is untrusted. Each mark is renamed to each other mark and moved to each position.
    #[test]
    fn marks_in_any_order_are_read_without_a_panic() {
        let history = History::default();
        started(&history);
        let names = [Moment::Boot(1), Moment::Start, Moment::After(1), Moment::End];
        for moment in names {
            serves(&history, Some(7));
            history.mark(moment);
        }
        history.settling();
        let scenario = docker_restart();
        let whole = evidence(&history);
        let marks = (0..whole.history.len()).filter(|i| matches!(whole.history[*i].fact, Fact::Mark { .. }));
        for from in marks {
            for name in names {
                for to in 0..whole.history.len() {
                    let mut changed = whole.clone();
                    let mut mark = changed.history.remove(from);
                    mark.fact = Fact::Mark { moment: name.into() };
                    changed.history.insert(to, mark);
                    (0..).zip(&mut changed.history).for_each(|(seq, o)| o.seq = seq);
                    assert!(!invariants(&scenario, &changed).is_empty());
                }
            }
        }
    }

    #[test]
    fn a_slot_of_the_previous_boot_does_not_count() {
        let history = History::default();
        started(&history);
        let slot = |down_file| Fact::Service {
            profile: DEFAULT_PROFILE.to_owned(),
            status: ServiceStatus {
                slot: true,
                down_file,
                ..ServiceStatus::default()
            },
        };
        history.push(Source::Agent, None, slot(true));
        let line = Fact::BootLine {
            profile: DEFAULT_PROFILE.to_owned(),
            prior_state: Some("running".to_owned()),
            action: "started".to_owned(),
            line: String::new(),
        };
        history.push(Source::Observer, None, line);
        history.push(Source::Agent, None, slot(false));
        history.mark(Moment::Boot(1));
        let seen = value_of(&docker_restart(), &history, "invariant.slot_agrees");
        assert_eq!(seen, Some(Value::Bool(true)));
    }

    #[test]
    fn a_row_about_the_number_of_boot_lines_replaces_the_invariant() {
        let history = History::default();
        started(&history);
        let mut scenario = docker_restart();
        let name = "invariant.one_boot_line";
        assert_eq!(value_of(&scenario, &history, name), Some(Value::Int(0)));
        let row = expect(Moment::Boot(1), Probe::BootLines, &["1"], &["0"]);
        scenario.expects.push(row);
        assert_eq!(value_of(&scenario, &history, name), None);
    }
}
