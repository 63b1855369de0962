//! Shrinking: chooses the next smaller sequences to try, from the results so far.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use proptest::strategy::ValueTree;

use super::Source;
use crate::model::{Act, Move, Outage, Second, Setting, World};
use crate::sequence::Sequence;

/// The candidates that were tried, and whether they fail.
pub type Known = HashMap<Sequence, bool>;

/// The state of shrinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest candidate known to fail; `None` if that is the original sequence.
    pub smallest: Option<Sequence>,
    /// The candidates to try next; empty if the sequence is fully shrunk.
    pub next: Vec<Sequence>,
}

impl Source {
    /// Shrinks the sequence number `index`, which failed after `seen` of its moves. If the results so far are not
    /// enough, `next` has up to `many` candidates. The first is needed, the others may be needed later.
    pub fn shrink(&self, index: usize, seen: usize, known: &Known, many: usize) -> Shrunk {
        let mut shrunk = Shrunk {
            smallest: None,
            next: Vec::new(),
        };
        for leap in self.leaps(index, seen) {
            match known.get(&leap) {
                Some(true) if shrunk.next.is_empty() => {
                    shrunk.smallest = Some(leap.clone());
                    self.leave_out(leap, known, many, &mut shrunk);
                    return shrunk;
                }
                Some(_) => {}
                None => shrunk.next.push(leap),
            }
        }
        if !shrunk.next.is_empty() {
            return shrunk;
        }
        let Some(mut tree) = self.tree(index) else {
            return shrunk;
        };
        if let (_, _, Some(counter)) = tree.current() {
            counter.store(seen, Ordering::SeqCst);
        }
        // Moves after the failure are removed without a trial.
        let mut more = tree.simplify();
        let mut sure = true;
        while more {
            let (world, moves, _) = tree.current();
            let candidate = Sequence {
                setting: world.setting,
                moves,
            };
            let fails = match known.get(&candidate) {
                Some(fails) => *fails,
                None => {
                    sure = false;
                    if !shrunk.next.contains(&candidate) {
                        shrunk.next.push(candidate.clone());
                    }
                    if shrunk.next.len() >= many {
                        break;
                    }
                    // Most moves of a long sequence can be removed, few of a short one.
                    candidate.moves.len() > 2
                }
            };
            if fails && sure {
                shrunk.smallest = Some(candidate);
            }
            more = if fails { tree.simplify() } else { tree.complicate() };
        }
        if shrunk.next.is_empty() {
            let start = shrunk.smallest.clone().unwrap_or_else(|| self.first(index, seen));
            self.leave_out(start, known, many, &mut shrunk);
        }
        shrunk
    }

