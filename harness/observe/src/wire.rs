//! What the observer and the agent say, line by line, and its translation into facts.
//!
//! They run on the Python of the image under test, so nothing they say is trusted to be well-formed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use comeback_gateway::boot_line::BootLine;
use comeback_gateway::exit_diag::ExitDiag;
use comeback_gateway::files;
use comeback_gateway::log::{self, Shutdown};
use comeback_history::facts::{Fact, FileContent, ProcessExit, ServiceStatus, TakenFor};

/// Longest piece of an unreadable file kept, in characters.
const HEAD: usize = 120;

/// One message of the observer or the agent.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Its number, from 0 without gaps.
    pub n: u64,
    /// Its kind.
    pub k: String,
    #[serde(default)]
    p: String,
    #[serde(default)]
    f: String,
    #[serde(default)]
    d: String,
    #[serde(default)]
    is: String,
    #[serde(default)]
    t: Option<i64>,
    /// The command it answers.
    #[serde(default)]
    pub id: Option<u64>,
    /// Whether the command did what it should.
    #[serde(default)]
    pub ok: bool,
    /// Why, or why not.
    #[serde(default)]
    pub why: String,
    /// A process.
    #[serde(default)]
    pub pid: Option<u32>,
    /// Its start time.
    #[serde(default)]
    pub st: Option<u64>,
    /// Start time of PID 1, in the agent's greeting.
    #[serde(default)]
    pub init: Option<u64>,
    /// Name of PID 1.
    #[serde(default)]
    pub comm: Option<String>,
    #[serde(default)]
    slot: bool,
    #[serde(default)]
    down: bool,
    #[serde(default)]
    up: Option<bool>,
    #[serde(default)]
    want: bool,
    #[serde(default)]
    procs: u32,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    counts: BTreeMap<String, u32>,
    count: Option<u32>,
    #[serde(default)]
    uid: Option<u32>,
    #[serde(default)]
    deaths: Vec<(String, Json)>,
    #[serde(default)]
    o: Option<u64>,
}

/// What an observer has told, so that the one after it can go on from there.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The number of its next message.
    pub next: u64,
    /// Up to which byte each log was told.
    pub tails: BTreeMap<String, u64>,
    /// Each file as it was told last: kind, text, and time.
    files: BTreeMap<String, (String, String, Option<i64>)>,
}

impl Told {
    /// The same, for the messages of the next observer.
    #[must_use]
    pub fn of_the_next(mut self) -> Self {
        self.next = 0;
        self
    }

    /// Takes a message in. False if it tells a file once more as it was told before.
    pub fn is_new(&mut self, message: &Message) -> bool {
        self.next = message.n.saturating_add(1);
        let path = || format!("{}/{}", message.p, message.f);
        if let Some(offset) = message.o {
            self.tails.insert(path(), offset);
        }
        if message.k != "file" {
            return true;
        }
        let told = (message.is.clone(), message.d.clone(), message.t);
        self.files.insert(path(), told.clone()) != Some(told)
    }
}

impl Message {
    /// Reads a line; `None` if it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// When what it tells became true, by the clock of the engine's host.
    pub fn at(&self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(i128::from(self.t?)).ok()
    }

