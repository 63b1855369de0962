//! Sequences, generated and shrunk by proptest. The Nth sequence follows from the seed and N alone.

mod shrink;
mod strategies;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::strategy::Sequential;

use super::model::{Move, World};
use super::sequence::Sequence;
pub use shrink::{Known, Shrunk};
use strategies::{initial, moves};

/// The source of sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The seed that all sequences follow from.
    pub seed: u64,
    /// Limit on the moves of a sequence.
    pub steps: usize,
    /// Limit on the number of profiles.
    pub profiles: usize,
    /// Other images that the container may be made again from, as image expressions.
    pub others: Vec<String>,
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

    fn tree(&self, index: usize) -> Option<<Strategies as Strategy>::Tree> {
        // The first sequences are short, so a simple failure is found in a short sequence that is quickly shrunk.
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
        let (most, others) = (self.profiles, self.others.clone());
        Sequential::new(
            size.into(),
            move || initial(most, &others),
            World::allows,
            |world: &World| moves(world),
            |world: World, step: &Move| world.after(step),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::model::Outage;
    use super::*;

    fn source(seed: u64) -> Source {
        Source {
            seed,
            steps: 10,
            profiles: 3,
            others: vec!["release:0.16.0".to_owned()],
        }
    }

    #[test]
    fn sequences_follow_from_seed_and_number_alone() {
        let again = |seed| (0..50).map(|i| source(seed).sequence(i)).collect::<Vec<_>>();
        assert_eq!(again(7), again(7));
        assert_ne!(again(7), again(8));
        // A sequence does not depend on those before it.
        assert_eq!(source(7).sequence(30), again(7)[30]);
    }

    #[test]
    fn generated_and_shrunk_sequences_are_legal() {
        let legal = |sequence: &Sequence| {
            let mut world = World::new(sequence.setting.clone(), 3);
            for step in &sequence.moves {
                assert!(world.allows(step), "{step:?} of {sequence:?}");
                world = world.after(step);
            }
        };
        for index in 0..100 {
            let whole = source(7).sequence(index);
            legal(&whole);
            let mut known = Known::new();
            // A fault that every outage shows.
            for _ in 0..200 {
                let shrunk = source(7).shrink(index, whole.moves.len(), &known, 3);
                let Some(next) = shrunk.next.first().cloned() else {
                    break;
                };
                shrunk.next.iter().for_each(legal);
                let fails = next.moves.iter().any(|m| matches!(m, Move::Outage { .. }));
                known.insert(next, fails);
            }
            let shrunk = source(7).shrink(index, whole.moves.len(), &known, 1);
            assert!(shrunk.next.is_empty(), "shrinking ends");
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

    #[test]
    fn shrinking_tries_the_interrupted_act_without_its_outage() {
        let cut_off = |index| match source(7).sequence(index).moves.as_slice() {
            [.., Move::Outage { cut: Some(cut), .. }] => Some((index, *cut)),
            _ => None,
        };
        let (index, cut) = (0..200).find_map(cut_off).unwrap();
        let length = source(7).sequence(index).moves.len();
        let next = source(7).shrink(index, length, &Known::new(), 10).next;
        let alone = |s: &Sequence| matches!(s.moves.as_slice(), [.., Move::Act { act, .. }] if *act == cut.act);
        assert!(next.iter().any(alone), "{cut:?}: {next:#?}");
    }
}