    /// Tries again to leave out each move, because the move that needed it may have been simplified since. Also tries
    /// the simplest possible outage in place of each, because proptest stops at a way that is not possible there.
    fn leave_out(&self, start: Sequence, known: &Known, many: usize, shrunk: &mut Shrunk) {
        let mut whole = start;
        let mut left = whole.moves.len() + 1;
        'moves: while let Some(i) = left.checked_sub(1) {
            left = i;
            let plainer = match i.checked_sub(1) {
                Some(i) => plainer(&whole, i),
                None => self.settled_plainer(&whole),
            };
            for candidate in plainer {
                if !self.is_legal(&candidate) || candidate == whole {
                    continue;
                }
                match known.get(&candidate) {
                    Some(true) if shrunk.next.is_empty() => {
                        left = candidate.moves.len() + 1;
                        whole = candidate.clone();
                        shrunk.smallest = Some(candidate);
                        continue 'moves;
                    }
                    Some(_) => {}
                    None => shrunk.next.push(candidate),
                }
                if shrunk.next.len() >= many {
                    return;
                }
            }
        }
    }

    /// The sequence with simpler settings, without the moves that are not possible then.
    fn settled_plainer(&self, whole: &Sequence) -> Vec<Sequence> {
        let mut fewer = whole.setting.clone();
        fewer.profiles = fewer.profiles.saturating_sub(1).max(1);
        let mut calm = whole.setting.clone();
        calm.restarts = false;
        let possible = |setting: Setting| {
            let mut world = World::new(setting.clone(), self.profiles);
            let mut moves = whole.moves.clone();
            moves.retain(|step| {
                let legal = world.allows(step);
                if legal {
                    world = world.clone().after(step);
                }
                legal
            });
            Sequence { setting, moves }
        };
        [fewer, calm].map(possible).into()
    }

    fn is_legal(&self, sequence: &Sequence) -> bool {
        let mut world = World::new(sequence.setting.clone(), self.profiles);
        sequence.moves.iter().all(|step| {
            let legal = world.allows(step);
            world = world.clone().after(step);
            legal
        })
    }

    /// The first `seen` moves of the sequence number `index`.
    fn first(&self, index: usize, seen: usize) -> Sequence {
        let mut first = self.sequence(index);
        first.moves.truncate(seen);
        first
    }

    /// The smallest sequences with the same end: a gateway is started or not, and then the last move follows. Often one
    /// of them is all that is needed to fail.
    fn leaps(&self, index: usize, seen: usize) -> Vec<Sequence> {
        let first = self.first(index, seen);
        let Some(last) = first.moves.last() else {
            return Vec::new();
        };
        let (last, plain) = (renamed(last), renamed(&plain(last)));
        let start = Move::Act {
            act: Act::Start,
            profile: 0,
            flight: false,
        };
        let setting = Setting::plain(&self.others);
        let mut ways = vec![
            vec![plain.clone()],
            vec![last.clone()],
            vec![start.clone(), plain],
            vec![start.clone(), last.clone()],
        ];
        if let Some(act) = before(&last) {
            ways.extend([vec![act.clone()], vec![start, act]]);
        }
        let mut leaps: Vec<Sequence> = Vec::new();
        for moves in ways {
            let leap = Sequence {
                setting: setting.clone(),
                moves,
            };
            if leap.moves.len() <= first.moves.len() && self.is_legal(&leap) && !leaps.contains(&leap) && leap != first
            {
                leaps.push(leap);
            }
        }
        leaps
    }
}

/// The sequence without move `i`, with a simpler one, or with only the act that an outage interrupts.
fn plainer(whole: &Sequence, i: usize) -> Vec<Sequence> {
    let mut without = whole.clone();
    without.moves.remove(i);
    let mut other = whole.clone();
    other.moves[i] = plain(&whole.moves[i]);
    let mut plainer = vec![without, other];
    if let Some(act) = before(&whole.moves[i]) {
        let mut alone = whole.clone();
        alone.moves[i] = act;
        plainer.push(alone);
    }
    plainer
}

/// The act that an outage interrupts, without the outage.
fn before(step: &Move) -> Option<Move> {
    match step {
        Move::Outage { cut: Some(cut), .. } => Some(cut.alone()),
        _ => None,
    }
}

/// The simplest move of the same kind.
fn plain(step: &Move) -> Move {
    let settled = |act, profile| Move::Act {
        act,
        profile,
        flight: false,
    };
    match *step {
        Move::Outage { .. } => Move::Outage {
            how: Outage::Restart,
            cut: None,
        },
        Move::SecondStarts(_) => Move::SecondStarts(Second::Idle),
        ref same @ (Move::SecondStops | Move::Image(_)) => same.clone(),
        // A running gateway has been started before.
        Move::Seeded { profile }
        | Move::Act {
            act: Act::Restart,
            profile,
            ..
        } => settled(Act::Start, profile),
        Move::Act {
            act: Act::StopAsRoot,
            profile,
            ..
        } => settled(Act::Stop, profile),
        Move::Act { act, profile, .. } => settled(act, profile),
    }
}

/// The same move on the default profile.
fn renamed(step: &Move) -> Move {
    let mut step = step.clone();
    match &mut step {
        Move::Act { profile, .. } | Move::Seeded { profile } => *profile = 0,
        Move::SecondStarts(_) | Move::SecondStops | Move::Image(_) => {}
        Move::Outage { cut, .. } => {
            if let Some(cut) = cut {
                cut.profile = 0;
            }
        }
    }
    step
}
