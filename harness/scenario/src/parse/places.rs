//! Parses the situation before the first step: the start, the profiles and the images of an upgrade.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::cursor::{Node, Reader, Span, Tab, list};
use crate::model::{DEFAULT_PROFILE, ImageRef, Profile, RestartPolicy, Setup, Start, StartBy, StartWait, Upgrade};
use crate::overlay::overlays;
use crate::vocabulary::{POLICIES, START, START_BY, START_WAIT, SUBJECT};

/// `[start]` as written. Defaults are chosen once the profiles are known.
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
                image: ImageRef::Subject,
                setup: Setup::default(),
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
        raw.start.cmd = self.argv(&tab, "cmd").unwrap_or_default();
        raw.start.env = self.env(&tab);
        raw.start.policy = self.key_word(&tab, "policy", POLICIES).unwrap_or_default();
        raw.start.overlay = self.overlay(&tab);
        raw.start.image = self.key_image(&tab, "image").unwrap_or(ImageRef::Subject);
        raw.start.setup = self.setup(&tab);
        if let Some((StartBy::Cmd, span)) = &raw.by
            && raw.start.cmd.is_empty()
        {
            self.error(span.clone(), "`by = \"cmd\"` needs a command for the container")
                .label("needs `cmd`")
                .note("such as cmd = [\"gateway\", \"run\"]");
        }
        raw
    }

    /// Takes the environment. Only strings are allowed, because the container could read other values differently from
    /// how they are written.
    pub(super) fn env(&mut self, tab: &Tab<'_, '_>) -> BTreeMap<String, String> {
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
                .label("it must not be empty or contain `=`");
            } else if let Some(text) = self.str(value) {
                env.insert(name.get_ref().to_string(), text.to_owned());
            }
        }
        env
    }

    /// Takes the name of an overlay.
    fn overlay(&mut self, tab: &Tab<'_, '_>) -> Option<String> {
        let (text, span) = self.key_str(tab, "overlay")?;
        let all = overlays();
        let names: Vec<&str> = all.iter().map(|overlay| overlay.name.as_str()).collect();
        if !names.contains(&text) {
            self.unknown_word(text, span, "overlay", &names);
            return None;
        }
        Some(text.to_owned())
    }

    /// Takes a `[[profile]]`. Without `start`, the profile starts as `[start]` says.
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
                .label("write it in `[start]`");
            return None;
        }
        Some(start)
    }

    /// Combines `[start]` and the profiles.
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
            self.error(span.clone(), "`[start]` contradicts this start of the default profile")
                .label("remove `start` here, or `by` there");
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
                    self.error(span, "no gateway is started, so there is none to wait for")
                        .label("because of `by = \"none\"`");
                }
                wait
            }
            None if nobody => StartWait::None,
            None => StartWait::Running,
        };
        (start, profiles)
    }

    /// Takes `[upgrade]`: one side is the image under test, the other is another image.
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
                "an upgrade needs the image under test on one side and another image on the other",
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
