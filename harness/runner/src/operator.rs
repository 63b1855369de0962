//! What an operator does: hermes commands, run inside the container.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::case::{AbortOnDrop, Case};
use super::limits::EVENT;
use super::outcome::StepOutcome;
use super::{Done, Halt};
use comeback_engine::{ExecOutput, ExecSpec};
use comeback_gateway::command;
use comeback_history::now::{Now, Process};
use comeback_observe::recorder::Wait;
use comeback_scenario::model::{DEFAULT_PROFILE, ProfileSel, Step, User};

/// The exit code that an engine gives a command that could not be started.
const NOT_STARTED: i64 = 126;
/// How long a command that is left running is listened to. No case takes that long.
const LEFT_RUNNING: Duration = Duration::from_secs(3600);
/// How often it is looked at whether a command that is left running has come to something.
const LOOK: Duration = Duration::from_millis(200);

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

/// `hermes [-p PROFILE] ARGS…` as that user.
fn exec_of(profile: &str, args: &[&str], user: User) -> ExecSpec {
    ExecSpec {
        argv: command::argv(profile, args),
        user: Some(name_of(user).to_owned()),
        ..ExecSpec::default()
    }
}

impl Case {
    /// Runs `hermes [-p PROFILE] ARGS…`.
    pub async fn hermes(&self, profile: &str, args: &[&str], user: User) -> Done<ExecOutput> {
        let spec = exec_of(profile, args, user);
        let within = self.recorder.now(Now::started_at);
        match self.ctx.engine.exec(&self.subject_id(), &spec).await {
            // Of a command that could not be started the engine has no event.
            Ok(end) if end.exit == Some(NOT_STARTED) && self.has_ended(within).await => {
                Ok(ExecOutput { exit: None, ..end })
            }
            Ok(end) => {
                self.proven_ended(args, &end).await?;
                Ok(end)
            }
            Err(error) => {
                // An operator would be told the same: what comes of a command in a container that has ended is evidence.
                self.sync().await?;
                match self.is_paused() || self.is_down() && !self.in_flight() {
                    true => Ok(ExecOutput {
                        id: String::new(),
                        exit: None,
                        output: error.to_string(),
                    }),
                    false => Err(error.into()),
                }
            }
        }
    }

    /// Waits until the engine has told that the incarnation that began at that time has ended. False if it goes on.
    async fn has_ended(&self, incarnation: Option<Timestamp>) -> bool {
        let ended = Wait {
            condition: "the end of the container under the command".into(),
            limit: EVENT,
            needs_container: false,
            check: Box::new(move |now: &Now| {
                let mut all = now.incarnations.iter();
                all.any(|i| Some(i.started_at) == incarnation && i.died.is_some())
                    .then_some(())
            }),
            last: Box::new(|_: &Now| "it runs".into()),
        };
        self.recorder.wait(ended).await.is_ok()
    }

    /// The engine's event proves that a command was run to its end. Where the container has ended, there need not be one.
    async fn proven_ended(&self, args: &[&str], end: &ExecOutput) -> Done {
        let untold = end.exit.is_none() || !self.ctx.tells_of_execs;
        if untold || self.monitor.exec_ended(&end.id, EVENT).await || self.is_down() {
            return Ok(());
        }
        let (command, exit) = (args.join(" "), end.exit.unwrap_or_default());
        Err(Halt::Inconclusive(
            format!("hermes {command}: the engine answered (exit {exit}), but no event of the command's end followed")
                .into(),
        ))
    }

