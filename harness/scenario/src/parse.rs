//! Parses the text of a scenario file into a checked [`Scenario`], or reports everything that is wrong with it.
//!
//! The TOML tree is walked by hand, because a deserializer stops at the first error and an author wants to see all.

mod check;
mod cursor;
mod places;
mod rows;
mod scalars;
mod seeds;
mod setup;
mod steps;
mod values;

use std::time::Duration;

use toml::de::DeTable;

use self::cursor::{Node, Reader, Tab};
use self::rows::Row;
use self::scalars::is_slug;
pub(crate) use self::values::describe_values;
use super::diagnostic::Diagnostic;
use super::model::{KnownRow, Operation, RestartPolicy, Scenario, SeedContent, Source, Start, Step};
use super::vocabulary::{NEEDS, PROFILE, SEED, SIDECAR, TOP, UPGRADE};

/// Default settling window at the end, once everything is at rest: five times the latest change that was ever seen in one
/// (docs/performance.md).
const DEFAULT_SETTLE: Duration = Duration::from_secs(2);
/// Default window of a step `settle`, which may begin while something is still under way, and at the end where the container
/// may end by itself.
const DEFAULT_WATCH: Duration = Duration::from_secs(5);
/// The version of the format.
const SCHEMA: i64 = 1;

/// Parses the text of the scenario file `path_shown`, whose stem is the scenario's id.
///
/// # Errors
///
/// Everything that is wrong with the text, in the order of the file.
pub fn parse_file(path_shown: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let mut reader = Reader::new(path_shown, text);
    let id = reader.id(path_shown);
    let (tree, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        // After a syntax error the rest is guesswork, so errors in it would mislead.
        for error in syntax {
            let span = error.span().unwrap_or(0..0);
            reader.error(span, "invalid TOML").label(error.message());
        }
        return Err(reader.finish());
    }
    let scenario = reader.scenario(id, path_shown, &tree);
    match scenario {
        Some(scenario) if reader.errors.is_empty() => Ok(scenario),
        _ => Err(reader.finish()),
    }
}

impl Reader {
    /// The errors in the order of the file.
    fn finish(mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(Diagnostic::start);
        self.errors
    }

    /// Takes the id from the file's name.
    fn id(&mut self, path: &str) -> String {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let stem = name.strip_suffix(".toml").unwrap_or(name);
        if !is_slug(stem) {
            self.error(0..0, format!("`{stem}` cannot be a scenario's id"))
                .label("the id is the file's name without .toml")
                .note("ids: lower-case letters, digits and dashes, such as docker-restart");
        }
        stem.to_owned()
    }

    /// Takes the whole file.
    fn scenario(&mut self, id: String, path: &str, tree: &toml::Spanned<DeTable<'_>>) -> Option<Scenario> {
        let tab = Tab {
            shape: &TOP,
            span: 0..0,
            table: tree.get_ref(),
        };
        self.schema(&tab)?;
        self.check_keys(&tab);

        let title = self.title(&tab);
        let why = self
            .key_str(&tab, "why")
            .map_or_else(String::new, |(s, _)| s.trim().to_owned());
        let issues = self.issues(&tab);
        let tags = self.tags(&tab);
        let fixed_in = self
            .key_str(&tab, "fixed_in")
            .and_then(|(text, span)| self.version(text, span));
        let invariant = self.key_bool(&tab, "invariant", false);
        let releases = self.key_range(&tab, "releases");
        let needs = self
            .key_strs(&tab, "needs", "words")
            .into_iter()
            .filter_map(|(text, span)| self.word(text, span, "needs", NEEDS))
            .collect();
        let settle = self.key_duration(&tab, "settle");

        let seeds: Vec<_> = tab.get("seed").map(|n| self.tables(n, &SEED)).unwrap_or_default();
        let seeds: Vec<_> = seeds.iter().filter_map(|t| self.seed(t)).collect();
        let mut own_words = String::new();
        for seed in &seeds {
            push_words(&mut own_words, &seed.content);
        }
        let step_nodes: Vec<&Node<'_>> = tab
            .get("step")
            .map(|n| self.table_nodes(n, "[[step]]"))
            .unwrap_or_default();
        let mut steps = Vec::new();
        for node in step_nodes {
            let raw = self.step(node, &own_words);
            if let Some(Operation::Stamp(seed)) = raw.step.as_ref().map(|s| &s.op) {
                push_words(&mut own_words, &seed.content);
            }
            steps.push(raw);
        }

        let raw_start = self.start(tab.get("start"));
        let profile_tabs = tab.get("profile").map(|n| self.tables(n, &PROFILE)).unwrap_or_default();
        let declared = profile_tabs.iter().filter_map(|t| self.profile(t)).collect();
        let (start, profiles) = self.resolve_start(raw_start, declared, !seeds.is_empty());
        let sidecar_tabs = tab
            .get("container")
            .map(|n| self.tables(n, &SIDECAR))
            .unwrap_or_default();
        let sidecars: Vec<_> = sidecar_tabs.iter().filter_map(|t| self.sidecar(t)).collect();
        let upgrade_tab = tab.get("upgrade").and_then(|n| self.table(n, &UPGRADE));
        let upgrade = upgrade_tab.as_ref().and_then(|t| self.upgrade(t));

        let expect_nodes = tab
            .get("expect")
            .map(|n| self.table_nodes(n, "[[expect]]"))
            .unwrap_or_default();
        let expect_lines = expect_nodes.iter().map(|n| self.line(&n.span())).collect();
        let expects: Vec<_> = expect_nodes
            .into_iter()
            .filter_map(|n| self.expect(n, &own_words))
            .collect();
        let figure_nodes = tab
            .get("figure")
            .map(|n| self.table_nodes(n, "[[figure]]"))
            .unwrap_or_default();
        let figures: Vec<_> = figure_nodes.into_iter().filter_map(|n| self.figure(n)).collect();
        let known_nodes = tab
            .get("known")
            .map(|n| self.table_nodes(n, "[[known]]"))
            .unwrap_or_default();
        let known: Vec<_> = known_nodes
            .into_iter()
            .filter_map(|n| self.known(n, &own_words))
            .collect();
        let race_nodes = tab
            .get("race")
            .map(|n| self.table_nodes(n, "[[race]]"))
            .unwrap_or_default();
        let races: Vec<_> = race_nodes
            .into_iter()
            .filter_map(|n| self.race(n, &own_words))
            .collect();
        let of_known = known.iter().flat_map(|k| &k.rows);
        let deviating: Vec<&Row<KnownRow>> = of_known.chain(races.iter().flat_map(|r| &r.rows)).collect();

        let places = check::Places {
            tab: &tab,
            invariant,
            start: &start,
            profiles: &profiles,
            seeds: &seeds,
            sidecars: &sidecars,
            pair: upgrade.as_ref(),
            upgrade: upgrade_tab.as_ref().map(|t| t.span.clone()),
        };
        self.check_profiles(&places, &steps, &expects, &deviating);
        self.check_containers(&places, &steps, &expects, &deviating);
        self.check_rows(&places, &steps, &expects, &deviating);
        self.check_figures(&figures, &steps);
        self.check_steps(&places, &steps);
        self.check_seeds(&places);
        let column_of = self.column_of(&places, &steps, &expects);
        let needs = check::with_implied_needs(needs, &start, &steps);

        let steps: Vec<Step> = steps.into_iter().filter_map(|s| s.step).collect();
        let watch = settle.unwrap_or(DEFAULT_WATCH);
        let settle = settle.unwrap_or(if may_end_by_itself(&start, &steps) {
            watch
        } else {
            DEFAULT_SETTLE
        });
        Some(Scenario {
            id,
            title: title?,
            why,
            issues,
            tags,
            fixed_in,
            column_of,
            invariant,
            releases,
            needs,
            settle,
            watch,
            start,
            sidecars: sidecars.into_iter().map(|(sidecar, _)| sidecar).collect(),
            profiles,
            seeds,
            upgrade,
            steps,
            expects: expects.into_iter().filter_map(|e| e.row).collect(),
            figures: figures.into_iter().map(|(figure, _)| figure).collect(),
            known: known.into_iter().filter_map(|k| k.entry).collect(),
            races: races.into_iter().filter_map(|r| r.entry).collect(),
            source: Source {
                path: path.to_owned(),
                text: self.text().to_owned(),
                expect_lines,
            },
        })
    }

