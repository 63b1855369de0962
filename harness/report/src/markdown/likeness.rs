//! `compare --likeness` as Markdown.

use super::{cell, prose};
use crate::human::likeness::value;
use comeback_record::document::RunDocument;
use comeback_record::excerpt::of_profile;
use comeback_record::likeness::{Likeness, Moment};

/// The rows that differ, then what happened on both images, side by side.
pub fn render(document: &RunDocument, found: &Likeness) -> String {
    let [first, second, ..] = document.images.as_slice() else {
        return String::new();
    };
    let (first, second) = (cell(&first.name), cell(&second.name));
    let mut text = format!(
        "{} of {} scenarios have the same value in every row on both images.\n\n",
        found.alike, found.scenarios
    );
    if !found.cells.is_empty() {
        text += &format!("| scenario | row | {first} | {second} |\n|---|---|---|---|\n");
        for it in &found.cells {
            text += &format!(
                "| {} | {} | {} | {} |\n",
                cell(&it.scenario),
                cell(&format!("{}{} {}", of_profile(&it.profile), it.at, it.probe)),
                cell(&value(it.first.as_ref())),
                cell(&value(it.second.as_ref()))
            );
        }
        text.push('\n');
    }
    if !found.inconclusive.is_empty() {
        text += &format!(
            "Inconclusive on one of them: {}.\n\n",
            prose(&found.inconclusive.join(", "))
        );
    }
    for course in &found.courses {
        text += &format!(
            "<details><summary>{}, in {}</summary>\n\n| ms | {first} | ms | {second} |\n|--:|---|--:|---|\n",
            prose(&course.step),
            prose(&course.scenario)
        );
        for (left, right) in course.beside() {
            text += &format!("|{}|{}|\n", side(left), side(right));
        }
        text += "\n</details>\n\n";
    }
    text
}

fn side(moment: Option<&Moment>) -> String {
    moment.map_or_else(
        || " | ".to_owned(),
        |moment| format!(" {} | {} ", moment.ms, cell(&moment.text)),
    )
}
