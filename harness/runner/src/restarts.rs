//! A container that ends by itself, under a restart policy or without one: what the engine does about it, and when there is
//! nothing more to wait for.

use std::time::Duration;

use jiff::Timestamp;

use super::Done;
use super::case::Case;
use super::limits::EVENT;
use comeback_engine::again;
use comeback_history::now::Now;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::{Operation, RestartPolicy};
use comeback_scenario::vocabulary::Sender;

/// How long an engine may take to start a container again that it does not say it will start again: Podman never says so.
const UNANNOUNCED: Duration = Duration::from_secs(5);

impl Case {
    /// Follows the container from its start at `started_at` on until a boot comes to its rest. Where one ends before that,
    /// the restart policy's next one is followed, until the container ends again and again or has ended for good: then that
    /// is what there is to be seen, and the case goes on with it.
    pub async fn boot(&self, started_at: Timestamp, rest: bool) -> Done {
        let mut started_at = started_at;
        while !self.follow_boot(started_at, rest).await? {
            match self.started_again(started_at).await? {
                Some(next) => started_at = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Follows what a restart policy did meanwhile, as [`Case::boot`] does. Nothing is done where the container runs and its
    /// boot has come to its rest, or where a step has stopped it.
    pub async fn follow_restarts(&self) -> Done {
        let last = self.recorder.now(|now| {
            now.incarnations
                .last()
                .map(|i| (i.started_at, i.died.is_some(), i.rested))
        });
        let Some((started_at, ended, rested)) = last else {
            return Ok(());
        };
        if self.policy() == RestartPolicy::No || self.recorder.now(Now::looping) {
            return Ok(());
        }
        match (ended, rested) {
            (false, true) => Ok(()),
            (false, false) => self.boot(started_at, true).await,
            (true, _) => match self.started_again(started_at).await? {
                Some(next) => self.boot(next, true).await,
                None => Ok(()),
            },
        }
    }

    /// Waits until everything has come to its rest, and follows the container where it ends by itself meanwhile.
    pub async fn come_to_rest(&self) -> Done {
        loop {
            self.sync().await?;
            self.follow_restarts().await?;
            let ends = self.recorder.now(Now::ends_by_itself);
            self.rest().await?;
            self.sync().await?;
            let ended = self.recorder.now(|now| now.ends_by_itself() > ends && !now.looping());
            if !ended || self.policy() == RestartPolicy::No {
                return Ok(());
            }
        }
    }

    /// The same for all containers of the case.
    pub async fn all_come_to_rest(&self) -> Done {
        for sidecar in self.sidecars.values() {
            sidecar.come_to_rest().await?;
        }
        self.come_to_rest().await
    }

    /// Waits for the end of an incarnation, even if the next one has already begun.
    pub async fn ended(&self, before: Option<Timestamp>, limit: Duration) -> bool {
        let wait = Wait {
            condition: "the container's end".into(),
            limit,
            needs_container: false,
            check: Box::new(move |now: &Now| (!now.running() || now.started_at() != before).then_some(())),
            last: Box::new(|_: &Now| "running".into()),
        };
        self.try_wait(wait).await.is_some()
    }

    /// The start that follows the end of the incarnation of that start; `None` if there is none to wait for.
    async fn started_again(&self, ended: Timestamp) -> Done<Option<Timestamp>> {
        let policy = self.policy();
        if policy == RestartPolicy::No || self.recorder.now(Now::looping) {
            return Ok(None);
        }
        let (exit, by_a_step) = self.recorder.now(|now| {
            let exit = now.incarnations.last().and_then(|i| i.died).and_then(|(_, exit)| exit);
            (exit, now.ended_by_a_step())
        });
        let id = self.subject_id();
        let announced = again(|| self.ctx.engine.inspect(&id))
            .await?
            .is_some_and(|status| status.restarting || status.started_at.is_some_and(|started_at| started_at > ended));
        let limit = match policy {
            _ if announced => EVENT,
            RestartPolicy::OnFailure if exit == Some(0) => return Ok(None),
            _ if by_a_step => return Ok(None),
            _ => UNANNOUNCED,
        };
        let started = Wait {
            condition: "the restart policy's start".into(),
            limit,
            needs_container: false,
            check: Box::new(move |now: &Now| now.started_at().filter(|started_at| *started_at != ended)),
            last: Box::new(|_: &Now| "the container has ended".into()),
        };
        Ok(self.try_wait(started).await)
    }

    /// False if that end of the container comes within that time.
    pub async fn stays_up_for(&self, time: Duration, over: impl Fn(&Now) -> bool + Send) -> bool {
        let ended = Wait {
            condition: format!("the container to stay up for {} s", time.as_secs_f64()),
            limit: time,
            needs_container: false,
            check: Box::new(move |now: &Now| over(now).then_some(())),
            last: Box::new(|_: &Now| String::new()),
        };
        self.phase(&format!("waiting for {}", ended.condition));
        self.recorder.wait(ended).await.is_err()
    }

    /// Lets that time pass, unless the container turns out to end again and again in it.
    pub async fn wait_out(&self, time: Duration) {
        let loops = Wait {
            condition: "a container that ends again and again".into(),
            limit: time,
            needs_container: false,
            check: Box::new(|now: &Now| now.looping().then_some(())),
            last: Box::new(|_: &Now| String::new()),
        };
        // That it runs out is the normal case.
        let _ = self.recorder.wait(loops).await;
    }

    /// True if there is no container to do anything in: it has ended, or ends again and again.
    pub fn is_down(&self) -> bool {
        self.recorder
            .now(|now| !now.incarnations.is_empty() && (!now.running() || now.looping()))
    }

    /// Why a step cannot be done, if it needs a container to be done in and there is none, through no step in flight.
    pub async fn nowhere(&self, op: &Operation) -> Done<Option<String>> {
        let sender = op.info().sender;
        if !sender.needs_container() || self.in_flight() {
            return Ok(None);
        }
        // What the engine answers to an operator's command in a frozen container is an observation.
        if self.is_paused() && sender != Sender::Operator {
            return Ok(Some("the container is frozen".to_owned()));
        }
        if !self.is_down() {
            return Ok(None);
        }
        // It may be between two starts of a restart policy.
        self.follow_restarts().await?;
        Ok(self.is_down().then(|| self.how_it_ended()))
    }

    /// In words, how a container that is down came to that.
    fn how_it_ended(&self) -> String {
        self.recorder.now(|now| {
            let exit = now
                .incarnations
                .iter()
                .rev()
                .find_map(|i| i.died)
                .and_then(|(_, exit)| exit);
            let exit = exit.map_or_else(
                || "its exit code is not known".to_owned(),
                |code| format!("exit {code}"),
            );
            match now.looping() {
                true => format!(
                    "the container ends again and again ({exit}), {} boots so far",
                    now.incarnations.len()
                ),
                false => format!("the container has ended ({exit})"),
            }
        })
    }

    /// Puts on record that the container did not stay up until the first step, and its last words.
    pub async fn note_that_it_is_down(&self) {
        let said = self.last_output().await;
        let last = format!("{}: {said}", self.how_it_ended());
        self.tell_of_wait("the container to stay up".into(), last, None);
    }
}
