//! A case on the page.

use askama::Template as _;

use super::picture::picture;
use super::summary::tone;
use super::view::{CaseView, RowView};
use crate::human::again::repeat;
use crate::human::dossier::{is_wanted, meaning};
use crate::human::{mark, seconds, words};
use comeback_record::document::{CaseEntry, RowEntry, RunDocument};
use comeback_record::excerpt::of_profile;
use comeback_text::terminal::sanitize;
use comeback_verdict::Verdict;

/// Lines of output shown of an incarnation: for a case that is as expected, and for one that is not.
const LINES: [usize; 2] = [6, 80];

/// A case with its folded details. `n` is unique on the page.
pub fn case_view(
    document: &RunDocument,
    case: &CaseEntry,
    n: usize,
    attention: bool,
) -> Result<CaseView, askama::Error> {
    let fault = case.overlay.as_ref().map(|o| format!(" + {o}")).unwrap_or_default();
    let reason = case.reason.as_ref().filter(|_| case.verdict != Verdict::Held);
    let earlier = document.cases.iter().filter(|other| {
        !other.counts
            && other.overlay == case.overlay
            && (&other.scenario, &other.image, other.repeat) == (&case.scenario, &case.image, case.repeat)
    });
    let at = |time: jiff::Timestamp| format!("{:+.3} s", time.duration_since(case.started).as_secs_f64());
    let lines = LINES[usize::from(attention)];
    let row = |row: &RowEntry| {
        let (mark, paint) = words::row_mark(row);
        RowView {
            mark,
            tone: tone(paint),
            word: column(mark),
            label: sanitize(&words::label(row)),
            at: sanitize(&format!("{} {}", row.at, row.what())),
            observed: row.observed.as_ref().map_or_else(
                || format!("no evidence ({})", sanitize(row.why.as_deref().unwrap_or("not read"))),
                |value| sanitize(&words::value(value)),
            ),
            fixed: sanitize(&words::values(&row.fixed)),
            regressed: sanitize(&words::values(&row.regressed)),
            off: attention && !is_wanted(case, row),
        }
    };
    // Implicit invariants that hold get no line of their own: a large run has thousands of them.
    let (held, shown): (Vec<&RowEntry>, Vec<&RowEntry>) = case
        .rows
        .iter()
        .partition(|row| !attention && row.implicit && row.observed.is_some() && row.is_fixed());
    Ok(CaseView {
        anchor: format!("c{n}"),
        name: sanitize(&words::case_name(case)),
        nth: if case.repeat > 1 {
            format!("#{} · ", case.repeat)
        } else {
            String::new()
        },
        image: sanitize(&format!("{}{fault}", case.image)),
        mark: if case.overlay.is_some() {
            "·"
        } else {
            mark(case.verdict)
        },
        tone: if case.overlay.is_some() {
            "plain"
        } else {
            tone(words::paint(case.verdict))
        },
        verdict: match (&case.overlay, case.verdict.is_red()) {
            (Some(_), true) => "does not hold under the fault".to_owned(),
            (Some(_), false) => format!("{} under the fault", case.verdict),
            _ => case.verdict.name().to_owned(),
        },
        finding: match words::finding(case) {
            found if found == case.expected => format!("is {found}, as expected"),
            found => found,
        },
        reason: reason.map(|why| sanitize(why)),
        note: case.note.as_deref().map(sanitize),
        meaning: (case.verdict.is_red() && case.overlay.is_none()).then(|| sanitize(&meaning(case))),
        earlier: earlier
            .map(|other| {
                let why = other.reason.as_deref().unwrap_or("no reason is known");
                sanitize(&format!("attempt {}: {}: {why}", other.attempt, other.verdict))
            })
            .collect(),
        took: seconds(case.seconds),
        attention,
        open: false,
        picture: if case.timeline.is_empty() {
            String::new()
        } else {
            picture(case, &format!("p{n}")).render()?
        },
        rows: shown.into_iter().map(row).collect(),
        invariants: invariants(&held),
        steps: case
            .steps
            .iter()
            .enumerate()
            .map(|(i, step)| {
                let exit = step.exit.map(|code| format!(", exit {code}")).unwrap_or_default();
                let note = step.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
                let detail = if step.detail.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", step.detail)
                };
                let what = format!("{} {}{detail}: {}{exit}{note}", i + 1, step.op, seconds(step.seconds));
                (
                    sanitize(&what),
                    step.said.trim().lines().map(sanitize).collect::<Vec<_>>().join("\n"),
                )
            })
            .collect(),
        events: case
            .timeline
            .iter()
            .map(|e| {
                (
                    at(e.at),
                    sanitize(&format!(
                        "{}{}",
                        of_profile(e.profile.as_deref().unwrap_or("default")),
                        e.kind
                    )),
                    sanitize(&e.text),
                )
            })
            .collect(),
        reconciler: case
            .reconciler
            .iter()
            .map(|l| sanitize(&format!("boot {}: {}", l.boot, l.line)))
            .collect::<Vec<_>>()
            .join("\n"),
        shutdowns: case
            .shutdowns
            .iter()
            .map(|l| sanitize(&l.line))
            .collect::<Vec<_>>()
            .join("\n"),
        logs: case
            .logs
            .iter()
            .filter(|(_, all)| !all.is_empty())
            .map(|(boot, all)| {
                let last: Vec<String> = all
                    .iter()
                    .skip(all.len().saturating_sub(lines))
                    .map(|l| sanitize(l))
                    .collect();
                (*boot, last.len(), last.join("\n"))
            })
            .collect(),
        latency: match (case.latency_ms.median, case.latency_ms.max) {
            (Some(median), Some(max)) => {
                format!("comeback learnt of facts {median:.1} ms after they became true (median; at most {max:.1} ms)")
            }
            _ => String::new(),
        },
        repeat: repeat(document, case),
        evidence: case.evidence.as_deref().map(sanitize),
    })
}

/// `came up at the start, state parses at the end`.
fn invariants(held: &[&RowEntry]) -> String {
    let labels: Vec<String> = held.iter().map(|row| sanitize(&words::label(row))).collect();
    labels.join(", ")
}

/// The meaning of a sign, for screen readers.
pub fn column(mark: &str) -> &'static str {
    match mark {
        "✓" => "as in fixed",
        "✗" => "as in regressed",
        "≠" => "in neither column",
        _ => "not seen",
    }
}
