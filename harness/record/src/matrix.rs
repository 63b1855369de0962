//! A run's cases as a grid: scenarios by images. Pure.

use super::compare::worst;
use super::document::{CaseEntry, RunDocument};
use comeback_verdict::Classification;

/// How an image behaves in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// As releases with the fix do.
    Fixed,
    /// As releases without the fix do.
    Regressed,
    /// As neither of them does.
    Neither,
    /// Inconclusive, unsupported or an error.
    Unknown,
    /// The scenario was not run, or does not apply.
    NotRun,
}

/// Scenarios by images.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid<'d> {
    /// Names of the images with a column: those on which a counting case was run.
    pub images: Vec<&'d str>,
    /// The scenarios, in their order.
    pub rows: Vec<GridRow<'d>>,
}

/// A scenario's row.
#[derive(Debug, Clone, PartialEq)]
pub struct GridRow<'d> {
    /// Its id.
    pub scenario: &'d str,
    /// Its title.
    pub title: &'d str,
    /// A cell for each image.
    pub cells: Vec<Cell>,
    /// The case behind each cell.
    pub cases: Vec<Option<&'d CaseEntry>>,
}

impl<'d> Grid<'d> {
    /// Makes the grid of a document. The worst of several repeats counts.
    pub fn of(document: &'d RunDocument) -> Self {
        let counting = || {
            document
                .cases
                .iter()
                .filter(|case| case.counts && case.overlay.is_none())
        };
        let images: Vec<&str> = document
            .images
            .iter()
            .map(|image| image.name.as_str())
            .filter(|name| counting().any(|case| case.image == **name))
            .collect();
        let mut rows: Vec<GridRow<'d>> = Vec::new();
        for case in counting() {
            if rows.iter().any(|row| row.scenario == case.scenario) {
                continue;
            }
            let of = |image: &&str| worst(counting().filter(|c| c.scenario == case.scenario && c.image == **image));
            let cases: Vec<Option<&CaseEntry>> = images.iter().map(of).collect();
            rows.push(GridRow {
                scenario: &case.scenario,
                title: &case.title,
                cells: cases.iter().map(|case| case.map_or(Cell::NotRun, cell)).collect(),
                cases,
            });
        }
        Self { images, rows }
    }
}

/// The cell for a case.
pub fn cell(case: &CaseEntry) -> Cell {
    match case.classification {
        Classification::Fixed => Cell::Fixed,
        Classification::Regressed => Cell::Regressed,
        Classification::Neither => Cell::Neither,
        Classification::Inconclusive | Classification::Unsupported | Classification::Error => Cell::Unknown,
    }
}
