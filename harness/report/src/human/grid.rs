//! `matrix`: scenarios by images.

use super::words;
use comeback_record::document::RunDocument;
use comeback_record::matrix::{Cell, Grid};
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};

/// One line for each scenario and one sign for each image. A legend has the images, since their names are wider than a sign.
pub fn grid(document: &RunDocument, style: Style) -> String {
    let grid = Grid::of(document);
    let names = grid
        .rows
        .iter()
        .map(|row| width(&sanitize(row.scenario)))
        .max()
        .unwrap_or(0);
    let letter = |i: usize| char::from(b'a' + u8::try_from(i % 26).unwrap_or(0));
    let mut text = String::new();
    for (i, image) in grid.images.iter().enumerate() {
        text += &format!("  {}  {}\n", letter(i), sanitize(words::image_name(image)));
    }
    let letters: String = (0..grid.images.len()).map(|i| format!(" {}", letter(i))).collect();
    text += &format!("\n  {} {}\n", pad("", names), style.paint(Paint::Dim, &letters));
    for row in &grid.rows {
        let signs: String = row
            .cells
            .iter()
            .map(|cell| {
                let (sign, paint) = sign(*cell);
                format!(" {}", style.paint(paint, sign))
            })
            .collect();
        text += &format!("  {} {signs}\n", pad(&sanitize(row.scenario), names));
    }
    let legend = "✓ fixed   ✗ as releases without the fix   ≠ neither   ? not known   · not run";
    text + "\n" + &wrap(&style.paint(Paint::Dim, legend), style.width, "  ") + "\n"
}

/// The sign of a cell, and how it is painted.
pub fn sign(cell: Cell) -> (&'static str, Paint) {
    match cell {
        Cell::Fixed => ("✓", Paint::Good),
        Cell::Regressed => ("✗", Paint::Bad),
        Cell::Neither => ("≠", Paint::Bad),
        Cell::Unknown => ("?", Paint::Doubt),
        Cell::NotRun => ("·", Paint::Dim),
    }
}
