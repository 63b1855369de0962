//! Whether an earlier finding explains a failing sequence.

use super::model::{Cut, Move, Window};
use super::sequence::Sequence;

/// True if a minimal sequence explains a failing one: the failing one contains the minimal one's moves in the same
/// order, possibly with other profiles, and both end with the same move.
pub fn explains(minimal: &Sequence, failing: &Sequence) -> bool {
    if minimal.setting.restarts && !failing.setting.restarts {
        return false;
    }
    let (minimal_moves, failing_moves) = (taken_apart(&minimal.moves), taken_apart(&failing.moves));
    let (Some((last, before)), Some((end, rest))) = (minimal_moves.split_last(), failing_moves.split_last()) else {
        // A failure of the empty sequence happens before the first step, so seeds do not matter.
        let seeds = failing.moves.iter().all(|step| matches!(step, Move::Seeded { .. }));
        return minimal.moves.is_empty() && seeds;
    };
    renamings().any(|names| {
        let mut rest = rest.iter();
        covers(last, end, &names) && before.iter().all(|step| rest.any(|other| covers(step, other, &names)))
    })
}

/// Splits an outage that begins after its act into two moves.
fn taken_apart(moves: &[Move]) -> Vec<Move> {
    let mut apart = Vec::new();
    for step in moves {
        match step {
            Move::Outage { how, cut: Some(cut) } if cut.window == Window::Settled => {
                apart.push(cut.alone());
                apart.push(Move::Outage { how: *how, cut: None });
            }
            other => apart.push(other.clone()),
        }
    }
    apart
}

/// All permutations of four profiles.
fn renamings() -> impl Iterator<Item = [usize; 4]> {
    let digits = |n: usize| [n % 4, n / 4 % 4, n / 16 % 4, n / 64];
    (0..256).map(digits).filter(|names| (0..4).all(|p| names.contains(&p)))
}

/// True if `plain` does the same as `other` and is at least as simple.
fn covers(plain: &Move, other: &Move, names: &[usize; 4]) -> bool {
    let named = |profile: usize| names[profile.min(3)];
    match (plain, other) {
        (
            Move::Act { act, profile, flight },
            Move::Act {
                act: other_act,
                profile: other_profile,
                flight: other_flight,
            },
        ) => act == other_act && flight == other_flight && named(*profile) == *other_profile,
        (Move::Seeded { profile }, Move::Seeded { profile: other }) => named(*profile) == *other,
        (Move::SecondStarts(_) | Move::SecondStops | Move::Image(_), other) => plain == other,
        (
            Move::Outage { how, cut },
            Move::Outage {
                how: other_how,
                cut: other_cut,
            },
        ) => {
            let cut = cut.map(|c| Cut {
                profile: named(c.profile),
                ..c
            });
            how <= other_how && how.manner() == other_how.manner() && cut == *other_cut
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Act, Outage, Setting};

    fn sequence(moves: &[Move]) -> Sequence {
        Sequence {
            setting: Setting {
                profiles: 2,
                ..Setting::plain(&[])
            },
            moves: moves.to_vec(),
        }
    }

    fn start(profile: usize) -> Move {
        Move::Act {
            act: Act::Start,
            profile,
            flight: false,
        }
    }

    #[test]
    fn a_longer_sequence_with_the_same_end_is_explained() {
        let outage = |how| Move::Outage { how, cut: None };
        let cut = |profile, window| Move::Outage {
            how: Outage::Restart,
            cut: Some(Cut {
                act: Act::Start,
                profile,
                window,
            }),
        };
        let least = sequence(&[start(0), outage(Outage::Restart)]);
        let explained = [
            sequence(&[start(1), start(0), outage(Outage::StopStart)]),
            sequence(&[start(1), outage(Outage::Recreate)]),
            sequence(&[cut(1, Window::Settled)]),
        ];
        let other = [
            sequence(&[start(0), outage(Outage::Kill)]),
            sequence(&[start(0), outage(Outage::Restart), start(0)]),
            sequence(&[cut(0, Window::InFlight)]),
            sequence(&[]),
        ];
        assert!(explained.iter().all(|failing| explains(&least, failing)));
        assert!(!other.iter().any(|failing| explains(&least, failing)));
    }
}