    /// The fact it tells, if it tells one that counts.
    pub fn fact(&self) -> Option<Fact> {
        let profile = self.p.clone();
        match self.k.as_str() {
            "file" => {
                let content = content(&self.is, &self.d);
                Some(if self.f == files::STATE {
                    Fact::State { profile, content }
                } else {
                    Fact::Marker { profile, content }
                })
            }
            "line" => match self.f.as_str() {
                files::BOOT_LOG => boot_line(&self.d),
                files::GATEWAY_LOG => taken_for(&self.d).map(|taken_for| Fact::Shutdown {
                    profile,
                    taken_for,
                    line: self.d.clone(),
                }),
                _ => exit_diag(profile, &self.d),
            },
            "missed" => Some(Fact::Missed {
                path: format!("{}/{}", self.p, self.f),
            }),
            "overflow" => Some(Fact::Lost {
                what: "the kernel dropped file events of the volume".into(),
            }),
            "capped" => Some(Fact::Lost {
                what: format!("{} of {} grew past what is read of it", self.f, self.p),
            }),
            "cut" => Some(Fact::Lost {
                what: format!(
                    "{} of {} was truncated in place: lines of it may be missing",
                    self.f, self.p
                ),
            }),
            "crowded" | "blind" => Some(Fact::Lost { what: self.d.clone() }),
            "live" => Some(Fact::Live {
                profile,
                pid: self.pid?,
                start_time: self.st?,
            }),
            "init" => Some(Fact::Init {
                name: self.comm.clone()?,
            }),
            "signal" => Some(Fact::Signalled { signal: self.d.clone() }),
            "gateways" => Some(Fact::Gateways {
                processes: self.counts.clone(),
            }),
            "zombies" => Some(Fact::Zombies { count: self.count? }),
            "entry" => Some(Fact::Entry {
                path: self.f.clone(),
                kind: Some(self.d.clone()).filter(|kind| !kind.is_empty()),
                uid: self.uid,
            }),
            "tick" => Some(Fact::Tick { profile }),
            "slots" => Some(Fact::Slots {
                names: self.names.clone(),
            }),
            "svc" => Some(Fact::Service {
                profile,
                status: self.service(),
            }),
            _ => None,
        }
    }

    fn service(&self) -> ServiceStatus {
        ServiceStatus {
            slot: self.slot,
            down_file: self.down,
            up: self.up.unwrap_or(false),
            want_up: self.want,
            pid: self.pid,
            start_time: self.st,
            processes: self.procs,
            deaths: self
                .deaths
                .iter()
                .map(|(kind, value)| match (kind.as_str(), value) {
                    ("code", value) => ProcessExit::Code(value.as_i64().unwrap_or(-1)),
                    (_, Json::String(name)) => ProcessExit::Signal(name.clone()),
                    (_, other) => ProcessExit::Signal(other.to_string()),
                })
                .collect(),
        }
    }
}

/// The content of a file as the observer or an archive gives it.
pub fn content(kind: &str, text: &str) -> FileContent {
    match kind {
        "absent" => FileContent::Absent,
        "text" => match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(value)) => FileContent::Json { value },
            Ok(_) => unreadable("JSON, but not an object", text),
            Err(_) if text.trim().is_empty() => unreadable("empty", text),
            Err(error) => unreadable(&format!("not JSON: {error}"), text),
        },
        "big" => unreadable("larger than 64 KiB", text),
        "binary" => unreadable("not UTF-8", text),
        other => unreadable(&format!("{other}: {text}"), ""),
    }
}

fn unreadable(why: &str, text: &str) -> FileContent {
    FileContent::Unreadable {
        why: why.to_owned(),
        head: text.chars().take(HEAD).collect(),
    }
}

/// The reconciler's line as a fact.
fn boot_line(text: &str) -> Option<Fact> {
    let line = BootLine::parse(text)?;
    Some(Fact::BootLine {
        profile: line.profile,
        prior_state: line.prior_state,
        action: line.action,
        line: text.to_owned(),
    })
}

/// How a line of the gateway's log says it took a shutdown.
fn taken_for(line: &str) -> Option<TakenFor> {
    Some(match log::shutdown_in(line)? {
        Shutdown::Planned => TakenFor::Planned,
        Shutdown::Signal => TakenFor::Signal,
        Shutdown::Restart => TakenFor::Restart,
    })
}

fn exit_diag(profile: String, line: &str) -> Option<Fact> {
    let ExitDiag { pid, tag, exit } = ExitDiag::parse(line)?;
    Some(Fact::ExitDiag {
        profile,
        pid,
        tag,
        exit,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn contents_are_told_apart() {
        assert!(matches!(content("text", "{\"a\":1}"), FileContent::Json { .. }));
        for (kind, text) in [
            ("text", ""),
            ("text", "[1]"),
            ("text", "{"),
            ("big", "x"),
            ("binary", "x"),
            ("special", "x"),
        ] {
            assert!(
                matches!(content(kind, text), FileContent::Unreadable { .. }),
                "{kind} {text}"
            );
        }
        assert_eq!(content("absent", ""), FileContent::Absent);
    }

    proptest! {
        #[test]
        fn nothing_said_can_make_it_panic(line in ".*") {
            if let Some(message) = Message::parse(&line) {
                let _ = (message.fact(), message.at());
            }
        }
    }
}
