//! The timeline of a case as a picture: lanes on one time axis. Quiet stretches are drawn shorter, and are marked.

mod scale;

use askama::Template;
use jiff::Timestamp;

use comeback_record::document::CaseEntry;
use comeback_record::spans::Span;
use comeback_scenario::model::DEFAULT_PROFILE;
use comeback_text::terminal::sanitize;
use scale::Scale;

const WIDTH: f64 = 1000.0;
/// Where the time axis begins, in units of the picture.
const LEFT: f64 = 92.0;
const RIGHT: f64 = 12.0;
const BAR: f64 = 22.0;
const LABEL: f64 = 15.0;
/// Estimated width of a character.
const CHAR: f64 = 6.4;
/// Rows of labels below a lane.
const ROWS: usize = 3;
/// The picture, ready to be drawn.
#[derive(Template)]
#[template(path = "picture.html")]
pub struct Picture {
    id: String,
    title: String,
    desc: String,
    height: f64,
    lanes: Vec<Lane>,
    ticks: Vec<(f64, String)>,
    quiet: Vec<(f64, f64, String)>,
}

struct Lane {
    name: String,
    y: f64,
    bars: Vec<Bar>,
    labels: Vec<Label>,
}

struct Bar {
    x: f64,
    width: f64,
    tone: &'static str,
    text: String,
    tip: String,
}

struct Label {
    x: f64,
    y: f64,
    /// Where its line begins.
    from: f64,
    /// True if the text is to the left of its line.
    left: bool,
    tone: &'static str,
    text: String,
    tip: String,
}

/// The content of a lane, in seconds.
struct Row {
    name: String,
    bars: Vec<(f64, f64, &'static str, String)>,
    points: Vec<(f64, &'static str, String)>,
}

/// The picture of a case. `id` is unique on the page.
pub fn picture(case: &CaseEntry, id: &str) -> Picture {
    let rows = rows(case);
    let scale = Scale::new(&rows, case.seconds);
    let mut y = 6.0;
    let mut lanes = Vec::new();
    for row in &rows {
        let lane = lane(row, y, &scale);
        let below = lane.labels.iter().map(|label| label.y + 5.0).fold(y + BAR, f64::max);
        y = below + 9.0;
        lanes.push(lane);
    }
    Picture {
        id: id.to_owned(),
        title: sanitize(&format!("Timeline of {} on {}", case.scenario, case.image)),
        desc: desc(&rows),
        height: y + 22.0,
        lanes,
        ticks: scale.ticks(),
        quiet: scale.quiet(),
    }
}

fn rows(case: &CaseEntry) -> Vec<Row> {
    let at = |time: Timestamp| time.duration_since(case.started).as_secs_f64().max(0.0);
    let end = case
        .timeline
        .iter()
        .map(|entry| at(entry.at))
        .fold(case.seconds, f64::max);
    let steps = case.steps.iter().enumerate().filter_map(|(i, step)| {
        let began = at(step.began?);
        let ended = step.ended.map_or(end, at);
        Some((began, ended, "news", sanitize(&format!("{} {}", i + 1, step.op))))
    });
    let mut rows = vec![Row {
        name: "steps".into(),
        bars: steps.collect(),
        points: Vec::new(),
    }];
    let bars = |of: &dyn Fn(&&Span) -> bool| -> Vec<_> {
        let bar = |span: &Span| (at(span.from), span.to.map_or(end, at), tone(span), sanitize(&span.text));
        case.spans.iter().filter(of).map(bar).collect()
    };
    let points = |of: &[&str], profile: Option<&str>| -> Vec<_> {
        let entries = case.timeline.iter().filter(|e| of.contains(&e.kind.as_str()));
        let entries = entries.filter(|e| profile.is_none() || e.profile.as_deref() == profile);
        entries
            .filter(|e| !(e.kind == "container" && (e.text.contains("started") || e.text.contains("ended"))))
            .map(|e| (at(e.at), point_tone(&e.kind), sanitize(&e.text)))
            .collect()
    };
    rows.push(Row {
        name: "container".into(),
        bars: bars(&|s| s.kind == "container"),
        points: points(&["container", "wait", "lost"], None),
    });
    for profile in profiles(case) {
        let of = |what: &str| {
            let whose = if profile == DEFAULT_PROFILE {
                String::new()
            } else {
                format!("{profile}: ")
            };
            sanitize(&format!("{whose}{what}"))
        };
        let mine = |kind: &'static str| {
            let profile = profile.clone();
            move |s: &&Span| s.kind == kind && s.profile.as_deref() == Some(&profile)
        };
        rows.push(Row {
            name: of("gateway"),
            bars: bars(&mine("gateway")),
            points: points(&["shutdown"], Some(&profile)),
        });
        let boots = points(&["boot"], Some(&profile));
        rows.push(Row {
            name: of("state file"),
            bars: bars(&mine("state")),
            points: Vec::new(),
        });
        if !boots.is_empty() {
            rows.push(Row {
                name: of("reconciler"),
                bars: Vec::new(),
                points: boots,
            });
        }
    }
    rows
}

fn profiles(case: &CaseEntry) -> Vec<String> {
    let spans = case.spans.iter().filter_map(|s| s.profile.clone());
    let mut all: Vec<String> = vec![DEFAULT_PROFILE.to_owned()];
    for profile in spans.chain(case.timeline.iter().filter_map(|e| e.profile.clone())) {
        if !all.contains(&profile) {
            all.push(profile);
        }
    }
    all
}

fn tone(span: &Span) -> &'static str {
    match (span.kind.as_str(), span.text.as_str()) {
        ("gateway", _) | ("state", "running") => "good",
        ("state", "starting" | "draining" | "degraded") => "doubt",
        ("state", "startup_failed" | "unreadable") => "bad",
        _ => "plain",
    }
}

