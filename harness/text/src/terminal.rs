//! Text for terminals: making it safe to print, measuring its width, layout and colours.

use std::borrow::Cow;

use console::Alignment;
use textwrap::{WordSeparator, WordSplitter};

/// Makes text from a container safe to print on one line.
///
/// Control characters (including escapes) and invisible characters that reorder text become visible as `\u{1b}`; a
/// line end or tab becomes a space. Workflow commands of CI servers are broken up: `::error` where a line may begin
/// with it, and `##[error]`, `##vso[`, `##teamcity[` anywhere.
pub fn sanitize(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = || rest.clone().next();
        match c {
            '\n' | '\t' => safe.push(' '),
            '\r' => {}
            ':' if next() == Some(':') && safe.chars().next_back().is_none_or(char::is_whitespace) => {
                safe.extend(c.escape_unicode())
            }
            '#' if safe.ends_with('#') && next().is_some_and(|c| c == '[' || c.is_ascii_alphabetic()) => {
                safe.extend(c.escape_unicode())
            }
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// A line of output without escape sequences, control characters and its line end. If carriage returns overwrite the
/// line, only the text after the last one is kept.
pub fn plain(line: &str) -> String {
    let line = line.trim_end();
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                // A control sequence ends with its first byte in this range.
                while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
            }
        } else if c == '\t' || !c.is_control() {
            plain.push(c);
        }
    }
    plain.trim_end().to_owned()
}

/// True for characters that a terminal acts on: control characters, and those of [`is_format`].
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_format(c)
}

/// True for characters that are invisible and change how others are displayed: bidirectional controls, joiners, line
/// separators.
pub fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The width of a text on a terminal, in columns.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Pads a text with spaces to this many columns.
pub fn pad(text: &str, columns: usize) -> String {
    console::pad_str(text, columns, Alignment::Left, None).into_owned()
}

/// Shortens a text to this many columns, with `…` in place of the rest.
pub fn shorten(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// Wraps a paragraph at spaces into lines of at most this many columns, each after an indent. A longer word has a
/// line of its own and is not broken, so that paths and commands can be copied.
pub fn wrap(text: &str, columns: usize, indent: &str) -> String {
    let lines = break_lines(text, columns, indent, indent);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Wraps a line that is too long between words. The continuation lines are indented further.
pub fn fold(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let indent = &line[..line.len() - line.trim_start().len()];
    break_lines(line, columns, indent, &format!("{indent}    ")).join("\n")
}

fn break_lines(text: &str, columns: usize, first: &str, others: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Vec::new();
    }
    let options = textwrap::Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(others)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let lines = textwrap::wrap(&text, options);
    lines.into_iter().map(Cow::into_owned).collect()
}

/// How text is laid out and coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// Width in columns.
    pub width: usize,
}

impl Style {
    /// No colour, 100 columns: for files and pipes.
    pub const PLAIN: Style = Style {
        color: false,
        width: 100,
    };

    /// Colours a text.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Doubt => "33",
            Paint::Info => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The meaning of a colour. Colour never carries information alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Unchanged.
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// A good result.
    Good,
    /// A bad result.
    Bad,
    /// An unknown result.
    Doubt,
    /// A note.
    Info,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain", "plain")]
    #[case("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m")]
    #[case("a\r\nb\tc", "a b c")]
    #[case("\u{9b}2J", "\\u{9b}2J")]
    #[case("\u{202e}txet", "\\u{202e}txet")]
    #[case("naïve ✓ 漢", "naïve ✓ 漢")]
    #[case("::error file=a::b", "\\u{3a}:error file=a::b")]
    #[case("a\n  ::stop-commands::x", "a   \\u{3a}:stop-commands::x")]
    #[case("std::fmt 12::3", "std::fmt 12::3")]
    #[case("a##[error]b ##vso[task] # #1 ## x", "a#\\u{23}[error]b #\\u{23}vso[task] # #1 ## x")]
    fn sanitize_makes_text_safe_to_print(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(sanitize(text), wanted);
    }

    #[test]
    fn plain_removes_escapes_and_overwritten_text() {
        assert_eq!(plain("\u{1b}[91m + \u{1b}[0mrich\u{1b}[2K==1.0\n"), " + rich==1.0");
        assert_eq!(plain("10 %\r90 %\r100 %\r\n"), "100 %");
        assert_eq!(plain("a\u{7}b\u{9b}c\td"), "abc\td");
        assert_eq!(plain("\u{1b}["), "");
    }

    #[rstest]
    #[case("short", 10, "short")]
    #[case("exactly ten", 11, "exactly ten")]
    #[case("rather too long", 8, "rather …")]
    #[case("漢字漢字", 5, "漢字…")]
    fn shorten_counts_columns(#[case] text: &str, #[case] columns: usize, #[case] wanted: &str) {
        assert_eq!(shorten(text, columns), wanted);
    }

    #[test]
    fn wrap_breaks_at_spaces() {
        assert_eq!(wrap("one two three four", 10, "  "), "  one two\n  three\n  four\n");
        assert_eq!(wrap("/a/rather/long/path x", 6, ""), "/a/rather/long/path\nx\n");
        assert_eq!(wrap(" ", 6, ""), "");
    }

    #[test]
    fn fold_breaks_only_lines_that_are_too_long() {
        let line = "  ✗ docker-restart @ release:0.16.0  mismatch (regressed)  16.6 s: state is stopped";
        assert_eq!(fold(line, 120), line);
        assert_eq!(
            fold(line, 50),
            "  ✗ docker-restart @ release:0.16.0 mismatch\n      (regressed) 16.6 s: state is stopped"
        );
        assert_eq!(fold("\u{1b}[31mred\u{1b}[0m", 3), "\u{1b}[31mred\u{1b}[0m");
    }

    proptest! {
        #[test]
        fn sanitize_leaves_no_control_or_format_character(text in any::<String>()) {
            prop_assert!(!sanitize(&text).chars().any(|c| c.is_control() || is_format(c)));
        }

        #[test]
        fn shorten_never_exceeds_the_width(text in any::<String>(), columns in 1usize..40) {
            let text = sanitize(&text);
            prop_assert!(width(&shorten(&text, columns)) <= columns);
        }
    }
}
