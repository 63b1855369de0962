//! What is expected of an image, and why.

use std::fmt;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use comeback_scenario::model::{Deviation, ImageRef, Known, Race, Scenario};

/// A column of the behaviour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// The behaviour of a release with the fix.
    Fixed,
    /// The behaviour of a release without the fix.
    Regressed,
}

impl Column {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Regressed => "regressed",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is expected of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// Asked for by `--expect` or `reproduce`. Deviations on record are no excuse then.
    Explicit(Column),
    /// The column that follows from the image's release.
    Column(Column),
    /// Deviations on record for exactly this image; never empty.
    Known(Vec<Known>),
}

impl Expectation {
    /// The word used in files and reports: `fixed`, `regressed` or `known`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Explicit(column) | Self::Column(column) => column.name(),
            Self::Known(_) => "known",
        }
    }
}

/// What the verdict needs to know of the image under test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Release of the image under test; `None` if it cannot be read.
    pub release: Option<Version>,
    /// Release of the gateway whose shutdown decides which column is expected: that of the image under test, or of the first
    /// container.
    pub shutdown_release: Option<Version>,
    /// Name of its base: `bookworm`.
    pub base: Option<String>,
    /// Version of its supervisor: `2.11.3`.
    pub supervisor: Option<String>,
}

impl Subject {
    /// An image of which only the release is known.
    pub fn of_release(release: Option<Version>) -> Self {
        Self {
            shutdown_release: release.clone(),
            release,
            ..Self::default()
        }
    }
}

/// The release of the gateway whose shutdown decides which column is expected: the one under test, or that of the first
/// container if no other is shut down or the scenario says so. `other` returns the release of an image expression such as
/// `release:0.16.0`.
pub fn shutdown_release(
    scenario: &Scenario,
    subject: Option<&Version>,
    other: impl FnOnce(&str) -> Option<Version>,
) -> Option<Version> {
    match scenario.deciding_image() {
        ImageRef::Other(expression) => other(expression),
        ImageRef::Subject => subject.cloned(),
    }
}

/// What is expected of a scenario on an image.
///
/// The first of these that applies: the explicit expectation; deviations on record for the image under test; `fixed`
/// for an invariant scenario; the column of the release that is shut down.
pub fn expectation(scenario: &Scenario, subject: &Subject, explicit: Option<Column>) -> Expectation {
    if let Some(column) = explicit {
        return Expectation::Explicit(column);
    }
    let known: Vec<Known> = scenario
        .known
        .iter()
        .filter(|known| applies(&known.deviation, subject))
        .cloned()
        .collect();
    if !known.is_empty() {
        return Expectation::Known(known);
    }
    if scenario.invariant {
        return Expectation::Column(Column::Fixed);
    }
    Expectation::Column(by_release(
        scenario.fixed_in.as_ref(),
        subject.shutdown_release.as_ref(),
    ))
}

/// The column that a release is expected in, by its release segment: 0.17.0rc1 counts as 0.17.0. An unreadable
/// release is expected to be fixed. Without `fixed_in`, no release is fixed yet.
pub fn by_release(fixed_in: Option<&Version>, release: Option<&Version>) -> Column {
    match (release, fixed_in) {
        (None, _) => Column::Fixed,
        (Some(_), None) => Column::Regressed,
        (Some(release), Some(fixed_in)) if release.only_release() < fixed_in.only_release() => Column::Regressed,
        (Some(_), Some(_)) => Column::Fixed,
    }
}

/// The races on record for an image, in the order of the scenario file. They apply to an explicit expectation too.
pub fn races<'s>(scenario: &'s Scenario, subject: &Subject) -> Vec<&'s Race> {
    let on_record = |race: &&Race| applies(&race.deviation, subject);
    scenario.races.iter().filter(on_record).collect()
}

/// True if a deviation is on record for exactly this image. An unknown property of the image meets no condition.
fn applies(deviation: &Deviation, subject: &Subject) -> bool {
    let release = subject
        .release
        .as_ref()
        .is_some_and(|release| deviation.releases.contains(release));
    let bases = &deviation.bases;
    let base = bases.is_empty() || subject.base.as_ref().is_some_and(|base| bases.contains(base));
    let supervisor = deviation.supervisor.as_ref().is_none_or(|range| {
        let version = subject
            .supervisor
            .as_deref()
            .and_then(|text| text.parse::<Version>().ok());
        version.is_some_and(|version| range.contains(&version))
    });
    release && base && supervisor
}
