//! Parses the values of rows. Each must be possible for its probe.

use toml::de::DeValue;

use super::cursor::{Node, Reader, list, type_name};
use crate::model::{Absent, Probe, Signal, Value, ValueSet};
use crate::vocabulary::{DEADLY, ENTRY_KINDS, ProbeInfo, USERS, Values, did_you_mean};

impl Reader {
    /// Takes a scalar, a list of alternatives, or `{ absent = true }`.
    ///
    /// `own_words` is the text that the scenario itself puts on the volume. A state that occurs there is no typing
    /// error.
    pub(super) fn values(&mut self, node: &Node<'_>, probe: Probe, own_words: &str) -> Option<ValueSet> {
        let mut set = Vec::new();
        let mut good = true;
        let items: Vec<&Node<'_>> = match node.get_ref() {
            DeValue::Array(items) if items.is_empty() => {
                self.error(node.span(), "an empty list allows no value")
                    .label(format!("list values of {probe}"));
                return None;
            }
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![node],
        };
        for item in items {
            match self.value(item, probe, own_words) {
                Some(values) => set.extend(values),
                None => good = false,
            }
        }
        let mut unique: Vec<Value> = Vec::new();
        for value in set {
            if !unique.contains(&value) {
                unique.push(value);
            }
        }
        good.then_some(ValueSet(unique))
    }

    /// Takes one value as written, which may stand for several values.
    fn value(&mut self, node: &Node<'_>, probe: Probe, own_words: &str) -> Option<Vec<Value>> {
        let info = probe.info();
        if node.get_ref().is_table() {
            self.absent(node)?;
            return match info.values {
                Values::Presence => Some(vec![Value::str("absent")]),
                Values::PriorStates(_) => Some(no_prior_state()),
                _ if info.absent.is_some() => Some(vec![Value::absent()]),
                _ => {
                    self.misfit(node, probe);
                    None
                }
            };
        }
        let value = match (info.values, node.get_ref()) {
            (Values::Presence, DeValue::Boolean(there)) => Some(Value::str(if *there { "present" } else { "absent" })),
            (Values::Presence, DeValue::String(s)) if matches!(s.as_ref(), "present" | "absent") => {
                Some(Value::str(s.as_ref()))
            }
            (Values::Bool, DeValue::Boolean(flag)) => Some(Value::Bool(*flag)),
            (Values::Entry, DeValue::String(s)) => return self.entry(node, probe, s),
            (Values::Count, DeValue::Integer(_)) => return self.number(node, probe, i64::MAX),
            (Values::ExitCode | Values::ExitOrSignal, DeValue::Integer(_)) => return self.number(node, probe, 255),
            (Values::ExitOrSignal, DeValue::String(s)) => return self.death(node, probe, s),
            (Values::Substring, DeValue::String(s)) if !s.is_empty() => Some(Value::str(s.as_ref())),
            (Values::PriorStates(_), DeValue::String(s)) if s.eq_ignore_ascii_case("none") => {
                return Some(no_prior_state());
            }
            (Values::Words(words) | Values::States(words) | Values::PriorStates(words), DeValue::String(s)) => {
                let known = words.contains(&s.as_ref());
                let open = matches!(info.values, Values::States(_) | Values::PriorStates(_));
                let own = open && !s.is_empty() && own_words.contains(s.as_ref());
                if !known && !own {
                    self.unknown_value(node, s, probe, words);
                    return None;
                }
                Some(Value::str(s.as_ref()))
            }
            _ => None,
        };
        if value.is_none() {
            self.misfit(node, probe);
        }
        value.map(|v| vec![v])
    }

    /// Checks that a table is `{ absent = true }`.
    fn absent(&mut self, node: &Node<'_>) -> Option<Absent> {
        let table = node.get_ref().as_table()?;
        let flag = table.get("absent").and_then(|v| v.get_ref().as_bool());
        if flag == Some(true) && table.len() == 1 {
            return Some(Absent { absent: true });
        }
        self.error(node.span(), "the only table that is a value is `{ absent = true }`")
            .label("write `{ absent = true }`");
        None
    }

    /// Takes a whole number from 0 to `max`.
    fn number(&mut self, node: &Node<'_>, probe: Probe, max: i64) -> Option<Vec<Value>> {
        let number = self.int(node)?;
        if !(0..=max).contains(&number) {
            self.misfit(node, probe);
            return None;
        }
        Some(vec![Value::Int(number)])
    }

    /// Takes what a path is and whose.
    fn entry(&mut self, node: &Node<'_>, probe: Probe, text: &str) -> Option<Vec<Value>> {
        let parts = text.split_once(" of ");
        let good = parts.is_some_and(|(kind, owner)| {
            ENTRY_KINDS.contains(&kind) && (USERS.contains(&owner) || owner.parse::<u32>().is_ok())
        });
        if !good {
            let label = match parts {
                Some((kind, _)) if !ENTRY_KINDS.contains(&kind) => "unknown kind",
                Some(_) => "unknown owner",
                None => "write what it is and whose: \"file of hermes\"",
            };
            self.error(node.span(), format!("{probe} cannot be `{text}`"))
                .label(label)
                .note(describe(probe));
        }
        good.then(|| vec![Value::str(text)])
    }

    /// Takes the name of the signal that killed a process.
    fn death(&mut self, node: &Node<'_>, probe: Probe, text: &str) -> Option<Vec<Value>> {
        let full = format!("SIG{}", text.to_ascii_uppercase().trim_start_matches("SIG"));
        let known = Signal::parse(text).map(Signal::name);
        let name = known.or_else(|| DEADLY.iter().copied().find(|s| *s == full));
        if name.is_none() {
            let names = Signal::ALL.iter().map(|s| s.name()).chain(DEADLY.iter().copied());
            let label = match did_you_mean(&full, names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "neither an exit code nor a signal".to_owned(),
            };
            self.error(node.span(), format!("{probe} cannot be `{text}`"))
                .label(label)
                .note(describe(probe));
        }
        name.map(|n| vec![Value::str(n)])
    }

    /// Reports a word that the probe cannot have.
    fn unknown_value(&mut self, node: &Node<'_>, text: &str, probe: Probe, words: &[&str]) {
        let label = match did_you_mean(text, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "unknown word".to_owned(),
        };
        self.error(node.span(), format!("{probe} cannot be `{text}`"))
            .label(label)
            .note(describe(probe));
    }

    /// Reports a value of a type or size that the probe cannot have.
    fn misfit(&mut self, node: &Node<'_>, probe: Probe) {
        let numeric = matches!(
            probe.info().values,
            Values::Count | Values::ExitCode | Values::ExitOrSignal
        );
        let mut label = "does not fit the probe";
        let written = match node.get_ref() {
            DeValue::Integer(n) => n.to_string(),
            DeValue::Boolean(b) => b.to_string(),
            DeValue::Table(_) => "absent".to_owned(),
            DeValue::String(s) if s.is_empty() => "an empty string".to_owned(),
            DeValue::String(s) => {
                if numeric && s.parse::<i64>().is_ok() {
                    label = "write numbers without quotes";
                }
                format!("`{s}`")
            }
            other => type_name(other).to_owned(),
        };
        self.error(node.span(), format!("{probe} cannot be {written}"))
            .label(label)
            .note(describe(probe));
    }
}

