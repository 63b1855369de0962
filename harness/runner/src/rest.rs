//! Whether a gateway is at rest, or what it is doing.

use comeback_gateway::state::is_serving;
use comeback_history::facts::FileContent;
use comeback_history::now::{Now, ProfileNow};

/// Whether a gateway is at rest, by the facts about its profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// Nothing will change by itself.
    Resting,
    /// Something is under way.
    Moving(How),
}

/// What the gateway is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The reconciler wrote that it starts the gateway, but no process was seen yet.
    ToBeStarted,
    /// Up and wanted up, but its own state, if it wrote one, is not that of a running gateway.
    Starting(Option<String>),
    /// Up and wanted up, but what it writes cannot be read: a link is in place of its state file, for example.
    Unreadable,
    /// Up and wanted down.
    Ending,
    /// Down and wanted up.
    Respawning,
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ToBeStarted => f.write_str("to be started"),
            Self::Starting(state) => write!(f, "up, its state {}", state.as_deref().unwrap_or("not its own")),
            Self::Unreadable => f.write_str("up, its state unreadable"),
            Self::Ending => f.write_str("up, wanted down"),
            Self::Respawning => f.write_str("down, wanted up"),
        }
    }
}

/// What a profile's gateway is doing.
pub fn rest_of(now: &Now, name: &str, p: &ProfileNow) -> Rest {
    let boot = now.incarnations.len();
    let said = now
        .lines_of_boot(boot)
        .into_iter()
        .rfind(|l| l.profile == name)
        .map(|l| l.action.as_str());
    // A fresh slot is down for a moment even if nothing keeps it down.
    if said == Some("started") && !p.lives.iter().any(|l| l.incarnation == boot) {
        return Rest::Moving(How::ToBeStarted);
    }
    let Some((status, _)) = &p.service else {
        return Rest::Resting;
    };
    let state = p.own_word();
    match (status.slot, status.up, status.want_up) {
        (false, ..) | (_, false, false) => Rest::Resting,
        (_, true, true) if state.is_some_and(is_serving) => Rest::Resting,
        // The gateway of another container has written over what this one had written.
        (_, true, true) if state.is_none() && p.current_life().is_some_and(|life| life.ran) => Rest::Resting,
        (_, true, true) if is_unreadable(p) => Rest::Moving(How::Unreadable),
        (_, true, true) => Rest::Moving(How::Starting(state.map(str::to_owned))),
        (_, true, false) => Rest::Moving(How::Ending),
        (_, false, true) => Rest::Moving(How::Respawning),
    }
}

fn is_unreadable(p: &ProfileNow) -> bool {
    let content = p.state.as_ref().map(|(content, _)| content);
    matches!(content, Some(FileContent::Unreadable { .. }))
}
