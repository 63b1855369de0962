//! The start phase: the first boot and the start of the gateways.

use super::case::Case;
use super::waits::service_in_words;
use super::{Done, Halt};
use comeback_gateway::command;
use comeback_gateway::state::RUNNING;
use comeback_history::facts::{Fact, Source};
use comeback_history::now::Now;
use comeback_history::pace::Phase;
use comeback_observe::recorder::Wait;
use comeback_scenario::model::{Moment, StartBy, StartWait, User};

impl Case {
    /// Runs the start phase, from the first boot to the moment `start`.
    pub async fn start(&self) -> Done {
        let start = &self.order.scenario.start;
        let first = self
            .incarnation_after(None, self.limit())
            .await
            .map_err(Halt::before_the_first_step)?;
        // If the scenario is about the start-up of a gateway that the boot starts, it must not come to rest here.
        let rest = start.wait == StartWait::Running || start.by == StartBy::Operator || start.by == StartBy::None;
        self.boot(first, rest).await?;
        self.follow_restarts().await?;
        self.overlay_in_force_so_far().await?;
        if self.is_down() {
            // The engine has done its part. That the container does not stay up is an observation.
            self.note_that_it_is_down().await;
            self.note_bad_start();
            self.sync().await?;
            return self.moment(Moment::Start).await;
        }
        let mut started = Vec::new();
        for profile in &self.order.scenario.profiles {
            if profile.start == StartBy::Operator {
                self.operator_start(&profile.name).await?;
            }
            if profile.start != StartBy::None {
                started.push(profile.name.clone());
            }
        }
        for profile in &started {
            match start.wait {
                StartWait::Running => self.running(profile).await?,
                StartWait::Process => {
                    if self.process(profile).await?.is_none() {
                        self.note_bad_start();
                    }
                }
                StartWait::None => {}
            }
        }
        if start.wait != StartWait::Process {
            self.sync().await?;
        }
        self.follow_restarts().await?;
        self.overlay_in_force_so_far().await?;
        self.moment(Moment::Start).await
    }

    async fn operator_start(&self, profile: &str) -> Done {
        self.phase(&format!("hermes gateway start ({profile})"));
        let end = self
            .hermes(profile, &command::gateway("start", false), User::Hermes)
            .await?;
        if end.exit != Some(0) {
            let condition = format!("hermes gateway start of {profile} to succeed");
            let last = format!("{}: {}", end.ended(), end.output.trim());
            let reached = None;
            let fact = Fact::WaitEnded {
                condition,
                last,
                reached,
            };
            self.recorder.push(Source::Harness, None, fact);
        }
        Ok(())
    }

    /// Waits for a gateway's own `running`.
    async fn running(&self, profile: &str) -> Done {
        let (name, shown) = (profile.to_owned(), profile.to_owned());
        let wait = Wait {
            condition: format!("{profile}'s own running"),
            limit: self.deadline(Phase::Running),
            needs_container: true,
            check: Box::new(move |now: &Now| (now.profile(&name).own_word() == Some(RUNNING)).then_some(())),
            last: Box::new(move |now: &Now| {
                let p = now.profile(&shown);
                format!(
                    "its own word is {}, service {}",
                    p.own_word().unwrap_or("none"),
                    service_in_words(&p)
                )
            }),
        };
        if self.wait_for(Phase::Running, wait).await?.is_none() {
            self.note_bad_start();
        }
        self.measure();
        Ok(())
    }
}
