//! The dossier of a case that is not as expected: the steps, the wanted and found values, what they mean, and what to do next.

use jiff::Timestamp;

use super::again::next;
use super::table::attempts;
use super::words;
use comeback_gateway::boot_line::BootLine;
use comeback_gateway::supervisor::PROCESS as SUPERVISOR;
use comeback_gateway::{MARKER_HALF, RECONCILER, SIGNAL_HALF};
use comeback_record::document::{CaseEntry, RowEntry, RunDocument};
use comeback_record::excerpt::of_profile;
use comeback_scenario::model::{Guard, Probe, Value, ValueSet};
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, shorten, width, wrap};
use comeback_verdict::{Classification, Verdict};

/// Kinds of events that are shown for a step.
const TELLING: [&str; 8] = [
    "state",
    "marker",
    "boot",
    "shutdown",
    "service",
    "container",
    "wait",
    "lost",
];
/// Lines of the container's output that are quoted.
const LOG_LINES: usize = 6;

/// The dossier of a case; empty if it held.
pub fn dossier(document: &RunDocument, case: &CaseEntry, style: Style) -> String {
    match case.verdict {
        Verdict::Held => String::new(),
        Verdict::Regression | Verdict::Mismatch => red(document, case, style),
        Verdict::Inconclusive | Verdict::Error => doubtful(document, case, style),
        Verdict::Unsupported => in_short(
            case,
            style,
            case.reason.as_deref().unwrap_or("this cannot be done here"),
        ),
        Verdict::KnownBad => match &case.note {
            Some(note) => in_short(case, style, &format!("on record: {note}")),
            None => String::new(),
        },
        Verdict::Racy => racy(case, style),
        Verdict::NewlyFixed => in_short(
            case,
            style,
            "better than expected: fixed, and this release was expected to have the bug",
        ),
    }
}

fn title(case: &CaseEntry, style: Style, tail: &str) -> String {
    let sign = style.paint(words::paint(case.verdict), words::mark(case.verdict));
    let (name, image) = (sanitize(&words::case_name(case)), sanitize(&case.image));
    let fits = width(&name) + width(&image) + width(tail) + 6 <= style.width;
    let breaks = if fits { "  " } else { "\n  " };
    let tail = style.paint(words::paint(case.verdict), tail);
    format!("{sign} {}  {image}{breaks}{tail}\n", style.paint(Paint::Bold, &name))
}

fn in_short(case: &CaseEntry, style: Style, what: &str) -> String {
    title(case, style, case.verdict.name()) + &wrap(&sanitize(what), style.width, "  ") + "\n"
}

/// A race on record that one attempt met and another did not.
fn racy(case: &CaseEntry, style: Style) -> String {
    let note = case.note.as_deref().unwrap_or_default();
    let closing = format!("Attempt {} did not meet it.", case.attempt);
    let text = sanitize(&format!("{note} {closing}"));
    title(case, style, &headline(case)) + &wrap(&text, style.width, "  ") + "\n"
}

/// The finding. For a race on record, the verdict comes first, because the finding only says how often it was met.
fn headline(case: &CaseEntry) -> String {
    let found = words::finding(case);
    match case.race {
        Some(_) => format!("{}: {found}", case.verdict),
        None => found,
    }
}

/// An inconclusive case or an error: the reason first, so that it does not read like a verdict on the gateway.
fn doubtful(document: &RunDocument, case: &CaseEntry, style: Style) -> String {
    let n = attempts(document, case);
    let again = if n > 1 {
        format!(" in {n} attempts")
    } else {
        String::new()
    };
    let tail = format!("{}{again}", case.verdict.name());
    let reason = case.reason.as_deref().unwrap_or("the evidence does not tell");
    let closing = match case.verdict {
        Verdict::Error if case.steps.is_empty() => "It failed before the first step, so nothing was tested.",
        Verdict::Error => "Nothing was tested.",
        _ => "Nothing is concluded from this case.",
    };
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    let mut text = title(case, style, &tail);
    text += &wrap(&sanitize(&format!("{reason}{end} {closing}")), style.width, "  ");
    text += &steps(case, style);
    text += &logs(case, style);
    text += &next(document, case, style);
    text + "\n"
}

