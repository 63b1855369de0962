//! Sequences, generated and shrunk by proptest: the same seed gives the same ones, whatever else goes on.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy, Union, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::strategy::Sequential;

use super::model::{Act, Cut, Move, Outage, Setting, Window, World};
use super::sequence::Sequence;

/// Where sequences come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// All of them follow from it.
    pub seed: u64,
    /// Most moves of a sequence.
    pub steps: usize,
    /// Most profiles there can be.
    pub profiles: usize,
}

/// What is known of candidates: whether they fail.
pub type Known = HashMap<Sequence, bool>;

/// How far shrinking has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest that is known to fail; `None` if the first one is.
    pub smallest: Option<Sequence>,
    /// What is to be tried next; empty if there is nothing left.
    pub next: Vec<Sequence>,
}

type Strategies = Sequential<World, Move, BoxedStrategy<World>, BoxedStrategy<Move>>;

impl Source {
    /// The Nth sequence, from 0.
    pub fn sequence(&self, index: usize) -> Sequence {
        let Some(tree) = self.tree(index) else {
            return Sequence::empty();
        };
        let (world, moves, _) = tree.current();
        Sequence {
            setting: world.setting,
            moves,
        }
    }

    /// Shrinks the Nth sequence, which failed when `seen` of its moves were done, by what is known of candidates. Where
    /// something is not known, up to `many` are named that may be asked for next, the first of them surely.
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
        // What was not seen goes first; that is no guess.
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
                    // Most of a long sequence is not needed, most of a short one is.
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

    /// What was needed by something that is plainer now may be needed no more: each move is left out once again, and each
    /// outage tried as the plainest there is, past those between that are not possible there.
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

    /// A sequence with less to begin with, and without the moves that are not possible then.
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

    /// As much of the Nth sequence as was seen.
    fn first(&self, index: usize, seen: usize) -> Sequence {
        let mut first = self.sequence(index);
        first.moves.truncate(seen);
        first
    }

    /// The smallest there can be that end as the Nth sequence did: a gateway is started, or not, and then the last move is
    /// made. One of them is often all there is to it.
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
        let setting = Setting {
            profiles: 1,
            restarts: false,
        };
        let ways = [
            vec![plain.clone()],
            vec![last.clone()],
            vec![start.clone(), plain],
            vec![start, last],
        ];
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

    fn tree(&self, index: usize) -> Option<<Strategies as Strategy>::Tree> {
        // The first ones are short: what takes little to find is found with little to shrink.
        let most = (3 + index / 2).min(self.steps).max(1);
        let least = most.min(2);
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(index as u64).to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        self.strategy(least..=most).new_tree(&mut runner).ok()
    }

    fn strategy(&self, size: std::ops::RangeInclusive<usize>) -> Strategies {
        let most = self.profiles;
        Sequential::new(
            size.into(),
            move || initial(most),
            World::allows,
            |world: &World| moves(world),
            |world: World, step: &Move| world.after(step),
        )
    }
}

/// A sequence without its Nth move, or with a plainer one.
fn plainer(whole: &Sequence, i: usize) -> Vec<Sequence> {
    let mut without = whole.clone();
    without.moves.remove(i);
    let mut other = whole.clone();
    other.moves[i] = plain(&whole.moves[i]);
    vec![without, other]
}

/// The plainest move of its kind.
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
        // A gateway that runs is one that was started.
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

/// The same with the default profile.
fn renamed(step: &Move) -> Move {
    let mut step = step.clone();
    match &mut step {
        Move::Act { profile, .. } | Move::Seeded { profile } => *profile = 0,
        Move::Outage { cut, .. } => {
            if let Some(cut) = cut {
                cut.profile = 0;
            }
        }
    }
    step
}

fn initial(most: usize) -> BoxedStrategy<World> {
    (1..=most, proptest::bool::weighted(0.2))
        .prop_map(move |(profiles, restarts)| World::new(Setting { profiles, restarts }, most))
        .boxed()
}

/// What can be done now, as often as it is worth trying. A move shrinks to a plainer one of its kind only: whether it is
/// needed at all is seen by leaving it out.
fn moves(world: &World) -> BoxedStrategy<Move> {
    let (existing, up, missing) = (world.existing(), world.up(), world.missing());
    let idle = up.is_empty();
    let deletable: Vec<usize> = existing.iter().copied().filter(|p| *p > 0).collect();
    let down: Vec<usize> = existing.iter().copied().filter(|p| !up.contains(p)).collect();
    let mut kinds: Vec<(u32, BoxedStrategy<Move>)> = Vec::new();
    let mut add = |weight: u32, strategy: BoxedStrategy<Move>| kinds.push((weight, strategy));
    add(if idle { 10 } else { 2 }, starts(&existing, &down, world.pristine));
    add(if idle { 2 } else { 8 }, outages(world));
    if !idle {
        add(4, acts(&[(6, Act::Stop), (1, Act::StopAsRoot)], &up));
        let signals = [
            (4, Act::Term),
            (2, Act::Kill),
            (2, Act::RestartRequest),
            (1, Act::Hup),
            (1, Act::CtrlC),
        ];
        add(3, acts(&signals, &up));
        add(2, acts(&[(1, Act::Restart)], &up));
    }
    if let Some(flying) = world.flying.filter(|p| existing.contains(p)) {
        // What meets something in flight is most worth trying with the same gateway.
        add(
            12,
            acts(&[(3, Act::Start), (3, Act::Stop), (1, Act::Restart)], &[flying]),
        );
    }
    if !down.is_empty() {
        // A stop of what is stopped, and a restart of it.
        add(1, acts(&[(2, Act::Stop), (1, Act::Restart)], &down));
    }
    if existing.len() > 1 {
        // There is no `start --all`: the command says so, and returns 0.
        let mut all = vec![(2, Act::StopAll)];
        if up.len() == existing.len() {
            all.push((1, Act::RestartAll));
        }
        add(1, acts(&all, &[0]));
    }
    if !missing.is_empty() {
        add(1, acts(&[(1, Act::Create)], &missing));
    }
    if !deletable.is_empty() {
        add(1, acts(&[(1, Act::Delete)], &deletable));
    }
    chosen(kinds)
}