/// The values for a missing state: the reconciler prints the word None, and a history may have no value.
fn no_prior_state() -> Vec<Value> {
    vec![Value::absent(), Value::str("None")]
}

/// One line with a probe and its possible values.
fn describe(probe: Probe) -> String {
    format!("{probe}: {}", describe_values(probe.info()))
}

/// The possible values of a probe, in one line.
pub(crate) fn describe_values(info: &ProbeInfo) -> String {
    let values = match info.values {
        Values::Words(words) => list(words.iter().copied()),
        Values::States(words) | Values::PriorStates(words) => format!(
            "{}, or a word the scenario itself puts there",
            list(words.iter().copied())
        ),
        Values::Presence => "present, absent".to_owned(),
        Values::Bool => "true, false".to_owned(),
        Values::Count => "a whole number from 0".to_owned(),
        Values::ExitCode => "an exit code from 0 to 255".to_owned(),
        Values::ExitOrSignal => "an exit code from 0 to 255, or a signal's name such as \"SIGKILL\"".to_owned(),
        Values::Entry => format!(
            "KIND of OWNER, with {} and {}, or a number",
            list(ENTRY_KINDS.iter().copied()),
            list(USERS.iter().copied())
        ),
        Values::Substring => "a part of what was printed, as a string".to_owned(),
        Values::Duration => "a duration; `at_most` bounds it, as \"30s\"".to_owned(),
    };
    match info.absent {
        Some(meaning) if info.values != Values::Presence => format!("{values}, {{ absent = true }} ({meaning})"),
        _ => values,
    }
}
