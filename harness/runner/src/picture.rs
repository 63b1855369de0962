//! A picture of a case. As long as it stays the same, nothing is under way.

use std::time::Duration;

use super::rest::{How, Rest, rest_of};
use comeback_gateway::state::GATEWAY_STATE;
use comeback_history::facts::{FileContent, ServiceStatus};
use comeback_history::now::{Now, Process, ProfileNow, word};

/// How long everything must have been at rest. A gateway's own period, its check for a marker and a respawn are all
/// shorter.
const STILL: Duration = Duration::from_secs(3);
/// How long an end, a respawn or a slot's first start may show no change before it counts as stuck. On an idle machine
/// each takes 0.2 to 1.2 s, and the official image's stop 3 s.
pub const SLOW: Duration = Duration::from_secs(6);
/// After so many processes in a row that ended before they ran, all of them since the last step, a gateway counts as crashing.
const CRASHES: usize = 3;

/// What must stay the same for a wait to end early.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub profiles: Vec<View>,
    pub incarnations: usize,
    pub lines: usize,
    pub runs: bool,
    pub paused: bool,
    pub in_flight: bool,
    /// True if a gateway is in a crash loop.
    pub crashing: bool,
    /// How long the picture must stay the same before nothing more is expected; `None` if something may change at any
    /// time.
    pub patience: Option<Duration>,
}

/// One profile in a picture, without what a running gateway writes all the time.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    name: String,
    service: Option<ServiceStatus>,
    writer: Option<Process>,
    state: Option<String>,
    marker: bool,
}

impl Picture {
    /// The picture now. `before` is where in the history a process had ended last when the last step began.
    pub fn of(now: &Now, held: &[String], in_flight: bool, before: Option<u64>) -> Self {
        // A gateway in a crash loop changes all the time without getting anywhere, so it is left out.
        let crashes = |p: &ProfileNow| crashes(p, now.incarnations.len(), before);
        let crashing = now.profiles.values().any(crashes);
        let others = now.profiles.iter().filter(|(_, p)| !crashes(p));
        let awaited = others.clone().filter(|(name, _)| !held.contains(name));
        let patience = awaited
            .map(|(name, p)| patience(&rest_of(now, name, p)))
            .try_fold(STILL, |longest, one| Some(longest.max(one?)));
        let view = |(name, p): (&String, &ProfileNow)| View {
            name: name.clone(),
            service: p.service.as_ref().map(|(status, _)| status.clone()),
            writer: p
                .state
                .as_ref()
                .and_then(|(content, _)| comeback_history::now::process_of(content)),
            state: p
                .state
                .as_ref()
                .and_then(|(content, _)| word(content, GATEWAY_STATE))
                .map(str::to_owned),
            marker: p
                .marker
                .as_ref()
                .is_some_and(|(content, _)| *content != FileContent::Absent),
        };
        Self {
            profiles: others.map(view).collect(),
            incarnations: now.incarnations.len(),
            lines: now.boot_lines.len(),
            runs: now.running(),
            paused: now.paused,
            in_flight,
            crashing,
            patience: patience.filter(|_| !in_flight),
        }
    }
}

/// How long a gateway in this phase is waited for while nothing changes; `None` for as long as the deadline allows.
fn patience(rest: &Rest) -> Option<Duration> {
    match rest {
        Rest::Resting => Some(STILL),
        Rest::Moving(How::ToBeStarted | How::Unreadable | How::Ending | How::Respawning) => Some(SLOW),
        // A start may take any time, and may sleep meanwhile.
        Rest::Moving(How::Starting(_)) => None,
    }
}

/// True if the profile's last processes of this boot all ended before they ran. Those that had ended by then do not count: a
/// step may have removed the cause.
fn crashes(p: &ProfileNow, boot: usize, before: Option<u64>) -> bool {
    let here = p.lives.iter().rev().filter(|l| l.incarnation == boot);
    let unable = here.take_while(|l| !l.ran);
    unable.filter(|l| l.ended > before).count() >= CRASHES
}
