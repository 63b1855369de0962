//! Writes the record of a run to disk, as things happen.
//!
//! ```text
//! DIR/ledger.jsonl    the run itself: command, engine, images, scenarios, plan, attempts, end (see `ledger`)
//! DIR/events.jsonl    the events of the run
//! DIR/run.json        the document, written at the end
//! DIR/cases/SCENARIO@IMAGE[.REPEAT].ATTEMPT/history.jsonl   each observation, as it is made
//!                                          /moments.jsonl   the state files and markers of all profiles at each moment
//!                                          /log.N           output of the container's Nth incarnation
//!                                          /case.json       how the attempt ended, when it has ended
//! ```
//!
//! Each line reaches the kernel in one write, so a killed harness loses at most the line it was writing. Other files
//! appear whole or not at all. [`super::read`] reads a record.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::document::RunDocument;
use super::event::TimedEvent;
use super::ledger::{Ending, Entry};
use comeback_history::facts::{CaseEvidence, Fact, FileContent, Observation};
use comeback_plan::CaseKey;

/// Names of the record's files.
pub mod names {
    /// The ledger.
    pub const LEDGER: &str = "ledger.jsonl";
    /// The events of the run.
    pub const EVENTS: &str = "events.jsonl";
    /// The document.
    pub const DOCUMENT: &str = "run.json";
    /// Folder of the attempts.
    pub const CASES: &str = "cases";
    /// Observations of an attempt.
    pub const HISTORY: &str = "history.jsonl";
    /// Files on the volume at each moment.
    pub const MOMENTS: &str = "moments.jsonl";
    /// How an attempt ended.
    pub const ENDING: &str = "case.json";

    /// Output of an incarnation, from 1.
    pub fn log(incarnation: u32) -> String {
        format!("log.{incarnation}")
    }
}

/// A record being written.
#[derive(Debug)]
pub struct Record {
    root: PathBuf,
    ledger: File,
    events: File,
    open: BTreeMap<CaseKey, Writing>,
    folders: BTreeSet<String>,
    failed: Option<io::Error>,
}

/// An attempt being written.
#[derive(Debug)]
struct Writing {
    folder: PathBuf,
    history: File,
    lines: usize,
    files: BTreeMap<String, BTreeMap<&'static str, FileContent>>,
}

/// The files that matter at a moment, by profile: a line of `moments.jsonl`.
#[derive(Serialize)]
struct MomentLine<'a> {
    moment: &'a str,
    known: Timestamp,
    profiles: &'a BTreeMap<String, BTreeMap<&'static str, FileContent>>,
}

