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
    let around =
        |seq: u64| from.is_some_and(|from| seq >= from) && upto.is_some_and(|upto| seq <= upto.saturating_add(2));
    if end.missed.iter().any(|(seq, what)| *what == path && around(*seq)) {
        return Err("a state was overwritten before it could be read".into());
    }
    Ok(left)
}
