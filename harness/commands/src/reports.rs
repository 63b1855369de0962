//! Reports on their way out: what is printed, what goes to files, and what is streamed while a run goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{print, session};
use crate::options::{Output, RenderOptions, ReportFormat, Terminal};
use crate::{Failure, FailureKind, style};
use comeback_record::document::RunDocument;
use comeback_record::event::TimedEvent;
use comeback_text::terminal::Style;
use comeback_verdict::Exit;

/// The reports that were asked for.
pub struct Reports {
    args: RenderOptions,
    style: Style,
    writer: Mutex<Option<Writer>>,
}

/// Writes lines while the run goes on, in a thread of its own: a reader that is slow, or does not read at all, holds up nobody
/// but whoever waits for the end of it. Until then its lines wait in memory.
struct Writer {
    lines: Sender<String>,
    thread: JoinHandle<Vec<Stream>>,
}

/// A file that is written while the run goes on.
struct Stream {
    path: PathBuf,
    file: Option<File>,
    failed: Option<Failure>,
}

impl Reports {
    /// What was asked for. Files that are streamed to are made with their first line.
    pub fn new(args: &RenderOptions, terminal: &Terminal) -> Self {
        let streamed = args.output.iter().filter(|o| o.format == ReportFormat::Jsonl);
        let stream = |output: &Output| Stream {
            path: output.path.clone(),
            file: None,
            failed: None,
        };
        let (streams, printed) = (
            streamed.map(stream).collect::<Vec<_>>(),
            args.format == ReportFormat::Jsonl,
        );
        let asked_for = printed || !streams.is_empty();
        Self {
            args: args.clone(),
            style: style(terminal.color, &std::io::stdout()),
            writer: Mutex::new(asked_for.then(|| Writer::start(streams, printed))),
        }
    }

    /// True if programs wait for a document on stdout, whatever becomes of the command.
    pub fn is_for_programs(&self) -> bool {
        self.args.format != ReportFormat::Human
    }

    /// Streams what is told, where that was asked for.
    pub fn stream(&self, told: &TimedEvent) {
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner)
            && let Ok(line) = comeback_report::jsonl::event(told)
        {
            // A writer that is gone has said why where it was.
            let _ = writer.lines.send(line);
        }
    }

    /// Waits until everything that was streamed is written. Nothing is streamed after that.
    fn written(&self) -> Vec<Stream> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        writer.map(Writer::end).unwrap_or_default()
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
        for mut stream in self.written() {
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
        self.written();
        let text = render(self.args.format, document, self.style)?;
        // No annotation is no line, not an empty one.
        if text.is_empty() { Ok(()) } else { print(&text) }
    }
}

impl Writer {
    /// `printed` says whether lines go to stdout as well.
    fn start(mut streams: Vec<Stream>, printed: bool) -> Self {
        let (lines, told) = channel::<String>();
        let thread = std::thread::spawn(move || {
            for line in told {
                if printed {
                    // A stdout that cannot be written to is told with the document.
                    let _ = print(&line);
                }
                streams.iter_mut().for_each(|stream| stream.write(&line));
            }
            streams
        });
        Self { lines, thread }
    }

    fn end(self) -> Vec<Stream> {
        drop(self.lines);
        self.thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
        ReportFormat::Human => Ok(comeback_report::human::render(document, style)),
        ReportFormat::Json => comeback_report::json::render(document).map_err(|why| fault(&why)),
        ReportFormat::Jsonl => comeback_report::jsonl::document(document).map_err(|why| fault(&why)),
        ReportFormat::Junit => comeback_report::junit::render(document).map_err(|why| fault(&why)),
        ReportFormat::Markdown => Ok(comeback_report::markdown::render(document)),
        ReportFormat::Annotations => Ok(comeback_report::annotations::render(document)),
        ReportFormat::Html => comeback_report::html::render(document).map_err(|why| fault(&why)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;
    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;
    use comeback_record::document::samples;
    use comeback_record::event::RunEvent;

    /// Nobody reads until the run has told everything, which is more than a pipe holds.
    #[test]
    fn a_reader_that_comes_late_holds_nobody_up_and_gets_everything() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("events");
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let render = RenderOptions {
            format: ReportFormat::Human,
            output: vec![Output {
                format: ReportFormat::Jsonl,
                path: pipe.clone(),
            }],
        };
        let reports = Reports::new(&render, &Terminal::default());
        let text = "x".repeat(1024);
        for n in 0..500 {
            let event = RunEvent::Note {
                text: format!("{n} {text}"),
            };
            let at = Timestamp::UNIX_EPOCH;
            reports.stream(&TimedEvent { at, event });
        }
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        reports.write(&samples::soak()).unwrap();
        let read = reader.join().unwrap();
        let lines: Vec<&str> = read.lines().collect();
        assert_eq!(lines.len(), 501);
        for (n, line) in lines[..500].iter().enumerate() {
            assert!(line.contains(&format!("\"{n} x")), "{n}: {line}");
        }
        assert!(lines[500].contains(r#""event":"document""#), "{}", lines[500]);
    }
}