fn point_tone(kind: &str) -> &'static str {
    match kind {
        "wait" | "lost" | "container" => "bad",
        "shutdown" => "doubt",
        _ => "plain",
    }
}

fn lane(row: &Row, y: f64, scale: &Scale) -> Lane {
    let mut bars = Vec::new();
    let mut wanted: Vec<(f64, &'static str, String, String)> = Vec::new();
    for (from, to, tone, text) in &row.bars {
        let x = scale.x(*from);
        let width = (scale.x(*to) - x).max(2.5);
        let tip = format!("{text}: {} to {}", seconds(*from), seconds(*to));
        let fits = chars(text) * CHAR + 8.0 <= width;
        if !fits {
            wanted.push((x + width / 2.0, *tone, text.clone(), tip.clone()));
        }
        bars.push(Bar {
            x,
            width,
            tone,
            text: if fits { text.clone() } else { String::new() },
            tip,
        });
    }
    for (at, tone, text) in &row.points {
        let tip = format!("{text}: {}", seconds(*at));
        wanted.push((scale.x(*at), tone, text.clone(), tip));
    }
    // Labels are below the bars of the lane, or in their place if there are none.
    let top = if row.bars.is_empty() { y + 1.0 } else { y + BAR };
    Lane {
        name: row.name.clone(),
        y,
        bars,
        labels: labels(wanted, if row.bars.is_empty() { y } else { y + BAR }, top),
    }
}

/// Puts labels into rows so that they do not overlap. A label without a place keeps its line and its tooltip.
fn labels(mut wanted: Vec<(f64, &'static str, String, String)>, from: f64, top: f64) -> Vec<Label> {
    // From the right, so that later labels are higher and no line crosses their text.
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut taken: Vec<Vec<(f64, f64)>> = vec![Vec::new(); ROWS];
    let mut placed = Vec::new();
    for (x, tone, text, tip) in wanted {
        let width = chars(&text) * CHAR + 10.0;
        let left = x + width > WIDTH - 2.0;
        let (begin, end) = if left {
            (x - width, x + 2.0)
        } else {
            (x - 2.0, x + width)
        };
        let free = taken
            .iter()
            .position(|row| row.iter().all(|(b, e)| end <= *b || begin >= *e));
        let free = free.filter(|_| begin >= LEFT - 4.0);
        if let Some(row) = free {
            taken[row].push((begin, end));
            // The line of this label also takes space in the rows that it crosses.
            taken[..row].iter_mut().for_each(|above| above.push((x - 2.0, x + 2.0)));
        }
        let row = free.unwrap_or(0);
        placed.push(Label {
            x,
            y: top + 13.0 + row as f64 * LABEL,
            from,
            left,
            tone,
            text: if free.is_some() { text } else { String::new() },
            tip,
        });
    }
    placed
}

fn chars(text: &str) -> f64 {
    text.chars().count() as f64
}

fn seconds(at: f64) -> String {
    format!("{at:.2} s")
}

/// The picture in words, for screen readers.
fn desc(rows: &[Row]) -> String {
    let mut words = Vec::new();
    for row in rows {
        let bars = row
            .bars
            .iter()
            .map(|(from, to, _, text)| format!("{text} from {} to {}", seconds(*from), seconds(*to)));
        let points = row
            .points
            .iter()
            .map(|(at, _, text)| format!("{text} at {}", seconds(*at)));
        let all: Vec<String> = bars.chain(points).collect();
        if !all.is_empty() {
            words.push(format!("{}: {}.", row.name, all.join(", ")));
        }
    }
    words.join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_record::document::samples;

    #[test]
    fn bars_and_labels_are_within_the_picture() {
        for document in [samples::reproduced(), samples::motley(), samples::engine_fault()] {
            for case in &document.cases {
                let picture = picture(case, "p");
                for lane in &picture.lanes {
                    for bar in &lane.bars {
                        assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH, "{}", bar.tip);
                    }
                    for label in &lane.labels {
                        assert!(
                            (LEFT..=WIDTH).contains(&label.x) && label.y <= picture.height,
                            "{}",
                            label.tip
                        );
                    }
                }
            }
        }
    }
}
