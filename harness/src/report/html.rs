//! The run document as one page for a browser: no script, nothing loaded from elsewhere.
//!
//! Everything that a container, an engine or a file said is [`sanitize`]d here and escaped by the templates.

mod picture;
mod view;

use askama::Template;

use super::human::dossier::{is_wanted, meaning, repeat};
use super::human::{mark, overview, seconds, words};
use super::items::{Grade, Item, items, worst_first};
use super::text::{Paint, Style, sanitize};
use crate::evidence::document::{CaseEntry, RunDocument};
use crate::verdict::{RunVerdict, Verdict};
use picture::picture;
use view::{Attention, CaseView, Cell, Count, Image, Line, Matrix, Page, RowView, Section};

/// A run with no more cases than that is shown unfolded.
const UNFOLDED: usize = 12;
/// Lines of output shown of an incarnation: of a case that is as it should be, and of one that is not.
const LINES: [usize; 2] = [12, 80];

/// The page.
///
/// # Errors
///
/// If a template cannot be filled in, which no document causes.
pub fn render(document: &RunDocument) -> Result<String, askama::Error> {
    page(document)?.render()
}

fn page(document: &RunDocument) -> Result<Page<'_>, askama::Error> {
    let all: Vec<(usize, &CaseEntry)> = document
        .cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.counts)
        .collect();
    let unfold = all.len() <= UNFOLDED;
    let control = without_overlays(document);
    let worth = worst_first(document);
    let mut sections: Vec<Section> = Vec::new();
    for (i, case) in &all {
        let at = sections.iter().position(|s| s.scenario == case.scenario);
        let at = at.unwrap_or_else(|| {
            sections.push(section(&control, case, sections.len()));
            sections.len() - 1
        });
        let worth = worth
            .iter()
            .find(|item| item.case.is_some_and(|c| std::ptr::eq(c, *case)));
        let judged = worth.and_then(Item::judged);
        let view = case_view(document, judged.as_deref().unwrap_or(case), *i, worth.is_some())?;
        let section = &mut sections[at];
        section.open |= unfold || view.attention;
        section.cases.push(view);
    }
    for section in &mut sections {
        let several = section.cases.len() > 2;
        for case in &mut section.cases {
            case.open = case.attention || (unfold && !several) || section.cases_open;
        }
    }
    let (mark, tone) = run_mark(document.verdict);
    Ok(Page {
        document,
        mark,
        tone,
        sentence: sentence(document),
        counts: counts(document),
        took: seconds(document.seconds),
        started: document.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        command: sanitize(&format!(
            "comeback {}",
            document.arguments.iter().skip(1).cloned().collect::<Vec<_>>().join(" ")
        )),
        attention: attention(document, &all),
        matrix: matrix(&control, &all, &sections),
        images: images(document),
        sections,
        left_out: document
            .left_out
            .iter()
            .map(|left| sanitize(&format!("{} on {}: {}", left.scenario, left.image, left.why)))
            .collect(),
        failure: document.failure.as_deref().map(sanitize),
        record: document.record.as_deref().map(sanitize),
        overlays: whole(document, document.selftest.is_some(), &all),
        comparisons: whole(document, document.comparisons.is_some(), &all),
    })
}

/// The document without what ran under a fault: only that stands beside the columns of the table.
fn without_overlays(document: &RunDocument) -> RunDocument {
    let cases = document.cases.iter().filter(|case| case.overlay.is_none());
    RunDocument {
        cases: cases.cloned().collect(),
        ..document.clone()
    }
}

fn run_mark(verdict: RunVerdict) -> (&'static str, &'static str) {
    match verdict {
        RunVerdict::Held => ("✓", "good"),
        RunVerdict::Regression => ("✗", "bad"),
        RunVerdict::Inconclusive => ("?", "doubt"),
        RunVerdict::Error => ("!", "doubt"),
    }
}

fn grade_mark(grade: Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Fine => ("✓", "good"),
        Grade::Skipped => ("-", "dim"),
        Grade::Fault => ("!", "doubt"),
        Grade::Doubt => ("?", "doubt"),
        Grade::Red => ("✗", "bad"),
    }
}

fn tone(paint: Paint) -> &'static str {
    match paint {
        Paint::Good => "good",
        Paint::Bad => "bad",
        Paint::Doubt => "doubt",
        Paint::News => "news",
        Paint::Plain | Paint::Bold => "plain",
        Paint::Dim => "dim",
    }
}

fn sentence(document: &RunDocument) -> String {
    if document.command == "reproduce" && !document.cases.is_empty() {
        let closing = overview::closing(document, Style::PLAIN);
        let text = closing.trim().split("   ").next().unwrap_or_default().to_owned();
        return text.replace("; see above.", ".");
    }
    match document.verdict {
        RunVerdict::Held => "Nothing is worse than expected.".to_owned(),
        RunVerdict::Regression => "Something is worse than expected, or not what was asked for.".to_owned(),
        RunVerdict::Inconclusive => "Nothing can be concluded from at least one case.".to_owned(),
        RunVerdict::Error => "The run did not get to a verdict.".to_owned(),
    }
}

