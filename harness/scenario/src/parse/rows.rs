//! Parses the rows of the behaviour table and the deviations on record.

use super::cursor::{Node, Reader, Span, Tab, list};
use crate::model::{
    DEFAULT_PROFILE, Deviation, Expect, Figure, Known, KnownRow, Moment, Probe, Race, Releases, Value, ValueSet,
};
use crate::vocabulary::{About, EXPECT, FIGURE, GUARDS, KNOWN, KNOWN_ROW, Moments, RACE};

/// A parsed row, with its places for errors that involve other rows.
pub(super) struct Row<T> {
    /// The row, if it has no errors.
    pub(super) row: Option<T>,
    /// Its table.
    pub(super) span: Span,
    /// The moment and its place.
    pub(super) at: Option<(Moment, Span)>,
    /// The probe.
    pub(super) probe: Option<(Probe, Span)>,
    /// The profile, and its place if it is written.
    pub(super) profile: (String, Option<Span>),
    /// The path on the volume, if the row is about one.
    pub(super) path: Option<String>,
    /// The other container that the row is about, and its place.
    pub(super) container: Option<(String, Span)>,
}

/// What rows are told apart by: moment, probe, profile, path and container.
pub(super) type Key<'r> = (Moment, Probe, &'r str, Option<&'r str>, Option<&'r str>);

/// A row's key, for messages.
pub(super) fn in_words((at, probe, profile, path, container): Key<'_>) -> String {
    let of = path.unwrap_or(profile);
    match container {
        Some(container) => format!("{at}, {probe}, {of} in {container}"),
        None => format!("{at}, {probe}, {of}"),
    }
}

/// A parsed deviation on record, with its rows and their places.
pub(super) struct OnRecord<T> {
    /// The deviation, if it has no errors.
    pub(super) entry: Option<T>,
    /// Its rows.
    pub(super) rows: Vec<Row<KnownRow>>,
}

impl<T> Row<T> {
    /// The key by which rows are compared.
    pub(super) fn key(&self) -> Option<Key<'_>> {
        let path = self.path.as_deref();
        Some((
            self.at.as_ref()?.0,
            self.probe.as_ref()?.0,
            self.profile.0.as_str(),
            path,
            self.container.as_ref().map(|(name, _)| name.as_str()),
        ))
    }
}

impl Reader {
    /// Takes `at`, `probe` and `profile` of a row.
    fn row<T>(&mut self, tab: &Tab<'_, '_>) -> Row<T> {
        let at = self
            .key_str(tab, "at")
            .and_then(|(text, span)| self.moment(text, span.clone()).map(|m| (m, span)));
        let probe = self
            .key_str(tab, "probe")
            .and_then(|(text, span)| self.probe_of_a_row(text, span.clone()).map(|p| (p, span)));
        let profile = match self.key_str(tab, "profile") {
            Some((text, span)) => self
                .profile_name(text, span.clone())
                .map_or_else(|| (text.to_owned(), None), |name| (name, Some(span))),
            None => (DEFAULT_PROFILE.to_owned(), None),
        };
        if let (Some((at, at_span)), Some((probe, probe_span))) = (&at, &probe) {
            self.check_moment(*at, at_span.clone(), *probe, probe_span.clone());
        }
        let path = self.row_path(tab, probe.as_ref());
        let container = self.row_container(tab, at.as_ref(), probe.as_ref());
        Row {
            row: None,
            span: tab.span.clone(),
            at,
            probe,
            profile,
            path,
            container,
        }
    }

    /// Takes `container`, which rows about a container or its services may have.
    fn row_container(
        &mut self,
        tab: &Tab<'_, '_>,
        at: Option<&(Moment, Span)>,
        probe: Option<&(Probe, Span)>,
    ) -> Option<(String, Span)> {
        let (text, span) = self.key_str(tab, "container")?;
        let name = text.to_owned();
        let (probe, _) = probe?;
        if !probe.is_of_a_container() {
            self.error(tab.key_span("container"), format!("{probe} is not about a container"))
                .label("leave it out: all containers have the same volume");
            return None;
        }
        if let Some((at @ (Moment::Boot(_) | Moment::Down(_)), place)) = at {
            self.error(place.clone(), format!("`{at}` is a moment of the container under test"))
                .label("read another container at `after:N` or at the end");
            return None;
        }
        Some((name, span))
    }

