//! Markdown for a GitHub job summary or a comment: the verdict, a table, and folded details of what needs attention.

mod likeness;
mod matrix;

use super::drift;
use super::human::again::repeat;
use super::human::dossier::{is_wanted, meaning, wanted};
use super::human::{comparison, figures, mark, overview, repeats, seconds, words};
use super::items::{Grade, Item, cut_short, grade, items, worst_first};
use super::trend;
use comeback_record::compare::{Change, Comparison};
use comeback_record::document::{CaseEntry, RunDocument};
use comeback_text::terminal::sanitize;
use comeback_verdict::RunVerdict;

/// Longest summary in characters. The limit of a comment on GitHub is higher, which leaves room for other text.
const MOST: usize = 60_000;
/// Lines of the container's output that are quoted.
const LOG_LINES: usize = 20;
/// With more cases than this, those that are as expected are folded.
const UNFOLDED: usize = 16;

/// The summary.
pub fn render(document: &RunDocument) -> String {
    if document.command == "matrix" && !document.cases.is_empty() {
        return matrix::render(document);
    }
    let sign = match document.verdict {
        RunVerdict::Held => "✅",
        RunVerdict::Regression => "❌",
        RunVerdict::Inconclusive | RunVerdict::Error => "⚠️",
    };
    let mut text = format!(
        "## {sign} comeback {}: {} · exit {}\n\n",
        prose(&document.command),
        document.verdict,
        document.exit_code
    );
    text += &head(document);
    text += &overlays(document);
    text += &match &document.likeness {
        Some(found) => likeness::render(document, found),
        None => comparisons(document),
    };
    text += &table(document);
    text += &repeated(document);
    text += &figured(document);
    text += &side_by_side(document);
    let worth = worst_first(document);
    let mut left = worth.len();
    for item in &worth {
        let details = details(document, item);
        if text.len() + details.len() > MOST {
            text += &format!("{left} more that need attention are in the report.\n");
            break;
        }
        text += &details;
        left -= 1;
    }
    text
}

fn head(document: &RunDocument) -> String {
    let mut words = vec![count(document), seconds(document.seconds)];
    if let Some(engine) = &document.engine {
        words.push(prose(&format!("{} {}", engine.name, engine.version)));
    }
    words.push(format!("run {}", code(&document.run)));
    let mut text = format!("{}\n\n", words.join(" · "));
    if let Some(part) = document.part() {
        text += &format!("{}\n\n", prose(&part));
    }
    if let Some(failure) = &document.failure {
        text += &format!("**The run failed:** {}\n\n", prose(failure));
    }
    if let Some(why) = cut_short(document) {
        text += &format!("**{why}**\n\n");
    }
    text += &drifted(document);
    for sentence in trend::sentences(document) {
        text += &format!("**Trend:** {}\n\n", prose(&sentence));
    }
    for image in &document.images {
        let kind = words::image_kind(document, image);
        text += &format!(
            "- {} {} {}\n",
            code(&image.name),
            prose(&kind),
            code(short(&image.digest))
        );
    }
    text + if document.images.is_empty() { "" } else { "\n" }
}

/// Drift: what the gateways said and comeback does not know.
fn drifted(document: &RunDocument) -> String {
    let sentences = drift::sentences(document).into_iter();
    sentences
        .map(|sentence| format!("**Drift:** {}\n\n", prose(&sentence)))
        .collect()
}

/// The beginning of an image's id.
fn short(digest: &str) -> &str {
    let end = digest.char_indices().nth(19).map_or(digest.len(), |(i, _)| i);
    &digest[..end]
}

/// `**1 regression**, 40 held`.
fn count(document: &RunDocument) -> String {
    let mut counts: Vec<(Grade, &str, usize)> = Vec::new();
    for item in items(document) {
        match counts.iter_mut().find(|(_, verdict, _)| *verdict == item.verdict) {
            Some((.., n)) => *n += 1,
            None => counts.push((item.grade, item.verdict, 1)),
        }
    }
    counts.sort_by_key(|(grade, ..)| std::cmp::Reverse(*grade));
    let words: Vec<String> = counts
        .into_iter()
        .map(|(grade, verdict, n)| {
            if grade >= Grade::Fault {
                format!("**{n} {verdict}**")
            } else {
                format!("{n} {verdict}")
            }
        })
        .collect();
    if words.is_empty() {
        "nothing was judged".to_owned()
    } else {
        words.join(", ")
    }
}

