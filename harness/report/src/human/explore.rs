//! The report of `explore`: the shortest failing sequence of each finding, and the coverage.

use std::collections::BTreeMap;

use super::words;
use comeback_record::document::RunDocument;
use comeback_record::document::explore::{Explored, FoundEntry, FoundStep};
use comeback_scenario::model::DEFAULT_PROFILE;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};

/// `explore release:0.16.0  seed 7  24 sequences, 163 steps, 2 m 04 s (floor 1 m 51 s)`.
pub fn heading(explored: &Explored, style: Style) -> String {
    let overlay = explored.overlay.as_deref().map(|name| format!(" with {name}"));
    let line = format!(
        "explore {}{}  seed {}  {}, {}, {} (floor {})",
        explored.image,
        overlay.unwrap_or_default(),
        explored.seed,
        words::count(explored.sequences, "sequence"),
        words::count(explored.steps, "step"),
        words::seconds(explored.seconds),
        words::seconds(explored.floor_seconds),
    );
    format!("{}\n\n", style.paint(Paint::Bold, &sanitize(&line)))
}

/// A finding: its steps and their results, the violation, and its scenario file.
pub fn finding(explored: &Explored, found: &FoundEntry, style: Style) -> String {
    let mut text = String::new();
    let shrunk = if found.length == found.sequence.len() && found.tries == 0 {
        format!("after {}", words::count(found.length, "step"))
    } else {
        let tries = if found.tries == 1 { "try" } else { "tries" };
        let short = if found.minimal { "" } else { ", not fully shrunk" };
        format!(
            "after {}; shrunk to {} in {} {tries}{short}",
            words::count(found.length, "step"),
            found.sequence.len(),
            found.tries
        )
    };
    let line = format!("✗ {} {shrunk}; {}", found.violation, rate(found));
    text += &style.paint(Paint::Bad, wrap(&sanitize(&line), style.width, "").trim_end());
    text.push('\n');
    let several = found.profiles.len() > 1
        || found
            .sequence
            .iter()
            .any(|s| s.profile.as_deref() != Some(DEFAULT_PROFILE) && s.profile.is_some());
    let mut before = Vec::new();
    if found.profiles.len() > 1 {
        before.push(format!("profiles {}", found.profiles.join(", ")));
    }
    if let Some(policy) = &found.policy {
        before.push(format!("restart policy {policy}"));
    }
    if !found.seeded.is_empty() {
        let whose = found.seeded.join(" and ");
        before.push(format!(
            "a seeded volume on which {whose} has only gateway_state running"
        ));
    }
    if !before.is_empty() {
        text += &wrap(&sanitize(&format!("with {}", before.join("; "))), style.width, "    ");
    }
    let named: Vec<String> = found.sequence.iter().map(name).collect();
    let widest = named.iter().map(|n| width(n)).max().unwrap_or(0);
    for (i, (step, name)) in found.sequence.iter().zip(&named).enumerate() {
        let led_to = sanitize(&led_to(step, several));
        let line = format!("    {:>2} {}  {led_to}", i + 1, pad(&sanitize(name), widest));
        if width(&line) <= style.width {
            text += &format!("{}\n", line.trim_end());
        } else {
            text += &wrap(&format!("{:>2} {}", i + 1, sanitize(name)), style.width, "    ");
            text += &wrap(&led_to, style.width, "         ");
        }
    }
    let profile = if found.profile == DEFAULT_PROFILE {
        String::new()
    } else {
        format!(" of {}", found.profile)
    };
    let line = format!(
        "{} {}{profile}: wanted {}, found {}",
        found.at,
        found.what,
        words::value(&found.wanted),
        words::value(&found.found)
    );
    text += &wrap(&sanitize(&line), style.width, "    ");
    let again = match found.again {
        0 => String::new(),
        n => format!("; {n} more like it"),
    };
    let line = format!(
        "sequence {} of seed {}, after {}{again}",
        found.index,
        explored.seed,
        words::seconds(found.found_after)
    );
    text += &format!("    {}\n", style.paint(Paint::Dim, &line));
    text += "\n  as a scenario:\n\n";
    for line in found.scenario_toml.lines() {
        let line = sanitize(line);
        text += if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("    {line}\n")
        }
        .as_str();
    }
    text + "\n"
}

