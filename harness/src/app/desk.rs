//! What a run hands in: its reports, its record, and one document whatever happened to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Caller, print, session, tell_failure};
use crate::cli::args::{Output, ReportArgs, ReportFormat};
use crate::cli::{self, Exit, Failure, FailureKind};
use crate::engine::EngineInfo;
use crate::evidence::document::{ImageEntry, LeftOutEntry, RunDocument, RunHeader, document};
use crate::evidence::record::Record;
use crate::image::Cache;
use crate::report;
use crate::verdict::RunVerdict;
use session::Clock;

/// The record while it is written; `None` before it is there and after it was finished.
pub type SharedRecord = Arc<Mutex<Option<Record>>>;

/// Collects what a run's document says beside its cases, and hands it in.
pub struct Desk {
    command: &'static str,
    report: ReportArgs,
    caller: Caller,
    /// When the run began, and its id.
    pub clock: Clock,
    /// The engine, once it answered.
    pub engine: Option<EngineInfo>,
    /// The images, once they are there.
    pub images: Vec<ImageEntry>,
    /// What was selected and does not apply.
    pub left_out: Vec<LeftOutEntry>,
    /// The record.
    pub record: SharedRecord,
    place: Option<PathBuf>,
    handed_in: bool,
}

impl Desk {
    /// Opens it before anything can go wrong.
    pub fn open(command: &'static str, report: &ReportArgs, caller: &Caller) -> Self {
        Self {
            command,
            report: report.clone(),
            caller: caller.clone(),
            clock: Clock::start(),
            engine: None,
            images: Vec::new(),
            left_out: Vec::new(),
            record: SharedRecord::default(),
            place: None,
            handed_in: false,
        }
    }

    /// Begins the record.
    pub fn begin_record(&mut self) -> Result<(), Failure> {
        let folder = match &self.report.record {
            Some(folder) => folder.clone(),
            None => Cache::default()
                .path(format!("runs/{}", self.clock.run))
                .map_err(|why| io("the user's cache folder", &why))?,
        };
        let record = Record::create(&folder).map_err(|why| io(&folder.display().to_string(), &why))?;
        self.place = Some(record.root().to_owned());
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = Some(record);
        Ok(())
    }

    /// What is known of the run beside its images and cases.
    pub fn header(&self, failure: Option<(String, Exit)>, interrupted: Option<Exit>) -> RunHeader {
        RunHeader {
            run: self.clock.run.clone(),
            command: self.command.to_owned(),
            arguments: self.caller.arguments.clone(),
            started: self.clock.started,
            seconds: self.clock.seconds(),
            engine: self.engine.clone(),
            left_out: self.left_out.clone(),
            record: self.place.as_ref().map(|p| p.display().to_string()),
            failure,
            interrupted,
        }
    }

    /// Writes everything that was asked for; what is printed comes last and says what became of the rest.
    pub fn hand_in(&mut self, mut document: RunDocument) -> Result<Exit, Failure> {
        self.handed_in = true;
        let of_code = |code: u8| Exit::ALL.into_iter().find(|exit| exit.code() == code);
        let mut exit = of_code(document.exit_code).unwrap_or(Exit::Internal);
        document.exit_code = self.caller.exit_style.judged(exit);
        if let Err(failure) = self.write(&document) {
            tell_failure(&failure, &self.caller.talk);
            if exit == Exit::Held {
                exit = failure.exit();
                document.verdict = RunVerdict::Error;
                document.exit_code = self.caller.exit_style.judged(exit);
            }
            document.failure.get_or_insert(failure.what());
        }
        let style = cli::style(self.caller.talk.color, &std::io::stdout());
        print(&render(self.report.format, &document, style)?)?;
        Ok(exit)
    }

    /// The end of a command: one that failed on its way has a document too, for programs that wait for one.
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
            let mut document = document(&header, self.images.clone(), &[]);
            document.exit_code = failure.code(self.caller.exit_style);
            if let Err(also) = self.write(&document) {
                tell_failure(&also, &self.caller.talk);
            }
            if self.report.format == ReportFormat::Json {
                let style = cli::style(self.caller.talk.color, &std::io::stdout());
                print(&render(ReportFormat::Json, &document, style)?)?;
            }
        }
        Err(failure)
    }

    /// Writes the reports that go to files, and finishes the record.
    fn write(&self, document: &RunDocument) -> Result<(), Failure> {
        let plain = report::Style {
            color: false,
            ..cli::style(self.caller.talk.color, &std::io::stdout())
        };
        for Output { format, path } in &self.report.output {
            session::write(path, &render(*format, document, plain)?)?;
        }
        match self.record.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(record) => {
                let place = record.root().display().to_string();
                record.finish(document).map_err(|why| io(&place, &why))
            }
        }
    }
}

fn render(format: ReportFormat, document: &RunDocument, style: report::Style) -> Result<String, Failure> {
    match format {
        ReportFormat::Human => Ok(report::human::render(document, style)),
        ReportFormat::Json => {
            report::json::render(document).map_err(|why| Failure::new(FailureKind::Internal { why: why.to_string() }))
        }
    }
}

fn io(path: &str, why: &impl ToString) -> Failure {
    Failure::new(FailureKind::Io {
        path: path.to_owned(),
        why: why.to_string(),
    })
}