/// Statistics of cases that were run several times.
fn repeated(document: &RunDocument) -> String {
    let mut text = String::new();
    for of in document.repeats.iter().flatten() {
        text += &format!(
            "**{}**: {}\n\n| | {} |\n|---|{}\n",
            prose(&repeats::name(document, of)),
            prose(&repeats::failures(of)),
            repeats::HEADS.join(" | "),
            "---:|".repeat(repeats::HEADS.len())
        );
        for line in repeats::lines(of) {
            text += &format!("| {} | {} |\n", line.what, line.figures.join(" | "));
        }
        for race in repeats::races(of) {
            text += &format!("\n{}\n", prose(&race));
        }
        text += "\n";
    }
    text
}

/// What was measured beside the rows.
fn figured(document: &RunDocument) -> String {
    let lines: Vec<String> = figures::lines(document)
        .into_iter()
        .map(|line| match line.over {
            true => format!("- **{}**\n", prose(&line.text)),
            false => format!("- {}\n", prose(&line.text)),
        })
        .collect();
    match lines.is_empty() {
        true => String::new(),
        false => format!("{}:\n\n{}\n", figures::HEAD, lines.concat()),
    }
}

/// A line for each case. If there are many, those that are as expected are folded.
fn table(document: &RunDocument) -> String {
    let cases: Vec<&CaseEntry> = document
        .cases
        .iter()
        .filter(|c| c.counts && c.overlay.is_none())
        .collect();
    let (bad, fine): (Vec<&CaseEntry>, Vec<&CaseEntry>) = cases
        .iter()
        .copied()
        .partition(|case| document.comparisons.is_none() && grade(case.verdict) >= Grade::Fault);
    if cases.len() <= UNFOLDED {
        return lines(&cases);
    }
    let mut text = lines(&bad);
    let what = if document.comparisons.is_some() {
        "in all"
    } else {
        "as expected"
    };
    text += &format!(
        "<details><summary>{} {what}</summary>\n\n",
        words::count(fine.len(), "case")
    );
    let room = MOST / 2;
    let mut shown = fine.len();
    while lines(&fine[..shown]).len() > room {
        shown = shown * 3 / 4;
    }
    text += &lines(&fine[..shown]);
    if shown < fine.len() {
        text += &format!("and {} more.\n\n", fine.len() - shown);
    }
    text + "</details>\n\n"
}

fn lines(cases: &[&CaseEntry]) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut text = String::from("| | scenario | image | verdict | finding | |\n|---|---|---|---|---|---:|\n");
    for case in cases {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            mark(case.verdict),
            cell(&words::case_name(case)),
            cell(&case.image),
            case.verdict,
            prose(&words::finding(case)),
            seconds(case.seconds),
        );
    }
    text + "\n"
}

/// The observed values of each image, beside both columns.
fn side_by_side(document: &RunDocument) -> String {
    if document.command != "reproduce" || document.cases.is_empty() {
        return String::new();
    }
    let names: Vec<String> = document
        .images
        .iter()
        .map(|i| cell(words::image_name(&i.name)))
        .collect();
    let mut text = format!(
        "| fact | regressed | fixed | {} |\n|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for case in overview::scenarios(document) {
        text += &format!(
            "| **{}** {} | | |{}\n",
            prose(&case.title),
            cell(&case.scenario),
            " |".repeat(names.len())
        );
        for line in overview::lines(document, case) {
            let seen: Vec<String> = line
                .seen
                .iter()
                .map(|(sign, _, value)| format!("{sign} {}", cell(value)))
                .collect();
            text += &format!(
                "| {} | {} | {} | {} |\n",
                prose(&line.label),
                cell(&line.regressed),
                cell(&line.fixed),
                seen.join(" | ")
            );
        }
    }
    if text.len() > MOST / 2 {
        return String::new();
    }
    text + "\n✓ as in fixed, ✗ as in regressed, ≠ in neither, ? not seen\n\n"
}

fn overlays(document: &RunDocument) -> String {
    if document.selftest.is_none() {
        return String::new();
    }
    let mut text = String::from("| | fault overlay | | |\n|---|---|---|---|\n");
    for item in items(document).iter().filter(|item| item.group == "fault overlays") {
        let sign = match item.grade {
            Grade::Fine => "✓",
            Grade::Red => "✗",
            _ => "?",
        };
        text += &format!(
            "| {sign} | {} | {} | {} |\n",
            cell(&item.name),
            item.verdict,
            prose(&item.headline)
        );
    }
    text + "\n"
}

