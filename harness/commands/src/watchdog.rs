//! Removes what a run left: at its end, or in its watchdog, a process that outlives it.
//!
//! A run starts its watchdog before it creates anything, because a killed process can start nothing. The watchdog reads a pipe
//! from the run. A run that comes to its end writes to the pipe, and the watchdog exits. If the pipe closes without that, the
//! run was killed, and the watchdog cleans up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use comeback_engine::Engine;

/// How long the cleanup of a run that was cut short waits before it looks again for what pending calls may have created.
const QUIET: Duration = Duration::from_millis(700);
/// How often it retries a removal: about half a minute in all.
const LOOKS: u32 = 40;
/// What the watchdog prints when it is detached from the terminal.
const READY: &str = "ready";
/// The program to start as a watchdog. It is not set if another program embeds this crate.
pub static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// What a run writes to the pipe when it does not need its watchdog any more.
const DONE: &[u8] = b"done";

/// Removes what attempts did not remove themselves, except for the kept cases. Returns a message about what should not have
/// been left, or still is.
pub async fn clean_up(engine: &Arc<dyn Engine>, run: &str, kept: &[String], cut: bool) -> Option<String> {
    let (mut found, mut looks, mut quiet) = (Vec::new(), LOOKS, 0);
    loop {
        let swept = match comeback_runner::remove_run(engine, run, kept).await {
            Ok(swept) => swept,
            Err(error) => return Some(format!("what this run left could not be removed: {error}")),
        };
        if !swept.stuck.is_empty() {
            looks -= 1;
            if !cut || looks == 0 {
                return Some(format!("could not be removed: {}", swept.stuck.join("; ")));
            }
            // A removal that an interrupted call has started may take a while, and blocks the volume until then.
            tokio::time::sleep(QUIET).await;
            continue;
        }
        let nothing = swept.containers.is_empty() && swept.volumes.is_empty();
        found.extend(swept.containers.into_iter().chain(swept.volumes));
        quiet = if nothing { quiet + 1 } else { 0 };
        if !cut || quiet == 2 {
            break;
        }
        // The engine may still carry out calls from before the run was cut short.
        tokio::time::sleep(QUIET).await;
    }
    // An attempt removes what it created. Only a run that was cut short may leave something.
    let leaked = !cut && !found.is_empty();
    leaked.then(|| {
        format!(
            "cases left {} containers or volumes, which the run removed at its end: {}",
            found.len(),
            found.join(" ")
        )
    })
}

/// The watchdog of a run. Dropping it ends the process, unless this thread panics.
pub struct Watchdog {
    process: Child,
    line: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts it, and returns once it depends neither on this process nor on its terminal.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends at once.
    pub fn start(run: &str, host: &str) -> std::io::Result<Self> {
        let mut process = Command::new(
            PROGRAM
                .get()
                .ok_or_else(|| std::io::Error::other("this program cannot start one"))?,
        )
        .args(["sweep", "--watchdog", "--run", run])
        // Not as an argument: an address may hold a password, and every user can read arguments.
        .env("COMEBACK_HOST", host)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
        let line = process.stdin.take();
        let mut said = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        if said.trim_end() == READY {
            Ok(Self { process, line })
        } else {
            process.wait()?;
            Err(std::io::Error::other("it ended at once"))
        }
    }

    /// Lets it clean up once this process is gone. Returns its process id.
    fn leave(&mut self) -> u32 {
        // The pipe stays open for as long as this process lives.
        std::mem::forget(self.line.take());
        self.process.id()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // After a panic it is needed, because nobody has cleaned up.
        if let Some(mut line) = self.line.take()
            && !std::thread::panicking()
        {
            // A watchdog that is gone already is fine.
            let _ = line.write_all(DONE);
            drop(line);
            let _ = self.process.wait();
        }
    }
}

/// Leaves the cleanup to the watchdog. Returns a message that says so.
pub fn leave(engine: &Arc<dyn Engine>, run: &str, watcher: Option<&mut Watchdog>) -> String {
    // Dropping the engine would remove containers one after the other, and wait for each.
    std::mem::forget(engine.clone());
    match watcher {
        Some(watcher) => {
            let process = watcher.leave();
            format!("the watchdog (process {process}) removes what the run created")
        }
        None => format!("there is no watchdog to clean up: comeback sweep --run {run}"),
    }
}

/// The watchdog's side: detaches from the terminal, prints that it is ready, and waits until the run's process is gone.
/// True if it has to clean up then.
pub fn outlive() -> bool {
    // It fails only for the leader of a process group, which gets no Ctrl-C of the run's terminal anyway.
    let _ = rustix::process::setsid();
    // The folder it was started in can then be removed or unmounted.
    let _ = std::env::set_current_dir("/");
    // If this fails, the run is gone already, and the watchdog has to clean up all the same.
    let _ = writeln!(std::io::stdout(), "{READY}");
    let mut message = Vec::new();
    // If the pipe cannot be read, the run is gone too.
    let _ = std::io::stdin().read_to_end(&mut message);
    message != DONE
}
