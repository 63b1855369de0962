//! Nothing is left of a run that is interrupted, and nothing after a sweep.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use comeback_engine::{Engine, RUN_LABEL};
use rstest::rstest;
use tracing_test::traced_test;

use super::outsider::{CommandOutput, child, comeback, run, stub};
use super::{container, engine, kill_watchdog, resources_of};

/// A run in progress.
struct RunInProgress {
    child: Child,
    run: String,
    /// Its further lines on stderr.
    said: mpsc::Receiver<String>,
}

impl RunInProgress {
    /// Starts a run and waits until it has created something.
    async fn start(engine: &Arc<dyn Engine>) -> Self {
        let mut child = child()
            .args([
                "check",
                &stub("0.17.0"),
                "--filter",
                "docker-restart",
                "--repeat",
                "4",
                "--jobs",
                "1",
            ])
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // `run 2026…: 4 cases on …`
        let run = lines.find_map(|line| Some(line.strip_prefix("run ")?.split_once(": ")?.0.to_owned()));
        let (say, said) = mpsc::channel();
        // stderr has to be drained even if the test reads no more of it.
        std::thread::spawn(move || lines.for_each(|line| drop(say.send(line))));
        let going = Self {
            child,
            run: run.expect("the run prints its id"),
            said,
        };
        let since = Instant::now();
        while resources_of(engine, &going.run).await.len() < 3 {
            assert!(since.elapsed() < Duration::from_secs(60), "the run creates nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        going
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for a line that contains `part`.
    fn waits_for_line(&self, part: &str) {
        let mut all = Vec::new();
        while let Ok(line) = self.said.recv_timeout(Duration::from_secs(60)) {
            all.push(line);
            if all.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
        panic!("no line has `{part}`:\n{}", all.join("\n"));
    }

    fn end(self) -> CommandOutput {
        CommandOutput::of(self.child.wait_with_output().unwrap())
    }
}

#[rstest]
#[case::interrupted("-INT", 130)]
#[case::terminated("-TERM", 143)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_run_and_leaves_nothing(#[case] signal: &str, #[case] code: i32) {
    let engine = engine().await;
    let going = RunInProgress::start(&engine).await;
    let run = going.run.clone();
    going.signal(signal);
    let since = Instant::now();
    let seen = going.end();
    assert_eq!(seen.code, code, "{seen}");
    assert_eq!(seen.json()["exit_code"], code);
    assert!(
        since.elapsed() < Duration::from_secs(60),
        "it took {:?}",
        since.elapsed()
    );
    assert_eq!(resources_of(&engine, &run).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_the_watchdog_cleans_up() {
    let engine = engine().await;
    let going = RunInProgress::start(&engine).await;
    let run = going.run.clone();
    going.signal("-INT");
    going.waits_for_line("ending the run");
    going.signal("-INT");
    going.waits_for_line("the watchdog (process ");
    let seen = going.end();
    assert_eq!(seen.code, 130, "{seen}");
    assert_eq!(seen.json()["exit_code"], 130);
    let since = Instant::now();
    while !resources_of(&engine, &run).await.is_empty() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "the watchdog does not clean up"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigusr1_prints_progress_and_does_not_disturb_the_run() {
    let engine = engine().await;
    let going = RunInProgress::start(&engine).await;
    let run = going.run.clone();
    going.signal("-USR1");
    going.waits_for_line(&format!("run {run}: 0 of 4 cases done"));
    going.waits_for_line(&format!("docker-restart @ {}", stub("0.17.0")));
    assert!(!resources_of(&engine, &run).await.is_empty());
    going.signal("-INT");
    assert_eq!(going.end().code, 130);
}

/// Only a dry run, because other tests have runs on this engine.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_leaves_running_runs_alone() {
    let engine = engine().await;
    let going = RunInProgress::start(&engine).await;
    let id = going.run.clone();
    let all = run(comeback().args(["sweep", "--dry-run"]));
    let named = run(comeback().args(["sweep", "--dry-run", "--run", &id]));
    going.signal("-INT");
    assert_eq!(going.end().code, 130);
    let (swept, spared) = all.out.split_once("spared: ").expect("the sweep names what it spares");
    assert!(!swept.contains(&id), "{all}");
    assert!(spared.contains(&id), "{all}");
    assert!(named.out.contains(&format!("comeback-{id}")), "{named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_only_what_the_killed_run_left() {
    let engine = engine().await;
    let image = stub("0.17.0");
    let me = std::process::id();
    let (foreign, other) = (format!("foreign-{me}"), format!("comeback-other-{me}"));
    let strangers = [
        container(
            &engine,
            image.trim_start_matches("docker:"),
            &foreign,
            ("somebody.else", "1"),
        )
        .await,
        container(
            &engine,
            image.trim_start_matches("docker:"),
            &other,
            (RUN_LABEL, &other),
        )
        .await,
    ];
    let going = RunInProgress::start(&engine).await;
    let id = going.run.clone();
    kill_watchdog(&id);
    going.signal("-KILL");
    assert_eq!(going.end().code, -9);
    let left = resources_of(&engine, &id).await;
    let would = run(comeback().args(["sweep", "--dry-run", "--run", &id]));
    let swept = run(comeback().args(["sweep", "--run", &id]));
    let again = run(comeback().args(["sweep", "--run", &id]));
    let mut there = Vec::new();
    for stranger in &strangers {
        there.push(engine.inspect(stranger).await.unwrap().is_some());
        engine.remove_container(stranger).await.unwrap();
    }
    assert!(left.len() >= 3, "{left:?}");
    assert!(left.iter().all(|name| would.out.contains(name)), "{left:?}\n{would}");
    assert_eq!(swept.code, 0, "{swept}");
    assert!(swept.out.starts_with("removed "), "{swept}");
    assert_eq!(resources_of(&engine, &id).await, Vec::<String>::new());
    assert_eq!(again.out, format!("nothing is left of run {id}\n"), "{again}");
    assert_eq!(there, [true, true], "what is not of that run stays");
}

/// The log is the only trace of what a sweep removed.
#[tokio::test(flavor = "multi_thread")]
#[traced_test]
async fn a_sweep_logs_what_it_removed() {
    let engine = engine().await;
    let image = stub("0.17.0");
    let name = format!("comeback-test-log-{}", std::process::id());
    container(&engine, image.trim_start_matches("docker:"), &name, (RUN_LABEL, &name)).await;
    let swept = comeback_runner::sweep(&engine, |label| label == name).await.unwrap();
    assert_eq!(swept.containers, std::slice::from_ref(&name));
    assert!(logs_contain(&format!("removed container {name}")));
}
