//! Parses files that are put on the volume, before the first boot or by the step `stamp`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml::de::DeValue;

use comeback_gateway::command;

use super::cursor::{Node, Reader, Tab, type_name};
use crate::model::{Seed, SeedContent};
use crate::placeholders;
use crate::vocabulary::{MAX_SEED, SEED_KINDS};

/// uid and gid of `hermes` in the image.
const HERMES: u64 = command::UID as u64;
/// Limit on the nesting of a seed's JSON.
const MAX_DEPTH: usize = 64;

/// The kinds of seed.
#[derive(PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum SeedKind {
    File,
    Dir,
    Symlink,
}

impl Reader {
    /// Takes a seed or a stamp.
    pub(super) fn seed(&mut self, tab: &Tab<'_, '_>) -> Option<Seed> {
        let path = self
            .key_str(tab, "path")
            .and_then(|(text, span)| self.volume_path(text, span));
        let kind = match tab.get("kind") {
            Some(_) => self.key_word(tab, "kind", SEED_KINDS),
            None => Some(SeedKind::File),
        };
        // The kind decides which content is allowed.
        let content = kind.as_ref().and_then(|kind| match kind {
            SeedKind::Symlink => self.link_target(tab),
            SeedKind::File | SeedKind::Dir => self.seed_content(tab, *kind == SeedKind::Dir),
        });
        let owner = self.owner(tab);
        // A mode that is wrong is reported, whatever else is.
        let usual = content.as_ref().map_or(0, SeedContent::usual_mode);
        let mode = self.mode(tab, usual);
        Some(Seed {
            path: path?,
            content: content?,
            owner: owner?,
            mode: mode?,
        })
    }

    /// Takes where a symbolic link leads. It may lead anywhere in the container, also to nowhere.
    fn link_target(&mut self, tab: &Tab<'_, '_>) -> Option<SeedContent> {
        let content = ["text", "json", "base64", "size"]
            .into_iter()
            .find(|key| tab.get(key).is_some());
        if let Some(key) = content {
            self.error(tab.key_span(key), "a symbolic link has no content")
                .label("write `target` instead");
            return None;
        }
        let Some((target, span)) = self.key_str(tab, "target") else {
            if tab.get("target").is_none() {
                self.error(tab.span.clone(), "a symbolic link needs `target`")
                    .label("such as target = \"/opt/data/elsewhere\"");
            }
            return None;
        };
        if target.is_empty() || target.contains('\0') {
            self.error(span, "a symbolic link has to lead somewhere");
            return None;
        }
        Some(SeedContent::Link(PathBuf::from(target)))
    }

    /// Takes the content of a file, which must be given in exactly one way.
    fn seed_content(&mut self, tab: &Tab<'_, '_>, dir: bool) -> Option<SeedContent> {
        if tab.get("target").is_some() {
            self.error(tab.key_span("target"), "only a symbolic link has a target")
                .label("needs kind = \"symlink\"");
            return None;
        }
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
                self.error(tab.span.clone(), "the content of the file is missing").note(
                    "write one of text, json, base64, size; or kind = \"dir\", or kind = \"symlink\" with target",
                );
                return None;
            }
            (false, [_]) => {}
            (false, [first, second, ..]) => {
                let first = tab.key_span(first);
                self.error(tab.key_span(second), "the content of the file is given twice")
                    .label("second")
                    .also(first, "first")
                    .note("one of text, json, base64, size");
                return None;
            }
        }
        let node = tab.get(given[0])?;
        match given[0] {
            "text" => {
                let text = self.str(node)?;
                self.check_placeholders(node, text)
                    .then(|| SeedContent::Text(text.to_owned()))
            }
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

    /// Reports a word in braces that looks like a placeholder and is none.
    fn check_placeholders(&mut self, node: &Node<'_>, text: &str) -> bool {
        let Some(unknown) = placeholders::unknown(text) else {
            return true;
        };
        self.error(node.span(), format!("unknown placeholder {unknown}"))
            .note("placeholders: {pid}, {start_time}, {now}, and a time before now such as {now-90s} or {now-2m}")
            .note("for these very characters, give the content as `base64`");
        false
    }

    /// Takes JSON as text or as TOML.
    fn json(&mut self, node: &Node<'_>) -> Option<String> {
        if let Some(text) = node.get_ref().as_str() {
            if !self.check_placeholders(node, text) {
                return None;
            }
            let filled = placeholders::sample(text);
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
                self.error(node.span(), "this is not JSON")
                    .label(error.to_string())
                    .note("write JSON that is broken on purpose as `text`");
                return None;
            }
            return Some(text.to_owned());
        }
        let mut out = String::new();
        self.json_of(node, &mut out, 0).then_some(out)
    }

    /// Writes a TOML value as JSON. A string that consists of `{pid}` or `{start_time}` becomes a number.
    fn json_of(&mut self, node: &Node<'_>, out: &mut String, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            self.error(node.span(), "this is nested too deeply");
            return false;
        }
        match node.get_ref() {
            DeValue::String(s) if placeholders::is_number(s) => out.push_str(s),
            DeValue::String(s) => {
                if !self.check_placeholders(node, s) {
                    return false;
                }
                out.push_str(&serde_json::Value::from(s.as_ref()).to_string());
            }
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
                    self.error(node.span(), "JSON cannot represent this number");
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
            DeValue::String(s) if s.as_ref() == command::USER => Some(HERMES),
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
            // `mode = 644` is decimal in TOML, which is never meant.
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
}
