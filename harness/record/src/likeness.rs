//! How far two images behave the same: the rows whose values differ, and what happened on both where the container ended or
//! began. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::on_both;
use super::document::{CaseEntry, RunDocument};
use super::excerpt::of_profile;
use comeback_scenario::model::Value;
use comeback_scenario::vocabulary::OperationKind;
use comeback_verdict::Exit;

/// The kinds of a timeline's entries that belong to a course.
const TOLD: [&str; 9] = [
    "container",
    "init",
    "signal",
    "slots",
    "shutdown",
    "exit",
    "state",
    "service",
    "boot",
];

/// How far two images behave the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Likeness {
    /// Scenarios that were run on both images.
    pub scenarios: usize,
    /// Scenarios of which every row has the same value on both.
    pub alike: usize,
    /// Scenarios without a conclusive result on one of them.
    pub inconclusive: Vec<String>,
    /// The rows whose values differ.
    pub cells: Vec<Cell>,
    /// What happened, for one step of each operation that ended or began the container.
    pub courses: Vec<Course>,
}

/// A row whose value differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The scenario's id.
    pub scenario: String,
    /// The moment.
    pub at: String,
    /// The profile.
    pub profile: String,
    /// The probe.
    pub probe: String,
    /// The value on the first image; null if it has no such row.
    pub first: Option<Value>,
    /// The value on the second image.
    pub second: Option<Value>,
}

/// What happened in one step of a scenario, on both images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Course {
    /// The scenario's id.
    pub scenario: String,
    /// The step, with its parameters: `engine-restart (grace 10 s)`.
    pub step: String,
    /// On the first image.
    pub first: Vec<Moment>,
    /// On the second image.
    pub second: Vec<Moment>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Milliseconds since the step began.
    pub ms: i64,
    /// The words.
    pub text: String,
}

/// Compares the rows and the courses of the first two images.
pub fn likeness(document: &RunDocument) -> Option<Likeness> {
    let [first, second, ..] = document.images.as_slice() else {
        return None;
    };
    let mut found = Likeness {
        scenarios: 0,
        alike: 0,
        inconclusive: Vec::new(),
        cells: Vec::new(),
        courses: Vec::new(),
    };
    let mut told: Vec<&str> = Vec::new();
    for (one, other) in on_both(document, &first.name, &second.name) {
        found.scenarios += 1;
        if !one.classification.is_conclusive() || !other.classification.is_conclusive() {
            found.inconclusive.push(one.scenario.clone());
            continue;
        }
        let cells = cells(one, other);
        found.alike += usize::from(cells.is_empty());
        found.cells.extend(cells);
        for (index, step) in one.steps.iter().enumerate() {
            if ends_or_begins(&step.op) && !told.contains(&step.op.as_str()) {
                told.push(&step.op);
                found.courses.push(Course {
                    scenario: one.scenario.clone(),
                    step: match step.detail.as_str() {
                        "" => step.op.clone(),
                        detail => format!("{} ({detail})", step.op),
                    },
                    first: course(one, index + 1),
                    second: course(other, index + 1),
                });
            }
        }
    }
    Some(found)
}

impl Likeness {
    /// The exit code: 1 if a row differs, 2 if a scenario is inconclusive, 4 if nothing was compared.
    pub fn exit(&self) -> Exit {
        match self {
            _ if self.scenarios == 0 => Exit::Nothing,
            _ if !self.cells.is_empty() => Exit::Regression,
            _ if !self.inconclusive.is_empty() => Exit::Inconclusive,
            _ => Exit::Held,
        }
    }
}

impl Course {
    /// The moments of both images, those with the same words beside each other. Numbers and the random end of a name do not
    /// count.
    pub fn beside(&self) -> Vec<(Option<&Moment>, Option<&Moment>)> {
        let (first, second) = (&self.first, &self.second);
        let same = |i: usize, j: usize| plain(&first[i].text) == plain(&second[j].text);
        // The length of the longest common sequence of what is left from there on.
        let mut length = vec![vec![0_usize; second.len() + 1]; first.len() + 1];
        for i in (0..first.len()).rev() {
            for j in (0..second.len()).rev() {
                length[i][j] = match same(i, j) {
                    true => length[i + 1][j + 1] + 1,
                    false => length[i + 1][j].max(length[i][j + 1]),
                };
            }
        }
        let (mut i, mut j, mut rows) = (0, 0, Vec::new());
        while i < first.len() || j < second.len() {
            if i < first.len() && j < second.len() && same(i, j) {
                rows.push((Some(&first[i]), Some(&second[j])));
                (i, j) = (i + 1, j + 1);
            } else if j == second.len() || i < first.len() && length[i + 1][j] >= length[i][j + 1] {
                rows.push((Some(&first[i]), None));
                i += 1;
            } else {
                rows.push((None, Some(&second[j])));
                j += 1;
            }
        }
        rows
    }
}