    /// `hermes gateway start|stop|restart`, of one profile, each in turn, or with `--all`.
    pub async fn operate(&self, verb: Verb, all: bool, force: bool, step: &Step) -> Done<StepOutcome> {
        let profiles = match &step.profile {
            ProfileSel::One(name) => vec![name.clone()],
            ProfileSel::All => self.profiles(),
        };
        let mut outcome = StepOutcome::default();
        let before: Vec<(String, Option<Process>)> = {
            let affected = if all {
                self.profiles()
            } else {
                profiles.iter().map(|name| self.meant_by(name)).collect()
            };
            let process = |name: &String| self.recorder.now(|now: &Now| now.profile(name).supervised());
            affected
                .into_iter()
                .map(|name| (name.clone(), process(&name)))
                .collect()
        };
        for profile in &profiles {
            let mut args = command::gateway(verb.word(), all);
            if force {
                args.push(command::FORCE);
            }
            self.phase(&format!("hermes {} ({profile})", args.join(" ")));
            let end = self.hermes(profile, &args, step.user).await?;
            outcome.exit = end.exit.or(outcome.exit);
            outcome.output.push_str(&end.output);
            if end.exit.is_none() {
                outcome.came_true = end.id.is_empty().then_some(false);
                outcome.note = Some(match self.is_paused() {
                    true => "the container is frozen".into(),
                    false => "the container ended under the command".into(),
                });
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

    /// The profile that a command is about which names `profile`: without a name, it is the one in use.
    fn meant_by(&self, profile: &str) -> String {
        match self.shared().in_use.clone() {
            Some(in_use) if profile == DEFAULT_PROFILE => in_use,
            _ => profile.to_owned(),
        }
    }

    /// `hermes gateway status`.
    pub async fn ask_status(&self, step: &Step) -> Done<StepOutcome> {
        let mut outcome = StepOutcome::default();
        for profile in self.addressed(step) {
            let end = self.hermes(&profile, &command::STATUS, step.user).await?;
            outcome.exit = end.exit.or(outcome.exit);
            outcome.output.push_str(&end.output);
        }
        Ok(outcome)
    }

    /// `hermes profile use`.
    pub async fn use_profile(&self, step: &Step) -> Done<StepOutcome> {
        let ProfileSel::One(name) = &step.profile else {
            return Ok(StepOutcome::default());
        };
        let end = self
            .hermes(DEFAULT_PROFILE, &command::use_profile(name), step.user)
            .await?;
        if end.exit == Some(0) {
            self.shared().in_use = Some(name.clone());
        }
        Ok(end.into())
    }

    /// `hermes gateway run`, which is left running, of one profile or of each in turn.
    pub async fn run_gateway(&self, no_supervise: bool, step: &Step) -> Done<StepOutcome> {
        let mut args = command::RUN.to_vec();
        if no_supervise {
            args.push(command::NO_SUPERVISE);
        }
        self.sync().await?;
        let mut outcome = StepOutcome::default();
        for profile in self.addressed(step) {
            self.phase(&format!("hermes {} ({profile})", args.join(" ")));
            if let Some(end) = self.leave_running(&profile, &args, step.user).await? {
                outcome.exit = end.exit;
                outcome.output.push_str(&end.output);
            }
        }
        Ok(outcome)
    }

    /// Runs a command that becomes a gateway, until it has ended, or until there has been one gateway process more, nothing in
    /// the container makes progress any longer, and a command put into it from outside is still there. Then it is left
    /// running: `None`.
    async fn leave_running(&self, profile: &str, args: &[&str], user: User) -> Done<Option<ExecOutput>> {
        let meant = self.meant_by(profile);
        let count = |now: &Now| {
            let counts = now.gateways.as_ref().map(|(counts, _)| counts);
            counts
                .and_then(|counts| counts.get(&meant))
                .copied()
                .unwrap_or_default()
        };
        let before = self.recorder.now(count);
        // Those of earlier steps, as far as they still run.
        let others = self
            .shared()
            .left_running
            .iter()
            .filter(|command| command.runs())
            .count();
        let spec = ExecSpec {
            limit: Some(LEFT_RUNNING),
            ..exec_of(profile, args, user)
        };
        let (engine, id) = (self.ctx.engine.clone(), self.subject_id());
        let mut command = tokio::spawn(async move { engine.exec(&id, &spec).await });
        let until = Instant::now() + self.limit();
        let mut ran = false;
        loop {
            if let Ok(ended) = tokio::time::timeout(LOOK, &mut command).await {
                let ended = ended.map_err(|e| Halt::Inconclusive(format!("operator-run: {e}").into()))?;
                let end = ended?;
                self.proven_ended(args, &end).await?;
                return Ok(Some(end));
            }
            self.sync().await?;
            // Where the supervisor takes over, the command only waits from then on, and is no gateway any more.
            ran |= self.recorder.now(count) > before;
            if ran && self.idles().await? && self.has_execs(others + 1).await? {
                self.shared().left_running.push(AbortOnDrop(command.abort_handle()));
                return Ok(None);
            }
            if self.is_down() || Instant::now() > until {
                command.abort();
                return Err(Halt::Inconclusive(
                    "operator-run: the command has not ended, and no gateway process came of it".into(),
                ));
            }
        }
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
        Ok(end.into())
    }
}
