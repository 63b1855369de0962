//! Steps: each a table with one operation as its key.

use std::time::Duration;

use super::cursor::{Node, Reader, Span, Tab, list};
use crate::model::{DEFAULT_PROFILE, Operation, ProfileSel, RecreateHow, Recreation, Signal, Step, User};
use crate::vocabulary::{
    ALL_PROFILES, COMMON, GATEWAY_STATES, Kind, OperationKind, RECREATE_HOW, USERS, did_you_mean, is_step_parameter,
    suggest_operation,
};

/// One `[[step]]`.
pub(super) struct RawStep {
    /// What was understood of it.
    pub(super) step: Option<Step>,
    /// Where its operation is written.
    pub(super) span: Span,
    /// The profile it names, and where.
    pub(super) profile: Option<(String, Span)>,
    /// The other container it names, and where.
    pub(super) container: Option<(String, Span)>,
}

impl Reader {
    /// Takes one `[[step]]`.
    pub(super) fn step(&mut self, node: &Node<'_>, own_words: &str) -> RawStep {
        let mut raw = RawStep {
            step: None,
            span: node.span(),
            profile: None,
            container: None,
        };
        let Some(table) = node.get_ref().as_table() else {
            self.wrong_type(node, "a table: `[[step]]` with an operation as its key");
            return raw;
        };
        let mut found: Vec<(OperationKind, Span, &Node<'_>)> = Vec::new();
        let mut unknown = Vec::new();
        for (key, value) in table.iter() {
            match OperationKind::parse(key.get_ref()) {
                Some(kind) => found.push((kind, key.span(), value)),
                None => unknown.push(key),
            }
        }
        for key in &unknown {
            let inside = found.first().filter(|_| is_step_parameter(key.get_ref()));
            self.unknown_operation(key.get_ref(), key.span(), inside.map(|(kind, ..)| kind.name()));
        }
        // In file order: the table's own order is that of the alphabet.
        found.sort_by_key(|(_, span, _)| span.start);
        match found.as_slice() {
            [(kind, span, value)] => {
                raw.span = span.clone();
                self.operation(*kind, span.clone(), value, own_words, &mut raw);
            }
            [] if !unknown.is_empty() => {}
            [] => {
                self.error(node.span(), "a step without an operation")
                    .label("nothing is done here")
                    .note(operations_note());
            }
            [(_, first, _), (kind, span, _), ..] => {
                let first = first.clone();
                self.error(span.clone(), "a step with two operations")
                    .label(format!("give `{}` a `[[step]]` of its own", kind.name()))
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
    fn operation(&mut self, kind: OperationKind, key: Span, node: &Node<'_>, own_words: &str, raw: &mut RawStep) {
        let info = kind.info();
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
        raw.container = (info.shape.key("container"))
            .and_then(|_| self.key_str(&tab, "container"))
            .map(|(text, place)| (text.to_owned(), place));
        let user = (info.shape.key("as"))
            .and_then(|_| self.key_word::<User>(&tab, "as", USERS))
            .unwrap_or_default();
        let wait = self.key_bool(&tab, "wait", true);
        if lacking {
            return;
        }
        if info.intent.names_a_profile() && !matches!(&profile, Some(ProfileSel::One(name)) if name != DEFAULT_PROFILE)
        {
            // A profile that is there but unusable has been reported already.
            if profile.is_some() {
                self.error(key, format!("`{}` has to name a profile", info.name()))
                    .label("`default` is always there")
                    .note(format!("such as: {}", info.example));
            }
            return;
        }
        let op = self.parameters(kind, &tab, own_words);
        if let (Some(op), Some(profile)) = (op, profile) {
            raw.step = Some(Step {
                op,
                container: raw.container.as_ref().map(|(name, _)| name.clone()),
                profile,
                user,
                wait,
            });
        }
    }

    /// Takes whom a step addresses; `None` if that could not be understood.
    fn selected(&mut self, tab: &Tab<'_, '_>, raw: &mut RawStep) -> Option<ProfileSel> {
        let Some(key) = tab.shape.key("profile").filter(|key| tab.get(key.name).is_some()) else {
            return Some(ProfileSel::One(DEFAULT_PROFILE.to_owned()));
        };
        let (text, span) = self.key_str(tab, key.name)?;
        if text == ALL_PROFILES && matches!(key.kind, Kind::ProfileOrAll) {
            return Some(ProfileSel::All);
        }
        let name = self.profile_name(text, span.clone())?;
        raw.profile = Some((name.clone(), span));
        Some(ProfileSel::One(name))
    }

    /// Reads an operation's own parameters.
    fn parameters(&mut self, kind: OperationKind, tab: &Tab<'_, '_>, own_words: &str) -> Option<Operation> {
        Some(match kind {
            OperationKind::OperatorStart => Operation::OperatorStart {
                all: self.key_bool(tab, "all", false),
                force: self.key_bool(tab, "force", false),
            },
            OperationKind::OperatorRun => Operation::OperatorRun {
                no_supervise: self.key_bool(tab, "no_supervise", false),
            },
            OperationKind::OperatorStatus => Operation::OperatorStatus,
            OperationKind::OperatorStop => Operation::OperatorStop {
                all: self.key_bool(tab, "all", false),
            },
            OperationKind::OperatorRestart => Operation::OperatorRestart {
                all: self.key_bool(tab, "all", false),
            },
            OperationKind::EngineRestart => Operation::EngineRestart {
                grace: self.key_grace(tab)?,
            },
            OperationKind::EngineStop => Operation::EngineStop {
                grace: self.key_grace(tab)?,
            },
            OperationKind::EngineKill => Operation::EngineKill {
                signal: if tab.get("signal").is_some() {
                    self.key_signal(tab)?
                } else {
                    Signal::Kill
                },
            },
            OperationKind::EngineStart => Operation::EngineStart,
            OperationKind::Recreate => Operation::Recreate(Box::new(self.recreation(tab)?)),
            OperationKind::DaemonRestart => Operation::DaemonRestart,
            OperationKind::EnginePause => Operation::EnginePause,
            OperationKind::EngineUnpause => Operation::EngineUnpause,
            OperationKind::ComposeRecreate => Operation::ComposeRecreate,
            OperationKind::SignalGateway => Operation::SignalGateway {
                signal: self.key_signal(tab)?,
            },
            OperationKind::SignalInit => {
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
            OperationKind::OomGateway => Operation::OomGateway,
            OperationKind::CtrlC => Operation::CtrlC,
            OperationKind::Stamp => Operation::Stamp(Box::new(self.seed(tab)?)),
            OperationKind::Fill => Operation::Fill,
            OperationKind::Free => Operation::Free,
            OperationKind::ProfileUse => Operation::ProfileUse,
            OperationKind::ProfileCreate => Operation::ProfileCreate,
            OperationKind::ProfileDelete => Operation::ProfileDelete,
            OperationKind::WaitUntil => {
                let (text, span) = self.key_str(tab, "probe")?;
                let probe = self.probe_of_a_row(text, span)?;
                let value = self.values(tab.get("value")?, probe, own_words)?;
                Operation::WaitUntil { probe, value }
            }
            OperationKind::HoldAt => {
                let (text, span) = self.key_str(tab, "state")?;
                if !GATEWAY_STATES.contains(&text) {
                    self.unknown_word(text, span, "state", GATEWAY_STATES);
                    return None;
                }
                Operation::HoldAt { state: text.to_owned() }
            }
            OperationKind::Release => Operation::Release,
            OperationKind::Settle => Operation::Settle,
        })
    }

    /// Takes the keys of a recreation.
    fn recreation(&mut self, tab: &Tab<'_, '_>) -> Option<Recreation> {
        let how = match tab.get("how") {
            Some(_) => self.key_word(tab, "how", RECREATE_HOW)?,
            None => RecreateHow::Stop,
        };
        let list = |reader: &mut Self, key| tab.get(key).and_then(|_| reader.argv(tab, key));
        Some(Recreation {
            how,
            image: match tab.get("image") {
                Some(_) => Some(self.key_image(tab, "image")?),
                None => None,
            },
            env: tab.get("env").map(|_| self.env(tab)),
            cmd: list(self, "cmd"),
            entrypoint: list(self, "entrypoint"),
        })
    }

    /// Takes `grace`, ten seconds if it is not there.
    fn key_grace(&mut self, tab: &Tab<'_, '_>) -> Option<Duration> {
        match tab.get("grace") {
            Some(_) => self.key_duration(tab, "grace"),
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
        list(OperationKind::ALL.iter().map(|kind| kind.name()))
    )
}