fn counts(document: &RunDocument) -> Vec<Count> {
    let n = |verdict: Verdict| {
        let cases = document.cases.iter().filter(|c| c.counts && c.overlay.is_none());
        cases.filter(|c| c.verdict == verdict).count()
    };
    if document.comparisons.is_some() {
        return changes(document);
    }
    let mut counts: Vec<Count> = Verdict::ALL
        .into_iter()
        .rev()
        .filter(|verdict| n(*verdict) > 0)
        .map(|verdict| Count {
            mark: mark(verdict),
            tone: tone(words::paint(verdict)),
            text: format!("{} {verdict}", n(verdict)),
        })
        .collect();
    if let Some(selftest) = &document.selftest {
        use crate::evidence::document::selftest::OverlayOutcome::Caught;
        let caught = selftest.overlays.iter().filter(|o| o.outcome == Caught).count();
        let all = selftest.overlays.len();
        let (mark, tone) = if caught == all { ("✓", "good") } else { ("✗", "bad") };
        let text = format!("{caught} of {all} overlays caught");
        counts.push(Count { mark, tone, text });
    }
    counts
}

/// How many scenarios of each change.
fn changes(document: &RunDocument) -> Vec<Count> {
    let mut counts: Vec<(&'static str, Grade, usize)> = Vec::new();
    for item in items(document).iter().filter(|item| item.grade != Grade::Skipped) {
        match counts.iter_mut().find(|(verdict, ..)| *verdict == item.verdict) {
            Some((.., n)) => *n += 1,
            None => counts.push((item.verdict, item.grade, 1)),
        }
    }
    counts.sort_by_key(|(_, grade, _)| std::cmp::Reverse(*grade));
    let count = |(verdict, grade, n): (&'static str, Grade, usize)| {
        let (mark, tone) = grade_mark(grade);
        let text = format!("{n} {verdict}");
        Count { mark, tone, text }
    };
    counts.into_iter().map(count).collect()
}

fn attention(document: &RunDocument, all: &[(usize, &CaseEntry)]) -> Vec<Attention> {
    worst_first(document).iter().map(|item| line_of(item, all)).collect()
}

/// What the run comes to as a whole, where that is not its cases: fault overlays, comparisons.
fn whole(document: &RunDocument, there: bool, all: &[(usize, &CaseEntry)]) -> Vec<Attention> {
    if !there {
        return Vec::new();
    }
    let beside = |item: &Item<'_>| {
        let of_image = document.images.iter().any(|image| image.name == item.group);
        !of_image && item.group != "run"
    };
    let mut lines: Vec<Item<'_>> = items(document).into_iter().filter(beside).collect();
    lines.sort_by_key(|item| std::cmp::Reverse(item.grade));
    lines.iter().map(|item| line_of(item, all)).collect()
}

fn line_of(item: &Item<'_>, all: &[(usize, &CaseEntry)]) -> Attention {
    let case = item
        .case
        .and_then(|case| all.iter().find(|(_, c)| std::ptr::eq(*c, case)));
    let (mark, tone) = grade_mark(item.grade);
    Attention {
        mark,
        tone,
        anchor: case.map(|(i, _)| format!("c{i}")).unwrap_or_default(),
        name: sanitize(&item.name),
        group: sanitize(&item.group),
        verdict: item.verdict,
        headline: sanitize(&item.headline),
    }
}

/// Scenarios against images; of repeats the worst.
fn matrix(control: &RunDocument, all: &[(usize, &CaseEntry)], sections: &[Section]) -> Option<Matrix> {
    let images: Vec<&str> = control.images.iter().map(|i| i.name.as_str()).collect();
    let images: Vec<&str> = images
        .into_iter()
        .filter(|i| control.cases.iter().any(|c| c.image == *i))
        .collect();
    if images.is_empty() {
        return None;
    }
    let cell = |scenario: &str, image: &str| {
        let of = all
            .iter()
            .filter(|(_, c)| c.scenario == scenario && c.image == image && c.overlay.is_none());
        of.max_by_key(|(_, c)| c.verdict).map(|(i, case)| Cell {
            mark: mark(case.verdict),
            tone: tone(words::paint(case.verdict)),
            word: case.classification.name().to_owned(),
            text: case.verdict.name().to_owned(),
            anchor: format!("c{i}"),
        })
    };
    let rows = sections.iter().map(|section| {
        let cells = images.iter().map(|image| cell(&section.scenario, image)).collect();
        (section.anchor.clone(), section.name.clone(), cells)
    });
    Some(Matrix {
        images: images.iter().map(|i| sanitize(words::image_name(i))).collect(),
        rows: rows.collect(),
    })
}

