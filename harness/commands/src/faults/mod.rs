//! Faults of the engine, on the scripted one: each operation with each fault that makes sense for it, on a gateway with the
//! fix and on one without. What may come of them: the classification there is without the fault, or none. Never another.

mod clocks;
mod combinations;
mod endings;
mod moments;
mod overlays;
mod play;