    /// Takes `path`, which rows about a path have, and no others.
    fn row_path(&mut self, tab: &Tab<'_, '_>, probe: Option<&(Probe, Span)>) -> Option<String> {
        let (probe, place) = probe?;
        match (probe.info().about == About::Path, tab.get("path")) {
            (true, None) => {
                self.error(place.clone(), format!("{probe} needs `path`"))
                    .label("such as path = \"gateway.lock\"");
                None
            }
            (false, Some(_)) => {
                self.error(tab.key_span("path"), format!("{probe} does not take a path"))
                    .label("it belongs to the probe `file`");
                None
            }
            _ => {
                let (text, span) = self.key_str(tab, "path")?;
                self.volume_path(text, span)
            }
        }
    }

    /// Reports a probe that cannot be read at that moment.
    fn check_moment(&mut self, at: Moment, at_span: Span, probe: Probe, probe_span: Span) {
        let problem = match (probe.info().moments, at) {
            (Moments::After, Moment::After(_)) | (Moments::Any, _) => return,
            (Moments::After, _) => "the probe is about a step: read it at `after:N`",
            (Moments::NotDown, Moment::Down(_)) => {
                "it says nothing of a container that is down: read it at `boot:N`, `after:N` or `end`"
            }
            (Moments::NotDown, _) => return,
        };
        self.error(at_span, format!("{probe} cannot be read at `{at}`"))
            .label(problem)
            .also(probe_span, "this probe");
    }

    /// Takes one `[[expect]]`.
    pub(super) fn expect(&mut self, node: &Node<'_>, own_words: &str) -> Option<Row<Expect>> {
        let tab = self.table(node, &EXPECT)?;
        let mut raw: Row<Expect> = self.row(&tab);
        let guards = self.key_word(&tab, "guards", GUARDS);
        let Some((probe, _)) = raw.probe else { return Some(raw) };
        let fixed = self.column(&tab, "fixed", probe, own_words);
        let regressed = self.column(&tab, "regressed", probe, own_words);
        if let (Some(fixed), Some(regressed)) = (&fixed, &regressed)
            && !fixed.same(regressed)
            && !fixed.is_disjoint(regressed)
        {
            let shared: Vec<String> = fixed
                .0
                .iter()
                .filter(|v| regressed.contains(v))
                .map(Value::to_string)
                .collect();
            let span_of = |key| tab.get(key).map_or_else(|| tab.span.clone(), |n| n.span());
            let fixed_span = span_of("fixed");
            self.error(
                span_of("regressed"),
                "the columns of this row overlap without being equal",
            )
            .label(format!("`{}` is in both", shared.join("`, `")))
            .also(fixed_span, "here too")
            .note("a row either distinguishes fixed from regressed (no common value) or is the same for both (equal values)");
        }
        if let (Some((at, _)), Some(fixed), Some(regressed)) = (&raw.at, fixed, regressed) {
            raw.row = Some(Expect {
                at: *at,
                probe,
                profile: raw.profile.0.clone(),
                path: raw.path.clone(),
                container: raw.container.as_ref().map(|(name, _)| name.clone()),
                fixed,
                regressed,
                guards,
            });
        }
        Some(raw)
    }

    /// Takes one column of a row.
    fn column(&mut self, tab: &Tab<'_, '_>, key: &str, probe: Probe, own_words: &str) -> Option<ValueSet> {
        self.values(tab.get(key)?, probe, own_words)
    }

    /// Takes one `[[figure]]`, with the place of its moment.
    pub(super) fn figure(&mut self, node: &Node<'_>) -> Option<(Figure, Span)> {
        let tab = self.table(node, &FIGURE)?;
        let at = self.key_str(&tab, "at");
        let at = at.and_then(|(text, span)| self.moment(text, span.clone()).map(|at| (at, span)));
        let probe = self.key_str(&tab, "probe");
        let probe = probe.and_then(|(text, span)| self.probe(text, span.clone()).map(|probe| (probe, span)));
        let at_most = self.key_duration(&tab, "at_most");
        let ((at, at_span), (probe, probe_span)) = at.zip(probe)?;
        if !probe.is_a_figure() {
            self.error(probe_span, format!("{probe} is no figure"))
                .label("a row reads it: write it as [[expect]]")
                .note(format!("figures: {}", list(Probe::figures().map(Probe::name))));
            return None;
        }
        let Moment::After(step) = at else {
            self.check_moment(at, at_span, probe, probe_span);
            return None;
        };
        let at_most = at_most?;
        Some((Figure { step, probe, at_most }, at_span))
    }

