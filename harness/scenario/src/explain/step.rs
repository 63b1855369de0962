//! A step in words.

use std::collections::BTreeMap;

use comeback_gateway::command;
use comeback_text::redact;

use crate::model::{
    DEFAULT_PROFILE, ImageRef, Parameter, ProfileSel, RecreateHow, Recreation, Seed, SeedContent, Step, User,
};

/// A step as a clause: the words of its operation, filled in.
pub(super) fn sentence(step: &Step) -> String {
    let mut text = String::new();
    let mut rest = step.op.info().words;
    while let Some((before, (name, after))) = rest
        .split_once('{')
        .and_then(|(before, then)| Some((before, then.split_once('}')?)))
    {
        text += before;
        text += &filled_in(step, name).unwrap_or_default();
        rest = after;
    }
    text += rest;
    if let Some(container) = &step.container {
        text += &format!(" (container {container})");
    }
    text
}

/// What stands for a name in the words of an operation; `None` if the step has nothing of that name.
fn filled_in(step: &Step, name: &str) -> Option<String> {
    let whose = match &step.profile {
        ProfileSel::All => " of every profile".to_owned(),
        ProfileSel::One(name) if name == DEFAULT_PROFILE => String::new(),
        ProfileSel::One(name) => format!(" of profile {name}"),
    };
    let parameter = step.op.parameter();
    let text = match (name, parameter) {
        ("who", _) => match step.user {
            User::Hermes => "the operator".to_owned(),
            User::Root => "the operator, as root,".to_owned(),
        },
        ("gateway", _) if step.op.is_for_all() => "every profile's gateway (--all)".to_owned(),
        ("gateway", _) => format!("the gateway{whose}"),
        ("whose", _) => whose,
        ("profile", _) => match &step.profile {
            ProfileSel::All => "every profile".to_owned(),
            ProfileSel::One(name) => name.clone(),
        },
        ("grace", Some(Parameter::Grace(grace))) => {
            format!("SIGTERM to PID 1, SIGKILL after {} s", grace.as_secs())
        }
        ("signal", Some(Parameter::Signal(signal))) => signal.to_string(),
        ("flags", Some(Parameter::Start { force, .. })) => flag(force, "--force"),
        ("flags", Some(Parameter::NoSupervise(no_supervise))) => flag(no_supervise, "--no-supervise"),
        ("how", Some(Parameter::Recreation(recreation))) => match recreation.how {
            RecreateHow::Stop => "stopped, removed".to_owned(),
            RecreateHow::Force => "removed by force while it runs".to_owned(),
        },
        ("changes", Some(Parameter::Recreation(recreation))) => changes(recreation),
        ("seed", Some(Parameter::Seed(what))) => seed(what),
        ("probe", Some(Parameter::Until(probe, _))) => probe.to_string(),
        ("value", Some(Parameter::Until(_, value))) => value.to_string(),
        ("state", Some(Parameter::State(state))) => state.to_owned(),
        // A test fills in every operation's words.
        _ => return None,
    };
    Some(text)
}

fn flag(given: bool, flag: &str) -> String {
    if given { format!(" ({flag})") } else { String::new() }
}

/// The variables of an environment, as `NAME=value`, without secrets.
pub(super) fn variables(env: &BTreeMap<String, String>) -> Vec<String> {
    let variable = |(name, value): (&String, &String)| redact::text(&format!("{name}={value}"));
    env.iter().map(variable).collect()
}

/// What is different in a container that is made again.
fn changes(recreation: &Recreation) -> String {
    let mut all = Vec::new();
    match &recreation.image {
        Some(ImageRef::Subject) => all.push("the image under test".to_owned()),
        Some(ImageRef::Other(image)) => all.push(format!("the image {image}")),
        None => {}
    }
    if let Some(env) = &recreation.env {
        let variables = variables(env);
        all.push(match variables.is_empty() {
            true => "no extra environment".to_owned(),
            false => format!("the environment {}", variables.join(" ")),
        });
    }
    if let Some(cmd) = &recreation.cmd {
        all.push(format!("the command `{}`", cmd.join(" ")));
    }
    if let Some(entrypoint) = &recreation.entrypoint {
        all.push(format!("the entrypoint `{}`", entrypoint.join(" ")));
    }
    if all.is_empty() {
        return String::new();
    }
    format!(", with {}", all.join(" and "))
}

/// A file on the volume: what it is, and whose, where that is not as usual.
pub(super) fn seed(seed: &Seed) -> String {
    let mut text = content(seed);
    match seed.owner {
        uid if uid == u64::from(command::UID) => {}
        0 => text += ", of root",
        uid => text += &format!(", of uid {uid}"),
    }
    if seed.mode != seed.content.usual_mode() {
        text += &format!(", mode {:04o}", seed.mode);
    }
    text
}

fn content(seed: &Seed) -> String {
    let short = |text: &str| {
        let text = text.trim();
        if text.chars().count() > 60 || text.contains('\n') {
            String::new()
        } else {
            format!(" ({text})")
        }
    };
    match &seed.content {
        SeedContent::Dir => format!("a directory {}", seed.path),
        SeedContent::Text(text) if text.is_empty() => format!("an empty {}", seed.path),
        SeedContent::Text(text) | SeedContent::Json(text) => format!("{}{}", seed.path, short(text)),
        SeedContent::Bytes(bytes) => format!("{} of {} bytes", seed.path, bytes.len()),
        SeedContent::Link(target) => format!("{} as a link to {}", seed.path, target.display()),
        SeedContent::Size(size) => format!("{} of {size} bytes", seed.path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::example;
    use crate::vocabulary::OperationKind;

    #[test]
    fn the_words_of_every_operation_are_filled_in() {
        for kind in OperationKind::ALL {
            let scenario =
                crate::parse_file("example.toml", &example(*kind)).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
            let step = scenario.steps.iter().find(|step| step.op.kind() == *kind);
            let step = step.unwrap_or_else(|| panic!("{kind}"));
            let info = kind.info();
            for name in info.words.split('{').skip(1).filter_map(|part| part.split('}').next()) {
                assert!(filled_in(step, name).is_some(), "{kind}: {{{name}}}");
            }
        }
    }
}