/// `signal-gateway (SIGTERM, profile work, in flight)`.
fn name(step: &FoundStep) -> String {
    let mut words: Vec<&str> = Vec::new();
    if !step.detail.is_empty() {
        words.push(&step.detail);
    }
    if !step.wait {
        words.push("in flight");
    }
    if words.is_empty() {
        step.op.clone()
    } else {
        format!("{} ({})", step.op, words.join(", "))
    }
}

/// `intent running    service down, prior_state=stopped action=registered`.
fn led_to(step: &FoundStep, several: bool) -> String {
    let each = |pairs: &[(String, String)]| -> String {
        let pairs = pairs.iter().map(|(profile, word)| {
            if several {
                format!("{profile} {word}")
            } else {
                word.clone()
            }
        });
        pairs.collect::<Vec<_>>().join(", ")
    };
    let shown = &step.shown;
    let mut parts = Vec::new();
    if !shown.intent.is_empty() {
        parts.push(pad(&format!("intent {}", each(&shown.intent)), 12));
    }
    let mut seen = Vec::new();
    if !shown.service.is_empty() {
        seen.push(format!("service {}", each(&shown.service)));
    }
    seen.extend(shown.reconciler.iter().cloned());
    parts.push(seen.join(", "));
    parts.join("  ")
}

/// The coverage: the states that each operation met, the pairs of operations, and what was never reached.
pub fn coverage(explored: &Explored, style: Style) -> String {
    let met = &explored.coverage;
    let mut by_op: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for entry in &met.states {
        by_op.entry(&entry.op).or_default().push((entry.count, &entry.state));
    }
    if by_op.is_empty() {
        return String::new();
    }
    let widest = by_op.keys().map(|op| width(op)).max().unwrap_or(0);
    let mut text = "operations, and the states of the gateways that they met\n".to_owned();
    for (op, mut states) in by_op {
        states.sort_by(|a, b| b.cmp(a));
        let states: Vec<String> = states.iter().map(|(count, state)| format!("{state} {count}")).collect();
        let indent = " ".repeat(widest + 4);
        let states = wrap(&states.join(" · "), style.width, &indent);
        text += &format!("  {}  {}", pad(op, widest), states.trim_start());
    }
    let settled = met.pairs.iter().filter(|p| !p.in_flight).count();
    let raced = met.pairs.iter().filter(|p| p.in_flight).count();
    let line = format!(
        "{settled} of {} pairs of consecutive operations settled, {raced} with the first in flight",
        met.possible_pairs
    );
    text += &wrap(&line, style.width, "");
    if !met.unmet.is_empty() {
        text += &wrap(&format!("never reached: {}", met.unmet.join(", ")), style.width, "");
    }
    let never: Vec<String> = met.never.iter().map(|n| format!("{} ({})", n.op, n.why)).collect();
    let never = wrap(&format!("never generated: {}", never.join("; ")), style.width, "  ");
    text += &style.paint(Paint::Dim, never.trim_start().trim_end());
    text + "\n"
}

/// `1 found; 22 of 24 sequences were conclusive · 1.30 steps/s, engine and gateway alone 1.50 · exit 1`.
pub fn closing(document: &RunDocument, explored: &Explored, style: Style) -> String {
    let mut text = String::new();
    for nothing in &explored.inconclusive {
        let line = format!(
            "{} inconclusive: {}",
            words::count(nothing.count, "sequence"),
            nothing.why
        );
        text += &style.paint(Paint::Doubt, wrap(&sanitize(&line), style.width, "  ").trim());
        text.push('\n');
    }
    let found = match explored.findings.len() {
        0 if explored.conclusive == 0 => style.paint(Paint::Doubt, "inconclusive"),
        0 => style.paint(Paint::Good, "nothing found"),
        n => style.paint(Paint::Bad, &format!("{n} found")),
    };
    let conclusive = format!(
        "{} of {} conclusive",
        explored.conclusive,
        words::count(explored.sequences, "sequence")
    );
    text + &format!(
        "{found}; {conclusive} · {:.2} steps/s, engine and gateway alone {:.2} · {}\n",
        explored.steps_per_second,
        explored.floor_steps_per_second,
        words::exit(document, style)
    )
}

/// How often it failed again.
fn rate(found: &FoundEntry) -> String {
    match found.repeats {
        0 => "there was no time to repeat it".to_owned(),
        repeats => format!("{} of {repeats} repeats", found.reproduced),
    }
}
