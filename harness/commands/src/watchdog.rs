//! Removing what a run left: at its end, or behind it, in a process that outlives it.
//!
//! That process is there from before anything is created: a harness that is killed cannot start it any more. It waits at the
//! other end of a pipe. A harness that comes to its end says so and it goes; one that is gone without a word was killed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use comeback_engine::Engine;

/// How long a run that was cut short looks for what calls still under way may create.
const QUIET: Duration = Duration::from_millis(700);
/// How often such a run looks again at what cannot be removed yet: about half a minute.
const LOOKS: u32 = 40;
/// What the process behind says when it no longer belongs to the terminal.
const READY: &str = "ready";
/// The program that can be one. A caller that is another program has none.
pub static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// What it is told when it is not needed.
const DONE: &[u8] = b"done";

/// Removes what attempts did not remove themselves, except what is kept of these cases; tells what should not have been
/// there, or still is.
pub async fn clean_up(engine: &Arc<dyn Engine>, run: &str, kept: &[String], cut: bool) -> Option<String> {
    let (mut found, mut looks, mut quiet) = (Vec::new(), LOOKS, 0);
    loop {
        let swept = match comeback_runner::remove_run(engine, run, kept).await {
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
        quiet = if nothing { quiet + 1 } else { 0 };
        if !cut || quiet == 2 {
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

/// The process behind a run. Dropping it sends it away.
pub struct Watchdog {
    process: Child,
    line: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts it, and returns once it depends neither on this process nor on its terminal.
    ///
    /// # Errors
    /// If it cannot be started, or ends at once.
    pub fn start(run: &str, host: &str) -> std::io::Result<Self> {
        let mut process = Command::new(
            PROGRAM
                .get()
                .ok_or_else(|| std::io::Error::other("this program is none"))?,
        )
        .args(["sweep", "--watchdog", "--run", run])
        // An address may hold a password, and everybody can read arguments.
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

    /// Leaves the removing to it: it begins once this process is gone. Returns its id.
    fn leave(&mut self) -> u32 {
        // The pipe stays open for as long as this process lives.
        std::mem::forget(self.line.take());
        self.process.id()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // After a panic nobody knows what is there: then it is needed.
        if let Some(mut line) = self.line.take()
            && !std::thread::panicking()
        {
            // One that is gone need not be told.
            let _ = line.write_all(DONE);
            drop(line);
            let _ = self.process.wait();
        }
    }
}

/// Leaves the removing to the process behind. Says what was done.
pub fn leave(engine: &Arc<dyn Engine>, run: &str, watcher: Option<&mut Watchdog>) -> String {
    // Dropping it would remove containers one after the other, and wait for each.
    std::mem::forget(engine.clone());
    match watcher {
        Some(watcher) => {
            let process = watcher.leave();
            format!("what the run created is being removed behind, by process {process}")
        }
        None => format!("nothing is being removed behind: comeback sweep --run {run}"),
    }
}

/// The other process: takes itself out of the terminal's reach, says so, and waits for the end of the one that started it.
/// True if there is something to be removed then.
pub fn outlive() -> bool {
    // It fails only for a process that leads its group already, which no terminal's Ctrl-C reaches through ours.
    let _ = rustix::process::setsid();
    // Nor does it keep anybody from removing the folder it was started in.
    let _ = std::env::set_current_dir("/");
    // Whoever started it may be gone by now; what is left is to be removed all the same.
    let _ = writeln!(std::io::stdout(), "{READY}");
    let mut told = Vec::new();
    // A pipe that cannot be read has nobody at its other end either.
    let _ = std::io::stdin().read_to_end(&mut told);
    told != DONE
}
