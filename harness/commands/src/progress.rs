//! Progress of a run, on stderr.
//!
//! A terminal gets a display that is redrawn, with a line above it for each finished case. Elsewhere there is one plain line
//! for each. Everything is printed through one place, so that a line never lands in the middle of the display.

mod display;
mod lines;
mod status;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use display::Display;
use status::RunStatus;

use crate::options::Terminal;
use comeback_record::event::RunEvent;
use comeback_text::terminal::{Style, fold};

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Nothing.
    Quiet,
    /// Images and judged cases.
    Normal,
    /// Also each observation and each line of a build.
    Verbose,
}

impl From<&Terminal> for Loudness {
    fn from(terminal: &Terminal) -> Self {
        match (terminal.quiet, terminal.verbose) {
            (true, _) => Self::Quiet,
            (false, 0) => Self::Normal,
            (false, _) => Self::Verbose,
        }
    }
}

/// Shows the events of a run on stderr. Clones are cheap and share one display.
#[derive(Clone)]
pub struct Progress {
    loudness: Loudness,
    style: Style,
    status: Arc<Mutex<RunStatus>>,
    sink: Arc<Mutex<Sink>>,
}

enum Sink {
    Lines,
    Display(Box<Display>),
}

impl Progress {
    /// Progress for these flags. There is a display only on a terminal that can redraw.
    pub fn new(terminal: &Terminal) -> Self {
        let stderr = io::stderr();
        let style = crate::style(terminal.color, &stderr);
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let loudness = Loudness::from(terminal);
        let redraw = stderr.is_terminal() && !dumb && loudness != Loudness::Quiet;
        let sink = if redraw {
            Sink::Display(Box::new(Display::new(style)))
        } else {
            Sink::Lines
        };
        Self {
            loudness,
            style,
            status: Arc::new(Mutex::new(RunStatus::new())),
            sink: Arc::new(Mutex::new(sink)),
        }
    }

    /// Shows an event.
    pub fn on(&self, event: &RunEvent) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).on(event);
        if self.loudness == Loudness::Quiet {
            return;
        }
        let line = lines::line(event, self.loudness, self.style);
        let mut sink = self.sink();
        if let Sink::Display(display) = &mut *sink {
            display.on(event);
        }
        if let Some(line) = line {
            sink.print(&line, self.style);
        }
    }

    /// Prints the state of the run, at any loudness, because the user asked for it.
    pub fn stand(&self) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).tell();
        self.println(&status);
    }

    /// Prints lines above the display, at any loudness.
    pub fn println(&self, text: &str) {
        self.sink().print(text, self.style);
    }

    /// Removes the display for good, before the report is printed.
    pub fn finish(&self) {
        let mut sink = self.sink();
        if let Sink::Display(display) = &mut *sink {
            display.clear();
            // An empty line sets off the report on the same terminal.
            if io::stdout().is_terminal() {
                sink.print("", self.style);
            }
        }
        *sink = Sink::Lines;
    }

    /// Hides the display while something else is printed.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        match &*self.sink() {
            Sink::Lines => print(),
            Sink::Display(display) => display.suspend(print),
        }
    }

    /// A writer for log lines, which go above the display.
    pub fn writer(&self) -> LogWriter {
        LogWriter {
            progress: self.clone(),
            line: Vec::new(),
        }
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        // A display can still be drawn after a panic in an earlier drawing.
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    fn print(&self, text: &str, style: Style) {
        match self {
            // Not folded: this is a file or a pipe. A closed stderr is ignored.
            Self::Lines => drop(writeln!(io::stderr().lock(), "{text}")),
            Self::Display(display) => {
                let lines: Vec<String> = text.split('\n').map(|line| fold(line, style.width)).collect();
                display.print(&lines.join("\n"));
            }
        }
    }
}

/// Collects what is written to it and prints it line by line.
pub struct LogWriter {
    progress: Progress,
    line: Vec<u8>,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.progress.println(String::from_utf8_lossy(&line[..end]).trim_end());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.progress.println(String::from_utf8_lossy(&self.line).trim_end());
        }
    }
}
