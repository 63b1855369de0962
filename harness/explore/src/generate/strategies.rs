//! The proptest strategies for the initial situation and for the next move.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use crate::model::{Act, Cut, Move, Outage, Second, Setting, Window, World};

/// The initial situation.
pub fn initial(most: usize, others: &[String]) -> BoxedStrategy<World> {
    let others = others.to_vec();
    (1..=most, proptest::bool::weighted(0.2))
        .prop_map(move |(profiles, restarts)| {
            let setting = Setting {
                profiles,
                restarts,
                others: others.clone(),
            };
            World::new(setting, most)
        })
        .boxed()
}

/// The moves that are possible now, weighted by how much they are worth trying. A move shrinks only to a simpler one of
/// its kind. Whether it is needed at all is tested by leaving it out.
pub fn moves(world: &World) -> BoxedStrategy<Move> {
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
        // An act while another is in flight is most interesting with the same gateway.
        add(
            12,
            acts(&[(3, Act::Start), (3, Act::Stop), (1, Act::Restart)], &[flying]),
        );
    }
    if !down.is_empty() {
        // A stop and a restart of a stopped gateway.
        add(1, acts(&[(2, Act::Stop), (1, Act::Restart)], &down));
    }
    if existing.len() > 1 {
        // There is no `start --all`: the command prints that and exits with 0.
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
    if world.second.is_some() {
        add(2, Just(Move::SecondStops).boxed());
    } else {
        let starts =
            [(2, Second::Idle), (1, Second::Boots)].map(|(weight, second)| (weight, Move::SecondStarts(second)));
        add(1, ranked(starts.into()));
    }
    let images: Vec<usize> = (0..=world.setting.others.len())
        .filter(|image| *image != world.image)
        .collect();
    if !images.is_empty() {
        // The way back is taken sooner than the way there.
        add(
            if world.image == 0 { 2 } else { 3 },
            select(images).prop_map(Move::Image).boxed(),
        );
    }
    chosen(kinds)
}

/// One of these strategies. Its value is shrunk, but not the choice.
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

/// One of these values. It shrinks to the earlier ones.
fn ranked<T: std::fmt::Debug + Clone + 'static>(weighted: Vec<(u32, T)>) -> BoxedStrategy<T> {
    let options = weighted.into_iter().map(|(weight, value)| (weight, Just(value)));
    Union::new_weighted(options.collect()).boxed()
}

/// A gateway is started, by an operator or through the content of the volume.
fn starts(existing: &[usize], down: &[usize], pristine: bool) -> BoxedStrategy<Move> {
    let start = acts(&[(1, Act::Start)], existing);
    if !pristine || down.is_empty() {
        return start;
    }
    let seeded = select(down.to_vec()).prop_map(|profile| Move::Seeded { profile });
    Union::new_weighted(vec![(2, start), (1, seeded.boxed())]).boxed()
}

/// One of these acts, on one of these profiles.
fn acts(acts: &[(u32, Act)], profiles: &[usize]) -> BoxedStrategy<Move> {
    (
        ranked(acts.to_vec()),
        select(profiles.to_vec()),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(act, profile, flight)| Move::Act {
            act,
            profile,
            // While Ctrl-C is in flight, its effect looks like a crash, so nothing races with it.
            flight: flight && act != Act::CtrlC,
        })
        .boxed()
}

/// An outage, sometimes while an act is in flight.
fn outages(world: &World) -> BoxedStrategy<Move> {
    let how = [8, 2, 2, 2, 1, 1, 2, 1, 1, 1].into_iter().zip(Outage::ALL).collect();
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
        // Each way has its own windows.
        .prop_filter_map("no such window", move |step| world.allows(&step).then_some(step))
        .boxed()
}
