//! Reads a record from disk. A record is untrusted input: it may come from another machine.
//!
//! The reader opens nothing outside the record's folder, follows no link and caps sizes. A record whose writer was
//! killed is read as far as it goes. Anything else that [`super::write`] would not have written is an error with file
//! and line.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::event::TimedEvent;
use super::ledger::{Ending, Entry, RECORD_SCHEMA};
use super::write::{is_plain, names};
use comeback_history::facts::Observation;
use comeback_plan::CaseKey;

/// Largest size of the ledger, the events or one history, in bytes.
const LINES_BYTES: u64 = 64 << 20;
/// Largest size of any other file, in bytes: twice the largest that is ever written.
const FILE_BYTES: u64 = 2 << 20;
/// Largest size of a whole record, in bytes.
const ALL_BYTES: u64 = 1 << 30;

/// An error in a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ReadError {
    /// The file or folder.
    pub path: PathBuf,
    /// The line, from 1, if the error is in one line.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A record, as read from disk.
#[derive(Debug)]
pub struct Kept {
    /// Its folder.
    pub root: PathBuf,
    /// The lines of its ledger; the first is [`Entry::Began`].
    pub entries: Vec<Entry>,
    /// The attempts, in the order in which they began.
    pub attempts: Vec<KeptAttempt>,
    /// The events of the run.
    pub events: Vec<TimedEvent>,
}

/// An attempt, as read from disk.
#[derive(Debug, Clone)]
pub struct KeptAttempt {
    /// The case and the number of the attempt.
    pub key: CaseKey,
    /// Its folder.
    pub folder: PathBuf,
    /// When it began.
    pub started: Timestamp,
    /// Its observations.
    pub history: Vec<Observation>,
    /// How it ended; `None` if the record ends earlier.
    pub ending: Option<Ending>,
    /// The container's output, by incarnation from 1.
    pub logs: Vec<(u32, Vec<String>)>,
}

impl Kept {
    /// An error in the ledger's line `entry`, counted from 0.
    pub fn wrong(&self, entry: usize, what: impl Into<String>) -> ReadError {
        ReadError {
            path: self.root.join(names::LEDGER),
            line: Some(entry + 1),
            what: what.into(),
        }
    }
}

/// Reads the record in a folder.
///
/// # Errors
///
/// The first thing that the writer would not have written.
pub fn read(root: &Path) -> Result<Kept, ReadError> {
    let mut reader = Reader {
        root: root.to_owned(),
        left: ALL_BYTES,
    };
    if root.is_file() {
        return Err(reader.error(&[], None, "this is a file, but a record is a folder"));
    }
    let entries: Vec<Entry> = match reader.lines(&[names::LEDGER])? {
        Some(entries) => entries,
        None => {
            return Err(reader.error(
                &[names::LEDGER],
                None,
                "not found; is this the folder of a run's record?",
            ));
        }
    };
    match entries.first() {
        Some(Entry::Began { schema, .. }) if *schema == RECORD_SCHEMA => {}
        Some(Entry::Began { schema, version, .. }) => {
            let what = format!("written by comeback {version} in version {schema} of the format, not {RECORD_SCHEMA}");
            return Err(reader.error(&[names::LEDGER], Some(1), what));
        }
        Some(_) => return Err(reader.error(&[names::LEDGER], Some(1), "does not begin with the start of a run")),
        None => {
            return Err(reader.error(
                &[names::LEDGER],
                None,
                "empty: the run was killed before its record began",
            ));
        }
    }
    let events = reader.lines(&[names::EVENTS])?.unwrap_or_default();
    let mut attempts = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let Entry::Attempt { case, folder, started } = entry else {
            continue;
        };
        if !is_plain(folder) || !seen.insert(folder) {
            let what = format!("`{folder}` is no valid folder of an attempt");
            return Err(reader.error(&[names::LEDGER], Some(i + 1), what));
        }
        attempts.push(reader.attempt(case, folder, *started)?);
    }
    Ok(Kept {
        root: root.to_owned(),
        entries,
        attempts,
        events,
    })
}

struct Reader {
    root: PathBuf,
    /// Bytes that may still be read.
    left: u64,
}

