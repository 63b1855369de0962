//! Text for terminals: what may be printed, how wide it is, and how it is painted.

use std::borrow::Cow;

use console::Alignment;
use textwrap::{WordSeparator, WordSplitter};

/// Text from a container, made safe to print on one line.
///
/// Control characters, escapes included, and invisible characters that reorder text become visible as `\u{1b}`; a line
/// end or tab becomes a space. What a CI server would take for a command of its own is broken up likewise: `::error` where
/// a line may come to begin with it, and `##[error]`, `##vso[`, `##teamcity[` anywhere.
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

/// A line as it may be shown on a terminal: without escape sequences and control characters, and without its end. Of a
/// line that was drawn over with carriage returns, what was drawn last.
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

/// Characters that a terminal acts upon: control characters, and those of [`is_format`].
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_format(c)
}

/// Characters that print nothing and change how others are shown: bidirectional controls, joiners, line separators.
pub fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Fills up with spaces to that many columns.
pub fn pad(text: &str, columns: usize) -> String {
    console::pad_str(text, columns, Alignment::Left, None).into_owned()
}

/// Shortens to that many columns, with `…` where something is missing.
pub fn shorten(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// Breaks a paragraph at spaces into lines of at most that many columns, each behind an indent. A word that is longer
/// stands on a line of its own, whole, so that paths and commands can be copied.
pub fn wrap(text: &str, columns: usize, indent: &str) -> String {
    let lines = break_lines(text, columns, indent, indent);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line that does not fit, broken between words, what follows set in.
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

/// How text is laid out and painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// Columns there are.
    pub width: usize,
}

impl Style {
    /// No colour, 100 columns: what files and pipes get.
    pub const PLAIN: Style = Style {
        color: false,
        width: 100,
    };

    /// Paints a text.
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

/// What a colour says. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Beside the point.
    Dim,
    /// As it should be.
    Good,
    /// As it should not be.
    Bad,
    /// Not known.
    Doubt,
    /// Worth knowing.
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
    fn safe_to_print(#[case] text: &str, #[case] wanted: &str) {
        assert_eq!(sanitize(text), wanted);
    }

    #[test]
    fn output_is_made_plain() {
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
    fn shortened(#[case] text: &str, #[case] columns: usize, #[case] wanted: &str) {
        assert_eq!(shorten(text, columns), wanted);
    }

    #[test]
    fn wrapped() {
        assert_eq!(wrap("one two three four", 10, "  "), "  one two\n  three\n  four\n");
        assert_eq!(wrap("/a/rather/long/path x", 6, ""), "/a/rather/long/path\nx\n");
        assert_eq!(wrap(" ", 6, ""), "");
    }

    #[test]
    fn a_line_is_broken_only_where_it_has_to_be() {
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
        fn nothing_unprintable_is_left(text in any::<String>()) {
            prop_assert!(!sanitize(&text).chars().any(|c| c.is_control() || is_format(c)));
        }

        #[test]
        fn never_wider_than_asked(text in any::<String>(), columns in 1usize..40) {
            let text = sanitize(&text);
            prop_assert!(width(&shorten(&text, columns)) <= columns);
        }
    }
}
