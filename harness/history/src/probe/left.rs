//! What a gateway life left behind, for probes at `down:N`.

use comeback_gateway::files::STATE;

use crate::facts::{Fact, FileContent, Observation};
use crate::now::{Life, Now, ProfileNow, process_of};

/// Why it is not known which life is the one at `index`: one that nobody told of may come before it.
pub(super) fn uncounted(end: &Now, profile: &str, p: &ProfileNow, index: usize) -> Option<String> {
    if let Some(unplaced) = p.unplaced.first() {
        return Some(format!(
            "the state file named pid {}, and nobody told whether that process ran in this container",
            unplaced.process.pid
        ));
    }
    let unseen = (1..).zip(&end.incarnations).find(|(boot, i)| {
        let to_start = || {
            end.lines_of_boot(*boot)
                .iter()
                .any(|l| l.profile == profile && l.action == "started")
        };
        let seen = |l: &Life| l.incarnation == *boot;
        let after = p.lives.get(index).is_some_and(|l| l.incarnation < *boot);
        i.init_start.is_none() && !after && !p.lives.iter().any(seen) && to_start()
    });
    unseen.map(|(boot, _)| {
        format!("nobody watched the supervisor of boot {boot}, which was to start {profile}'s gateway")
    })
}

/// What a gateway life left on the volume.
pub(super) struct Left {
    pub(super) state: Option<(FileContent, u64)>,
    pub(super) marker: Option<(FileContent, u64)>,
}

/// What was on the volume before anything was written in the name of a life after the one at `index`. Who wrote stands in
/// the file, so it does not matter when the agent or the engine told of those lives. What names no life (a seed, a command's
/// writing, something unreadable) counts for what was there when it was written.
///
/// # Errors
///
/// Why it cannot be told.
pub(super) fn left_by(
    history: &[Observation],
    end: &Now,
    profile: &str,
    lives: &[Life],
    index: usize,
) -> Result<Left, String> {
    let names = |o: &Observation, lives: &[Life]| match &o.fact {
        Fact::State { profile: p, content } if p == profile => {
            process_of(content).is_some_and(|process| lives.iter().any(|l| l.process == process))
        }
        _ => false,
    };
    let (so_far, later) = lives.split_at(index + 1);
    let next = history.iter().position(|o| names(o, later));
    let (before, after) = history.split_at(next.unwrap_or(history.len()));
    if after.iter().any(|o| names(o, so_far)) {
        return Err("the state file was written in this gateway's name after the next one had written it".into());
    }
    let mut left = Left {
        state: None,
        marker: None,
    };
    for o in before {
        match &o.fact {
            Fact::State { profile: p, content } if p == profile => left.state = Some((content.clone(), o.seq)),
            Fact::Marker { profile: p, content } if p == profile => left.marker = Some((content.clone(), o.seq)),
            _ => {}
        }
    }
    let path = format!("{profile}/{STATE}");
    let (from, upto) = (left.state.as_ref().map(|s| s.1), after.first().map(|o| o.seq));
    // What was missed came before the content that was told last: once a later life has written twice, it is that life's.
    let told_since = |seq: u64| {
        let since = after.iter().skip(1).take_while(|o| o.seq < seq);
        since
            .into_iter()
            .any(|o| matches!(&o.fact, Fact::State { profile: p, .. } if p == profile))
    };
    let around = |seq: u64| {
        let soon = upto.is_some_and(|upto| seq <= upto.saturating_add(2));
        from.is_some_and(|from| seq >= from) && soon && !told_since(seq)
    };
    if end.missed.iter().any(|(seq, what)| *what == path && around(*seq)) {
        return Err("a state was overwritten before it could be read".into());
    }
    Ok(left)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::facts::{ContainerChange, ServiceStatus, Source};
    use crate::fixtures::History;

    /// A container with one gateway that ends and another one that follows it, each with the pid 40 or 50.
    fn two_lives(second_writes: u32, missed: bool) -> Result<Left, String> {
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
        history.push(
            Source::Agent,
            started_at,
            Fact::Ready {
                started_at,
                init_start: Some(1),
                init: None,
            },
        );
        let service = |pid: Option<u32>| {
            let status = ServiceStatus {
                up: pid.is_some(),
                pid,
                start_time: pid.map(u64::from),
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
        };
        let state = |pid: u32, word: &str| {
            let value = json!({"pid": pid, "start_time": pid, "gateway_state": word})
                .as_object()
                .unwrap()
                .clone();
            let content = FileContent::Json { value };
            history.push(
                Source::Observer,
                None,
                Fact::State {
                    profile: "default".into(),
                    content,
                },
            );
        };
        service(Some(40));
        state(40, "running");
        state(40, "stopped");
        service(None);
        service(Some(50));
        for _ in 0..second_writes {
            state(50, "stopped");
        }
        if missed {
            history.push(
                Source::Observer,
                None,
                Fact::Missed {
                    path: "default/gateway_state.json".into(),
                },
            );
        }
        let history = history.observations();
        let end = Now::at_end(&history);
        let lives = end.profile("default").lives;
        left_by(&history, &end, "default", &lives, 0)
    }

    #[test]
    fn a_write_missed_before_the_next_gateways_first_makes_what_was_left_unknown() {
        assert!(two_lives(1, false).is_ok());
        assert!(two_lives(1, true).is_err());
    }

    #[test]
    fn a_write_missed_between_two_of_the_next_gateway_is_its_own() {
        assert!(two_lives(2, true).is_ok());
    }
}
