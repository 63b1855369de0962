//! The output of a run: its reports, its record, and one document, also if the run fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::images::EventSink;
use super::reports::{Reports, exit_of};
use super::trend_file::TrendFile;
use super::{Caller, print_failure, prune, session};
use crate::options::ReportOptions;
use crate::{Failure, FailureKind};
use comeback_image::Cache;
use comeback_record::document::{ImageEntry, LeftOutEntry, PartitionEntry, RunDocument, RunHeader, document};
use comeback_record::event::{RunEvent, TimedEvent};
use comeback_record::ledger::{EngineEntry, Entry, Failed, RECORD_SCHEMA};
use comeback_record::write::Record;
use comeback_text::redact;
use comeback_verdict::Exit;
use comeback_verdict::RunVerdict;
use session::Clock;

/// The record while it is being written; `None` before and after that.
pub type SharedRecord = Arc<Mutex<Option<Record>>>;

/// Collects what the document of a run says besides its cases, and writes the output.
pub struct RunOutput {
    command: &'static str,
    folder: Option<PathBuf>,
    reports: Arc<Reports>,
    caller: Caller,
    /// When the run began, and its id.
    pub clock: Clock,
    /// The seed of the run, once it is known.
    pub seed: Option<u64>,
    /// The engine, once it has answered.
    pub engine: Option<EngineEntry>,
    /// The images, once they are there.
    pub images: Vec<ImageEntry>,
    /// Selected cases that do not apply.
    pub left_out: Vec<LeftOutEntry>,
    /// The shard, if the run is one.
    pub partition: Option<PartitionEntry>,
    /// The record.
    pub record: SharedRecord,
    place: Option<PathBuf>,
    history: Option<PathBuf>,
    trend: Option<TrendFile>,
    handed_in: bool,
}

impl RunOutput {
    /// Opens the output, before anything that can fail.
    pub fn open(command: &'static str, report: &ReportOptions, caller: &Caller) -> Self {
        Self {
            command,
            folder: report.record.clone(),
            reports: Arc::new(Reports::new(&report.render, &caller.terminal)),
            caller: caller.clone(),
            clock: Clock::start(),
            seed: None,
            engine: None,
            images: Vec::new(),
            left_out: Vec::new(),
            partition: None,
            record: SharedRecord::default(),
            place: None,
            history: report.history.clone(),
            trend: None,
            handed_in: false,
        }
    }

    /// Begins the record. From now on, the run has a line in the history.
    pub fn begin_record(&mut self) -> Result<(), Failure> {
        self.trend = self.history.as_deref().map(TrendFile::open).transpose()?;
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => Cache::default()
                .path(format!("runs/{}", self.clock.run))
                .map_err(|why| session::io(Path::new("the user's cache folder"), &why))?,
        };
        let began = Entry::Began {
            schema: RECORD_SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: self.clock.run.clone(),
            command: self.command.to_owned(),
            arguments: self.caller.arguments.clone(),
            started: self.clock.started,
            exit_style: self.caller.exit_style,
            seed: self.seed,
        };
        let record = Record::create(&folder, &began).map_err(|why| session::io(&folder, &why))?;
        self.place = Some(record.root().to_owned());
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(record);
        prune::begin(Cache::default());
        Ok(())
    }

    /// Adds lines to the record's ledger, if there is a record.
    pub fn enter(&self, entries: impl IntoIterator<Item = Entry>) {
        if let Some(record) = self.record.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            entries.into_iter().for_each(|entry| record.enter(&entry));
        }
    }

    /// A function that sends events to the progress display, to the record and to the streamed reports.
    pub fn event_sink(&self) -> EventSink {
        let (progress, record, reports) = (self.caller.progress.clone(), self.record.clone(), self.reports.clone());
        Arc::new(move |event: RunEvent| {
            progress.on(&event);
            let timed = TimedEvent {
                at: Timestamp::now(),
                event,
            };
            reports.stream(&timed);
            // Observations are in the histories.
            if matches!(timed.event, RunEvent::CaseObserved { .. }) {
                return;
            }
            if let Some(record) = record.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                record.tell(&timed);
            }
        })
    }

    /// The header of the document: everything but images and cases.
    pub fn header(&self, failure: Option<(String, Exit)>, interrupted: Option<Exit>) -> RunHeader {
        RunHeader {
            run: self.clock.run.clone(),
            command: self.command.to_owned(),
            arguments: self.caller.arguments.clone(),
            started: self.clock.started,
            seed: self.seed,
            seconds: self.clock.seconds(),
            engine: self.engine.clone(),
            left_out: self.left_out.clone(),
            record: self.place.as_ref().map(|p| p.display().to_string()),
            failure: failure.map(|(why, exit)| (redact::text(&why), exit)),
            interrupted,
            partition: self.partition.clone(),
            shards: None,
        }
    }

    /// Writes the record and all reports. The one on stdout comes last, so that it has the errors of the others.
    pub fn hand_in(&mut self, header: &RunHeader, mut document: RunDocument) -> Result<Exit, Failure> {
        self.handed_in = true;
        let mut exit = exit_of(&document);
        document.exit_code = self.caller.exit_style.judged(exit);
        if let Err(failure) = self.write(header, None, &mut document) {
            print_failure(&failure, &self.caller.terminal);
            if exit == Exit::Held {
                exit = failure.exit();
                document.verdict = RunVerdict::Error;
                document.exit_code = self.caller.exit_style.judged(exit);
            }
            document.failure.get_or_insert(failure.what());
        }
        self.reports.print(&document)?;
        Ok(exit)
    }

    /// Ends a command. A command that failed early gets a document too, for the programs that wait for one.
    pub fn close(self, outcome: Result<Exit, Failure>) -> Result<Exit, Failure> {
        let Err(failure) = outcome else {
            return outcome;
        };
        if !self.handed_in {
            let interrupted = match failure.kind {
                FailureKind::Interrupted { exit } => Some(exit),
                _ => None,
            };
            let header = self.header(Some((failure.what(), failure.exit())), interrupted);
            let mut document = document(&header, self.images.clone(), Vec::new());
            let code = failure.code(self.caller.exit_style);
            document.exit_code = code;
            if let Err(also) = self.write(&header, Some(code), &mut document) {
                print_failure(&also, &self.caller.terminal);
            }
            if self.reports.is_for_programs() {
                self.reports.print(&document)?;
            }
        }
        Err(failure)
    }

    /// Adds the run to the history, finishes the record, and writes the reports that go to files.
    fn write(&self, header: &RunHeader, code: Option<u8>, document: &mut RunDocument) -> Result<(), Failure> {
        let noted = self.trend.as_ref().map_or(Ok(()), |trend| trend.add(document));
        let kept = self.finish_record(header, code, document);
        self.reports.write(document).and(kept).and(noted)
    }

    /// Finishes the record. `code` is the exit code of a command that came to no verdict.
    fn finish_record(&self, header: &RunHeader, code: Option<u8>, document: &RunDocument) -> Result<(), Failure> {
        let ended = Entry::Ended {
            seconds: header.seconds,
            failure: header.failure.as_ref().map(|(why, exit)| Failed {
                why: why.clone(),
                exit: exit.code(),
                code,
            }),
            interrupted: header.interrupted.map(Exit::code),
        };
        match self.record.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(record) => {
                let place = record.root().to_owned();
                record.finish(&ended, document).map_err(|why| session::io(&place, &why))
            }
        }
    }
}