/// The words without numbers, and without the random part of the name that the init gives a slot.
fn plain(text: &str) -> String {
    let word = |word: &str| match word.starts_with('.') {
        true => word.rsplit_once(':').map_or(word, |(name, _)| name).to_owned(),
        false => word.replace(|c: char| c.is_ascii_digit(), ""),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// True for an operation that ends or begins the container.
fn ends_or_begins(op: &str) -> bool {
    OperationKind::ALL
        .iter()
        .any(|kind| kind.to_string() == op && kind.info().container.acts())
}

fn cells(one: &CaseEntry, other: &CaseEntry) -> Vec<Cell> {
    let mut cells = Vec::new();
    for row in &one.rows {
        let there = other.rows.iter().find(|r| r.key() == row.key());
        let second = there.and_then(|r| r.observed.clone());
        if second != row.observed {
            cells.push(cell(one, row, row.observed.clone(), second));
        }
    }
    for row in &other.rows {
        if !one.rows.iter().any(|r| r.key() == row.key()) {
            cells.push(cell(other, row, None, row.observed.clone()));
        }
    }
    cells
}

fn cell(case: &CaseEntry, row: &super::document::RowEntry, first: Option<Value>, second: Option<Value>) -> Cell {
    Cell {
        scenario: case.scenario.clone(),
        at: row.at.clone(),
        profile: row.profile.clone(),
        probe: row.what(),
        first,
        second,
    }
}

/// What happened from the beginning of a step to that of the next, by time.
fn course(case: &CaseEntry, step: usize) -> Vec<Moment> {
    let Some(began) = case.steps.get(step - 1).and_then(|step| step.began) else {
        return Vec::new();
    };
    let of_step = |entry: &&super::excerpt::TimelineEntry| entry.step == step && TOLD.contains(&entry.kind.as_str());
    let mut moments: Vec<Moment> = case
        .timeline
        .iter()
        .filter(of_step)
        .map(|entry| Moment {
            ms: i64::try_from(entry.at.duration_since(began).as_millis()).unwrap_or(i64::MAX),
            text: format!(
                "{}{}",
                entry.profile.as_deref().map(of_profile).unwrap_or_default(),
                entry.text
            ),
        })
        .collect();
    moments.sort_by_key(|moment| moment.ms);
    moments
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::samples::compared;

    fn moments(texts: &[&str]) -> Vec<Moment> {
        let moment = |(ms, text): (i64, &&str)| Moment {
            ms,
            text: (*text).to_owned(),
        };
        (0..).zip(texts).map(moment).collect()
    }

    #[test]
    fn the_same_image_twice_is_alike() {
        let mut document = compared(true);
        let first = document.images[0].name.clone();
        let second = document.images[1].name.clone();
        let of_first: Vec<CaseEntry> = document.cases.iter().filter(|c| c.image == first).cloned().collect();
        document.cases = of_first.clone();
        document.cases.extend(of_first.into_iter().map(|case| CaseEntry {
            image: second.clone(),
            ..case
        }));
        let found = likeness(&document).unwrap();
        assert!(found.scenarios > 0);
        assert_eq!((found.alike, found.cells.len()), (found.scenarios, 0));
        assert_eq!(found.exit(), Exit::Held);
    }

    #[test]
    fn a_row_with_another_value_is_told_with_both() {
        let document = compared(true);
        let found = likeness(&document).unwrap();
        assert!(found.alike < found.scenarios, "{found:?}");
        let cell = &found.cells[0];
        assert_ne!(cell.first, cell.second);
        assert_eq!(found.exit(), Exit::Regression);
    }

    #[test]
    fn moments_with_the_same_words_are_beside_each_other() {
        let course = Course {
            scenario: String::new(),
            step: String::new(),
            first: moments(&[
                "up (pid 12)",
                "slots: .s6-linux-init-shutdownd:gateway-default:xYz",
                "every process gets SIGTERM",
                "container ended, exit 0",
            ]),
            second: moments(&[
                "up (pid 77)",
                "slots: .s6-linux-init-shutdownd:gateway-default:41",
                "container ended, exit 0",
                "container started",
            ]),
        };
        let beside = course.beside();
        let side = |moment: &Option<&Moment>| {
            moment
                .map_or("-", |m| m.text.split([' ', ':']).next().unwrap())
                .to_owned()
        };
        let shown: Vec<(String, String)> = beside.iter().map(|(a, b)| (side(a), side(b))).collect();
        let pairs = |list: &[(&str, &str)]| {
            list.iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown,
            pairs(&[
                ("up", "up"),
                ("slots", "slots"),
                ("every", "-"),
                ("container", "container"),
                ("-", "container")
            ])
        );
    }
}
