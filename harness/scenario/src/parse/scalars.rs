//! Parses values with a syntax of their own: durations, versions, names, paths, images.

use std::str::FromStr;
use std::time::Duration;

use pep440_rs::{Version, VersionSpecifiers};
use version_ranges::Ranges;

use comeback_gateway::files::DATA;

use super::cursor::{Node, Reader, Span, Tab, list};
use crate::diagnostic::gist;
use crate::model::{ImageRef, Moment, Probe, Seen, Signal};
use crate::vocabulary::{ALL_PROFILES, IMAGE_SOURCES, Kind, SUBJECT, did_you_mean};

/// The syntax of a duration, for messages.
const DURATIONS: &str = "a number and a unit: \"500ms\", \"5s\", \"2m\"";

/// Parses `500ms`, `5s`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match &text[digits..] {
        "ms" => number,
        "s" => number.checked_mul(1000)?,
        "m" => number.checked_mul(60_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

/// True for a word of lower-case letters, digits and dashes that begins with a letter or digit.
pub(super) fn is_slug(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Reader {
    /// Takes a duration.
    fn duration(&mut self, node: &Node<'_>) -> Option<Duration> {
        let Some(text) = node.get_ref().as_str() else {
            self.wrong_type(node, "a duration");
            self.last_note(format!("durations: {DURATIONS}"));
            return None;
        };
        let value = duration(text);
        if value.is_none() {
            self.error(node.span(), format!("`{text}` is not a duration"))
                .label("a unit is missing or unknown")
                .note(format!("durations: {DURATIONS}"));
        }
        value
    }

    /// Takes the duration of a key, which has to be as its shape says.
    pub(super) fn key_duration(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<Duration> {
        let (node, kind) = tab.get(key).zip(tab.shape.key(key).map(|key| key.kind))?;
        let value = self.duration(node)?;
        let (least, most) = match kind {
            Kind::Duration(least, most) => (Duration::from_millis(least), Duration::from_millis(most)),
            Kind::Seconds(_) if value.subsec_nanos() != 0 => {
                self.error(node.span(), format!("`{key}` has to be whole seconds"))
                    .label("the engine takes whole seconds only");
                return None;
            }
            Kind::Seconds(most) => (Duration::ZERO, Duration::from_secs(most)),
            _ => return Some(value),
        };
        let problem = if value < least {
            format!("too short: at least \"{}ms\"", least.as_millis())
        } else if value > most {
            format!("too long: at most \"{}s\"", most.as_secs())
        } else {
            return Some(value);
        };
        self.error(node.span(), format!("`{key}` cannot be that duration"))
            .label(problem);
        None
    }

    /// Takes a PEP 440 version.
    pub(super) fn version(&mut self, text: &str, span: Span) -> Option<Version> {
        match Version::from_str(text) {
            Ok(version) => Some(version),
            Err(error) => {
                self.error(span, format!("`{text}` is not a version"))
                    .label(gist(&error))
                    .note("versions: PEP 440, such as \"0.17.0\"");
                None
            }
        }
    }

    /// Takes a PEP 440 range.
    pub(super) fn range(&mut self, text: &str, span: Span) -> Option<VersionSpecifiers> {
        match VersionSpecifiers::from_str(text) {
            Ok(range) if range.iter().len() == 0 => {
                self.error(span, "an empty range")
                    .label("leave the key out for all versions");
                None
            }
            Ok(range) if Ranges::<Version>::from(range.clone()).is_empty() => {
                self.error(span, format!("no version is in `{text}`"))
                    .label("its bounds exclude each other");
                None
            }
            Ok(range) => Some(range),
            Err(error) => {
                self.error(span, format!("`{text}` is not a range of versions"))
                    .label(gist(&error))
                    .note("ranges: PEP 440, such as \">=0.17,<0.19\" or \"==0.16.0\"");
                None
            }
        }
    }

    /// Takes the rate of a race.
    pub(super) fn seen(&mut self, text: &str, span: Span) -> Option<Seen> {
        match text.parse() {
            Ok(seen) => Some(seen),
            Err(why) => {
                self.error(span, format!("`{text}` is not the rate of a race"))
                    .label(why);
                None
            }
        }
    }

    /// Takes the range of a key.
    pub(super) fn key_range(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<VersionSpecifiers> {
        let (text, span) = self.key_str(tab, key)?;
        self.range(text, span)
    }

    /// Takes a profile's name. Names that the gateway refuses are allowed, because a scenario may test that.
    pub(super) fn profile_name(&mut self, text: &str, span: Span) -> Option<String> {
        let problem = if text.is_empty() {
            "it is empty"
        } else if text.contains('/') || text.contains('\0') || text == "." || text == ".." {
            "it must be the name of a directory"
        } else if text == ALL_PROFILES {
            "that word stands for all profiles"
        } else {
            return Some(text.to_owned());
        };
        self.error(span, format!("`{text}` cannot be a profile's name"))
            .label(problem);
        None
    }

    /// Takes a path below the volume's root.
    pub(super) fn volume_path(&mut self, text: &str, span: Span) -> Option<String> {
        let problem = if text.is_empty() {
            "it is empty"
        } else if text.strip_prefix(DATA).is_some_and(|rest| rest.starts_with('/')) {
            "paths start at the volume's root: leave out `/opt/data/`"
        } else if text.starts_with('/') {
            "paths start at the volume's root: leave out the leading `/`"
        } else if text.split('/').any(|part| part == "..") {
            "it must stay on the volume: no `..`"
        } else if text.contains('\0') {
            "it contains a NUL"
        } else if text.split('/').any(|part| part.is_empty() || part == ".") {
            "it has an empty part or a `.`"
        } else {
            return Some(text.to_owned());
        };
        self.error(span, format!("`{text}` is not a path on the volume"))
            .label(problem);
        None
    }

    /// Takes one side of an upgrade.
    pub(super) fn image(&mut self, text: &str, span: Span) -> Option<ImageRef> {
        if text == SUBJECT {
            return Some(ImageRef::Subject);
        }
        let (source, rest) = text.split_once(':').unwrap_or((text, ""));
        let problem = if !IMAGE_SOURCES.contains(&source) {
            match did_you_mean(source, IMAGE_SOURCES.iter().copied().chain([SUBJECT])) {
                Some(meant) if meant == SUBJECT => format!("did you mean `{SUBJECT}`?"),
                Some(meant) => format!("did you mean `{meant}:`?"),
                None => format!("it starts with none of {}:", IMAGE_SOURCES.join(":, ")),
            }
        } else if rest.is_empty() {
            format!("nothing after `{source}:`")
        } else {
            return Some(ImageRef::Other(text.to_owned()));
        };
        self.error(span, format!("`{text}` is not an image")).label(problem).note(format!(
            "images: \"{SUBJECT}\" for the image under test, or \"release:0.16.0\", \"pypi:NAME==VERSION\", \"source:PATH\", \
             \"docker:REF\", \"dockerfile:PATH\""
        ));
        None
    }

    /// Takes a signal by its name.
    pub(super) fn signal(&mut self, text: &str, span: Span) -> Option<Signal> {
        let signal = Signal::parse(text);
        if signal.is_none() {
            let names = || Signal::ALL.into_iter().map(Signal::name);
            let label = match did_you_mean(&format!("SIG{}", text.trim_start_matches("SIG")), names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "not a signal a step can send".to_owned(),
            };
            self.error(span, format!("unknown signal `{text}`"))
                .label(label)
                .note(format!("signals: {}", list(names())));
        }
        signal
    }

    /// Takes a probe by its name.
    pub(super) fn probe(&mut self, text: &str, span: Span) -> Option<Probe> {
        let probe = Probe::parse(text);
        if probe.is_none() {
            let names = || Probe::ALL.iter().map(|probe| probe.name());
            let by_last_part = names().find(|name| name.rsplit('.').next() == Some(text));
            let label = match by_last_part.or_else(|| did_you_mean(text, names())) {
                Some(meant) => format!("not a probe; did you mean `{meant}`?"),
                None => "not a probe".to_owned(),
            };
            self.error(span, format!("unknown probe `{text}`"))
                .label(label)
                .note(format!("probes: {} (comeback scenarios probes)", list(names())));
        }
        probe
    }

    /// Takes a probe that can be in a row, or be waited for.
    pub(super) fn probe_of_a_row(&mut self, text: &str, span: Span) -> Option<Probe> {
        let probe = self.probe(text, span.clone())?;
        if probe.is_a_figure() {
            self.error(span, format!("{probe} is a figure: no verdict depends on it"))
                .label("write it as [[figure]], with `at_most`");
            return None;
        }
        Some(probe)
    }

    /// Takes a moment.
    pub(super) fn moment(&mut self, text: &str, span: Span) -> Option<Moment> {
        let (word, number) = match text.split_once(':') {
            Some((word, number)) => (word, Some(number)),
            None => (text, None),
        };
        let counted: Option<fn(usize) -> Moment> = match word {
            "after" => Some(Moment::After),
            "down" => Some(Moment::Down),
            "boot" => Some(Moment::Boot),
            _ => None,
        };
        let label = match (word, counted, number) {
            ("start", _, None) => return Some(Moment::Start),
            ("end", _, None) => return Some(Moment::End),
            ("start" | "end", ..) => format!("there is only one such moment: write `{word}`"),
            (_, Some(_), None) => format!("the number is missing: `{word}:1` is the first"),
            (_, Some(make), Some(number)) => match number.parse::<usize>() {
                Ok(n) if n > 0 && number.bytes().all(|b| b.is_ascii_digit()) => return Some(make(n)),
                Ok(0) => format!("numbers begin at 1: `{word}:1` is the first"),
                _ => format!("`{number}` is not a number; `{word}:1` is the first"),
            },
            (_, None, _) => match did_you_mean(word, ["start", "after", "down", "boot", "end"]) {
                Some(meant @ ("after" | "down" | "boot")) => {
                    format!("did you mean `{meant}:{}`?", number.unwrap_or("1"))
                }
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "not a moment".to_owned(),
            },
        };
        self.error(span, format!("unknown moment `{text}`")).label(label).note(
            "moments: start, after:N (step N is over), down:N (the Nth gateway life has ended), boot:N (the Nth boot), \
             end",
        );
        None
    }
}
