//! The named conditions a case waits for, each with its deadline and its last value.

use std::time::Duration;

use jiff::Timestamp;

use super::case::Case;
use super::limits::ANSWER;
use super::picture::SLOW;
use super::rest::{Rest, rest_of};
use super::{Done, Halt, volume};
use comeback_engine::again;
use comeback_gateway::supervisor::PROCESS as SUPERVISOR;
use comeback_history::facts::{Fact, Source};
use comeback_history::now::{Now, Process, ProfileNow};
use comeback_history::pace::{Phase, Reached};
use comeback_observe::link::LinkError;
use comeback_observe::recorder::{Wait, WaitError};
use comeback_scenario::model::Moment;

/// Gateways that are under way to somewhere, and how.
fn moving(now: &Now, held: &[String]) -> Vec<String> {
    let profiles = now.profiles.iter().filter(|(name, _)| !held.contains(name));
    profiles
        .filter_map(|(name, p)| match rest_of(now, name, p) {
            Rest::Resting => None,
            Rest::Moving(how) => Some(format!("{name} {how}")),
        })
        .collect()
}

impl Case {
    /// Waits, and where that runs out puts it on record. `None` if it ran out.
    pub async fn try_wait<T>(&self, wait: Wait<'_, T>) -> Option<T> {
        self.phase(&format!("waiting for {}", wait.condition));
        match self.recorder.wait(wait).await {
            Ok(value) => Some(value),
            Err(WaitError::Deadline { condition, last, limit }) => {
                let reached = Reached {
                    seconds: limit.as_secs_f64(),
                    phase: None,
                    took: None,
                };
                self.tell_of_wait(condition, last, Some(reached));
                None
            }
            Err(WaitError::Exited { condition, last }) => {
                self.tell_of_wait(condition, last, None);
                None
            }
        }
    }

    /// Puts a wait in vain on record.
    pub fn tell_of_wait(&self, condition: String, last: String, reached: Option<Reached>) {
        let fact = Fact::WaitEnded {
            condition,
            last,
            reached,
        };
        self.recorder.push(Source::Harness, Some(Timestamp::now()), fact);
    }

    /// Waits for a new incarnation after `before`. Without it nothing is known of what the engine did.
    pub async fn incarnation_after(&self, before: Option<Timestamp>, limit: Duration) -> Done<Timestamp> {
        let wait = Wait {
            condition: "the engine's start event".into(),
            limit,
            needs_container: false,
            check: Box::new(move |now: &Now| now.started_at().filter(|at| Some(*at) != before)),
            last: Box::new(|now: &Now| at_in_words(now.started_at())),
        };
        self.phase(&format!("waiting for {}", wait.condition));
        self.recorder.wait(wait).await.map_err(|e| Halt::Inconclusive(e.into()))
    }

    /// Waits until the container has ended. False if it has not.
    pub async fn container_gone(&self, limit: Duration) -> bool {
        let gone = Wait {
            condition: "the container's end".into(),
            limit,
            needs_container: false,
            check: Box::new(|now: &Now| (!now.running()).then_some(())),
            last: Box::new(|_: &Now| "running".into()),
        };
        self.try_wait(gone).await.is_some()
    }

    /// Follows one boot to its rest: the reconciler's line, the agent, every gateway at rest; after an end of the container's
    /// own, also that it stays up for the settling window. Sets the mark `boot:N`. False if the container ended before that.
    pub async fn follow_boot(&self, started_at: Timestamp, rest: bool) -> Done<bool> {
        // A restart policy may have begun the next one already.
        let position = move |now: &Now| now.incarnations.iter().position(|i| i.started_at == started_at);
        let number = self.recorder.now(position).map_or(1, |index| index + 1);
        let over = move |now: &Now| now.incarnations.get(number - 1).is_none_or(|i| i.died.is_some());
        let line = Wait {
            condition: format!("the reconciler's line of boot {number}"),
            limit: self.deadline(Phase::BootLine),
            needs_container: true,
            check: Box::new(move |now: &Now| {
                let there = !now.lines_of_boot(number).is_empty();
                (there || over(now)).then_some(there)
            }),
            last: Box::new(|now: &Now| format!("{} lines of earlier boots", now.boot_lines.len())),
        };
        // Whoever watches the container first: that nothing comes is only seen by somebody who is there.
        let watched = Wait {
            condition: "the agent's word on this boot".into(),
            limit: self.deadline(Phase::Agent),
            needs_container: true,
            check: Box::new(move |now: &Now| (over(now) || now.agent == Some(started_at)).then_some(())),
            last: Box::new(|now: &Now| at_in_words(now.agent)),
        };
        let patience = watched.limit;
        let watched = self.try_wait(watched).await.is_some();
        if self.recorder.now(over) {
            return Ok(false);
        }
        if !watched || self.monitor.agent_within(ANSWER).await.is_none() && !self.recorder.now(over) {
            if !watched {
                self.note_missing(Phase::Agent, patience);
            }
            return Err(Halt::Inconclusive(
                format!(
                    "no process could be put into the container to watch its supervisor within {} s of boot {number}",
                    patience.as_secs()
                )
                .into(),
            ));
        }
        let lined = self.wait_for(Phase::BootLine, line).await?.unwrap_or(false);
        self.measure();
        if self.recorder.now(over) {
            return Ok(false);
        }
        self.sync().await?;
        if !lined {
            self.tell_of_silent_boot(number).await;
        }
        self.look_up_operator().await?;
        if rest {
            self.rest().await?;
        }
        let fell = self.recorder.now(Now::ends_by_itself) > 0;
        if fell && !self.stays_up_for(self.order.scenario.watch, over).await || self.recorder.now(over) {
            return Ok(false);
        }
        self.moment(Moment::Boot(number)).await?;
        Ok(true)
    }