impl Reader {
    fn attempt(&mut self, key: &CaseKey, folder: &str, started: Timestamp) -> Result<KeptAttempt, ReadError> {
        let at = |name| [names::CASES, folder, name];
        let history: Vec<Observation> = self.lines(&at(names::HISTORY))?.unwrap_or_default();
        let history: Vec<_> = history.into_iter().map(Observation::with_words_as_fields).collect();
        if let Some(i) = (0..history.len()).find(|i| history[*i].seq != *i as u64) {
            let what = format!("observation {} instead of {i}", history[i].seq);
            return Err(self.error(&at(names::HISTORY), Some(i + 1), what));
        }
        let path = at(names::ENDING);
        let ending: Option<Ending> = match self.bytes(&path, FILE_BYTES)? {
            None => None,
            Some(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .map_err(|why| self.error(&path, Some(why.line().max(1)), why.to_string()))?,
            ),
        };
        let mut logs = Vec::new();
        if let Some(ending) = &ending {
            if history.len() > ending.observations {
                let what = "more observations than the attempt had when it ended";
                return Err(self.error(&at(names::HISTORY), Some(ending.observations + 1), what));
            }
            for incarnation in &ending.logs {
                let name = names::log(*incarnation);
                let path = [names::CASES, folder, name.as_str()];
                let Some(bytes) = self.bytes(&path, FILE_BYTES)? else {
                    return Err(self.error(&path, None, "not found, although the attempt had output"));
                };
                let text = String::from_utf8_lossy(&bytes);
                let text = text.strip_suffix('\n').unwrap_or(&text);
                logs.push((*incarnation, text.split('\n').map(str::to_owned).collect()));
            }
        }
        Ok(KeptAttempt {
            key: key.clone(),
            folder: self.root.join(names::CASES).join(folder),
            started,
            history,
            ending,
            logs,
        })
    }

    /// The lines of a file; `None` if there is no such file. A last line that was cut off is left out.
    fn lines<T: DeserializeOwned>(&mut self, path: &[&str]) -> Result<Option<Vec<T>>, ReadError> {
        let Some(bytes) = self.bytes(path, LINES_BYTES)? else {
            return Ok(None);
        };
        let mut parsed = Vec::new();
        for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match serde_json::from_slice(line) {
                Ok(value) => parsed.push(value),
                Err(_) if !line.ends_with(b"\n") => break,
                Err(why) => {
                    let what = format!("not a valid line of a record: {why}");
                    return Err(self.error(path, Some(i + 1), what));
                }
            }
        }
        Ok(Some(parsed))
    }

    /// The content of a file; `None` if there is no such file.
    fn bytes(&mut self, path: &[&str], cap: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let mut place = self.root.clone();
        for (i, part) in path.iter().enumerate() {
            place.push(part);
            let meta = match fs::symlink_metadata(&place) {
                Ok(meta) => meta,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(self.error(&path[..=i], None, format!("cannot be read: {error}"))),
            };
            let last = i + 1 == path.len();
            if (last && !meta.is_file()) || (!last && !meta.is_dir()) {
                let what = if last { "not a plain file" } else { "not a folder" };
                return Err(self.error(&path[..=i], None, format!("{what}; links in a record are not followed")));
            }
            if !last {
                continue;
            }
            let cap = cap.min(self.left);
            let mut bytes = Vec::new();
            let read = File::open(&place).and_then(|file| {
                let opened = file.metadata()?;
                // The file was not replaced in the meantime.
                if (opened.dev(), opened.ino()) != (meta.dev(), meta.ino()) {
                    return Err(ErrorKind::InvalidInput.into());
                }
                file.take(cap + 1).read_to_end(&mut bytes)
            });
            read.map_err(|error| self.error(path, None, format!("cannot be read: {error}")))?;
            let size = bytes.len() as u64;
            if size > cap {
                return Err(self.error(
                    path,
                    None,
                    format!("larger than {} MiB, the limit for a record", cap >> 20),
                ));
            }
            self.left -= size;
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    fn error(&self, path: &[&str], line: Option<usize>, what: impl Into<String>) -> ReadError {
        ReadError {
            path: path.iter().fold(self.root.clone(), |all, part| all.join(part)),
            line,
            what: what.into(),
        }
    }
}
