//! What an operator does: hermes commands, run inside the container.

use super::Done;
use super::case::Case;
use super::outcome::StepOutcome;
use comeback_engine::{ExecOutput, ExecSpec};
use comeback_gateway::command;
use comeback_history::now::{Now, Process};
use comeback_scenario::model::{DEFAULT_PROFILE, ProfileSel, Step, User};

/// What an operator's command does to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Start,
    Stop,
    Restart,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// The user's name in the image.
fn name_of(user: User) -> &'static str {
    match user {
        User::Hermes => command::USER,
        User::Root => "root",
    }
}

impl Case {
    /// Runs `hermes [-p PROFILE] ARGS…`.
    pub async fn hermes(&self, profile: &str, args: &[&str], user: User) -> Done<ExecOutput> {
        let spec = ExecSpec {
            argv: command::argv(profile, args),
            user: Some(name_of(user).to_owned()),
            ..ExecSpec::default()
        };
        match self.ctx.engine.exec(&self.subject_id(), &spec).await {
            Ok(end) => Ok(end),
            Err(error) => {
                // An operator would be told the same: what comes of a command in a container that has ended is evidence.
                self.sync().await?;
                match self.is_down() && !self.in_flight() {
                    true => Ok(ExecOutput {
                        exit: None,
                        output: error.to_string(),
                    }),
                    false => Err(error.into()),
                }
            }
        }
    }

    /// `hermes gateway start|stop|restart`, of one profile, each in turn, or with `--all`.
    pub async fn operate(&self, verb: Verb, all: bool, step: &Step) -> Done<StepOutcome> {
        let profiles = match &step.profile {
            ProfileSel::One(name) => vec![name.clone()],
            ProfileSel::All => self.profiles(),
        };
        let mut outcome = StepOutcome::default();
        let before: Vec<(String, Option<Process>)> = {
            let affected = if all { self.profiles() } else { profiles.clone() };
            let process = |name: &String| self.recorder.now(|now: &Now| now.profile(name).supervised());
            affected
                .into_iter()
                .map(|name| (name.clone(), process(&name)))
                .collect()
        };
        for profile in &profiles {
            let args = command::gateway(verb.word(), all);
            self.phase(&format!("hermes {} ({profile})", args.join(" ")));
            let end = self.hermes(profile, &args, step.user).await?;
            outcome.exit = end.exit.or(outcome.exit);
            outcome.output.push_str(&end.output);
            if end.exit.is_none() {
                outcome.note = Some("the container ended under the command".into());
            }
        }
        if step.wait && verb != Verb::Start && outcome.exit == Some(0) {
            for (profile, process) in before {
                // A stop leaves nothing to wait for where nothing ran, and a frozen process does not end.
                if let Some(process) = process
                    && !self.held().contains(&profile)
                    && !self.process_gone(&profile, process).await
                {
                    outcome.note = Some(format!("{profile}'s gateway, pid {}, is still there", process.pid));
                }
            }
        }
        Ok(outcome)
    }

    /// `hermes profile create|delete`.
    pub async fn manage_profile(&self, create: bool, step: &Step) -> Done<StepOutcome> {
        let ProfileSel::One(name) = &step.profile else {
            return Ok(StepOutcome::default());
        };
        let args = if create {
            command::create_profile(name).to_vec()
        } else {
            command::delete_profile(name).to_vec()
        };
        let end = self.hermes(DEFAULT_PROFILE, &args, step.user).await?;
        if end.exit == Some(0) {
            self.set_profile(name, create);
        }
        Ok(StepOutcome {
            exit: end.exit,
            output: end.output,
            ..StepOutcome::default()
        })
    }
}
