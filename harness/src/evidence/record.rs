//! The run record on disk, appended as things happen.
//!
//! ```text
//! DIR/run.json                                    the document, at the end
//! DIR/cases/SCENARIO@IMAGE[.REPEAT].ATTEMPT/history.jsonl   each observation, as it is made
//!                                          /case.json       the evidence, when the attempt has ended
//!                                          /log.N           output of the container's Nth incarnation
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::document::RunDocument;
use super::event::CaseKey;
use crate::observe::history::{CaseEvidence, Observation};

/// A record being written.
#[derive(Debug)]
pub struct Record {
    root: PathBuf,
    open: BTreeMap<CaseKey, File>,
    failed: Option<io::Error>,
}

impl Record {
    /// Begins a record in a folder, which is made.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made, or holds a record already: evidence is never overwritten.
    pub fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let kept = root.join("cases");
        if kept.exists() || root.join("run.json").exists() {
            let why = "it holds the record of another run already; name another folder";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        fs::create_dir(&kept)?;
        Ok(Self {
            root: root.to_owned(),
            open: BTreeMap::new(),
            failed: None,
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of an attempt's evidence.
    pub fn folder(&self, key: &CaseKey) -> PathBuf {
        let repeat = if key.repeat > 1 {
            format!(".{}", key.repeat)
        } else {
            String::new()
        };
        let name = format!("{}@{}{repeat}.{}", safe(&key.scenario), safe(&key.image), key.attempt);
        self.root.join("cases").join(name)
    }

    /// Appends an observation. The first failure is kept for [`Record::finish`]; a run does not end for a full disk.
    pub fn observe(&mut self, key: &CaseKey, observation: &Observation) {
        if let Err(error) = self.try_observe(key, observation) {
            self.failed.get_or_insert(error);
        }
    }

    fn try_observe(&mut self, key: &CaseKey, observation: &Observation) -> io::Result<()> {
        let folder = self.folder(key);
        if !self.open.contains_key(key) {
            fs::create_dir_all(&folder)?;
            let file = File::options()
                .create(true)
                .append(true)
                .open(folder.join("history.jsonl"))?;
            self.open.insert(key.clone(), file);
        }
        if let Some(file) = self.open.get_mut(key) {
            let mut line = serde_json::to_vec(observation)?;
            line.push(b'\n');
            file.write_all(&line)?;
        }
        Ok(())
    }

    /// Keeps the evidence of an attempt that has ended.
    pub fn end(&mut self, key: &CaseKey, evidence: &CaseEvidence) {
        self.open.remove(key);
        let folder = self.folder(key);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            for (incarnation, lines) in &evidence.logs {
                fs::write(folder.join(format!("log.{incarnation}")), lines.join("\n") + "\n")?;
            }
            fs::write(folder.join("case.json"), serde_json::to_vec(evidence)?)
        };
        if let Err(error) = write() {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes the document; tells the first thing that could not be written.
    ///
    /// # Errors
    ///
    /// Whatever kept any part of the record from being written.
    pub fn finish(mut self, document: &RunDocument) -> io::Result<()> {
        fs::write(self.root.join("run.json"), serde_json::to_vec_pretty(document)?)?;
        self.failed.take().map_or(Ok(()), Err)
    }
}

/// A name that is one harmless path component, whatever was in it.
fn safe(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
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
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_record() {
        assert_eq!(safe("release:0.17.0"), "release-0.17.0");
        assert_eq!(safe("source:../.."), "source-..-..");
        assert_eq!(safe(".."), "-..");
    }

    #[test]
    fn a_record_is_not_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        Record::create(folder.path()).unwrap();
        assert!(
            Record::create(folder.path())
                .unwrap_err()
                .to_string()
                .contains("another run")
        );
    }
}
