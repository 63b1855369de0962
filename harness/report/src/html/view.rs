//! The data of the templates. All text is sanitized, and the templates take no decisions.

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
    /// What was measured beside the rows: how to paint it, and what is said of it.
    pub figures: Vec<(&'static str, String)>,
    pub overviews: Vec<Matrix>,
    pub images: Vec<Image>,
    pub sections: Vec<Section>,
    pub left_out: Vec<String>,
    pub failure: Option<String>,
    pub part: Option<String>,
    pub drift: Vec<String>,
    pub trend: Vec<String>,
    pub record: Option<String>,
    pub overlays: Vec<Attention>,
    pub comparisons: Vec<Attention>,
}

/// The number of cases with a verdict.
pub struct Count {
    pub mark: &'static str,
    pub tone: &'static str,
    pub text: String,
}

/// A line about something that needs attention.
pub struct Attention {
    pub mark: &'static str,
    pub tone: &'static str,
    /// The anchor of its details on the page; empty if there are none.
    pub anchor: String,
    pub name: String,
    pub group: String,
    pub verdict: &'static str,
    pub headline: String,
}

/// Scenarios against images.
pub struct Matrix {
    pub caption: String,
    /// True if a cell shows only the sign of its classification.
    pub signs: bool,
    pub images: Vec<String>,
    /// Anchor and name of each scenario, with a cell for each image.
    pub rows: Vec<(String, String, Vec<Option<Cell>>)>,
}

/// A sign with its meaning in words, and a value.
pub struct Cell {
    pub mark: &'static str,
    pub tone: &'static str,
    pub word: String,
    pub text: String,
    pub anchor: String,
    /// Sign and tone of the classification.
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
    /// The number of the repeat; empty if there is only one.
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
    /// SVG from a template of its own, which escapes.
    pub picture: String,
    pub rows: Vec<RowView>,
    /// The implicit invariants that hold and have no row of their own, in words.
    pub invariants: String,
    /// Steps: what was done, and the output of its command.
    pub steps: Vec<(String, String)>,
    /// Events: time, kind and text.
    pub events: Vec<(String, String, String)>,
    pub reconciler: String,
    pub shutdowns: String,
    /// Output of each boot: boot, number of lines, text.
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
    /// True if it is not the wanted value.
    pub off: bool,
}

/// The statistics of a case that was run several times.
pub struct Repeated {
    pub name: String,
    pub failures: String,
    pub races: Vec<String>,
    pub lines: Vec<Line3>,
}

/// A quantity with its figures.
pub type Line3 = (&'static str, [String; 3]);
