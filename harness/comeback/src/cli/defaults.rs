//! Defaults of flags, from the nearest `.config/comeback.toml`. Flags beat the environment, which beats the file.

mod file;
mod keys;

use std::path::{Path, PathBuf};

use clap::Command;

use comeback_commands::{Failure, FailureKind};
use keys::{KEYS, Key, Reach};

/// The file, below each folder on the way up from the current one.
const PLACE: &str = ".config/comeback.toml";
/// Names another file; set to nothing, there is none.
const VARIABLE: &str = "COMEBACK_CONFIG";

/// Of the help: where defaults come from.
pub(super) fn help() -> String {
    let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    format!(
        "Defaults of {} come from the environment (COMEBACK_JOBS and so on), else from the nearest {PLACE} of the current \
         folder and those above it; {VARIABLE} names another file, or none if it is empty. -v says which was read.",
        names.join(", ")
    )
}

/// What a file says.
#[derive(Debug)]
pub(super) struct Defaults {
    /// The file.
    pub path: PathBuf,
    values: Vec<(&'static Key, Vec<String>)>,
}

/// Finds and reads the file that counts here; `None` if there is none.
///
/// # Errors
/// Everything that is wrong with it at once, each with line and caret; or that it cannot be read.
pub(super) fn nearest() -> Result<Option<Defaults>, Failure> {
    let path = match std::env::var_os(VARIABLE) {
        Some(named) if named.is_empty() => None,
        Some(named) => Some(PathBuf::from(named)),
        // Nobody is in a folder that is gone.
        None => std::env::current_dir().ok().and_then(|here| above(&here)),
    };
    path.map(|path| read(&path)).transpose()
}

/// The first such file on the way up.
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
    // Paths in it are meant from the folder that holds `.config`, wherever one stands.
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
            // Other people's variables that say the same are environment too.
            .filter(|(key, _)| !key.beaten_by.iter().any(|name| set(name)))
            .collect();
        apply(command, &values)
    }
}

/// To a command and all below it.
fn apply(command: Command, values: &[&(&'static Key, Vec<String>)]) -> Command {
    let name = command.get_name().to_owned();
    let mut command = command;
    for (key, value) in values {
        let meant = match key.reach {
            Reach::All => true,
            Reach::Judges => keys::JUDGES.contains(&name.as_str()),
        };
        if meant && command.get_arguments().any(|a| a.get_id() == key.argument) {
            command = command.mut_arg(key.argument, |a| a.default_values(value.clone()));
        }
    }
    command.mut_subcommands(|below| apply(below, values))
}

#[cfg(test)]
mod tests;