    /// Takes one `[[known]]`.
    pub(super) fn known(&mut self, node: &Node<'_>, own_words: &str) -> Option<OnRecord<Known>> {
        let tab = self.table(node, &KNOWN)?;
        let or_fixed = self.key_bool(&tab, "or_fixed", false);
        let (deviation, rows) = self.deviation(&tab, own_words);
        let entry = deviation.map(|deviation| Known { deviation, or_fixed });
        Some(OnRecord { entry, rows })
    }

    /// Takes one `[[race]]`.
    pub(super) fn race(&mut self, node: &Node<'_>, own_words: &str) -> Option<OnRecord<Race>> {
        let tab = self.table(node, &RACE)?;
        let seen = self
            .key_str(&tab, "seen")
            .and_then(|(text, span)| self.seen(text, span));
        let (deviation, rows) = self.deviation(&tab, own_words);
        let entry = deviation.zip(seen).map(|(deviation, seen)| Race { deviation, seen });
        Some(OnRecord { entry, rows })
    }

    /// Takes the common keys of `[[known]]` and `[[race]]`.
    fn deviation(&mut self, tab: &Tab<'_, '_>, own_words: &str) -> (Option<Deviation>, Vec<Row<KnownRow>>) {
        let releases = tab.get("releases").and_then(|node| self.releases(node));
        let bases = self
            .key_strs(tab, "bases", "strings")
            .into_iter()
            .map(|(s, _)| s.to_owned())
            .collect();
        let supervisor = self.key_range(tab, "supervisor");
        // Line breaks in the file do not matter.
        let note = self
            .key_str(tab, "note")
            .map(|(s, _)| s.split_whitespace().collect::<Vec<_>>().join(" "));
        let tables = tab.get("rows").map(|n| self.tables(n, &KNOWN_ROW)).unwrap_or_default();
        if let Some(node) = tab.get("rows")
            && node.get_ref().as_array().is_some_and(|a| a.is_empty())
        {
            self.error(node.span(), "a deviation without a row")
                .label("write what is observed instead");
        }
        let rows: Vec<Row<KnownRow>> = tables.iter().map(|t| self.known_row(t, own_words)).collect();
        let good: Vec<KnownRow> = rows.iter().filter_map(|r| r.row.clone()).collect();
        let complete = good.len() == rows.len();
        let deviation = note
            .zip(releases)
            .filter(|_| complete)
            .map(|(note, releases)| Deviation {
                releases,
                bases,
                supervisor,
                note,
                rows: good,
            });
        (deviation, rows)
    }

    /// Takes the releases of a deviation: a range, or a list of versions.
    fn releases(&mut self, node: &Node<'_>) -> Option<Releases> {
        if let Some(text) = node.get_ref().as_str() {
            return self.range(text, node.span()).map(Releases::Range);
        }
        let items = self.list(node, "versions, or a range as a string");
        if items.is_empty() && node.get_ref().as_array().is_some() {
            self.error(node.span(), "a deviation without a release")
                .label("list the releases that show it, or write a range");
            return None;
        }
        let count = items.len();
        let texts: Vec<_> = items
            .into_iter()
            .filter_map(|item| self.str(item).map(|text| (text, item.span())))
            .collect();
        let versions: Vec<_> = texts
            .into_iter()
            .filter_map(|(text, span)| self.version(text, span))
            .collect();
        (versions.len() == count && count > 0).then_some(Releases::Exact(versions))
    }

    /// Takes one row of a deviation on record.
    fn known_row(&mut self, tab: &Tab<'_, '_>, own_words: &str) -> Row<KnownRow> {
        let mut raw: Row<KnownRow> = self.row(tab);
        if let (Some((at, _)), Some((probe, _)), Some(node)) = (&raw.at, &raw.probe, tab.get("observed")) {
            let (at, probe) = (*at, *probe);
            if let Some(observed) = self.values(node, probe, own_words) {
                raw.row = Some(KnownRow {
                    at,
                    probe,
                    profile: raw.profile.0.clone(),
                    path: raw.path.clone(),
                    container: raw.container.as_ref().map(|(name, _)| name.clone()),
                    observed,
                });
            }
        }
        raw
    }
}