    /// Puts on record which uid the operator's user has in this container, where a row is about an owner. A boot may change it.
    async fn look_up_operator(&self) -> Done {
        if self.order.scenario.paths().is_empty() {
            return Ok(());
        }
        let uid = volume::uid_of_hermes(self.ctx.engine.as_ref(), &self.subject_id()).await?;
        let uid = u32::try_from(uid).unwrap_or(u32::MAX);
        self.recorder.push(Source::Engine, None, Fact::Operator { uid });
        Ok(())
    }

    /// True while the processes of the container are frozen.
    pub fn is_paused(&self) -> bool {
        self.recorder.now(|now| now.paused)
    }

    /// Puts on record why a boot may have brought no line of the reconciler: nothing supervises the container, or what it said
    /// last.
    async fn tell_of_silent_boot(&self, number: usize) {
        let tell = |condition: String, last: String| self.tell_of_wait(condition, last, None);
        if let Some(init) = self
            .recorder
            .now(|now| now.init.clone())
            .filter(|init| init != SUPERVISOR)
        {
            tell(
                format!("a supervisor ({SUPERVISOR}) as the first process of boot {number}"),
                format!("it is `{init}`: nothing in this container brings a gateway back"),
            );
        }
        let said = self.words_of_reconciler().await;
        tell(
            format!("a word of the reconciler in the container's output of boot {number}"),
            said,
        );
    }

    /// Everything that is true now is in the history when this returns.
    pub async fn sync(&self) -> Done {
        if !self.ctx.hub.hears(ANSWER).await {
            return Err(Halt::Inconclusive("the engine's events cannot be heard".into()));
        }
        let incarnation = self.recorder.now(Now::started_at);
        let observer = self.observer.sync();
        let agent = async {
            // A frozen process says nothing, and does nothing that could be missed.
            match self.monitor.agent().filter(|_| !self.is_paused()) {
                Some(agent) => match agent.sync(ANSWER).await {
                    Ok(()) => Ok(()),
                    // It ends with the container, a little before the engine says so.
                    Err(LinkError::Closed(_)) if self.ended(incarnation, ANSWER).await => Ok(()),
                    Err(_) if !self.still_runs().await => Ok(()),
                    Err(error) => Err(error),
                },
                None => Ok(()),
            }
        };
        let (observer, agent) = tokio::join!(observer, agent);
        observer.and(agent).map_err(|e| Halt::Inconclusive(e.into()))
    }

    /// Whether the container runs, by the engine's word if its events are late.
    async fn still_runs(&self) -> bool {
        if !self.recorder.now(Now::running) {
            return false;
        }
        let id = self.subject_id();
        match again(|| self.ctx.engine.inspect(&id)).await {
            Ok(Some(status)) => status.running && self.recorder.now(|now| now.started_at() == status.started_at),
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Waits until every gateway is at rest: up with its own `running`, or down and wanted down. One that never comes to
    /// rest is put on record; judging that is not done here.
    pub async fn rest(&self) -> Done {
        if !self.recorder.now(Now::running) || self.is_paused() {
            return Ok(());
        }
        let limit = if self.started_well() {
            self.limit()
        } else {
            Duration::from_secs(5)
        };
        let held = self.held();
        let also_held = held.clone();
        let wait = Wait {
            condition: "every gateway at rest".into(),
            limit,
            needs_container: true,
            check: Box::new(move |now: &Now| moving(now, &held).is_empty().then_some(())),
            last: Box::new(move |now: &Now| moving(now, &also_held).join(", ")),
        };
        self.wait_while_under_way(wait).await?;
        Ok(())
    }

    /// Waits for the end of a profile's process. False if it is still there.
    pub async fn process_gone(&self, profile: &str, process: Process) -> bool {
        // From here on it counts how long nothing changes.
        self.unchanged_since(&self.picture());
        let (name, shown) = (profile.to_owned(), profile.to_owned());
        let wait = Wait {
            condition: format!("the end of {profile}'s gateway, pid {}", process.pid),
            limit: (SLOW * self.ctx.slots.slack()).min(self.limit()),
            needs_container: false,
            check: Box::new(move |now: &Now| {
                let ended = !now.running()
                    || now
                        .profile(&name)
                        .lives
                        .iter()
                        .any(|l| l.process == process && l.ended.is_some());
                ended.then_some(())
            }),
            last: Box::new(move |now: &Now| service_in_words(&now.profile(&shown))),
        };
        self.try_wait(wait).await.is_some()
    }

    /// Waits until a profile's gateway process exists. `None` if none came.
    pub async fn process(&self, profile: &str) -> Done<Option<Process>> {
        let (name, shown) = (profile.to_owned(), profile.to_owned());
        let wait = Wait {
            condition: format!("a gateway process of {profile}"),
            limit: self.limit(),
            needs_container: true,
            check: Box::new(move |now: &Now| now.profile(&name).supervised()),
            last: Box::new(move |now: &Now| service_in_words(&now.profile(&shown))),
        };
        self.wait_while_under_way(wait).await
    }
}

/// The incarnation that began then, for the report.
fn at_in_words(began: Option<Timestamp>) -> String {
    began.map_or_else(|| "none so far".to_owned(), |at| format!("that of {at}"))
}

/// What the supervisor said last of a profile's service, for the report.
pub fn service_in_words(profile: &ProfileNow) -> String {
    profile
        .service
        .as_ref()
        .map_or_else(|| "not known".to_owned(), |(status, _)| status.to_string())
}
