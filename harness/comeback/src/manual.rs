//! `completions` and `man`, generated from the definition of the command line, so that they always agree with it.

use std::path::Path;

use clap::{Command, CommandFactory as _};

use comeback_commands::{Failure, print, write};
use comeback_text::terminal::sanitize;

use crate::cli::args::{Cli, Man};

/// Prints a shell's completion script.
pub fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole(), "comeback", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(())
}

/// Prints a manual page, or writes all of them into a folder.
pub fn man(args: &Man) -> Result<(), Failure> {
    let pages = pages();
    if let Some(folder) = &args.into {
        for (name, text) in &pages {
            write(&folder.join(format!("{name}.1")), text)?;
        }
        print(&format!("{} pages in {}\n", pages.len(), shown(folder)))?;
        return Ok(());
    }
    let name = std::iter::once("comeback").chain(args.command.iter().map(String::as_str));
    let name = name.collect::<Vec<_>>().join("-");
    match pages.iter().find(|(page, _)| *page == name) {
        Some((_, text)) => print(text)?,
        None => {
            let names: Vec<String> = pages
                .iter()
                .skip(1)
                .map(|(page, _)| page["comeback-".len()..].replace('-', " "))
                .collect();
            return Err(Failure::usage(
                format!("there is no command `{}`", args.command.join(" ")),
                format!("there are {}", names.join(", ")),
            ));
        }
    }
    Ok(())
}

fn shown(folder: &Path) -> String {
    sanitize(&folder.display().to_string())
}

/// The command line with everything that clap only adds when it builds it.
fn whole() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Every page with its name, that of `comeback` itself first.
fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    add(&whole(), "comeback", &mut pages);
    pages
}

fn add(command: &Command, name: &str, pages: &mut Vec<(String, String)>) {
    let mut text = Vec::new();
    if clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut text)
        .is_ok()
    {
        pages.push((name.to_owned(), String::from_utf8_lossy(&text).into_owned()));
    }
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        add(below, &format!("{name}-{}", below.get_name()), pages);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::ValueEnum as _;
    use comeback_verdict::Exit;

    use super::*;

    /// Paths of all commands that are not hidden: `images build`.
    fn commands(command: &Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().filter(|c| !c.is_hide_set());
        below
            .flat_map(|c| {
                let path = format!("{path} {}", c.get_name());
                let mut all = vec![path.trim().to_owned()];
                all.extend(commands(c, &path));
                all
            })
            .collect()
    }

    #[test]
    fn every_command_has_a_page() {
        let pages = pages();
        let commands = commands(&whole(), "");
        assert!(commands.len() > 12, "{commands:?}");
        assert_eq!(pages.len(), commands.len() + 1);
        for command in commands {
            let name = format!("comeback-{}", command.replace(' ', "-"));
            let (_, text) = pages.iter().find(|(page, _)| *page == name).unwrap();
            assert!(
                text.contains(".SH SYNOPSIS") && text.contains(".SH DESCRIPTION"),
                "{name}:\n{text}"
            );
        }
    }

    #[test]
    fn every_command_is_completed_in_every_shell() {
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut whole(), "comeback", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in commands(&whole(), "") {
                let last = command.rsplit(' ').next().unwrap();
                assert!(script.contains(last), "{command} is not in the script for {shell}");
            }
            assert!(script.contains("--filter") || script.contains("filter"), "{shell}");
        }
    }

    #[test]
    fn the_page_of_an_unknown_command_is_a_usage_error() {
        let args = Man {
            into: None,
            command: vec!["chekc".into()],
        };
        assert_eq!(man(&args).unwrap_err().exit(), Exit::Usage);
    }
}
