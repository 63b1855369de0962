//! What is beside the state file and the service: processes nobody supervises, the scheduler, other files on the volume.

use std::collections::BTreeMap;

use comeback_gateway::command::USER;
use comeback_scenario::model::{Moment, Value};

use super::until;
use crate::facts::Observation;
use crate::now::{Now, ProfileNow};
use crate::reading::Reading;

/// What was at a path on the volume at a moment.
pub(super) fn entry_at(history: &[Observation], at: Moment, path: &str) -> Reading {
    match until(history, at) {
        Some(upto) => entry(&Now::at_end(upto), path),
        None => Reading::missing(format!("the case did not get to {at}")),
    }
}

/// What is at a path on the volume.
fn entry(now: &Now, path: &str) -> Reading {
    let Some((what, seq)) = now.entries.get(path) else {
        return Reading::missing("nobody looked at that path");
    };
    let value = match what {
        None => Value::absent(),
        Some((kind, 0)) => Value::str(format!("{kind} of root")),
        Some((kind, uid)) if now.operator == Some(*uid) => Value::str(format!("{kind} of {USER}")),
        Some((kind, uid)) => Value::str(format!("{kind} of {uid}")),
    };
    Reading::seen(value, Some(*seq))
}

/// How many processes are a profile's gateway, in this container and the others that it knows of.
pub(super) fn gateways(now: &Now, profile: &str) -> Reading {
    let (mut sum, mut newest) = (0, None);
    for container in std::iter::once(now).chain(now.sidecars.values()) {
        match gateways_in(container, profile) {
            Reading::Seen {
                value: Value::Int(count),
                seq,
            } => (sum, newest) = (sum + count, newest.max(seq)),
            other => return other,
        }
    }
    Reading::seen(Value::Int(sum), newest)
}

fn gateways_in(now: &Now, profile: &str) -> Reading {
    let of_profile = |(processes, seq): &(BTreeMap<String, u32>, u64)| {
        let count = processes.get(profile).copied().unwrap_or_default();
        (count, *seq)
    };
    counted(now, now.gateways.as_ref().map(of_profile))
}

/// How many processes of the container have ended and were not reaped.
pub(super) fn zombies(now: &Now) -> Reading {
    counted(now, now.zombies)
}

/// A count of processes in the container, as the agent told it last. A container that does not run has none.
fn counted(now: &Now, told: Option<(u32, u64)>) -> Reading {
    if !now.running() || now.looping() {
        return Reading::seen(Value::Int(0), now.incarnations.last().map(|i| i.seq));
    }
    match told {
        Some((count, seq)) if now.agent == now.started_at() => Reading::seen(Value::Int(i64::from(count)), Some(seq)),
        _ => Reading::missing("nobody watched the processes of this incarnation"),
    }
}

/// Whether a profile's scheduler has ticked in the gateway that is supervised now.
pub(super) fn ticks(p: &ProfileNow) -> Reading {
    let Some((at, seq)) = p.tick else {
        return Reading::seen(Value::absent(), None);
    };
    let since = p.current_life().map(|life| (life.born_at, life.born));
    let renewed = match since {
        None => false,
        Some((born_at, born)) => match at.zip(born_at) {
            Some((at, born_at)) => at > born_at,
            None => seq > born,
        },
    };
    Reading::seen(Value::Bool(renewed), Some(seq))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::facts::{Fact, ServiceStatus, Source};
    use crate::fixtures::History;

    fn at(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_second(seconds).ok()
    }

    /// A container that was started at second 1 and that the agent watches, with these facts, each with its second.
    fn now(facts: Vec<(i64, Fact)>) -> Now {
        let history = History::watched(at(1));
        for (second, fact) in facts {
            history.push(Source::Agent, at(second), fact);
        }
        Now::at_end(&history.observations())
    }

    fn up(pid: u32) -> Fact {
        let status = ServiceStatus {
            up: true,
            pid: Some(pid),
            start_time: Some(u64::from(pid)),
            ..ServiceStatus::default()
        };
        let profile = "default".into();
        Fact::Service { profile, status }
    }

    fn tick() -> Fact {
        Fact::Tick {
            profile: "default".into(),
        }
    }

    fn ticking(facts: Vec<(i64, Fact)>) -> Reading {
        ticks(&now(facts).profile("default"))
    }

    fn value(reading: Reading) -> Option<Value> {
        match reading {
            Reading::Seen { value, .. } => Some(value),
            Reading::Missing { .. } => None,
        }
    }

    #[test]
    fn a_tick_counts_for_the_gateway_that_was_there_before_it() {
        assert_eq!(value(ticking(vec![(2, up(40))])), Some(Value::absent()));
        assert_eq!(value(ticking(vec![(2, up(40)), (3, tick())])), Some(Value::Bool(true)));
        // Of the one before.
        let stale = vec![(2, up(40)), (3, tick()), (4, up(50))];
        assert_eq!(value(ticking(stale)), Some(Value::Bool(false)));
        // Told late.
        let late = vec![(2, up(40)), (4, up(50)), (3, tick())];
        assert_eq!(value(ticking(late)), Some(Value::Bool(false)));
    }

    #[test]
    fn gateway_processes_are_counted_by_profile_and_only_where_somebody_looks() {
        let processes = BTreeMap::from([("default".to_owned(), 2)]);
        let two = now(vec![(2, Fact::Gateways { processes })]);
        assert_eq!(value(gateways(&two, "default")), Some(Value::Int(2)));
        assert_eq!(value(gateways(&two, "work")), Some(Value::Int(0)));
        assert_eq!(value(gateways(&now(Vec::new()), "default")), None);
        assert_eq!(value(gateways(&Now::default(), "default")), Some(Value::Int(0)));
    }

    #[test]
    fn an_entry_is_told_with_its_owner() {
        let entry_of = |kind: Option<&str>, uid| {
            let what = Fact::Entry {
                path: "x".into(),
                kind: kind.map(str::to_owned),
                uid,
            };
            value(entry(&now(vec![(2, Fact::Operator { uid: 12 }), (2, what)]), "x"))
        };
        assert_eq!(entry_of(Some("file"), Some(0)), Some(Value::str("file of root")));
        assert_eq!(entry_of(Some("dir"), Some(12)), Some(Value::str("dir of hermes")));
        assert_eq!(entry_of(Some("symlink"), Some(7)), Some(Value::str("symlink of 7")));
        assert_eq!(entry_of(None, None), Some(Value::absent()));
        assert_eq!(value(entry(&now(Vec::new()), "x")), None);
    }
}
