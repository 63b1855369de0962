//! The rows that every scenario has without writing them down.

use super::declare;

/// One of these rows.
#[derive(Debug)]
pub struct InvariantInfo {
    /// Its name, in the place of a probe's.
    pub name: &'static str,
    /// What it says, and when there is none.
    pub doc: &'static str,
}

declare! {
    /// The rows that every scenario has, without their readings.
    enum Invariant: InvariantInfo;

    Supervisor => InvariantInfo {
        name: "invariant.supervisor",
        doc: "each boot:N, only where it does not hold: PID 1 is the supervisor, if the reconciler wrote no line; not with an `entrypoint` or `init` of the scenario's",
    },
    Container => InvariantInfo {
        name: "invariant.container",
        doc: "start and end, only where it does not hold: the container is up at the start and never ends again and again; a row about its end replaces it",
    },
    CameUp => InvariantInfo {
        name: "invariant.came_up",
        doc: "start: a gateway that somebody starts and that is waited for has written `running`; not with another `wait`",
    },
    OneBootLine => InvariantInfo {
        name: "invariant.one_boot_line",
        doc: "each boot:N: the reconciler wrote one line of each profile; a row `boot.lines` at that boot replaces it, and there is \
              none with an `entrypoint` or `init` of the scenario's",
    },
    SlotAgrees => InvariantInfo {
        name: "invariant.slot_agrees",
        doc: "each boot:N: the reconciler wrote `started` if and only if the slot has no `down` file",
    },
    Settled => InvariantInfo {
        name: "invariant.settled",
        doc: "end: no supervised gateway came or went in the settling window",
    },
    NobodyBeside => InvariantInfo {
        name: "invariant.nobody_beside",
        doc: "end, only where it does not hold: no process of the gateway runs beside the supervised one; a row `gateway.processes` at the end replaces it, and \
              there is none with a step `operator-run`",
    },
    StateParses => InvariantInfo {
        name: "invariant.state_parses",
        doc: "end: every state file that was written after the first boot could be read; not with a step `stamp`",
    },
    UnknownKeysSurvive => InvariantInfo {
        name: "invariant.unknown_keys_survive",
        doc: "end: keys of a seeded state file that begin with `x_` are still there",
    },
}
