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
pub(super) fn left_by(history: &[Observation], profile: &str, lives: &[Life], index: usize) -> Result<Left, String> {
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
    let is_state = |o: &Observation| matches!(&o.fact, Fact::State { profile: p, .. } if p == profile);
    // What was missed came just before the content that was told with the same time, else before the next one told. Only
    // what came just before the first writing of a later life can be what was left.
    let lost = history.iter().enumerate().any(|(index, o)| {
        let last = history[..index].iter().rposition(is_state);
        let with_it = last.filter(|last| o.at.is_some() && history[*last].at == o.at);
        let told = with_it.or_else(|| (index..history.len()).find(|i| is_state(&history[*i])));
        matches!(&o.fact, Fact::Missed { path: p } if *p == path) && told.is_some() && told == next
    });
    if lost {
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
    use crate::facts::{ServiceStatus, Source};
    use crate::fixtures::History;

    /// What the first of two gateways left, which ended at 40 ms. `writes` are those of the second one; a write was missed at
    /// `missed`.
    fn left(writes: &[i64], missed: Option<i64>) -> Result<Left, String> {
        let at = |ms: i64| Some(Timestamp::from_millisecond(ms).unwrap());
        let history = History::watched(at(0));
        let service = |pid: Option<u32>, ms: i64| {
            let status = ServiceStatus {
                up: pid.is_some(),
                pid,
                start_time: pid.map(u64::from),
                ..ServiceStatus::default()
            };
            let profile = "default".into();
            history.push(Source::Agent, at(ms), Fact::Service { profile, status });
        };
        let state = |pid: u32, ms: i64| {
            let value = json!({"pid": pid, "start_time": pid, "gateway_state": "stopped"});
            let value = value.as_object().unwrap().clone();
            let (profile, content) = ("default".into(), FileContent::Json { value });
            history.push(Source::Observer, at(ms), Fact::State { profile, content });
        };
        service(Some(40), 10);
        state(40, 20);
        state(40, 30);
        let miss = |ms: i64| {
            let path = "default/gateway_state.json".into();
            history.push(Source::Observer, at(ms), Fact::Missed { path });
        };
        missed.filter(|ms| *ms < 40).into_iter().for_each(miss);
        service(None, 40);
        service(Some(50), 50);
        for ms in writes {
            state(50, *ms);
        }
        missed.filter(|ms| *ms >= 40).into_iter().for_each(miss);
        let history = history.observations();
        let end = Now::at_end(&history);
        let lives = end.profile("default").lives;
        left_by(&history, "default", &lives, 0)
    }

    #[test]
    fn a_write_missed_before_the_next_gateways_first_makes_what_was_left_unknown() {
        assert!(left(&[60], None).is_ok());
        assert!(left(&[60], Some(60)).is_err());
        assert!(left(&[60], Some(35)).is_err());
    }

    #[test]
    fn a_write_missed_between_two_of_the_next_gateway_is_its_own() {
        assert!(left(&[60, 70], Some(70)).is_ok());
    }

    #[test]
    fn a_write_missed_before_the_last_one_of_a_gateway_is_not_what_it_left() {
        assert!(left(&[60], Some(30)).is_ok());
    }
}
