//! What there is before the first step: the start, profiles, seeds, the images of an upgrade.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml::de::DeValue;

use super::cursor::{Node, Reader, Span, Tab, list, type_name};
use super::scalars::is_slug;
use crate::scenario::model::{
    DEFAULT_PROFILE, ImageRef, Profile, RestartPolicy, Seed, SeedContent, Start, StartBy, StartWait, Upgrade,
};
use crate::scenario::placeholders;
use crate::scenario::vocabulary::{POLICIES, SEED_KINDS, START, START_BY, START_WAIT, SUBJECT};

/// The largest file a seed may ask for, in bytes.
const MAX_SEED: u64 = 64 * 1024 * 1024;
/// uid and gid of `hermes` in the image.
const HERMES: u64 = 10_000;
/// How deep a seed's JSON may nest.
const MAX_DEPTH: usize = 64;

/// `[start]` as written: what is not said is decided once the profiles are known.
pub(super) struct RawStart {
    pub(super) start: Start,
    pub(super) by: Option<(StartBy, Span)>,
    pub(super) wait: Option<(StartWait, Span)>,
}

impl Reader {
    /// Takes `[start]`.
    pub(super) fn start(&mut self, node: Option<&Node<'_>>) -> RawStart {
        let mut raw = RawStart {
            start: Start {
                by: StartBy::Operator,
                wait: StartWait::Running,
                cmd: Vec::new(),
                env: BTreeMap::new(),
                policy: RestartPolicy::No,
                overlay: None,
            },
            by: None,
            wait: None,
        };
        let Some(tab) = node.and_then(|n| self.table(n, &START)) else {
            return raw;
        };
        let span_of = |key| tab.get(key).map_or_else(|| tab.span.clone(), |n| n.span());
        raw.by = self.key_word(&tab, "by", START_BY).map(|by| (by, span_of("by")));
        raw.wait = self
            .key_word(&tab, "wait", START_WAIT)
            .map(|wait| (wait, span_of("wait")));
        raw.start.cmd = self
            .key_strs(&tab, "cmd", "strings")
            .into_iter()
            .map(|(s, _)| s.to_owned())
            .collect();
        raw.start.env = self.env(&tab);
        raw.start.policy = self.key_word(&tab, "policy", POLICIES).unwrap_or_default();
        raw.start.overlay = self.overlay(&tab);
        if let Some((StartBy::Cmd, span)) = &raw.by
            && raw.start.cmd.is_empty()
        {
            self.error(
                span.clone(),
                "the container's command cannot start the gateway: there is none",
            )
            .label("needs `cmd`")
            .note("such as cmd = [\"gateway\", \"run\"]");
        }
        raw
    }

