//! Ends a wait early once nothing is under way that could make its condition true. Otherwise each gateway that is not
//! started would cost the whole deadline of every wait for it.

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::case::Case;
use super::halt::Why;
use super::limits::ANSWER;
use super::picture::Picture;
use super::{Done, Halt};
use comeback_history::facts::{Fact, Source};
use comeback_history::now::Now;
use comeback_observe::link::LinkError;
use comeback_observe::recorder::{Wait, WaitError};

impl Case {
    /// Waits like [`Case::try_wait`], but ends early once nothing is under way. `None` if the condition did not come
    /// true.
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
                    // Silence proves absence only if observer and agent are connected.
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

    /// True if no process in the container makes progress. That covers everything that might still start a gateway,
    /// such as a command inside the container or a slow import on a busy machine.
    async fn idles(&self) -> Done<bool> {
        let Some(agent) = self.monitor.agent() else {
            return Ok(true);
        };
        match agent.ask(json!({"c": "idle"}), ANSWER).await {
            Ok(_) => Ok(true),
            // Busy, or the agent ended with the container.
            Err(LinkError::Refused(_) | LinkError::Closed(_)) => Ok(false),
            Err(error) => Err(Halt::Inconclusive(Why::asked("whether the container is idle", error))),
        }
    }

    /// The present picture.
    pub fn picture(&self) -> Picture {
        let (held, in_flight) = (self.held(), self.in_flight());
        self.recorder.now(|now| Picture::of(now, &held, in_flight))
    }
}
