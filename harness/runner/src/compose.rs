//! The Compose tool: the command in #42675 is one of its own, and it recreates containers in its own way.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::case::Case;
use super::outcome::StepOutcome;
use super::overlay::Fault;
use super::subject::Names;
use super::{Done, Halt, RunContext, Why};
use comeback_engine::{EngineError, EngineErrorKind, EngineInfo, RUN_LABEL};
use comeback_history::now::Now;
use comeback_image::Image;
use comeback_observe::hub::{CASE_LABEL, ROLE_LABEL};

/// The compose file, the same that people use by hand.
const FILE: &str = include_str!("../../../images/compose.yaml");
/// How long one call of the tool may take.
const LIMIT: Duration = Duration::from_secs(120);

/// How long it may take to say its version.
const VERSION: Duration = Duration::from_secs(20);
/// Where the compose file says which image it is, and what is added there: `docker compose` would pull what is gone.
const IMAGE: &str = "    image: ${COMEBACK_IMAGE";
const NEVER_PULL: &str = "    pull_policy: never\n";

/// The tool, as it is called here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// `docker compose`.
    Plugin,
    /// `docker-compose`.
    Standalone,
}

impl Tool {
    fn command(self) -> Command {
        match self {
            Self::Plugin => {
                let mut command = Command::new("docker");
                command.arg("compose");
                command
            }
            Self::Standalone => Command::new("docker-compose"),
        }
    }

    /// The first of the two that is there, and its version (`2.24.6`).
    async fn find() -> Option<(Self, String)> {
        for tool in [Self::Plugin, Self::Standalone] {
            let version = version(tool.command()).await;
            if let Some(version) = version {
                return Some((tool, version));
            }
        }
        None
    }
}

/// What a tool says of its version; `None` if it is not there or does not answer in time.
async fn version(mut tool: Command) -> Option<String> {
    tool.args(["version", "--short"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(VERSION, tool.output()).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    output
        .status
        .success()
        .then(|| said.trim().trim_start_matches('v').to_owned())
}

/// The Compose tool of this host, as it is called; `None` if there is none.
pub async fn tool() -> Option<&'static str> {
    Some(match Tool::find().await?.0 {
        Tool::Plugin => "docker compose",
        Tool::Standalone => "docker-compose",
    })
}

/// Brings the container up through the tool: first, or with `--force-recreate` again. Returns its id.
///
/// With a fault, the tool is only to create it: it is started once the overlay is in it.
pub async fn up(ctx: &RunContext, names: &Names, image: &Image, fault: Option<&Fault>, recreate: bool) -> Done<String> {
    let Some((tool, version)) = Tool::find().await else {
        let why =
            "neither `docker compose` nor `docker-compose` is on this host; install one of them to play this scenario";
        return Err(Halt::Unsupported(why.into()));
    };
    let folder = tempfile::tempdir().map_err(|e| Halt::Inconclusive(Why::io("compose file", e)))?;
    let file = folder.path().join("compose.yaml");
    let podman = ctx.engine.info().await?.name == EngineInfo::PODMAN;
    let mut text = if podman {
        // As `engine` does it: without them Podman asks for more than a sandbox may let it have.
        FILE.replace(
            "      core: 0\n",
            "      core: 0\n      nofile: 1024\n      nproc: 4096\n",
        )
    } else {
        FILE.to_owned()
    };
    // The first Compose has no such key; what it would pull by an id does not exist.
    if !version.starts_with("1.") {
        text = text.replacen(IMAGE, &format!("{NEVER_PULL}{IMAGE}"), 1);
    }
    if ctx.engine.inspect_image(&image.digest).await?.is_none() {
        let image = image.digest.clone();
        return Err(EngineError::new("compose up", EngineErrorKind::NoImage { image }).into());
    }
    std::fs::write(&file, text).map_err(|e| Halt::Inconclusive(Why::io("compose file", e)))?;
    let mut command = tool.command();
    command
        .arg("-f")
        .arg(&file)
        .args(["-p", &format!("comeback-{}", names.case), "up"])
        .arg(if fault.is_some() { "--no-start" } else { "-d" });
    if recreate {
        command.arg("--force-recreate");
    }
    command
        .env("DOCKER_HOST", &ctx.host)
        .env("COMEBACK_IMAGE", &image.digest)
        .env("COMEBACK_RUN", &ctx.run)
        .env("COMEBACK_CASE", &names.case)
        .env("COMEBACK_VOLUME", &names.volume)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let done = tokio::time::timeout(LIMIT, command.output()).await;
    let output = match done {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(Halt::Inconclusive(Why::io("compose up could not be run", error))),
        Err(_) => {
            return Err(Halt::Inconclusive(
                format!("compose up took longer than {} s", LIMIT.as_secs()).into(),
            ));
        }
    };
    if !output.status.success() {
        return Err(Halt::Inconclusive(
            format!("compose up failed: {}", last_words(&output)).into(),
        ));
    }
    let id = container(ctx, names, fault.is_none()).await?;
    if let Some(fault) = fault {
        fault.put(ctx.engine.as_ref(), &id).await?;
        ctx.engine.start(&id).await?;
    }
    Ok(id)
}

/// The container the tool has for this case, running or only created.
async fn container(ctx: &RunContext, names: &Names, running: bool) -> Done<String> {
    let ours = ctx.engine.list_containers(RUN_LABEL).await?;
    ours.into_iter()
        .find(|c| {
            c.running == running
                && c.labels.get(CASE_LABEL) == Some(&names.case)
                && c.labels.get(ROLE_LABEL).is_some_and(|role| role == "subject")
        })
        .map(|c| c.id)
        .ok_or_else(|| Halt::Inconclusive("compose up succeeded, but the container of this case is not there".into()))
}

fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

impl Case {
    pub async fn compose_recreate(&self) -> Done<StepOutcome> {
        self.keep_output().await;
        let before = self.recorder.now(Now::started_at);
        let id = up(
            &self.ctx,
            &self.names,
            &self.order.images.next,
            self.fault.as_ref(),
            true,
        )
        .await?;
        self.replace_subject(id);
        self.all_free();
        let started_at = self.incarnation_after(before, super::limits::EVENT).await?;
        self.boot(started_at, true).await?;
        Ok(StepOutcome::default())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_place_where_pulling_is_forbidden() {
        assert_eq!(FILE.matches(IMAGE).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tool_that_does_not_answer_is_not_waited_for_forever() {
        let mut hangs = Command::new("sh");
        hangs.args(["-c", "exec sleep 600"]);
        assert_eq!(version(hangs).await, None);
    }
}