/// One of these strategies; only what it makes is shrunk.
fn chosen<T: std::fmt::Debug + Clone + 'static>(kinds: Vec<(u32, BoxedStrategy<T>)>) -> BoxedStrategy<T> {
    let which = kinds
        .iter()
        .enumerate()
        .map(|(i, (weight, _))| (*weight, Just(i).boxed()));
    Union::new_weighted(which.collect())
        .no_shrink()
        .prop_ind_flat_map(move |i| kinds[i].1.clone())
        .boxed()
}

/// One of these, which shrinks to the ones before it.
fn ranked<T: std::fmt::Debug + Clone + 'static>(weighted: Vec<(u32, T)>) -> BoxedStrategy<T> {
    let options = weighted.into_iter().map(|(weight, value)| (weight, Just(value)));
    Union::new_weighted(options.collect()).boxed()
}

/// A gateway is started: by an operator, or by what is on the volume.
fn starts(existing: &[usize], down: &[usize], pristine: bool) -> BoxedStrategy<Move> {
    let start = acts(&[(1, Act::Start)], existing);
    if !pristine || down.is_empty() {
        return start;
    }
    let seeded = select(down.to_vec()).prop_map(|profile| Move::Seeded { profile });
    Union::new_weighted(vec![(2, start), (1, seeded.boxed())]).boxed()
}

/// One of these acts on one of these profiles.
fn acts(acts: &[(u32, Act)], profiles: &[usize]) -> BoxedStrategy<Move> {
    (
        ranked(acts.to_vec()),
        select(profiles.to_vec()),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(act, profile, flight)| Move::Act {
            act,
            profile,
            // What it leaves in between cannot be told from a crash, so it is not raced.
            flight: flight && act != Act::CtrlC,
        })
        .boxed()
}

/// The container goes and comes again; now and then while something else is going on.
fn outages(world: &World) -> BoxedStrategy<Move> {
    let how = [8, 2, 2, 2, 1, 1, 2, 1].into_iter().zip(Outage::ALL).collect();
    let how = ranked(how);
    let mut cuts: Vec<(u32, BoxedStrategy<Cut>)> = Vec::new();
    for profile in world.existing() {
        for act in [Act::Start, Act::Stop, Act::Restart, Act::Term, Act::RestartRequest] {
            let windows = [
                (1, Window::Settled),
                (2, Window::InFlight),
                (3, Window::Gone),
                (3, Window::Held),
            ];
            let cut = |window| Cut { act, profile, window };
            let windows = windows.map(|(weight, window)| (weight, cut(window)));
            let open: Vec<(u32, Cut)> = windows.into_iter().filter(|(_, c)| world.allows_cut(*c)).collect();
            if !open.is_empty() {
                cuts.push((1, ranked(open)));
            }
        }
    }
    let cut = if cuts.is_empty() {
        Just(None).boxed()
    } else {
        proptest::option::weighted(0.25, chosen(cuts)).boxed()
    };
    let world = world.clone();
    (how, cut)
        .prop_map(|(how, cut)| Move::Outage { how, cut })
        // Each way of going has its own windows.
        .prop_filter_map("no such window", move |step| world.allows(&step).then_some(step))
        .boxed()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SOURCE: Source = Source {
        seed: 7,
        steps: 10,
        profiles: 3,
    };

    #[test]
    fn the_seed_alone_says_what_is_done() {
        let again = |seed| {
            (0..50)
                .map(|i| Source { seed, ..SOURCE }.sequence(i))
                .collect::<Vec<_>>()
        };
        assert_eq!(again(7), again(7));
        assert_ne!(again(7), again(8));
        // The Nth does not depend on the ones before it.
        assert_eq!(SOURCE.sequence(30), again(7)[30]);
    }

    #[test]
    fn whatever_is_generated_or_shrunk_is_legal() {
        let legal = |sequence: &Sequence| {
            let mut world = World::new(sequence.setting.clone(), SOURCE.profiles);
            for step in &sequence.moves {
                assert!(world.allows(step), "{step:?} of {sequence:?}");
                world = world.after(step);
            }
        };
        for index in 0..100 {
            let whole = SOURCE.sequence(index);
            legal(&whole);
            let mut known = Known::new();
            // A fault that is met by every outage.
            for _ in 0..200 {
                let shrunk = SOURCE.shrink(index, whole.moves.len(), &known, 3);
                let Some(next) = shrunk.next.first().cloned() else {
                    break;
                };
                shrunk.next.iter().for_each(legal);
                let fails = next.moves.iter().any(|m| matches!(m, Move::Outage { .. }));
                known.insert(next, fails);
            }
            let shrunk = SOURCE.shrink(index, whole.moves.len(), &known, 1);
            assert!(shrunk.next.is_empty(), "it comes to an end");
            if let Some(smallest) = shrunk
                .smallest
                .filter(|s| s.moves.iter().any(|m| matches!(m, Move::Outage { .. })))
            {
                let plain = Move::Outage {
                    how: Outage::Restart,
                    cut: None,
                };
                assert_eq!(smallest.moves, [plain]);
            }
        }
    }
}