    /// Takes the environment: strings only, as they would otherwise be written one way and read another.
    fn env(&mut self, tab: &Tab<'_, '_>) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let Some(node) = tab.get("env") else { return env };
        let Some(table) = node.get_ref().as_table() else {
            self.wrong_type(node, "a table of strings: `{ NAME = \"value\" }`");
            return env;
        };
        for (name, value) in table.iter() {
            if name.get_ref().is_empty() || name.get_ref().contains(['=', '\0']) {
                self.error(
                    name.span(),
                    format!("`{}` cannot be the name of a variable", name.get_ref()),
                )
                .label("no `=`, not empty");
            } else if let Some(text) = self.str(value) {
                env.insert(name.get_ref().to_string(), text.to_owned());
            }
        }
        env
    }

    /// Takes the name of an overlay.
    fn overlay(&mut self, tab: &Tab<'_, '_>) -> Option<String> {
        let (text, span) = self.key_str(tab, "overlay")?;
        if !is_slug(text) {
            self.error(span, format!("`{text}` cannot be an overlay's name"))
                .label("lower-case letters, digits and dashes");
            return None;
        }
        Some(text.to_owned())
    }

    /// Takes one `[[profile]]`; who starts it may be left to `[start]`.
    pub(super) fn profile(&mut self, tab: &Tab<'_, '_>) -> Option<(String, Option<StartBy>, bool, Span)> {
        let soul = self.key_bool(tab, "soul", true);
        let start = tab.get("start").and_then(|node| self.profile_start(node));
        let (name, span) = self.key_str(tab, "name")?;
        let name = self.profile_name(name, span.clone())?;
        Some((name, start, soul, span))
    }

    /// Takes `"operator"` or `{ by = "operator" }`.
    fn profile_start(&mut self, node: &Node<'_>) -> Option<StartBy> {
        let by = match node.get_ref() {
            DeValue::Table(table) if table.len() == 1 => table.get("by").unwrap_or(node),
            _ => node,
        };
        let Some(text) = by.get_ref().as_str() else {
            self.wrong_type(by, &format!("one of {}", list(START_BY.iter().copied())));
            return None;
        };
        let start = self.word(text, by.span(), "start", START_BY)?;
        if start == StartBy::Cmd {
            self.error(by.span(), "the container's command starts the default profile only")
                .label("say it in `[start]`");
            return None;
        }
        Some(start)
    }

    /// Brings `[start]` and the profiles together.
    pub(super) fn resolve_start(
        &mut self,
        raw: RawStart,
        declared: Vec<(String, Option<StartBy>, bool, Span)>,
        seeded: bool,
    ) -> (Start, Vec<Profile>) {
        let mut start = raw.start;
        let own = declared.iter().find(|(name, ..)| name == DEFAULT_PROFILE);
        if let (Some((said, _)), Some((_, Some(own), _, span))) = (&raw.by, own)
            && said != own
        {
            self.error(span.clone(), "`[start]` says otherwise who starts the default profile")
                .label("leave `start` out here, or `by` there");
        }
        start.by = raw
            .by
            .as_ref()
            .map(|(by, _)| *by)
            .or(own.and_then(|(_, start, ..)| *start))
            .unwrap_or(StartBy::Operator);
        let inherited = if start.by == StartBy::Cmd {
            StartBy::None
        } else {
            start.by
        };
        let mut profiles = vec![Profile {
            name: DEFAULT_PROFILE.to_owned(),
            start: start.by,
            soul: own.is_none_or(|(_, _, soul, _)| *soul),
        }];
        let mut seen: Vec<(String, Span)> = Vec::new();
        for (name, by, soul, span) in declared {
            if let Some((_, first)) = seen.iter().find(|(n, _)| *n == name) {
                let first = first.clone();
                self.error(span, format!("profile `{name}` is declared twice"))
                    .label("again here")
                    .also(first, "first here");
                continue;
            }
            seen.push((name.clone(), span));
            if name != DEFAULT_PROFILE {
                profiles.push(Profile {
                    name,
                    start: by.unwrap_or(inherited),
                    soul,
                });
            }
        }
        let nobody = profiles.iter().all(|p| p.start == StartBy::None);
        start.wait = match raw.wait {
            Some((StartWait::None, _)) => StartWait::None,
            Some((wait, span)) => {
                if nobody && !seeded {
                    self.error(span, "there is no gateway to wait for")
                        .label("nobody starts one: `by = \"none\"`");
                }
                wait
            }
            None if nobody => StartWait::None,
            None => StartWait::Running,
        };
        (start, profiles)
    }

    /// Takes a seed or a stamp.
    pub(super) fn seed(&mut self, tab: &Tab<'_, '_>) -> Option<Seed> {
        let path = self
            .key_str(tab, "path")
            .and_then(|(text, span)| self.volume_path(text, span));
        let kind = match tab.get("kind") {
            Some(_) => self.key_word(tab, "kind", SEED_KINDS),
            None => Some(SeedKind::File),
        };
        let dir = kind == Some(SeedKind::Dir);
        // What it may hold depends on a kind that has to be known first.
        let content = kind.and_then(|_| self.seed_content(tab, dir));
        let owner = self.owner(tab);
        let mode = self.mode(tab, if dir { 0o755 } else { 0o644 });
        Some(Seed {
            path: path?,
            content: content?,
            owner: owner?,
            mode: mode?,
        })
    }

    /// Takes exactly one of the ways to say what a file holds.
    fn seed_content(&mut self, tab: &Tab<'_, '_>, dir: bool) -> Option<SeedContent> {
        let given: Vec<&str> = ["text", "json", "base64", "size"]
            .into_iter()
            .filter(|k| tab.get(k).is_some())
            .collect();
        match (dir, given.as_slice()) {
            (true, []) => return Some(SeedContent::Dir),
            (true, [first, ..]) => {
                self.error(tab.key_span(first), "a directory has no content")
                    .label("leave it out");
                return None;
            }
            (false, []) => {
                self.error(tab.span.clone(), "nothing says what the file holds")
                    .note("one of text, json, base64, size; or kind = \"dir\"");
                return None;
            }
            (false, [_]) => {}
            (false, [first, second, ..]) => {
                let first = tab.key_span(first);
                self.error(tab.key_span(second), "a file cannot have two contents")
                    .label("second")
                    .also(first, "first")
                    .note("one of text, json, base64, size");
                return None;
            }
        }
        let node = tab.get(given[0])?;
        match given[0] {
            "text" => self.str(node).map(|s| SeedContent::Text(s.to_owned())),
            "json" => self.json(node).map(SeedContent::Json),
            "base64" => {
                let text = self.str(node)?;
                let packed: String = text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(packed).ok();
                if bytes.is_none() {
                    self.error(node.span(), "this is not base64")
                        .label("letters, digits, `+`, `/`, padded with `=`");
                }
                bytes.map(SeedContent::Bytes)
            }
            _ => {
                let size = self.int(node)?;
                let size = u64::try_from(size).ok().filter(|s| *s <= MAX_SEED);
                if size.is_none() {
                    self.error(node.span(), "a seed cannot have that size")
                        .label("0 to 67108864 bytes (64 MiB)");
                }
                size.map(SeedContent::Size)
            }
        }
    }

    /// Takes JSON as text or as TOML.
    fn json(&mut self, node: &Node<'_>) -> Option<String> {
        if let Some(text) = node.get_ref().as_str() {
            let filled = placeholders::sample(text);
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
                self.error(node.span(), "this is not JSON")
                    .label(error.to_string())
                    .note("a seed that is broken on purpose is written as `text`");
                return None;
            }
            return Some(text.to_owned());
        }
        let mut out = String::new();
        self.json_of(node, &mut out, 0).then_some(out)
    }

    /// Writes a TOML value as JSON; a string that is nothing but `{pid}` or `{start_time}` becomes a number.
    fn json_of(&mut self, node: &Node<'_>, out: &mut String, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            self.error(node.span(), "this nests too deeply");
            return false;
        }
        match node.get_ref() {
            DeValue::String(s) if placeholders::is_number(s) => out.push_str(s),
            DeValue::String(s) => out.push_str(&serde_json::Value::from(s.as_ref()).to_string()),
            DeValue::Integer(_) => match self.int(node) {
                Some(n) => out.push_str(&n.to_string()),
                None => return false,
            },
            DeValue::Boolean(b) => out.push_str(if *b { "true" } else { "false" }),
            DeValue::Float(f) => match f
                .as_str()
                .replace('_', "")
                .parse::<f64>()
                .ok()
                .and_then(serde_json::Number::from_f64)
            {
                Some(n) => out.push_str(&n.to_string()),
                None => {
                    self.error(node.span(), "JSON has no such number");
                    return false;
                }
            },
            DeValue::Datetime(d) => out.push_str(&serde_json::Value::from(d.to_string()).to_string()),
            DeValue::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    if !self.json_of(item, out, depth + 1) {
                        return false;
                    }
                }
                out.push(']');
            }
            DeValue::Table(table) => {
                out.push('{');
                for (i, (key, value)) in table.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    out.push_str(&serde_json::Value::from(key.get_ref().as_ref()).to_string());
                    out.push(':');
                    if !self.json_of(value, out, depth + 1) {
                        return false;
                    }
                }
                out.push('}');
            }
        }
        true
    }

    /// Takes an owner by name or number.
    fn owner(&mut self, tab: &Tab<'_, '_>) -> Option<u64> {
        let Some(node) = tab.get("owner") else {
            return Some(HERMES);
        };
        let owner = match node.get_ref() {
            DeValue::String(s) if s.as_ref() == "hermes" => Some(HERMES),
            DeValue::String(s) if s.as_ref() == "root" => Some(0),
            DeValue::Integer(_) => u64::try_from(self.int(node)?)
                .ok()
                .filter(|uid| *uid <= u64::from(u32::MAX)),
            _ => None,
        };
        if owner.is_none() {
            self.error(node.span(), "unknown owner")
                .label("\"hermes\", \"root\" or a numeric uid");
        }
        owner
    }

    /// Takes permission bits: octal digits in a string, or a number written in octal.
    fn mode(&mut self, tab: &Tab<'_, '_>, default: u32) -> Option<u32> {
        let Some(node) = tab.get("mode") else {
            return Some(default);
        };
        let mode = match node.get_ref() {
            DeValue::String(s) => u32::from_str_radix(s.trim_start_matches("0o"), 8).ok(),
            // `mode = 644` is decimal in TOML and never what was meant.
            DeValue::Integer(n) if n.radix() == 8 => u32::from_str_radix(n.as_str(), 8).ok(),
            DeValue::Integer(_) => None,
            other => {
                let label = format!("this is {}", type_name(other));
                self.error(node.span(), "expected permission bits such as \"0644\"")
                    .label(label);
                return None;
            }
        };
        let mode = mode.filter(|bits| *bits <= 0o7777);
        if mode.is_none() {
            self.error(node.span(), "these are not permission bits")
                .label("octal digits: \"0644\" or 0o644");
        }
        mode
    }

    /// Takes `[upgrade]`: the image under test on one side, another one on the other.
    pub(super) fn upgrade(&mut self, tab: &Tab<'_, '_>) -> Option<Upgrade> {
        let from = self
            .key_str(tab, "from")
            .and_then(|(text, span)| self.image(text, span));
        let to = self.key_str(tab, "to").and_then(|(text, span)| self.image(text, span));
        let upgrade = Upgrade { from: from?, to: to? };
        let subjects = [&upgrade.from, &upgrade.to]
            .iter()
            .filter(|i| ***i == ImageRef::Subject)
            .count();
        if subjects != 1 {
            let label = if subjects == 0 {
                "neither side is the image under test"
            } else {
                "both sides are the image under test"
            };
            self.error(
                tab.span.clone(),
                "an upgrade goes between the image under test and another one",
            )
            .label(label)
            .note(format!(
                "one of from and to is \"{SUBJECT}\", the other a release such as \"release:0.16.0\""
            ));
            return None;
        }
        Some(upgrade)
    }
}

/// The kinds of seed.
#[derive(PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum SeedKind {
    File,
    Dir,
}
