//! Removing what a run left: at its end, or behind it, in a process that outlives it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::runner;

/// How long a run that was cut short looks for what calls still under way may create.
const QUIET: Duration = Duration::from_millis(700);
/// How often such a run looks again at what cannot be removed yet: about half a minute.
const LOOKS: u32 = 40;
/// What the process behind says when it no longer belongs to the terminal.
const READY: &str = "ready";

/// Removes what attempts did not remove themselves; tells what should not have been there, or still is.
pub async fn clean_up(engine: &Arc<dyn Engine>, run: &str, cut: bool) -> Option<String> {
    let (mut found, mut looks) = (Vec::new(), LOOKS);
    loop {
        let swept = match runner::remove_run(engine, run).await {
            Ok(swept) => swept,
            Err(error) => return Some(format!("what this run left behind could not be removed: {error}")),
        };
        if !swept.stuck.is_empty() {
            looks -= 1;
            if !cut || looks == 0 {
                return Some(format!("could not be removed: {}", swept.stuck.join("; ")));
            }
            // A removal that was asked for and then not waited for keeps what it removes, and its volume, for a while.
            tokio::time::sleep(QUIET).await;
            continue;
        }
        let nothing = swept.containers.is_empty() && swept.volumes.is_empty();
        found.extend(swept.containers.into_iter().chain(swept.volumes));
        if !cut || nothing {
            break;
        }
        // The engine may still be carrying out what was asked of it when the run was cut short.
        tokio::time::sleep(QUIET).await;
    }
    // What an attempt created it removes itself; only a run that was cut short has an excuse.
    let leaked = !cut && !found.is_empty();
    leaked.then(|| {
        format!(
            "{} things were left behind and had to be swept: {}",
            found.len(),
            found.join(" ")
        )
    })
}

/// Leaves the removing to another process, and returns once that no longer depends on this one or its terminal. Says what
/// was done.
pub fn leave(engine: &Arc<dyn Engine>, run: &str, host: &str) -> String {
    // Dropping it would remove containers one after the other, and wait for each.
    std::mem::forget(engine.clone());
    match start(run, host) {
        Ok(process) => format!("what the run created is being removed behind, by process {process}"),
        Err(why) => format!("nothing is being removed behind ({why}): comeback sweep --run {run}"),
    }
}

fn start(run: &str, host: &str) -> std::io::Result<u32> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["sweep", "--behind", "--run", run, "--host", host])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut said)?;
    }
    if said.trim_end() == READY {
        Ok(child.id())
    } else {
        Err(std::io::Error::other("it ended at once"))
    }
}

/// The other process: takes itself out of the terminal's reach, and says so.
pub fn detach() {
    // It fails only for a process that leads its group already, which no terminal's Ctrl-C reaches through ours.
    let _ = rustix::process::setsid();
    // Whoever started it may be gone by now; what is left is to be removed all the same.
    let _ = writeln!(std::io::stdout(), "{READY}");
}
