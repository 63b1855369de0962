//! Where the facts of a case come from: the observer, the agent and the engine's events.
//!
//! [`OBSERVER`] and [`AGENT`] are Python programs that run in the containers, [`link`] talks to them, [`wire`] translates their
//! messages, and [`hub`] passes the engine's events to the case they are about. All facts meet in the [`recorder`], which also
//! waits for conditions on them:
//!
//! ```
//! use comeback_history::facts::{Fact, Source};
//! use comeback_observe::{clock::Clocks, recorder::Recorder};
//! use comeback_text::redact::Secrets;
//!
//! let recorder = Recorder::new(None, Secrets::default(), Clocks::start());
//! recorder.push(Source::Observer, None, Fact::Lost { what: "an event".into() });
//! assert_eq!(recorder.now(|now| now.lost.len()), 1);
//! ```

#[cfg(test)]
mod agent_tests;
pub mod clock;
pub mod hub;
mod inspected;
pub mod link;
#[cfg(test)]
mod observer_tests;
pub mod overlay;
pub mod recorder;
#[cfg(test)]
mod script_tests;
pub mod wire;

pub use inspected::inspected;

/// The observer's program, for `python3 -c`.
pub const OBSERVER: &str = concat!(include_str!("inotify.py"), "\n", include_str!("observer.py"));
/// The agent's program, for `python3 -c`.
pub const AGENT: &str = concat!(include_str!("inotify.py"), "\n", include_str!("agent.py"));
