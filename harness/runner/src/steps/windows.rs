//! What steps have to do with windows of milliseconds: who waits for whom, and what has to be in place before.

use comeback_scenario::model::{Operation, Probe, ProfileSel, Signal, Step, Value};
use comeback_scenario::vocabulary::{Afterwards, Target};

/// Whether a step does something by itself; a hold only waits for others.
pub(super) fn acts(step: &Step) -> bool {
    !matches!(step.op, Operation::HoldAt { .. })
}

/// Whether something may come of a step by itself: what was unchanged before it counts no more.
pub(super) fn changes(step: &Step) -> bool {
    let info = step.op.info();
    info.afterwards == Afterwards::Rest && info.target != Target::Nobody
}

/// True for a hold of the gateway that another step is about.
pub(super) fn is_hold(flying: &Step, step: &Step) -> bool {
    matches!(flying.op, Operation::HoldAt { .. })
        && (flying.profile == step.profile || [&flying.profile, &step.profile].contains(&&ProfileSel::All))
}

/// True for a wait for a state, which may be the one a gateway is to be frozen in.
pub(super) fn waits_for_state(step: &Step) -> bool {
    matches!(
        step.op,
        Operation::WaitUntil {
            probe: Probe::StateGatewayState,
            ..
        }
    )
}

/// True if a hold freezes a gateway in the state that a wait is for.
pub(super) fn holds_what(flying: &Step, step: &Step) -> bool {
    match (&flying.op, &step.op) {
        (Operation::HoldAt { state }, Operation::WaitUntil { value, .. }) => value.contains(&Value::str(state)),
        _ => false,
    }
}

/// A signal that is to be sent once a marker has been taken. The window is a few milliseconds long, so the agent sends it
/// by itself, and is told before the step in which that may happen.
pub(super) fn signal_on_marker(next: &[Step]) -> Option<(Signal, &Step)> {
    let [wait, then, ..] = next else { return None };
    match (&wait.op, &then.op) {
        (
            Operation::WaitUntil {
                probe: Probe::Marker,
                value,
            },
            Operation::SignalGateway { signal },
        ) if value.contains(&Value::str("absent")) && then.wait && wait.profile == then.profile => {
            Some((*signal, then))
        }
        _ => None,
    }
}
