//! The run document as one page for a browser, without scripts and external resources.
//!
//! All text from containers, engines and files is [`sanitize`]d here and escaped by the templates.

mod case;
mod picture;
mod summary;
mod view;

use askama::Template as _;

use super::drift;
use super::human::{figures, overview, repeats, seconds, words};
use super::items::{Item, worst_first};
use super::trend;
use case::{case_view, column};
use comeback_record::document::{CaseEntry, RepeatsEntry, RunDocument};
use comeback_text::terminal::sanitize;
use comeback_verdict::Verdict;
use summary::{attention, counts, overviews, run_mark, sentence, tone, whole};
use view::{Cell, Image, Line, Page, Repeated, Section};

/// A run with at most this many cases is shown unfolded.
const UNFOLDED: usize = 12;
/// The page.
///
/// # Errors
///
/// If a template cannot be rendered. No document causes that.
pub fn render(document: &RunDocument) -> Result<String, askama::Error> {
    page(document)?.render()
}

/// True for one of many repeats that held. Its timeline is only in the record, and the statistics of all repeats include it.
fn is_untold(case: &CaseEntry) -> bool {
    case.repeat > 1 && case.verdict == Verdict::Held && case.timeline.is_empty()
}

fn repeated(document: &RunDocument) -> Vec<Repeated> {
    let view = |of: &RepeatsEntry| Repeated {
        name: repeats::name(document, of),
        failures: repeats::failures(of),
        races: repeats::races(of),
        lines: repeats::lines(of)
            .into_iter()
            .map(|line| (line.what, line.figures))
            .collect(),
    };
    document.repeats.iter().flatten().map(view).collect()
}

fn page(document: &RunDocument) -> Result<Page<'_>, askama::Error> {
    let all: Vec<(usize, &CaseEntry)> = document
        .cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.counts && !is_untold(case))
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
        repeats: repeated(document),
        figures: figures::lines(document)
            .into_iter()
            .map(|line| (if line.over { "doubt" } else { "" }, line.text))
            .collect(),
        overviews: overviews(&control, &all, &sections),
        images: images(document),
        sections,
        left_out: document
            .left_out
            .iter()
            .map(|left| sanitize(&format!("{} on {}: {}", left.scenario, left.image, left.why)))
            .collect(),
        failure: document.failure.as_deref().map(sanitize),
        drift: drift::sentences(document)
            .iter()
            .map(|sentence| sanitize(sentence))
            .collect(),
        trend: trend::sentences(document)
            .iter()
            .map(|sentence| sanitize(sentence))
            .collect(),
        part: document.part().map(|part| sanitize(&part)),
        record: document.record.as_deref().map(sanitize),
        overlays: whole(document, document.selftest.is_some(), &all),
        comparisons: whole(document, document.comparisons.is_some(), &all),
    })
}

/// The document without cases under a fault overlay, which are not compared with the columns.
fn without_overlays(document: &RunDocument) -> RunDocument {
    let cases = document.cases.iter().filter(|case| case.overlay.is_none());
    RunDocument {
        cases: cases.cloned().collect(),
        ..document.clone()
    }
}

fn images(document: &RunDocument) -> Vec<Image> {
    let or = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".to_owned(), sanitize);
    let one = |image: &comeback_record::document::ImageEntry| Image {
        name: sanitize(&image.name),
        release: or(&image.release),
        base: image.base.as_deref().map_or_else(|| "its own".to_owned(), sanitize),
        supervisor: or(&image.supervisor),
        reference: sanitize(&image.reference),
        digest: sanitize(&image.digest),
        had: if image.made {
            format!("made in {}", seconds(image.seconds))
        } else {
            "already there".to_owned()
        },
    };
    document.images.iter().map(one).collect()
}

/// A scenario: its description, and the observed values of each image beside both columns.
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
                sign: (mark, tone(*paint)),
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

#[cfg(test)]
mod tests;