    /// Checks the version of the format. `None` if it is unknown, because then the rest may mean something else.
    fn schema(&mut self, tab: &Tab<'_, '_>) -> Option<()> {
        let Some(node) = tab.get("schema") else {
            self.error(0..0, "the version of the format is missing")
                .label("write `schema = 1` here");
            return Some(());
        };
        let number = self.int(node);
        match number {
            Some(SCHEMA) | None => Some(()),
            Some(other) => {
                self.error(node.span(), format!("unknown schema {other}"))
                    .label("this version reads schema 1; the rest of the file was not read");
                None
            }
        }
    }

    /// Takes the title.
    fn title(&mut self, tab: &Tab<'_, '_>) -> Option<String> {
        let (text, span) = self.key_str(tab, "title")?;
        let title = text.trim();
        if title.is_empty() || title.contains('\n') {
            self.error(span, "a title is one line of text")
                .label(if title.is_empty() {
                    "the title is empty"
                } else {
                    "move the rest to `why`"
                });
            return None;
        }
        Some(title.to_owned())
    }

    /// Takes the issues.
    fn issues(&mut self, tab: &Tab<'_, '_>) -> Vec<String> {
        let mut issues = Vec::new();
        for (text, span) in self.key_strs(tab, "issues", "issues") {
            let digits = text.strip_prefix('#').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                self.error(span, format!("`{text}` is not an issue"))
                    .label("write its number as \"#42675\"");
            } else {
                issues.push(text.to_owned());
            }
        }
        issues
    }

    /// Takes the tags.
    fn tags(&mut self, tab: &Tab<'_, '_>) -> Vec<String> {
        let mut tags = Vec::new();
        for (text, span) in self.key_strs(tab, "tags", "words") {
            if is_slug(text) {
                tags.push(text.to_owned());
            } else {
                self.error(span, format!("`{text}` cannot be a tag"))
                    .label("lower-case letters, digits and dashes");
            }
        }
        tags
    }
}

/// Whether the container may end although nobody ends it: it runs a command of the scenario's, or is started again and again.
fn may_end_by_itself(start: &Start, steps: &[Step]) -> bool {
    let own = |step: &Step| match &step.op {
        Operation::Recreate(new) => new.cmd.is_some() || new.entrypoint.is_some(),
        _ => false,
    };
    !start.cmd.is_empty()
        || start.setup.entrypoint.is_some()
        || start.policy != RestartPolicy::No
        || steps.iter().any(own)
}

/// Collects the words that a seed puts on the volume.
fn push_words(words: &mut String, content: &SeedContent) {
    if let SeedContent::Text(text) | SeedContent::Json(text) = content {
        words.push_str(text);
        words.push('\n');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
