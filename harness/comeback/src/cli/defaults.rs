//! Defaults of flags, from the nearest `.config/comeback.toml`. A flag takes precedence over the environment, and the
//! environment over the file.

mod file;
mod keys;

use std::path::{Path, PathBuf};

use clap::Command;

use comeback_commands::{Failure, FailureKind};
use keys::{KEYS, Key, Reach};

/// The file, relative to the current folder or one of its parents.
const PLACE: &str = ".config/comeback.toml";
/// Names another file. If the variable is empty, no file is read.
const VARIABLE: &str = "COMEBACK_CONFIG";

/// The part of the help that says where defaults come from.
pub(super) fn help() -> String {
    let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    format!(
        "Defaults: these flags can be set in the environment (as COMEBACK_JOBS and so on) or in a file: {}. The file is the \
         nearest {PLACE} in the current folder or one of its parents. {VARIABLE} names another file; if it is empty, no file \
         is read. -v says which file was read.",
        names.join(", ")
    )
}

/// The defaults that a file sets.
#[derive(Debug)]
pub(super) struct Defaults {
    /// The file.
    pub path: PathBuf,
    values: Vec<(&'static Key, Vec<String>)>,
}

/// Finds and reads the nearest file; `None` if there is none.
///
/// # Errors
///
/// If the file cannot be read, or with all errors in it at once, each with line and caret.
pub(super) fn nearest() -> Result<Option<Defaults>, Failure> {
    let path = match std::env::var_os(VARIABLE) {
        Some(named) if named.is_empty() => None,
        Some(named) => Some(PathBuf::from(named)),
        // The current folder may have been removed. Then there is no file.
        None => std::env::current_dir().ok().and_then(|here| above(&here)),
    };
    path.map(|path| read(&path)).transpose()
}

/// The nearest file in a folder or its parents.
fn above(here: &Path) -> Option<PathBuf> {
    here.ancestors()
        .map(|folder| folder.join(PLACE))
        .find(|file| file.exists())
}

fn read(path: &Path) -> Result<Defaults, Failure> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|why| {
        Failure::new(FailureKind::Io {
            path: shown.clone(),
            why: why.to_string(),
        })
        .doing("read the defaults")
    })?;
    // Paths in the file are relative to the folder that holds `.config`, not to the current one.
    let folder = path.parent().unwrap_or(Path::new(""));
    let root = match folder.file_name() {
        Some(name) if name == ".config" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    match file::parse(&shown, &text, root) {
        Ok(values) => Ok(Defaults {
            path: path.to_owned(),
            values,
        }),
        Err(diagnostics) => {
            let mut blocks: Vec<String> = diagnostics.iter().map(|d| d.render(false)).collect();
            let s = if blocks.len() == 1 { "" } else { "s" };
            blocks.push(format!("{} error{s} in {shown}; nothing was run", blocks.len()));
            Err(Failure::new(FailureKind::BadFile {
                diagnostic: blocks.join("\n"),
            }))
        }
    }
}

impl Defaults {
    /// The command line with these defaults instead of the built-in ones.
    pub(super) fn apply(&self, command: Command) -> Command {
        self.apply_where(command, &|name| {
            std::env::var_os(name).is_some_and(|value| !value.is_empty())
        })
    }

    fn apply_where(&self, command: Command, set: &dyn Fn(&str) -> bool) -> Command {
        let values: Vec<&(&'static Key, Vec<String>)> = self
            .values
            .iter()
            // Variables such as DOCKER_HOST are environment too, so they take precedence over the file.
            .filter(|(key, _)| !key.overridden_by.iter().any(|name| set(name)))
            .collect();
        apply(command, &values)
    }
}

/// Sets the defaults of a command and of its subcommands.
fn apply(command: Command, values: &[&(&'static Key, Vec<String>)]) -> Command {
    let name = command.get_name().to_owned();
    let mut command = command;
    for (key, value) in values {
        let applies = match key.reach {
            Reach::All => true,
            Reach::Judges => keys::JUDGES.contains(&name.as_str()),
        };
        if applies && command.get_arguments().any(|a| a.get_id() == key.argument) {
            command = command.mut_arg(key.argument, |a| a.default_values(value.clone()));
        }
    }
    command.mut_subcommands(|below| apply(below, values))
}

#[cfg(test)]
mod tests;