fn images(document: &RunDocument) -> Vec<Image> {
    let or = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".to_owned(), sanitize);
    let one = |image: &crate::evidence::document::ImageEntry| Image {
        name: sanitize(&image.name),
        release: or(&image.release),
        base: image.base.as_deref().map_or_else(|| "its own".to_owned(), sanitize),
        supervisor: or(&image.supervisor),
        reference: sanitize(&image.reference),
        digest: sanitize(&image.digest),
        had: if image.made {
            format!("made in {}", seconds(image.seconds))
        } else {
            "was there".to_owned()
        },
    };
    document.images.iter().map(one).collect()
}

/// What a scenario is, and what each image showed of it beside both columns.
fn section(control: &RunDocument, case: &CaseEntry, n: usize) -> Section {
    let ran = |image: &str| {
        control
            .cases
            .iter()
            .any(|c| c.counts && c.scenario == case.scenario && c.image == image)
    };
    let shown: Vec<(usize, &str)> = control
        .images
        .iter()
        .enumerate()
        .filter(|(_, image)| ran(&image.name))
        .map(|(i, image)| (i, image.name.as_str()))
        .collect();
    let line = |line: overview::Line| Line {
        seen: shown
            .iter()
            .filter_map(|(i, _)| line.seen.get(*i))
            .map(|(mark, paint, text)| Cell {
                mark,
                tone: tone(*paint),
                word: column(mark).to_owned(),
                text: text.clone(),
                anchor: String::new(),
            })
            .collect(),
        label: line.label,
        regressed: line.regressed,
        fixed: line.fixed,
    };
    Section {
        anchor: format!("s{n}"),
        scenario: case.scenario.clone(),
        name: sanitize(&case.scenario),
        title: sanitize(&case.title),
        why: sanitize(&case.why),
        facts: facts(case),
        images: shown
            .iter()
            .map(|(_, name)| sanitize(words::image_name(name)))
            .collect(),
        lines: overview::lines(control, case).into_iter().map(line).collect(),
        cases: Vec::new(),
        open: false,
        cases_open: false,
    }
}

/// What a sign says, for those who do not see it.
fn column(mark: &str) -> &'static str {
    match mark {
        "✓" => "as in fixed",
        "✗" => "as in regressed",
        "≠" => "in neither column",
        _ => "not seen",
    }
}

fn facts(case: &CaseEntry) -> String {
    let mut facts = case.issues.clone();
    facts.push(match (&case.fixed_in, case.invariant) {
        (_, true) => "holds on every release".to_owned(),
        (Some(release), _) => format!("fixed in {release}"),
        (None, _) => "fixed in no release yet".to_owned(),
    });
    facts.push(case.source.clone());
    sanitize(&facts.join(" · "))
}

fn case_view(document: &RunDocument, case: &CaseEntry, n: usize, attention: bool) -> Result<CaseView, askama::Error> {
    let fault = case.overlay.as_ref().map(|o| format!(" + {o}")).unwrap_or_default();
    let told = case.reason.as_ref().filter(|_| case.verdict != Verdict::Held);
    let earlier = document.cases.iter().filter(|other| {
        !other.counts
            && other.overlay == case.overlay
            && (&other.scenario, &other.image, other.repeat) == (&case.scenario, &case.image, case.repeat)
    });
    let at = |time: jiff::Timestamp| format!("{:+.3} s", time.duration_since(case.started).as_secs_f64());
    let lines = LINES[usize::from(attention)];
    let row = |row: &crate::evidence::document::RowEntry| {
        let (mark, paint) = words::row_mark(row);
        RowView {
            mark,
            tone: tone(paint),
            word: column(mark),
            label: sanitize(&words::label(row)),
            at: sanitize(&format!("{} {}", row.at, row.probe)),
            observed: row.observed.as_ref().map_or_else(
                || format!("no evidence ({})", sanitize(row.why.as_deref().unwrap_or("not read"))),
                |value| sanitize(&words::value(value)),
            ),
            fixed: sanitize(&words::values(&row.fixed)),
            regressed: sanitize(&words::values(&row.regressed)),
            off: attention && !is_wanted(case, row),
        }
    };
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
            (Some(_), true) => "does not hold, broken as it is".to_owned(),
            (Some(_), false) => format!("{}, broken as it is", case.verdict),
            _ => case.verdict.name().to_owned(),
        },
        finding: match words::finding(case) {
            found if found == case.expected => format!("is {found}, as expected"),
            found => found,
        },
        reason: told.map(|why| sanitize(why)),
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
        rows: case.rows.iter().map(row).collect(),
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
                        crate::evidence::excerpt::of_profile(e.profile.as_deref().unwrap_or("default")),
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
                format!("facts were known {median:.1} ms after they became true (median; at most {max:.1} ms)")
            }
            _ => String::new(),
        },
        repeat: repeat(document, case),
        evidence: case.evidence.as_deref().map(sanitize),
    })
}

#[cfg(test)]
mod tests;
