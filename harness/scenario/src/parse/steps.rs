//! Steps: each a table with one operation as its key.

use std::time::Duration;

use super::cursor::{Node, Reader, Span, Tab, list};
use crate::model::{DEFAULT_PROFILE, Operation, ProfileSel, RecreateHow, Signal, Step, User};
use crate::vocabulary::{
    ALL_PROFILES, COMMON, GATEWAY_STATES, OPERATIONS, OperationInfo, RECREATE_HOW, STEP_SIBLINGS, USERS, did_you_mean,
    operation, suggest_operation,
};

/// One `[[step]]`.
pub(super) struct RawStep {
    /// What was understood of it.
    pub(super) step: Option<Step>,
    /// Where its operation is written.
    pub(super) span: Span,
    /// The profile it names, and where.
    pub(super) profile: Option<(String, Span)>,
}

impl Reader {
    /// Takes one `[[step]]`.
    pub(super) fn step(&mut self, node: &Node<'_>, own_words: &str) -> RawStep {
        let mut raw = RawStep {
            step: None,
            span: node.span(),
            profile: None,
        };
        let Some(table) = node.get_ref().as_table() else {
            self.wrong_type(node, "a table: `[[step]]` with an operation as its key");
            return raw;
        };
        let mut found: Vec<(&'static OperationInfo, Span, &Node<'_>)> = Vec::new();
        let mut unknown = Vec::new();
        for (key, value) in table.iter() {
            match operation(key.get_ref()) {
                Some(info) => found.push((info, key.span(), value)),
                None => unknown.push(key),
            }
        }
        for key in &unknown {
            let inside = found
                .first()
                .filter(|_| STEP_SIBLINGS.contains(&key.get_ref().as_ref()));
            self.unknown_operation(key.get_ref(), key.span(), inside.map(|(info, ..)| info.name()));
        }
        // In file order: the table's own order is that of the alphabet.
        found.sort_by_key(|(_, span, _)| span.start);
        match found.as_slice() {
            [(info, span, value)] => {
                raw.span = span.clone();
                self.operation(info, span.clone(), value, own_words, &mut raw);
            }
            [] if !unknown.is_empty() => {}
            [] => {
                self.error(node.span(), "a step without an operation")
                    .label("nothing is done here")
                    .note(operations_note());
            }
            [(_, first, _), (info, span, _), ..] => {
                let first = first.clone();
                self.error(span.clone(), "a step with two operations")
                    .label(format!("give `{}` a `[[step]]` of its own", info.name()))
                    .also(first, "the first");
            }
        }
        raw
    }

    /// Reports a key of a step that is no operation.
    fn unknown_operation(&mut self, key: &str, span: Span, inside: Option<&str>) {
        if let Some(operation) = inside {
            self.error(span, format!("`{key}` is beside the operation"))
                .label(format!("write it inside: `{operation} = {{ {key} = … }}`"));
            return;
        }
        let label = match suggest_operation(key) {
            Some(meant) => format!("not an operation; did you mean `{meant}`?"),
            None => "not an operation".to_owned(),
        };
        self.error(span, format!("unknown operation `{key}`"))
            .label(label)
            .note(operations_note());
    }

    /// Takes an operation's parameters.
    fn operation(
        &mut self,
        info: &'static OperationInfo,
        key: Span,
        node: &Node<'_>,
        own_words: &str,
        raw: &mut RawStep,
    ) {
        let Some(table) = node.get_ref().as_table() else {
            self.wrong_type(node, &format!("the parameters of `{}` as a table", info.name()));
            self.last_note(format!("such as: {}", info.example));
            return;
        };
        let tab = Tab {
            shape: &info.shape,
            span: key.clone(),
            table,
        };
        for name in table.keys() {
            let known = info.shape.key(name.get_ref()).is_some() || COMMON.iter().any(|k| k.name == name.get_ref());
            if !known {
                let names = || info.shape.names().chain(COMMON.iter().map(|k| k.name));
                let label = match did_you_mean(name.get_ref(), names()) {
                    Some(meant) => format!("`{}` does not take it; did you mean `{meant}`?", info.name()),
                    None => format!("`{}` does not take it", info.name()),
                };
                self.error(name.span(), format!("unknown parameter `{}`", name.get_ref()))
                    .label(label)
                    .note(format!("parameters: {}", list(names())));
            }
        }
        let mut lacking = false;
        for required in info
            .shape
            .keys
            .iter()
            .filter(|k| k.required && tab.get(k.name).is_none())
        {
            lacking = true;
            self.error(key.clone(), format!("`{}` needs `{}`", info.name(), required.name))
                .label(required.doc)
                .note(format!("such as: {}", info.example));
        }
        let profile = self.selected(&tab, raw);
        let user = self.key_word::<User>(&tab, "as", USERS).unwrap_or_default();
        let wait = self.key_bool(&tab, "wait", true);
        if lacking {
            return;
        }
        let creates = matches!(info.name(), "profile-create" | "profile-delete");
        if creates && !matches!(&profile, Some(ProfileSel::One(name)) if name != DEFAULT_PROFILE) {
            // A profile that is there but unusable has been reported already.
            if profile.is_some() {
                self.error(key, format!("`{}` has to name a profile", info.name()))
                    .label("`default` is always there")
                    .note(format!("such as: {}", info.example));
            }
            return;
        }
        let op = self.parameters(info, &tab, own_words);
        if let (Some(op), Some(profile)) = (op, profile) {
            raw.step = Some(Step {
                op,
                profile,
                user,
                wait,
            });
        }
    }