fn red(document: &RunDocument, case: &CaseEntry, style: Style) -> String {
    let mut text = title(case, style, &headline(case));
    text += "\n";
    text += &wrap(&sanitize(&case.why), style.width, "  ");
    text += &steps(case, style);
    text += &rows(case, style);
    text += "\n";
    text += &wrap(&sanitize(&meaning(case)), style.width, "  ");
    text += &logs(case, style);
    text += &next(document, case, style);
    text + "\n"
}

/// The steps with their times, each with the events until the next step begins.
fn steps(case: &CaseEntry, style: Style) -> String {
    // Of the start phase, only failed waits and lost observations are shown.
    let mut text = happened(case, 0, &["wait", "lost"], style);
    if !text.is_empty() {
        text = format!("  {}\n{text}", style.paint(Paint::Dim, "before the first step"));
    }
    for (i, step) in case.steps.iter().enumerate() {
        let detail = if step.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", step.detail)
        };
        let exit = step.exit.map(|code| format!(", exit {code}")).unwrap_or_default();
        let line = format!("step {} {}{detail}", i + 1, step.op);
        let began = step.began.map(|at| format!("{}, ", clock(at))).unwrap_or_default();
        let (line, times) = (
            sanitize(&line),
            format!("{began}took {}{exit}", words::seconds(step.seconds)),
        );
        let fits = 2 + width(&line) + 3 + width(&times) <= style.width;
        let gap = if fits { "   " } else { "\n    " };
        text += &format!("  {line}{gap}{}\n", style.paint(Paint::Dim, &times));
        if !step.said.trim().is_empty() {
            let said = shorten(&sanitize(step.said.trim()), style.width.saturating_sub(10));
            text += &format!("    {} {said}\n", style.paint(Paint::Dim, "said"));
        }
        if let Some(note) = &step.note {
            text += &wrap(&sanitize(note), style.width, "    ");
        }
        text += &happened(case, i + 1, &TELLING, style);
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The events from the beginning of a step to that of the next, by this host's clock.
fn happened(case: &CaseEntry, step: usize, telling: &[&str], style: Style) -> String {
    let mut entries: Vec<_> = case
        .timeline
        .iter()
        .filter(|entry| entry.step == step && telling.contains(&entry.kind.as_str()))
        .collect();
    entries.sort_by_key(|entry| entry.at);
    let line = |entry: &&comeback_record::excerpt::TimelineEntry| {
        let profile = entry.profile.as_deref().map(of_profile).unwrap_or_default();
        let what = match entry.kind.as_str() {
            "state" => "state file: ",
            "boot" => "reconciler: ",
            "service" => "supervisor: ",
            "shutdown" => "gateway: ",
            _ => "",
        };
        // Never shortened: the table is about the end of the reconciler's line.
        let words = wrap(
            &sanitize(&format!("{profile}{what}{}", entry.text)),
            style.width,
            &" ".repeat(18),
        );
        format!(
            "    {}  {}",
            style.paint(Paint::Dim, &clock(entry.at)),
            words.trim_start()
        )
    };
    entries.iter().map(line).collect()
}

/// Wanted and found, row by row; the first difference is marked.
fn rows(case: &CaseEntry, style: Style) -> String {
    let shown: Vec<&RowEntry> = case
        .rows
        .iter()
        .filter(|row| !row.implicit || !is_wanted(case, row))
        .collect();
    let widest = |of: &dyn Fn(&RowEntry) -> usize| shown.iter().map(|row| of(row)).max().unwrap_or(0);
    let at = widest(&|row| width(&row.at));
    let probe = widest(&|row| width(&probe_name(row)));
    let want = widest(&|row| width(&sanitize(&wanted(case, row).to_string())));
    let find = widest(&|row| width(&found(case, row)));
    let columns = 4 + at + 2 + probe + 2 + "wanted ".len() + want + 2 + "found ".len() + find;
    let one_line = columns <= style.width;
    let pointer = if columns + 21 <= style.width {
        "   ← first difference"
    } else {
        "   ← first"
    };
    let mut text = String::from("\n");
    let mut first = true;
    for row in &shown {
        let good = is_wanted(case, row);
        let here = if !good && first { pointer } else { "" };
        first &= good;
        let (sign, paint) = if good {
            ("✓", Paint::Good)
        } else {
            ("✗", Paint::Bad)
        };
        let wanted = sanitize(&wanted(case, row).to_string());
        let sides = if one_line {
            format!("{}  wanted {}", pad(&probe_name(row), probe), pad(&wanted, want))
        } else {
            format!("{}\n      wanted {wanted}", probe_name(row))
        };
        text += &format!(
            "  {} {}  {sides}  {}{}\n",
            style.paint(paint, sign),
            pad(&row.at, at),
            style.paint(paint, &format!("found {}", found(case, row))),
            style.paint(Paint::Bold, here),
        );
    }
    let line = match case.rows.len() - shown.len() {
        0 => return text,
        1 => "    the implicit invariant holds".to_owned(),
        n => format!("    all {n} implicit invariants hold"),
    };
    let others = shown.iter().any(|row| row.implicit);
    let line = if others {
        line.replace("all ", "the other ")
    } else {
        line
    };
    text + &style.paint(Paint::Dim, &line) + "\n"
}

fn probe_name(row: &RowEntry) -> String {
    sanitize(&format!("{}{}", of_profile(&row.profile), row.what()))
}

fn is_service(row: &RowEntry) -> bool {
    Probe::parse(&row.probe) == Some(Probe::Service)
}

fn found(case: &CaseEntry, row: &RowEntry) -> String {
    match &row.observed {
        None => format!("no evidence ({})", sanitize(row.why.as_deref().unwrap_or("not read"))),
        Some(Value::Str(word)) if is_service(row) && row.at == "end" && word == "down" && case.settle_seconds > 0.0 => {
            format!("down for {} s", case.settle_seconds)
        }
        Some(value) => shorten(&sanitize(&value.to_string()), 60),
    }
}

/// The values that were expected. If the regressed column was expected, the fixed value is accepted too, except for
/// mismatches.
pub fn wanted(case: &CaseEntry, row: &RowEntry) -> ValueSet {
    match (case.expected.as_str(), case.verdict) {
        ("regressed", Verdict::Mismatch) => row.regressed.clone(),
        ("regressed", _) if !row.regressed.same(&row.fixed) => {
            ValueSet(row.regressed.0.iter().chain(&row.fixed.0).cloned().collect())
        }
        _ => row.fixed.clone(),
    }
}

pub fn is_wanted(case: &CaseEntry, row: &RowEntry) -> bool {
    row.observed
        .as_ref()
        .is_some_and(|value| wanted(case, row).contains(value))
}

/// What the case means, and where to look.
pub fn meaning(case: &CaseEntry) -> String {
    let issues = if case.issues.is_empty() {
        String::new()
    } else {
        format!(" ({})", case.issues.join(", "))
    };
    let race = case.race.filter(|_| case.verdict.is_red());
    let mut sentences = vec![match (case.classification, &case.fixed_in) {
        _ if race.is_some() => {
            let note = case.note.as_deref().unwrap_or_default();
            format!("A race on record was met in every attempt{issues}. {note}")
        }
        _ if case.unsupervised().is_some() => {
            let row = case.unsupervised();
            let found = row
                .and_then(|row| row.observed.as_ref())
                .map_or(String::new(), ToString::to_string);
            format!(
                "PID 1 of this container is `{found}`, not `{SUPERVISOR}`: nothing in it supervises a gateway or brings it back, \
                 so this says nothing about the gateway's code. Look at the entrypoint of the image; with `docker run --init` \
                 the engine puts its own PID 1 there."
            )
        }
        (Classification::Regressed, Some(release)) => format!("This is what releases before {release} do{issues}."),
        (Classification::Regressed, None) => format!("This is what releases without a fix do{issues}."),
        (Classification::Fixed, _) => "This is what releases with the fix do.".to_owned(),
        _ => {
            let reason = case.reason.as_deref().unwrap_or("the rows agree with no column");
            format!("This is neither what releases with the fix do nor what those without it do{issues}: {reason}.")
        }
    }];
    if case.classification != Classification::Fixed && case.unsupervised().is_none() {
        for guard in [Guard::Signal, Guard::Marker, Guard::Reconciler] {
            let broken = case
                .rows
                .iter()
                .find(|row| row.guards == Some(guard) && !row.is_fixed() && !case.never_came_up(&row.profile));
            let broken = broken.filter(|row| guard != Guard::Reconciler || !did_as_recorded(case, row));
            sentences.extend(broken.map(|row| look_at(guard, row.is_regressed())));
        }
    }
    sentences.join(" ")
}

/// True if the reconciler's line says that it started or registered the gateway as the state file asked for. Then the state
/// file was wrong, and not the reconciler.
fn did_as_recorded(case: &CaseEntry, row: &RowEntry) -> bool {
    let boot = row.at.strip_prefix("boot:").and_then(|n| n.parse::<usize>().ok());
    let mut lines = case.reconciler.iter();
    let line = lines.find(|line| Some(line.boot) == boot && line.profile == row.profile);
    let line = line.and_then(|line| BootLine::parse(&line.line));
    line.is_some_and(|line| line.is_as_recorded())
}

/// The part of the fix that is not effective, and the file to look at.
fn look_at(guard: Guard, as_regressed: bool) -> String {
    match (guard, as_regressed) {
        (Guard::Signal, true) => {
            format!(
                "The signal half of the fix is not effective: an unannounced SIGTERM was recorded as a stop. Look at \
                 {SIGNAL_HALF}, where the shutdown state is persisted."
            )
        }
        (Guard::Signal, false) => {
            format!(
                "The signal half of the fix is in doubt: look at {SIGNAL_HALF}, where the shutdown state is persisted."
            )
        }
        (Guard::Marker, true) => {
            format!(
                "The marker half of the fix is not effective: an operator's stop reached the gateway unannounced. Look at \
                 {MARKER_HALF}, where stop() writes the planned-stop marker."
            )
        }
        (Guard::Marker, false) => {
            format!(
                "The marker half of the fix is in doubt: look at {MARKER_HALF}, where stop() writes the planned-stop marker."
            )
        }
        (Guard::Reconciler, _) => {
            format!("The boot reconciler did not do what the state file asks for. Look at {RECONCILER}.")
        }
    }
}

/// The last lines of the container's own output.
fn logs(case: &CaseEntry, style: Style) -> String {
    let Some((incarnation, lines)) = case.logs.iter().next_back().filter(|(_, lines)| !lines.is_empty()) else {
        return String::new();
    };
    let mut text = format!(
        "\n  {}\n",
        style.paint(Paint::Dim, &format!("last lines of the container, boot {incarnation}"))
    );
    // Without empty lines and lines that only draw frames.
    let telling: Vec<&String> = lines.iter().filter(|l| l.chars().any(char::is_alphanumeric)).collect();
    for line in telling.iter().skip(telling.len().saturating_sub(LOG_LINES)) {
        text += &quote(line, style);
    }
    text
}

/// A line of output. A long line is wrapped, and shortened to three lines.
fn quote(line: &str, style: Style) -> String {
    let line = sanitize(line);
    if width(&line) + 4 <= style.width {
        return format!("    {line}\n");
    }
    let rows = wrap(&shorten(&line, 3 * style.width), style.width, "      ");
    format!("    {}", rows.trim_start())
}

/// The time of day in UTC, to the millisecond.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S.%3f").to_string()
}
