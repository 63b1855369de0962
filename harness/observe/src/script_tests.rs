//! A script of ours under `python3`, on a folder of the test.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::wire::Message;

/// A running script and the folder that it watches.
pub struct Script {
    folder: tempfile::TempDir,
    args: Vec<String>,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    syncs: u64,
}

fn started(args: &[String]) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let mut process = Command::new("python3")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = process.stdin.take().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    (process, input, output)
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Script {
    /// Starts a script. `prepare` fills the folder and changes what the script is told of the gateway.
    pub fn start(script: &str, prepare: impl FnOnce(&Path, &mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut facts = comeback_gateway::script_facts();
        prepare(folder.path(), &mut facts);
        let args = ["-I", "-S", "-u", "-c", script, &facts.to_string()].map(str::to_owned);
        let (process, input, output) = started(&args);
        Self {
            folder,
            args: args.into(),
            process,
            input,
            output,
            syncs: 0,
        }
    }

    /// Kills the script and does `work`. Then starts it again with one more argument, and with this first command.
    pub fn restart(&mut self, argument: &str, hello: &Value, work: impl FnOnce(&Self)) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        work(self);
        self.args.push(argument.to_owned());
        (self.process, self.input, self.output) = started(&self.args);
        writeln!(self.input, "{hello}").unwrap();
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a signal to the script.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Does `work` while the script is stopped, and returns its messages about that.
    pub fn meanwhile(&mut self, work: impl FnOnce(&Self)) -> Vec<Message> {
        self.signal("-STOP");
        work(self);
        self.signal("-CONT");
        self.sync()
    }

    /// All messages up to the answer to `sync`.
    pub fn sync(&mut self) -> Vec<Message> {
        self.syncs += 1;
        writeln!(self.input, "{}", json!({"c": "sync", "id": self.syncs})).unwrap();
        let mut messages = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the script has ended");
            let message = Message::parse(&line).unwrap();
            match message.k.as_str() {
                "sync" => return messages,
                "hello" => {}
                _ => messages.push(message),
            }
        }
    }
}