    /// Takes whom a step addresses; `None` if that could not be understood.
    fn selected(&mut self, tab: &Tab<'_, '_>, raw: &mut RawStep) -> Option<ProfileSel> {
        if tab.get("profile").is_none() {
            return Some(ProfileSel::One(DEFAULT_PROFILE.to_owned()));
        }
        let (text, span) = self.key_str(tab, "profile")?;
        if text == ALL_PROFILES {
            return Some(ProfileSel::All);
        }
        let name = self.profile_name(text, span.clone())?;
        raw.profile = Some((name.clone(), span));
        Some(ProfileSel::One(name))
    }

    /// Reads an operation's own parameters.
    fn parameters(&mut self, info: &OperationInfo, tab: &Tab<'_, '_>, own_words: &str) -> Option<Operation> {
        Some(match info.name() {
            "operator-start" => Operation::OperatorStart {
                all: self.key_bool(tab, "all", false),
            },
            "operator-stop" => Operation::OperatorStop {
                all: self.key_bool(tab, "all", false),
            },
            "operator-restart" => Operation::OperatorRestart {
                all: self.key_bool(tab, "all", false),
            },
            "engine-restart" => Operation::EngineRestart {
                grace: self.key_grace(tab)?,
            },
            "engine-stop" => Operation::EngineStop {
                grace: self.key_grace(tab)?,
            },
            "engine-kill" => Operation::EngineKill {
                signal: if tab.get("signal").is_some() {
                    self.key_signal(tab)?
                } else {
                    Signal::Kill
                },
            },
            "engine-start" => Operation::EngineStart,
            "recreate" => Operation::Recreate {
                how: if tab.get("how").is_some() {
                    self.key_word(tab, "how", RECREATE_HOW)?
                } else {
                    RecreateHow::Stop
                },
            },
            "compose-recreate" => Operation::ComposeRecreate,
            "signal-gateway" => Operation::SignalGateway {
                signal: self.key_signal(tab)?,
            },
            "signal-init" => {
                let signal = self.key_signal(tab)?;
                if matches!(signal, Signal::Kill | Signal::Stop) {
                    let span = tab.get("signal").map_or_else(|| tab.span.clone(), |n| n.span());
                    self.error(span, format!("PID 1 cannot be sent {signal} from inside the container"))
                        .label("the kernel ignores it")
                        .note("`engine-kill` sends it from outside");
                    return None;
                }
                Operation::SignalInit { signal }
            }
            "oom-gateway" => Operation::OomGateway,
            "ctrl-c" => Operation::CtrlC,
            "stamp" => Operation::Stamp(Box::new(self.seed(tab)?)),
            "profile-create" => Operation::ProfileCreate,
            "profile-delete" => Operation::ProfileDelete,
            "wait-until" => {
                let (text, span) = self.key_str(tab, "probe")?;
                let probe = self.probe(text, span)?;
                let value = self.values(tab.get("value")?, probe, own_words)?;
                Operation::WaitUntil { probe, value }
            }
            "hold-at" => {
                let (text, span) = self.key_str(tab, "state")?;
                if !GATEWAY_STATES.contains(&text) {
                    self.unknown_word(text, span, "state", GATEWAY_STATES);
                    return None;
                }
                Operation::HoldAt { state: text.to_owned() }
            }
            "release" => Operation::Release,
            "settle" => Operation::Settle,
            // The names come from the vocabulary; a test parses every one of its examples.
            _ => return None,
        })
    }

    /// Takes `grace`, ten seconds if it is not there.
    fn key_grace(&mut self, tab: &Tab<'_, '_>) -> Option<Duration> {
        match tab.get("grace") {
            Some(node) => self.grace(node),
            None => Some(Duration::from_secs(10)),
        }
    }

    /// Takes `signal`.
    fn key_signal(&mut self, tab: &Tab<'_, '_>) -> Option<Signal> {
        let (text, span) = self.key_str(tab, "signal")?;
        self.signal(text, span)
    }
}

/// The list of operations, for below an error.
fn operations_note() -> String {
    format!(
        "operations: {} (comeback scenarios operations)",
        list(OPERATIONS.iter().map(OperationInfo::name))
    )
}
