//! Reports on their way out: what is printed, what goes to files, and what is streamed while a run goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{print, session};
use crate::cli::args::{Output, RenderArgs, ReportFormat, Talk};
use crate::cli::{self, Exit, Failure, FailureKind};
use crate::evidence::document::RunDocument;
use crate::evidence::event::Told;
use crate::report::{self, Style};

/// The reports that were asked for.
pub struct Reports {
    args: RenderArgs,
    style: Style,
    streams: Mutex<Vec<Stream>>,
}

/// A file that is written while the run goes on.
struct Stream {
    path: PathBuf,
    file: Option<File>,
    failed: Option<Failure>,
}

impl Reports {
    /// What was asked for. Files that are streamed to are made with their first line.
    pub fn new(args: &RenderArgs, talk: &Talk) -> Self {
        let streamed = args.output.iter().filter(|o| o.format == ReportFormat::Jsonl);
        let stream = |output: &Output| Stream {
            path: output.path.clone(),
            file: None,
            failed: None,
        };
        Self {
            args: args.clone(),
            style: cli::style(talk.color, &std::io::stdout()),
            streams: Mutex::new(streamed.map(stream).collect()),
        }
    }

    /// True if programs wait for a document on stdout, whatever becomes of the command.
    pub fn is_for_programs(&self) -> bool {
        self.args.format != ReportFormat::Human
    }

    /// Streams what is told, where that was asked for.
    pub fn stream(&self, told: &Told) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if self.args.format != ReportFormat::Jsonl && streams.is_empty() {
            return;
        }
        let Ok(line) = report::jsonl::event(told) else { return };
        if self.args.format == ReportFormat::Jsonl {
            // A stdout that cannot be written to is told with the document.
            let _ = print(&line);
        }
        streams.iter_mut().for_each(|stream| stream.write(&line));
    }

    /// Writes the reports that go to files.
    ///
    /// # Errors
    ///
    /// The first that cannot be written; the others are.
    pub fn write(&self, document: &RunDocument) -> Result<(), Failure> {
        let plain = Style {
            color: false,
            ..self.style
        };
        let mut outcome = Ok(());
        for Output { format, path } in self.args.output.iter().filter(|o| o.format != ReportFormat::Jsonl) {
            let written = render(*format, document, plain).and_then(|text| session::write(path, &text));
            outcome = outcome.and(written);
        }
        let line = render(ReportFormat::Jsonl, document, plain)?;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for mut stream in streams.drain(..) {
            stream.write(&line);
            outcome = outcome.and(stream.failed.map_or(Ok(()), Err));
        }
        outcome
    }

    /// Prints the report that goes to stdout.
    ///
    /// # Errors
    ///
    /// If it cannot be made or written.
    pub fn print(&self, document: &RunDocument) -> Result<(), Failure> {
        let text = render(self.args.format, document, self.style)?;
        // No annotation is no line, not an empty one.
        if text.is_empty() { Ok(()) } else { print(&text) }
    }
}

impl Stream {
    fn write(&mut self, line: &str) {
        let mut write = || -> Result<File, Failure> {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => create(&self.path)?,
            };
            file.write_all(line.as_bytes())
                .map_err(|why| session::io(&self.path, &why))?;
            Ok(file)
        };
        if self.failed.is_some() {
            return;
        }
        match write() {
            Ok(file) => self.file = Some(file),
            Err(failure) => self.failed = Some(failure),
        }
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    session::parent(path)?;
    File::create(path).map_err(|why| session::io(path, &why))
}

/// The exit code a document asks for.
pub fn exit_of(document: &RunDocument) -> Exit {
    let meant = Exit::ALL.into_iter().find(|e| e.code() == document.exit_code);
    meant.unwrap_or(Exit::Internal)
}

fn render(format: ReportFormat, document: &RunDocument, style: Style) -> Result<String, Failure> {
    let fault = |why: &dyn std::fmt::Display| Failure::new(FailureKind::Internal { why: why.to_string() });
    match format {
        ReportFormat::Human => Ok(report::human::render(document, style)),
        ReportFormat::Json => report::json::render(document).map_err(|why| fault(&why)),
        ReportFormat::Jsonl => report::jsonl::document(document).map_err(|why| fault(&why)),
        ReportFormat::Junit => report::junit::render(document).map_err(|why| fault(&why)),
        ReportFormat::Markdown => Ok(report::markdown::render(document)),
        ReportFormat::Annotations => Ok(report::annotations::render(document)),
        ReportFormat::Html => report::html::render(document).map_err(|why| fault(&why)),
    }
}
