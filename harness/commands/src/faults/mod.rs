//! Tests that inject faults into a scripted engine: each call with each fault that makes sense for it, on a gateway with the
//! fix and on one without. The classification has to be that of the run without a fault, or none, and never another.

mod answers;
mod clocks;
mod combinations;
mod endings;
mod moments;
mod overlays;
mod play;
mod slow;