impl Record {
    /// Creates the folder and begins a record in it. `began` is the first line of its ledger.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or already holds a record: evidence is never overwritten.
    pub fn create(root: &Path, began: &Entry) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let kept = [names::CASES, names::DOCUMENT, names::LEDGER, names::EVENTS];
        if kept.iter().any(|name| root.join(name).symlink_metadata().is_ok()) {
            let why = "it already holds the record of another run; choose another folder";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        fs::create_dir(root.join(names::CASES))?;
        let mut record = Self {
            root: root.to_owned(),
            ledger: File::create_new(root.join(names::LEDGER))?,
            events: File::create_new(root.join(names::EVENTS))?,
            open: BTreeMap::new(),
            folders: BTreeSet::new(),
            failed: None,
        };
        line(&mut record.ledger, began)?;
        Ok(record)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Adds a line to the ledger. [`Record::finish`] returns the first error of any write, because a full disk should
    /// not end the run.
    pub fn enter(&mut self, entry: &Entry) {
        let done = line(&mut self.ledger, entry);
        self.note(done);
    }

    /// Adds a run event.
    pub fn tell(&mut self, event: &TimedEvent) {
        let done = line(&mut self.events, event);
        self.note(done);
    }

    /// Begins an attempt. Returns its folder.
    pub fn begin(&mut self, key: &CaseKey, started: Timestamp) -> PathBuf {
        let folder = self.unused(key);
        let path = self.root.join(names::CASES).join(&folder);
        self.enter(&Entry::Attempt {
            case: key.clone(),
            folder,
            started,
        });
        let open = fs::create_dir(&path).and_then(|()| File::create_new(path.join(names::HISTORY)));
        match open {
            Err(error) => self.note(Err(error)),
            Ok(history) => {
                let writing = Writing {
                    folder: path.clone(),
                    history,
                    lines: 0,
                    files: BTreeMap::new(),
                };
                self.open.insert(key.clone(), writing);
            }
        }
        path
    }

    /// Appends an observation of an attempt that has begun.
    pub fn observe(&mut self, key: &CaseKey, observation: &Observation) {
        if let Some(writing) = self.open.get_mut(key) {
            let done = writing.observe(observation);
            self.note(done);
        }
    }

    /// Keeps the evidence of an attempt that has ended. Returns its folder, if it had begun.
    pub fn end(&mut self, key: &CaseKey, evidence: &CaseEvidence) -> Option<PathBuf> {
        let mut writing = self.open.remove(key)?;
        let done = writing.end(evidence);
        self.note(done);
        Some(writing.folder)
    }

    /// Writes the last line of the ledger and the document.
    ///
    /// # Errors
    ///
    /// The first error of any write to this record.
    pub fn finish(mut self, ended: &Entry, document: &RunDocument) -> io::Result<()> {
        self.enter(ended);
        whole(&self.root.join(names::DOCUMENT), |out| {
            Ok(serde_json::to_writer_pretty(out, document)?)
        })?;
        self.failed.take().map_or(Ok(()), Err)
    }

    fn note(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
    }

    /// An unused folder name for an attempt. Two names may differ only in characters that a folder name cannot have, so
    /// a number is added where needed.
    fn unused(&mut self, key: &CaseKey) -> String {
        let repeat = if key.repeat > 1 {
            format!(".{}", key.repeat)
        } else {
            String::new()
        };
        let name = format!("{}@{}{repeat}.{}", safe(&key.scenario), safe(&key.image), key.attempt);
        let mut folder = name.clone();
        let mut n = 2;
        while !self.folders.insert(folder.clone()) {
            folder = format!("{name}-{n}");
            n += 1;
        }
        folder
    }
}

impl Writing {
    fn observe(&mut self, observation: &Observation) -> io::Result<()> {
        self.lines += 1;
        line(&mut self.history, observation)?;
        match &observation.fact {
            Fact::State { profile, content } => self.keep(profile, "state", content),
            Fact::Marker { profile, content } => self.keep(profile, "marker", content),
            Fact::Mark { moment } => {
                let path = self.folder.join(names::MOMENTS);
                let mut file = File::options().create(true).append(true).open(path)?;
                let at = MomentLine {
                    moment: &moment.0,
                    known: observation.known,
                    profiles: &self.files,
                };
                line(&mut file, &at)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, profile: &str, file: &'static str, content: &FileContent) {
        let files = self.files.entry(profile.to_owned()).or_default();
        files.insert(file, content.clone());
    }

    fn end(&mut self, evidence: &CaseEvidence) -> io::Result<()> {
        // The last observations may not have been passed on before the attempt ended.
        for observation in evidence.history.iter().skip(self.lines) {
            self.observe(observation)?;
        }
        for (incarnation, lines) in &evidence.logs {
            whole(&self.folder.join(names::log(*incarnation)), |out| {
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
        }
        let ending = Ending {
            started: evidence.started,
            clock: evidence.clock,
            seconds: evidence.seconds,
            end: evidence.end.clone(),
            steps: evidence.steps.clone(),
            latencies_ms: evidence.latencies_ms.clone(),
            observations: evidence.history.len(),
            logs: evidence.logs.keys().copied().collect(),
        };
        whole(&self.folder.join(names::ENDING), |out| {
            Ok(serde_json::to_writer_pretty(out, &ending)?)
        })
    }
}

/// Writes a line in one piece.
fn line(file: &mut File, what: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Writes a file that appears whole or not at all.
fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut out = BufWriter::new(File::create(&beside)?);
    write(&mut out)?;
    out.flush()?;
    fs::rename(&beside, path)
}

/// True if a name is one harmless path component, as the folders of attempts are.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(plain)
}

/// Turns any name into one harmless path component.
fn safe(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+') {
                c
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    if kept.starts_with('.') {
        format!("-{kept}")
    } else {
        kept
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::read::read;
    use super::super::replay::of_attempt;
    use super::*;

    fn began() -> Entry {
        Entry::Began {
            schema: super::super::ledger::RECORD_SCHEMA,
            version: "0".into(),
            run: "r".into(),
            command: "check".into(),
            arguments: vec![],
            started: Timestamp::UNIX_EPOCH,
            exit_style: comeback_verdict::ExitStyle::Plain,
            seed: None,
        }
    }

    #[test]
    fn names_cannot_leave_the_record() {
        assert_eq!(safe("release:0.17.0"), "release-0.17.0");
        assert_eq!(safe("source:../.."), "source-..-..");
        assert_eq!(safe(".."), "-..");
    }

    #[test]
    fn names_that_differ_only_in_replaced_characters_get_different_folders() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::create(folder.path(), &began()).unwrap();
        let key = |image: &str| CaseKey {
            scenario: "s".into(),
            image: image.into(),
            repeat: 1,
            attempt: 1,
        };
        let one = record.begin(&key("source:a/b"), Timestamp::UNIX_EPOCH);
        let other = record.begin(&key("source:a:b"), Timestamp::UNIX_EPOCH);
        assert_ne!(one, other);
    }

    /// Includes observations that were not passed on before the attempt ended, and output with empty lines.
    #[test]
    fn an_attempt_survives_writing_and_reading() {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records/reproduce");
        let kept = read(&real).unwrap();
        let mut evidence = of_attempt(&kept.attempts[0]);
        evidence.logs.insert(3, vec![String::new(), "a".into(), String::new()]);
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::create(folder.path(), &began()).unwrap();
        let key = &kept.attempts[0].key;
        record.begin(key, evidence.started);
        let (passed_on, _) = evidence.history.split_at(7);
        passed_on
            .iter()
            .for_each(|observation| record.observe(key, observation));
        record.end(key, &evidence).unwrap();
        let again = read(folder.path()).unwrap();
        assert_eq!(of_attempt(&again.attempts[0]), evidence);
        let moments = fs::read_to_string(again.attempts[0].folder.join(names::MOMENTS)).unwrap();
        assert!(
            moments.lines().last().unwrap().contains(r#""moment":"end""#),
            "{moments}"
        );
    }

    #[test]
    fn a_record_is_not_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        Record::create(folder.path(), &began()).unwrap();
        assert!(
            Record::create(folder.path(), &began())
                .unwrap_err()
                .to_string()
                .contains("another run")
        );
    }
}
