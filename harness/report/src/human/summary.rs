//! The closing line: the counts of the verdicts, and the exit code.

use super::words;
use comeback_record::document::RunDocument;
use comeback_text::terminal::Style;
use comeback_verdict::Verdict;

/// `1 regression, 40 held, 2 known-bad · exit 1`: what went wrong first, then the rest.
pub fn summary(document: &RunDocument, style: Style) -> String {
    let order = [
        Verdict::Regression,
        Verdict::Mismatch,
        Verdict::Inconclusive,
        Verdict::Error,
        Verdict::Held,
        Verdict::KnownBad,
        Verdict::NewlyFixed,
        Verdict::Racy,
        Verdict::Unsupported,
    ];
    let counts = order.iter().filter_map(|verdict| {
        let n = document
            .cases
            .iter()
            .filter(|case| case.counts && case.verdict == *verdict)
            .count();
        let noun = match (verdict, n) {
            (_, 0) => return None,
            (Verdict::Regression | Verdict::Mismatch | Verdict::Error, 2..) => plural(*verdict),
            _ => verdict.name(),
        };
        Some(style.paint(words::paint(*verdict), &format!("{n} {noun}")))
    });
    let counts: Vec<String> = counts.collect();
    let what = if counts.is_empty() {
        "nothing was judged".to_owned()
    } else {
        counts.join(", ")
    };
    format!("{what} · {}\n", words::exit(document, style))
}

fn plural(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regression => "regressions",
        Verdict::Mismatch => "mismatches",
        Verdict::Error => "errors",
        other => other.name(),
    }
}
