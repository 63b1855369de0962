//! What lasted, as bars on a time axis: lives of the container and of gateways, and what the state file said.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use comeback_gateway::state::{self, GATEWAY_STATE};
use comeback_history::clock::ClockOffset;
use comeback_history::facts::{ContainerChange, Fact, FileContent, Observation};

/// Something that lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// `container`, `gateway` or `state`.
    pub kind: String,
    /// Whose, where it is a profile's.
    pub profile: Option<String>,
    /// When it began.
    pub from: Timestamp,
    /// When it ended; null if it lasted to the end of the case.
    pub to: Option<Timestamp>,
    /// `boot 2`, `pid 52`, or the word in the state file.
    pub text: String,
}

/// The spans of a history, in the order in which they began, by our clock.
pub fn spans(history: &[Observation], clock: Option<ClockOffset>) -> Vec<Span> {
    let mut lanes = Lanes::default();
    let mut boots = 0;
    for observation in history.iter().filter(|o| o.container.is_none()) {
        let at = observation.when(clock);
        match &observation.fact {
            Fact::Container { change, .. } => match change {
                ContainerChange::Started => {
                    boots += 1;
                    lanes.set("container", None, at, Some(format!("boot {boots}")));
                }
                ContainerChange::Died | ContainerChange::Destroyed => {
                    lanes.set("container", None, at, None);
                    lanes.end_all("gateway", at);
                }
                ContainerChange::Oom | ContainerChange::Paused | ContainerChange::Unpaused => {}
            },
            Fact::Service { profile, status } => {
                let pid = status
                    .up
                    .then(|| status.pid.map_or_else(|| "up".to_owned(), |pid| format!("pid {pid}")));
                lanes.set("gateway", Some(profile), at, pid);
            }
            Fact::State { profile, content } => {
                let word = match content {
                    FileContent::Absent => None,
                    FileContent::Unreadable { .. } => Some("unreadable".to_owned()),
                    FileContent::Json { value } => {
                        let word = state::word(value, GATEWAY_STATE);
                        Some(word.unwrap_or("no gateway_state").to_owned())
                    }
                };
                lanes.set("state", Some(profile), at, word);
            }
            _ => {}
        }
    }
    lanes.done.sort_by_key(|span| span.from);
    lanes.done
}

#[derive(Default)]
struct Lanes {
    done: Vec<Span>,
    open: BTreeMap<(&'static str, Option<String>), usize>,
}

impl Lanes {
    /// From now on this is true of a lane; `None`: nothing is.
    fn set(&mut self, kind: &'static str, profile: Option<&String>, at: Timestamp, text: Option<String>) {
        let key = (kind, profile.cloned());
        if let Some(&open) = self.open.get(&key) {
            if Some(&self.done[open].text) == text.as_ref() && kind != "container" {
                return;
            }
            // Sources overtake each other by a millisecond; nothing ends before it began.
            self.done[open].to = Some(at.max(self.done[open].from));
            self.open.remove(&key);
        }
        if let Some(text) = text {
            self.open.insert(key, self.done.len());
            self.done.push(Span {
                kind: kind.to_owned(),
                profile: profile.cloned(),
                from: at,
                to: None,
                text,
            });
        }
    }

    fn end_all(&mut self, kind: &'static str, at: Timestamp) {
        let keys: Vec<_> = self.open.keys().filter(|(k, _)| *k == kind).cloned().collect();
        for (kind, profile) in keys {
            self.set(kind, profile.as_ref(), at, None);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::samples::reproduced;

    #[test]
    fn lives_end_where_the_next_begin() {
        let document = reproduced();
        let of = |kind: &str| {
            let spans = document.cases[0].spans.iter().filter(|s| s.kind == kind);
            let start = document.cases[0].started;
            let ms = |at: Timestamp| at.duration_since(start).as_millis();
            spans
                .map(|s| (s.text.clone(), ms(s.from), s.to.map(ms)))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("container"),
            [("boot 1".into(), 0, Some(4702)), ("boot 2".into(), 5000, None)]
        );
        assert_eq!(
            of("state"),
            [("running".into(), 900, Some(4691)), ("stopped".into(), 4691, None)]
        );
    }
}
