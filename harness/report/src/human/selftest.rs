//! The report of `selftest`: the overlays and their outcomes.

use super::words;
use comeback_record::document::selftest::{Catch, OverlayEntry, OverlayOutcome, Selftest};
use comeback_record::document::{CaseEntry, RunDocument};
use comeback_scenario::model::DEFAULT_PROFILE;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};
use comeback_verdict::Verdict;

/// Each overlay with the scenarios and rows that caught it and the scenarios that missed it, on one line if that fits.
pub fn overlays(found: &Selftest, style: Style) -> String {
    let names = found.overlays.iter().map(|o| width(&o.name)).max().unwrap_or(0);
    let lines = found.overlays.iter().map(|overlay| one(overlay, names, style));
    lines.collect::<String>() + "\n"
}

fn one(overlay: &OverlayEntry, names: usize, style: Style) -> String {
    let (sign, paint) = match overlay.outcome {
        OverlayOutcome::Caught => ("✓", Paint::Good),
        OverlayOutcome::Masked => ("~", Paint::Dim),
        OverlayOutcome::Escaped => ("✗", Paint::Bad),
        OverlayOutcome::Unclear => ("?", Paint::Doubt),
    };
    let name = sanitize(&overlay.name);
    let sign = style.paint(paint, sign);
    let said: Vec<(Paint, String)> = said(overlay)
        .into_iter()
        .map(|(paint, line)| (paint, sanitize(&line)))
        .collect();
    if let [(paint, line)] = said.as_slice()
        && names + 4 + width(line) <= style.width
    {
        return format!("{sign} {}  {}\n", pad(&name, names), style.paint(*paint, line));
    }
    let mut text = format!("{sign} {}\n", style.paint(Paint::Bold, &name));
    for (paint, line) in said {
        for line in wrap(&line, style.width, "    ").lines() {
            text += &format!("{}\n", style.paint(paint, line));
        }
    }
    text
}

/// The lines about an overlay.
fn said(overlay: &OverlayEntry) -> Vec<(Paint, String)> {
    let mut lines = Vec::new();
    if !overlay.caught_by.is_empty() {
        let by: Vec<String> = overlay.caught_by.iter().map(caught).collect();
        lines.push((Paint::Plain, format!("caught by {}", by.join(", "))));
    }
    if overlay.outcome == OverlayOutcome::Escaped {
        lines.push((Paint::Bad, format!("escaped: {}", overlay.breaks)));
    }
    if !overlay.masked_by.is_empty() {
        let by: Vec<String> = overlay.masked_by.iter().map(caught).collect();
        let masked = format!(
            "masked: the image shows this fault without the overlay: {}",
            by.join(", ")
        );
        lines.push((Paint::Doubt, masked));
    }
    for unclear in &overlay.unclear {
        lines.push((Paint::Doubt, format!("{}: {}", unclear.scenario, unclear.why)));
    }
    if !overlay.missed_by.is_empty() {
        let missed = format!("not caught by {}", overlay.missed_by.join(", "));
        lines.push((Paint::Dim, missed));
    }
    let run = |id: &&String| {
        !overlay.missed_by.contains(id)
            && overlay.unclear.iter().all(|u| u.scenario != **id)
            && overlay.masked_by.iter().all(|m| m.scenario != **id)
    };
    let left: Vec<&str> = overlay.not_caught_by.iter().filter(run).map(String::as_str).collect();
    if !left.is_empty() {
        lines.push((
            Paint::Doubt,
            format!("has to be caught by {}, not run", left.join(", ")),
        ));
    }
    lines
}

/// `docker-restart (down:1 state.gateway_state running → stopped)`.
fn caught(catch: &Catch) -> String {
    let row = &catch.row;
    let profile = if row.profile == DEFAULT_PROFILE {
        String::new()
    } else {
        format!(" of {}", row.profile)
    };
    let observed = row
        .observed
        .as_ref()
        .map_or_else(|| "not seen".to_owned(), words::value);
    let change = format!("{} → {observed}", words::values(&row.fixed));
    format!("{} ({} {}{profile} {change})", catch.scenario, row.at, row.probe)
}

/// `5 of 8 overlays caught, 3 masked`.
pub fn tally(found: &Selftest) -> String {
    let n = |outcome| found.overlays.iter().filter(|o| o.outcome == outcome).count();
    let caught = format!(
        "{} of {} overlays caught",
        n(OverlayOutcome::Caught),
        found.overlays.len()
    );
    match n(OverlayOutcome::Masked) {
        0 => caught,
        masked => format!("{caught}, {masked} masked"),
    }
}

/// True if every overlay was caught, or is masked beside one that was.
pub fn good(found: &Selftest) -> bool {
    let caught = |o: &OverlayEntry| o.outcome == OverlayOutcome::Caught;
    let fine = |o: &OverlayEntry| caught(o) || o.outcome == OverlayOutcome::Masked;
    found.overlays.iter().all(fine) && (found.overlays.is_empty() || found.overlays.iter().any(caught))
}

/// `8 of 8 overlays caught; control: 6 cases as expected · 2 m 31 s · exit 0`.
pub fn closing(document: &RunDocument, found: &Selftest, style: Style) -> String {
    let control: Vec<&CaseEntry> = document
        .cases
        .iter()
        .filter(|case| case.counts && case.overlay.is_none())
        .collect();
    let bad = |case: &&&CaseEntry| case.verdict.is_red() || !case.verdict.is_conclusive();
    let bad = control
        .iter()
        .filter(bad)
        .filter(|c| c.verdict != Verdict::Unsupported)
        .count();
    let held = match (control.len(), bad) {
        (0, _) => "no control was run".to_owned(),
        (n, 0) => format!("control: {} as expected", words::count(n, "case")),
        (n, bad) => format!("control: {bad} of {} not as expected", words::count(n, "case")),
    };
    let paint = |good: bool| if good { Paint::Good } else { Paint::Bad };
    let overlays = match document.partition {
        Some(_) => "overlays are judged when the shards are merged".to_owned(),
        None => tally(found),
    };
    format!(
        "{}; {} · {} · {}\n",
        style.paint(paint(good(found)), &overlays),
        style.paint(paint(found.control_held), &held),
        words::seconds(document.seconds),
        words::exit(document, style),
    )
}

#[cfg(test)]
mod tests;