/// How each scenario changed from the old image to the new one. Those that held on both are only counted.
fn comparisons(document: &RunDocument) -> String {
    let Some(found) = &document.comparisons else {
        return String::new();
    };
    let shown: Vec<&Comparison> = found.iter().filter(|c| c.change != Change::Held).collect();
    let mut text = String::new();
    if !shown.is_empty() {
        text += "| | scenario | change | |\n|---|---|---|---|\n";
        for comparison in &shown {
            let (sign, _) = comparison::mark(comparison.change);
            let (name, what) = (cell(&comparison.scenario), prose(&comparison::tail(comparison)));
            text += &format!("| {sign} | {name} | {} | {what} |\n", comparison.change.name());
        }
        text.push('\n');
    }
    match found.len() - shown.len() {
        0 => text,
        held => text + &words::count(held, "scenario") + " held on both images.\n\n",
    }
}

fn details(document: &RunDocument, item: &Item<'_>) -> String {
    let mut text = format!(
        "<details><summary><b>{}</b> {}: {}</summary>\n\n",
        item.verdict,
        html(&item.subject()),
        html(&item.headline)
    );
    if let Some(case) = item.judged() {
        text += &of_case(document, &case);
    }
    text + "</details>\n\n"
}

fn of_case(document: &RunDocument, case: &CaseEntry) -> String {
    let mut text = format!("{}\n\n", prose(&case.why));
    let shown = case.rows.iter().filter(|row| !row.implicit || !is_wanted(case, row));
    text += "| | moment | fact | wanted | found |\n|---|---|---|---|---|\n";
    for row in shown {
        let observed = row
            .observed
            .as_ref()
            .map_or_else(|| "no evidence".to_owned(), |v| cell(&words::value(v)));
        text += &format!(
            "| {} | {} | {} | {} | {observed} |\n",
            if is_wanted(case, row) { "✓" } else { "✗" },
            cell(&row.at),
            cell(&format!(
                "{}{}",
                comeback_record::excerpt::of_profile(&row.profile),
                row.what()
            )),
            cell(&words::values(&wanted(case, row))),
        );
    }
    text.push('\n');
    if case.verdict.is_red() {
        text += &format!("{}\n\n", prose(&meaning(case)));
    }
    let reconciler: Vec<String> = case
        .reconciler
        .iter()
        .map(|l| format!("boot {}: {}", l.boot, l.line))
        .collect();
    text += &block("the reconciler's lines", &reconciler);
    if let Some((boot, lines)) = case.logs.iter().next_back() {
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        text += &block(&format!("last lines of the container, boot {boot}"), last);
    }
    text + &block("run only this case again", &[repeat(document, case)])
}

/// A titled block of preformatted text.
fn block(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = lines.iter().map(|line| sanitize(line)).collect();
    let text = lines.join("\n");
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{title}\n\n{fence}text\n{text}\n{fence}\n\n")
}

/// Text with all markup, links and mentions escaped.
fn prose(text: &str) -> String {
    let mut safe = String::new();
    for c in sanitize(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // Escapes do not prevent mentions. A zero-width space does.
            '@' => safe.push_str("@\u{200b}"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '^' | '$' | '!' | ':' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // GitHub turns bare addresses into links.
    safe.replace("www.", "www\\.").replace("WWW.", "WWW\\.")
}

/// Text as code, in a paragraph.
fn code(text: &str) -> String {
    let text = sanitize(text);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // Code that begins or ends with a backtick or a space needs one more space, which is not rendered.
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text as code, in a cell of a table.
fn cell(text: &str) -> String {
    // Cells are split before code is parsed: a backslash escapes a bar, but two backslashes do not.
    code(&text.replace('\\', "⧵")).replace('|', "\\|")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text in a line of HTML.
fn html(text: &str) -> String {
    let mut safe = String::new();
    for c in sanitize(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '@' => safe.push_str("@\u{200b}"),
            // Markdown may be parsed in the line that begins a block of HTML.
            '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | ':' | '|' => {
                safe.push_str(&format!("&#{};", u32::from(c)))
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
