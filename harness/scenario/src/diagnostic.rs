//! Errors in scenario files, rendered for their author.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use comeback_text::terminal::{self, is_unsafe};

pub(crate) use comeback_text::terminal::sanitize as escape;

/// An error with its place.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The error, in one line.
    pub message: String,
    /// The file, as shown to people.
    pub path: String,
    /// Line of the place, counted from 1.
    pub line: usize,
    /// Column of the place in characters, counted from 1.
    pub column: usize,
    span: Range<usize>,
    label: String,
    also: Vec<(Range<usize>, String)>,
    notes: Vec<String>,
    text: Arc<str>,
}

impl Diagnostic {
    /// An error at bytes `span` of `text`, the content of the file `path`.
    pub fn new(path: &str, text: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        let span = clamp(text, span);
        let before = &text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Self {
            message: message.into(),
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            span,
            label: String::new(),
            also: Vec::new(),
            notes: Vec::new(),
            text: Arc::clone(text),
        }
    }

    /// Sets the text under the caret.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Adds another place that is part of the error.
    pub fn also(&mut self, span: Range<usize>, label: impl Into<String>) -> &mut Self {
        self.also.push((clamp(&self.text, span), label.into()));
        self
    }

    /// Adds a line below the snippet: what is allowed, or what to do.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }

    /// The position in the file, in bytes.
    pub fn start(&self) -> usize {
        self.span.start
    }

    /// The error as text with the lines it is about, in colour if `color`.
    pub fn render(&self, color: bool) -> String {
        let source = tame_source(&self.text);
        let message = escape(&self.message);
        let label = escape(&self.label);
        let also: Vec<_> = self.also.iter().map(|(s, l)| (s.clone(), escape(l))).collect();
        let notes: Vec<_> = self.notes.iter().map(|n| wrap(&escape(n))).collect();
        let mut snippet = Snippet::source(source.as_str())
            .path(escape(&self.path))
            .annotation(AnnotationKind::Primary.span(self.span.clone()).label(label.as_str()));
        for (span, label) in &also {
            snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label.as_str()));
        }
        let mut group = Level::ERROR.primary_title(message.as_str()).element(snippet);
        for note in &notes {
            group = group.element(Level::NOTE.no_name().message(note.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// All errors of a set of scenario files.
#[derive(Debug, Clone, Default)]
pub struct ScenarioErrors {
    /// Errors in the text of files, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// Errors about files and folders: a file that cannot be read, a folder without scenario files.
    pub files: Vec<FileError>,
    /// Number of scenario files that were read.
    pub looked_at: usize,
}

/// A file or folder that cannot be used.
#[derive(Debug, Clone)]
pub struct FileError {
    /// Its path, as shown to people.
    pub path: String,
    /// The reason.
    pub message: String,
}

impl ScenarioErrors {
    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty() && self.files.is_empty()
    }

    /// All errors as text, in colour if `color`.
    pub fn render(&self, color: bool) -> String {
        let mut blocks: Vec<String> = self
            .files
            .iter()
            .map(|e| format!("error: {}: {}", escape(&e.path), escape(&e.message)))
            .collect();
        blocks.extend(self.diagnostics.iter().map(|d| d.render(color)));
        blocks.push(self.summary());
        blocks.join("\n")
    }

    /// The last line: the number of errors and of files.
    fn summary(&self) -> String {
        let mut bad: Vec<&str> = self.diagnostics.iter().map(|d| d.path.as_str()).collect();
        bad.extend(self.files.iter().map(|f| f.path.as_str()));
        bad.sort_unstable();
        bad.dedup();
        let errors = self.diagnostics.len() + self.files.len();
        let looked_at = self.looked_at.max(bad.len());
        format!(
            "{errors} error{} in {} of {looked_at} scenario file{}; nothing was run",
            if errors == 1 { "" } else { "s" },
            bad.len(),
            if looked_at == 1 { "" } else { "s" },
        )
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ScenarioErrors {}

/// The span, moved inside `text` and onto character boundaries.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let start = (0..=span.start.min(text.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0);
    let end = (span.end.clamp(start, text.len())..=text.len())
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(text.len());
    // A caret over several lines is hard to read.
    let end = text[start..end].find('\n').map_or(end, |i| start + i);
    start..end
}

/// The first line of another crate's message, which may have its own snippet below.
pub(crate) fn gist(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_end_matches(':');
    line.strip_prefix("Failed to parse version: ")
        .unwrap_or(line)
        .to_owned()
}

/// Wraps a line between words, so that long lists fit the screen.
pub(crate) fn wrap(text: &str) -> String {
    const WIDTH: usize = 100;
    terminal::wrap(text, WIDTH, "").trim_end().to_owned()
}

/// Replaces unsafe characters in source text byte for byte, so that positions stay valid.
fn tame_source(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (is_unsafe(c), c.len_utf8()) {
            _ if c == '\n' || c == '\t' => out.push(c),
            // A lone carriage return would move the cursor. The renderer drops one before a newline.
            (true, 1) => out.push('?'),
            (true, 2) => out.push('·'),
            (true, 3) => out.push('\u{fffd}'),
            (true, n) => out.extend(std::iter::repeat_n('?', n)),
            (false, _) => out.push(c),
        }
    }
    out
}
