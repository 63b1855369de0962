//! Statistics of cases that were run several times: the spread of their times, and their failure rate.

use super::words;
use comeback_record::document::{RaceRate, RepeatsEntry, RunDocument, Spread};
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};

/// The spread of one quantity: its name, and its median, 95th percentile and maximum.
pub struct Line {
    /// What it is, with its unit.
    pub what: &'static str,
    /// Median, 95th percentile and maximum as text.
    pub figures: [String; 3],
}

/// The column headings of the figures.
pub const HEADS: [&str; 3] = ["median", "95 %", "max"];

/// A case, its image if there are several, and the number of its runs.
pub fn name(document: &RunDocument, of: &RepeatsEntry) -> String {
    let image = match document.images.len() {
        0 | 1 => String::new(),
        _ => format!(" on {}", words::image_name(&of.image)),
    };
    sanitize(&format!("{}{image}, {} times", of.scenario, of.cases))
}

/// The spreads of a case that was run several times.
pub fn lines(of: &RepeatsEntry) -> Vec<Line> {
    let line = |what, spread: &Spread| {
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        Line {
            what,
            figures: [figure(spread.median), figure(spread.p95), figure(spread.max)],
        }
    };
    vec![
        line("seconds", &of.seconds),
        line("seconds less settling", &of.busy_seconds),
        line("ms until known", &of.latency_ms),
    ]
}

/// How many runs were not as expected, and the confidence interval of the failure rate.
pub fn failures(of: &RepeatsEntry) -> String {
    let conclusive = of.cases - of.unclear;
    let unclear = match of.unclear {
        0 => String::new(),
        n => format!("; {} inconclusive", words::count(n, "case")),
    };
    match &of.failure_rate {
        None => format!("all of {} are inconclusive", words::count(of.cases, "case")),
        Some(rate) => format!(
            "{} of {conclusive} not as expected: a rate of {} with {:.0} % confidence{unclear}",
            of.failed,
            rate.interval(),
            rate.confidence * 100.0
        ),
    }
}

/// How often each race on record was met, the rate on record, and its explanation.
pub fn races(of: &RepeatsEntry) -> Vec<String> {
    let line = |race: &RaceRate| format!("a race on record was {}. {}", race.told(), race.note);
    of.races.iter().map(line).collect()
}

/// A paragraph for each case that was run several times.
pub fn repeats(document: &RunDocument, style: Style) -> String {
    let mut text = String::new();
    for of in document.repeats.iter().flatten() {
        let lines = lines(of);
        let column = lines.iter().map(|line| width(line.what)).max().unwrap_or(0);
        let heads: Vec<String> = HEADS.iter().map(|head| format!("{head:>9}")).collect();
        text += &format!(
            "{}\n{}{}\n",
            style.paint(Paint::Bold, &name(document, of)),
            " ".repeat(column + 2),
            style.paint(Paint::Dim, &heads.concat())
        );
        for line in &lines {
            let figures: Vec<String> = line.figures.iter().map(|figure| format!("{figure:>9}")).collect();
            text += &format!("  {}{}\n", pad(line.what, column), figures.concat());
        }
        let paint = if of.failed > 0 { Paint::Bad } else { Paint::Plain };
        for line in wrap(&failures(of), style.width.saturating_sub(2), "").lines() {
            text += &format!("  {}\n", style.paint(paint, line));
        }
        for race in races(of) {
            text += &wrap(&sanitize(&race), style.width, "  ");
        }
        text += "\n";
    }
    text
}
