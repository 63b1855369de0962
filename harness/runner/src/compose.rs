//! The Compose tool. #42675 is about its command, which recreates containers in its own way.

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

/// The compose file, the same as for use by hand.
const FILE: &str = include_str!("../../../images/compose.yaml");
/// Why a scenario that needs the tool is unsupported.
const NONE: &str = "neither `docker compose` nor `docker-compose` is installed on this host";
/// Deadline for one call of the tool.
const LIMIT: Duration = Duration::from_secs(120);

/// Deadline for the tool to print its version.
const VERSION: Duration = Duration::from_secs(20);
/// The line of the compose file with the image, and the line that is added before it. Without that, `docker compose`
/// would pull an image that is gone.
const IMAGE: &str = "    image: ${COMEBACK_IMAGE";
const NEVER_PULL: &str = "    pull_policy: never\n";

/// The tool, by the way it is called.
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

    /// The first of the two that is installed, and its version (`2.24.6`).
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

/// The version of a tool; `None` if it is not installed or does not answer in time.
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

/// Why there is no Compose tool; `None` if there is one.
pub async fn lacking() -> Option<String> {
    Tool::find().await.is_none().then(|| NONE.to_owned())
}

/// The Compose command of this host; `None` if none is installed.
pub async fn tool() -> Option<&'static str> {
    Some(match Tool::find().await?.0 {
        Tool::Plugin => "docker compose",
        Tool::Standalone => "docker-compose",
    })
}

/// Brings the container up through the tool, the first time or again with `--force-recreate`. Returns its id.
///
/// With a fault, the tool only creates the container. The caller starts it once the overlay is in it.
pub async fn up(ctx: &RunContext, names: &Names, image: &Image, fault: Option<&Fault>, recreate: bool) -> Done<String> {
    let Some((tool, version)) = Tool::find().await else {
        return Err(Halt::Unsupported(NONE.into()));
    };
    let folder = tempfile::tempdir().map_err(|e| Halt::Inconclusive(Why::io("compose file", e)))?;
    let file = folder.path().join("compose.yaml");
    let podman = ctx.engine.info().await?.name == EngineInfo::PODMAN;
    let mut text = if podman {
        // The same as in `engine`: otherwise Podman sets limits that a sandbox may not allow.
        FILE.replace(
            "      core: 0\n",
            "      core: 0\n      nofile: 1024\n      nproc: 4096\n",
        )
    } else {
        FILE.to_owned()
    };
    // Compose v1 has no such key, but its pull fails anyway, because an image cannot be pulled by an id.
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

/// Id of the tool's container for this case: the running one, or one that was only created.
async fn container(ctx: &RunContext, names: &Names, running: bool) -> Done<String> {
    let ours = ctx.engine.list_containers(RUN_LABEL).await?;
    ours.into_iter()
        .find(|c| {
            c.running == running
                && c.labels.get(CASE_LABEL) == Some(&names.case)
                && c.labels.get(ROLE_LABEL).is_some_and(|role| role == "subject")
        })
        .map(|c| c.id)
        .ok_or_else(|| Halt::Inconclusive("compose up succeeded, but there is no container of this case".into()))
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
        let image = self.next_image(None);
        let id = up(&self.ctx, &self.names, &image, self.fault.as_ref(), true).await?;
        self.replace_subject(id, image);
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
    fn the_compose_file_has_the_line_before_which_pulling_is_forbidden() {
        assert_eq!(FILE.matches(IMAGE).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_version_of_a_tool_that_hangs_is_none() {
        let mut hangs = Command::new("sh");
        hangs.args(["-c", "exec sleep 600"]);
        assert_eq!(version(hangs).await, None);
    }
}
