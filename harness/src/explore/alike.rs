//! Whether a failing sequence is one more case of something that was found already.

use super::model::{Cut, Move};
use super::sequence::Sequence;

/// True if a minimal sequence is all of a failing one that matters: its moves are among those of the other, in their order
/// and with other profiles if need be, and the last one is the last one of both.
pub fn explains(minimal: &Sequence, failing: &Sequence) -> bool {
    if minimal.setting.restarts && !failing.setting.restarts {
        return false;
    }
    let (Some((last, before)), Some((end, rest))) = (minimal.moves.split_last(), failing.moves.split_last()) else {
        // What is wrong before anything is done is wrong whatever the volume says.
        let seeds = failing.moves.iter().all(|step| matches!(step, Move::Seeded { .. }));
        return minimal.moves.is_empty() && seeds;
    };
    renamings().any(|names| {
        let mut rest = rest.iter();
        covers(last, end, &names) && before.iter().all(|step| rest.any(|other| covers(step, other, &names)))
    })
}

/// Every way to give four profiles each other's names.
fn renamings() -> impl Iterator<Item = [usize; 4]> {
    let digits = |n: usize| [n % 4, n / 4 % 4, n / 16 % 4, n / 64];
    (0..256).map(digits).filter(|names| (0..4).all(|p| names.contains(&p)))
}

/// True if a move does what another does and is not less plain.
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
            how <= other_how && how.asks() == other_how.asks() && cut == *other_cut
        }
        _ => false,
    }
}
