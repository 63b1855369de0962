//! The command that repeats a case, and the place of its evidence.

use comeback_record::document::{CaseEntry, RunDocument};
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width};
use comeback_verdict::{Classification, Verdict};

/// Columns before the text that is to be copied.
const LABEL: usize = 17;

/// The command that runs just this case again.
pub fn repeat(document: &RunDocument, case: &CaseEntry) -> String {
    let own_volume = argument(&document.arguments, "--seed-from");
    let mut command = match (document.images.as_slice(), own_volume, &case.overlay) {
        ([old, new, ..], Some(folder), _) if document.command == "compare" => {
            let (old, new, folder) = (quoted(&old.name), quoted(&new.name), quoted(folder));
            format!("comeback compare {old} {new} --seed-from {folder}")
        }
        (_, _, Some(overlay)) => format!(
            "comeback selftest {} --overlay {} --filter {}",
            quoted(&case.image),
            quoted(overlay),
            quoted(&case.scenario)
        ),
        _ => format!(
            "comeback check {} --filter {}",
            quoted(&case.image),
            quoted(&case.scenario)
        ),
    };
    // The expectation of the run is repeated. A regression of a comparison may be known-bad for the release by itself, so it
    // needs the expectation too.
    let asked = argument(&document.arguments, "--expect").is_some();
    let introduced = document.comparisons.is_some() && own_volume.is_none() && case.verdict == Verdict::Regression;
    if case.verdict == Verdict::Mismatch || asked || introduced && case.expected == Classification::Fixed.name() {
        command += &format!(" --expect {}", case.expected);
    }
    for flag in ["--scenarios", "--host"] {
        if let Some(value) = argument(&document.arguments, flag) {
            command += &format!(" {flag} {}", quoted(value));
        }
    }
    // The drawn moments also depend on the repeat. A case that is run alone is the first repeat, so the seed only helps there.
    if let Some(seed) = document.seed.filter(|_| case.repeat == 1) {
        command += &format!(" --seed {seed}");
    }
    sanitize(&(command + " --keep on-failure"))
}

/// The last lines of a dossier: the command that repeats the case, and the place of the evidence.
pub fn next(document: &RunDocument, case: &CaseEntry, style: Style) -> String {
    let mut text = format!("\n{}", entry("see it again", &repeat(document, case), style));
    if let Some(evidence) = &case.evidence {
        text += &entry("evidence", &sanitize(evidence), style);
    }
    text
}

/// Text that is to be copied and is never wrapped: beside its label, or below it if it does not fit.
fn entry(label: &str, copied: &str, style: Style) -> String {
    let gap = if LABEL + width(copied) <= style.width {
        pad("", LABEL - 2 - width(label))
    } else {
        "\n    ".to_owned()
    };
    format!("  {}{gap}{copied}\n", style.paint(Paint::Dim, label))
}

/// The value of a flag in the arguments: `--flag value` or `--flag=value`.
fn argument<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == flag {
            return rest.next().map(String::as_str);
        }
        if let Some(value) = argument.strip_prefix(flag).and_then(|tail| tail.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

/// A word, quoted for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
