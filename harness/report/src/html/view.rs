//! What the templates are filled with: words that are safe to print, and no decisions left to take.

use askama::Template;

use comeback_record::document::RunDocument;

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
pub struct Page<'d> {
    pub document: &'d RunDocument,
    pub mark: &'static str,
    pub tone: &'static str,
    pub sentence: String,
    pub counts: Vec<Count>,
    pub took: String,
    pub started: String,
    pub command: String,
    pub attention: Vec<Attention>,
    pub repeats: Vec<Repeated>,
    pub overviews: Vec<Matrix>,
    pub images: Vec<Image>,
    pub sections: Vec<Section>,
    pub left_out: Vec<String>,
    pub failure: Option<String>,
    pub part: Option<String>,
    pub drift: Vec<String>,
    pub record: Option<String>,
    pub overlays: Vec<Attention>,
    pub comparisons: Vec<Attention>,
}

/// How many of a verdict.
pub struct Count {
    pub mark: &'static str,
    pub tone: &'static str,
    pub text: String,
}

/// One line that somebody should read.
pub struct Attention {
    pub mark: &'static str,
    pub tone: &'static str,
    /// Where on the page it is explained; empty if it is not.
    pub anchor: String,
    pub name: String,
    pub group: String,
    pub verdict: &'static str,
    pub headline: String,
}

/// Scenarios against images.
pub struct Matrix {
    pub caption: String,
    /// True if a cell is the sign of its classification and nothing else.
    pub signs: bool,
    pub images: Vec<String>,
    /// Anchor and name of each scenario, with a cell for each image.
    pub rows: Vec<(String, String, Vec<Option<Cell>>)>,
}

/// A sign with what it says in words, and a value.
pub struct Cell {
    pub mark: &'static str,
    pub tone: &'static str,
    pub word: String,
    pub text: String,
    pub anchor: String,
    /// Sign and tone of the column that was found.
    pub sign: (&'static str, &'static str),
}

/// An image of the run.
pub struct Image {
    pub name: String,
    pub release: String,
    pub base: String,
    pub supervisor: String,
    pub reference: String,
    pub digest: String,
    pub had: String,
}

/// A scenario with its cases.
pub struct Section {
    pub anchor: String,
    /// Its id as it is in the document.
    pub scenario: String,
    pub name: String,
    pub title: String,
    pub why: String,
    pub facts: String,
    pub images: Vec<String>,
    pub lines: Vec<Line>,
    pub cases: Vec<CaseView>,
    pub open: bool,
    pub cases_open: bool,
}

/// A row of the behaviour table.
pub struct Line {
    pub label: String,
    pub regressed: String,
    pub fixed: String,
    pub seen: Vec<Cell>,
}

/// A case.
pub struct CaseView {
    pub anchor: String,
    pub name: String,
    /// Which of several repeats; empty if there is one.
    pub nth: String,
    pub image: String,
    pub mark: &'static str,
    pub tone: &'static str,
    pub verdict: String,
    pub finding: String,
    pub reason: Option<String>,
    pub note: Option<String>,
    pub meaning: Option<String>,
    pub earlier: Vec<String>,
    pub took: String,
    pub attention: bool,
    pub open: bool,
    /// Made by a template of its own, which escapes.
    pub picture: String,
    pub rows: Vec<RowView>,
    /// The invariants of every boot that hold and have no row of their own, in words.
    pub invariants: String,
    /// What was done, and what it said.
    pub steps: Vec<(String, String)>,
    /// When, of what kind, and what.
    pub events: Vec<(String, String, String)>,
    pub reconciler: String,
    pub shutdowns: String,
    /// Boot, lines, text.
    pub logs: Vec<(u32, usize, String)>,
    pub latency: String,
    pub repeat: String,
    pub evidence: Option<String>,
}

/// A row of a case.
pub struct RowView {
    pub mark: &'static str,
    pub tone: &'static str,
    pub word: &'static str,
    pub label: String,
    pub at: String,
    pub observed: String,
    pub fixed: String,
    pub regressed: String,
    /// True if it is not what was wanted.
    pub off: bool,
}

/// What a case that was run several times shows.
pub struct Repeated {
    pub name: String,
    pub failures: String,
    pub races: Vec<String>,
    pub lines: Vec<Line3>,
}

/// A quantity with its figures.
pub type Line3 = (&'static str, [String; 3]);
