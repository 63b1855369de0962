//! When nothing more comes: a wait ends early once it has been observed that nothing is under way that could bring what it is
//! for. Otherwise each gateway that is not started costs the whole deadline of every wait for it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::case::Case;
use super::halt::Why;
use super::waits::{ANSWER, How, Rest, rest_of};
use super::{Done, Halt};
use comeback_history::facts::{Fact, FileContent, ServiceStatus, Source};
use comeback_history::now::{Now, Process, ProfileNow, word};
use comeback_observe::link::LinkError;
use comeback_observe::recorder::{Wait, WaitError};

/// How long everything must have been at rest: a gateway's own period, a marker's look and a respawn are all shorter.
const STILL: Duration = Duration::from_secs(3);
/// How long something that is under way by itself may go on without any change: an end, a respawn, a slot's first start. An
/// idle machine takes 0.2 to 1.2 s for each, the official image's stop 3 s.
pub const SLOW: Duration = Duration::from_secs(6);
/// So many processes in a row that ended before they ran are a crash loop.
const CRASHES: usize = 3;

/// What must not change while nothing comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    profiles: Vec<View>,
    incarnations: usize,
    lines: usize,
    runs: bool,
    in_flight: bool,
    /// A gateway crashes again and again.
    crashing: bool,
    /// How long it must last for nothing to come; `None` if something may come at any time.
    patience: Option<Duration>,
}

/// One profile in it. What a gateway that is up writes all the time is not part of it.
#[derive(Debug, Clone, PartialEq)]
struct View {
    name: String,
    service: Option<ServiceStatus>,
    writer: Option<Process>,
    state: Option<String>,
    marker: bool,
}

impl Picture {
    fn of(now: &Now, held: &[String], in_flight: bool) -> Self {
        // A gateway that crashes again and again changes all the time, and nothing comes of it.
        let crashing = now.profiles.values().any(|p| crashes(p, now.incarnations.len()));
        let others = now.profiles.iter().filter(|(_, p)| !crashes(p, now.incarnations.len()));
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
                .and_then(|(content, _)| word(content, "gateway_state"))
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
            in_flight,
            crashing,
            patience: patience.filter(|_| !in_flight),
        }
    }
}

/// How long a gateway that is doing this is waited for while nothing changes.
fn patience(rest: &Rest) -> Option<Duration> {
    match rest {
        Rest::Resting => Some(STILL),
        Rest::Moving(How::ToBeStarted | How::Ending | How::Respawning) => Some(SLOW),
        // A start may take as long as it likes, and may sleep meanwhile.
        Rest::Moving(How::Starting(_)) => None,
    }
}

/// True if a profile's last processes of this boot all ended before they ran.
fn crashes(p: &ProfileNow, boot: usize) -> bool {
    let here = p.lives.iter().rev().filter(|l| l.incarnation == boot);
    let unable = here.take_while(|l| !l.ran);
    unable.filter(|l| l.ended.is_some()).count() >= CRASHES
}

impl Case {
    /// Waits as [`Case::try_wait`] does, but ends once it has been observed that nothing is under way. `None` if what it is
    /// for did not come.
    pub async fn wait_while_under_way<T>(&self, wait: Wait<'_, T>) -> Done<Option<T>> {
        let Wait {
            condition,
            limit,
            needs_container,
            mut check,
            last,
        } = wait;
        self.phase(&format!("waiting for {condition}"));
        let deadline = Instant::now() + limit;
        let mut confirmed: Option<Picture> = None;
        let still = loop {
            let held = self.held();
            let picture = self.picture();
            let since = self.unchanged_since(&picture);
            let nothing_by = picture.patience.map(|p| since + p * self.ctx.slots.slack());
            let until = nothing_by.map_or(deadline, |by| by.min(deadline));
            let step = Wait {
                condition: condition.clone(),
                limit: until.saturating_duration_since(Instant::now()),
                needs_container,
                check: Box::new(|now: &Now| match check(now) {
                    Some(value) => Some(Some(value)),
                    None => (Picture::of(now, &held, self.in_flight()) != picture).then_some(None),
                }),
                last: Box::new(|_: &Now| String::new()),
            };
            match self.recorder.wait(step).await {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(WaitError::Exited { .. }) => break None,
                Err(WaitError::Deadline { .. }) if until >= deadline => break None,
                Err(WaitError::Deadline { .. }) if confirmed.as_ref() == Some(&picture) => break Some(since.elapsed()),
                Err(WaitError::Deadline { .. }) => {
                    // That nothing is told is absence only if those who would tell it are there.
                    self.sync().await?;
                    if picture.crashing || self.idles().await? {
                        confirmed = Some(picture);
                    } else {
                        self.stirred();
                    }
                }
            }
        };
        let last = self.recorder.now(|now| last(now));
        let last = match still {
            Some(still) => format!("{last}; nothing was under way for {:.1} s", still.as_secs_f64()),
            None => last,
        };
        let fact = Fact::WaitEnded { condition, last };
        self.recorder.push(Source::Harness, Some(Timestamp::now()), fact);
        Ok(None)
    }

    /// Whether nothing in the container gets on with anything. A command of the container's own, a slow import on a busy machine
    /// and whatever else may yet start a gateway would be seen.
    async fn idles(&self) -> Done<bool> {
        let Some(agent) = self.monitor.agent() else {
            return Ok(true);
        };
        match agent.ask(json!({"c": "idle"}), ANSWER).await {
            Ok(_) => Ok(true),
            // Busy, or it ended with the container.
            Err(LinkError::Refused(_) | LinkError::Closed(_)) => Ok(false),
            Err(error) => Err(Halt::Inconclusive(Why::asked("whether the container is idle", error))),
        }
    }

    /// What is to be seen now.
    pub fn picture(&self) -> Picture {
        let (held, in_flight) = (self.held(), self.in_flight());
        self.recorder.now(|now| Picture::of(now, &held, in_flight))
    }
}
