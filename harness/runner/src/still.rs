//! Ends a wait early once nothing is under way that could make its condition true. Otherwise each gateway that is not
//! started would cost the whole deadline of every wait for it.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::case::Case;
use super::halt::Why;
use super::limits::ANSWER;
use super::picture::Picture;
use super::{Done, Halt};
use comeback_history::now::Now;
use comeback_history::pace::{Phase, Reached};
use comeback_observe::link::LinkError;
use comeback_observe::recorder::{Wait, WaitError};

/// How long after its deadline a wait looks again whether anything makes progress.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Why a wait ended without its condition.
enum End {
    /// The container ended.
    Exited,
    /// Its deadline was over.
    Deadline,
    /// Nothing had been under way for so long.
    Still(Duration),
}

impl Case {
    /// Waits like [`Case::try_wait`], but ends early once nothing is under way. `None` if the condition did not come
    /// true.
    pub async fn wait_while_under_way<T>(&self, wait: Wait<'_, T>) -> Done<Option<T>> {
        self.wait_to(wait, None).await
    }

    /// Waits for the end of a phase of a boot or start. Its deadline follows from what was measured, perhaps on a machine that
    /// had nothing else to do. So the wait goes on while a process in the container makes progress, up to the longest deadline.
    pub async fn wait_for<T>(&self, phase: Phase, wait: Wait<'_, T>) -> Done<Option<T>> {
        self.wait_to(wait, Some(phase)).await
    }

    async fn wait_to<T>(&self, wait: Wait<'_, T>, phase: Option<Phase>) -> Done<Option<T>> {
        let Wait {
            condition,
            limit,
            needs_container,
            mut check,
            last,
        } = wait;
        self.phase(&format!("waiting for {condition}"));
        let began = Instant::now();
        let mut deadline = began + limit;
        let longest = phase.map_or(deadline, |phase| began + self.longest(phase));
        let mut reached = Reached {
            seconds: limit.as_secs_f64(),
            phase,
            took: phase.and_then(|phase| self.reached(phase, limit).took),
        };
        let mut confirmed: Option<Picture> = None;
        let end = loop {
            let (held, before) = (self.held(), self.shared().ended_before);
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
                    None => (Picture::of(now, &held, self.in_flight(), before) != picture).then_some(None),
                }),
                last: Box::new(|_: &Now| String::new()),
            };
            match self.recorder.wait(step).await {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(WaitError::Exited { .. }) => break End::Exited,
                Err(WaitError::Deadline { .. }) if until >= deadline => {
                    if deadline < longest && !picture.crashing && !self.idles().await? {
                        deadline = longest.min(Instant::now() + LOOK_AGAIN);
                        continue;
                    }
                    break End::Deadline;
                }
                Err(WaitError::Deadline { .. }) if confirmed.as_ref() == Some(&picture) => {
                    break End::Still(since.elapsed());
                }
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
        match end {
            End::Exited => self.tell_of_wait(condition, last, None),
            End::Still(still) => {
                let last = format!("{last}; nothing was under way for {:.1} s", still.as_secs_f64());
                self.tell_of_wait(condition, last, None);
            }
            End::Deadline => {
                reached.seconds = began.elapsed().as_secs_f64();
                self.tell_of_wait(condition, last, Some(reached));
                if let Some(phase) = phase.filter(|_| deadline >= longest) {
                    self.note_missing(phase, began.elapsed());
                }
            }
        }
        Ok(None)
    }

    /// True if no process in the container makes progress. That covers everything that might still start a gateway,
    /// such as a command inside the container or a slow import on a busy machine.
    pub(super) async fn idles(&self) -> Done<bool> {
        let says = self
            .agent_says(json!({"c": "idle"}), "whether the container is idle")
            .await?;
        Ok(says.unwrap_or(true))
    }

    /// True if at least so many commands run in the container that were put into it from outside, as `docker exec` does.
    pub(super) async fn has_execs(&self, least: usize) -> Done<bool> {
        let question = json!({"c": "execs", "least": least});
        let says = self
            .agent_says(question, "whether a command runs in the container")
            .await?;
        Ok(says.unwrap_or(false))
    }

    /// The agent's yes or no; `None` where there is no agent that could answer.
    async fn agent_says(&self, question: serde_json::Value, what: &'static str) -> Done<Option<bool>> {
        let Some(agent) = self.monitor.agent().filter(|_| !self.is_paused()) else {
            return Ok(None);
        };
        match agent.ask(question, ANSWER).await {
            Ok(_) => Ok(Some(true)),
            // It says no, or it ended with the container.
            Err(LinkError::Refused(_) | LinkError::Closed(_)) => Ok(Some(false)),
            Err(error) => Err(Halt::Inconclusive(Why::asked(what, error))),
        }
    }

    /// The present picture.
    pub fn picture(&self) -> Picture {
        let (held, in_flight, before) = (self.held(), self.in_flight(), self.shared().ended_before);
        self.recorder.now(|now| Picture::of(now, &held, in_flight, before))
    }
}
