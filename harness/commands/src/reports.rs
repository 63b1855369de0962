//! Writes reports: to stdout, to files, and as a stream of events while a run goes on.

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

/// Writes lines in a thread of its own while the run goes on. A slow reader, or one that does not read at all, delays only the
/// end of the command; until then its lines are buffered in memory.
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
    /// The reports of these options. A file that is streamed to is created with its first line.
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

    /// True if a program reads stdout, so that it needs a document even if the command fails.
    pub fn is_for_programs(&self) -> bool {
        self.args.format != ReportFormat::Human
    }

    /// Streams an event, if a stream was asked for.
    pub fn stream(&self, event: &TimedEvent) {
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner)
            && let Ok(line) = comeback_report::jsonl::event(event)
        {
            // A writer that failed has reported why.
            let _ = writer.lines.send(line);
        }
    }

    /// Waits until all streamed lines are written, and ends the stream.
    fn written(&self) -> Vec<Stream> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        writer.map(Writer::end).unwrap_or_default()
    }

    /// Writes the reports that go to files.
    ///
    /// # Errors
    ///
    /// The first error. The other reports are still written.
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
    /// If it cannot be rendered or written.
    pub fn print(&self, document: &RunDocument) -> Result<(), Failure> {
        self.written();
        let text = render(self.args.format, document, self.style)?;
        // Without annotations nothing is printed, not even an empty line.
        if text.is_empty() { Ok(()) } else { print(&text) }
    }
}

impl Writer {
    /// `printed` says whether lines go to stdout as well.
    fn start(mut streams: Vec<Stream>, printed: bool) -> Self {
        let (lines, queue) = channel::<String>();
        let thread = std::thread::spawn(move || {
            for line in queue {
                if printed {
                    // An error of stdout is reported when the document is printed.
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
    let exit = Exit::ALL.into_iter().find(|e| e.code() == document.exit_code);
    exit.unwrap_or(Exit::Internal)
}

fn render(format: ReportFormat, document: &RunDocument, style: Style) -> Result<String, Failure> {
    let fault = |why: &dyn std::fmt::Display| Failure::new(FailureKind::Internal { why: why.to_string() });
    match format {
        ReportFormat::Human => Ok(comeback_report::human::render(document, style)),
        ReportFormat::Json => comeback_report::json::render(document).map_err(|why| fault(&why)),
        ReportFormat::Jsonl => comeback_report::jsonl::document(document).map_err(|why| fault(&why)),
        ReportFormat::Junit => comeback_report::junit::render(document).map_err(|why| fault(&why)),
        ReportFormat::Ctrf => comeback_report::ctrf::render(document).map_err(|why| fault(&why)),
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

    /// Nobody reads before the run has sent all events, which are more than a pipe holds.
    #[test]
    fn a_late_reader_does_not_block_the_run_and_gets_all_events() {
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
