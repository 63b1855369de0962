//! Fault overlays in a container: an archive for the gateway's site-packages, and the path of those.

use super::assets;
use super::contract::{first, python_in};
use comeback_engine::{Engine, EngineError};
use comeback_gateway::command::PROGRAM;
use comeback_gateway::image::VENV;

/// The package in site-packages with the hook and the overlay.
const PACKAGE: &str = "comeback_overlay";
/// The most that is read of one file, in bytes. A process writes about 250.
const LIMIT: usize = 4 << 20;

/// The site-packages of the Python that the command `hermes` uses in a container, running or not. `None` if they
/// cannot be found.
///
/// # Errors
///
/// If the engine does not answer.
pub async fn site_packages(engine: &dyn Engine, container: &str) -> Result<Option<String>, EngineError> {
    let script = text(engine, container, &format!("{VENV}/bin/{PROGRAM}")).await?;
    let venv = script.as_deref().and_then(venv_of).unwrap_or(VENV);
    let config = text(engine, container, &format!("{venv}/pyvenv.cfg")).await?;
    let python = config.as_deref().and_then(python_in);
    Ok(python.map(|python| format!("{venv}/lib/python{python}/site-packages")))
}

/// The reports that the processes of a container have written about its overlay so far: one JSON object per line.
///
/// # Errors
///
/// If the engine does not answer.
pub async fn said(engine: &dyn Engine, container: &str) -> Result<String, EngineError> {
    let Some(place) = site_packages(engine, container).await? else {
        return Ok(String::new());
    };
    let said = text(engine, container, &format!("{place}/{PACKAGE}/said")).await?;
    Ok(said.unwrap_or_default())
}

/// The archive to unpack in site-packages. Every process of that Python that starts later loads the overlay. `None`
/// if there is no overlay of this name.
pub fn archive(name: &str) -> Option<Vec<u8>> {
    if name.contains('/') {
        return None;
    }
    let fault = assets::find(&format!("overlays/{name}.py"))?;
    let hook = assets::text("overlays/hook/__init__.py");
    let load = format!("import {PACKAGE}; {PACKAGE}.load(\"{name}\")\n");
    let mut tar = tar::Builder::new(Vec::new());
    for directory in [PACKAGE.to_owned(), format!("{PACKAGE}/faults")] {
        append(&mut tar, &format!("{directory}/"), 0o755, None);
    }
    append(&mut tar, &format!("{PACKAGE}/__init__.py"), 0o644, Some(&hook));
    append(&mut tar, &format!("{PACKAGE}/faults/{name}.py"), 0o644, Some(&fault));
    // Processes of every user write to it.
    append(&mut tar, &format!("{PACKAGE}/said"), 0o666, Some(""));
    append(&mut tar, &format!("{PACKAGE}.pth"), 0o644, Some(&load));
    tar.into_inner().ok()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, content: Option<&str>) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(match content {
        Some(_) => tar::EntryType::Regular,
        None => tar::EntryType::Directory,
    });
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let content = content.unwrap_or_default();
    header.set_size(content.len() as u64);
    // Writing to memory does not fail.
    let done = tar.append_data(&mut header, path, content.as_bytes());
    debug_assert!(done.is_ok(), "{path}: {done:?}");
}

/// The venv of the interpreter in a script's first line: `/opt/hermes/.venv` of `#!/opt/hermes/.venv/bin/python`.
fn venv_of(script: &str) -> Option<&str> {
    let interpreter = script.lines().next()?.strip_prefix("#!")?.split_whitespace().next()?;
    let (venv, program) = interpreter.rsplit_once("/bin/")?;
    // A shell or `env` is no Python.
    (venv.starts_with('/') && program.starts_with("python")).then_some(venv)
}

async fn text(engine: &dyn Engine, container: &str, path: &str) -> Result<Option<String>, EngineError> {
    let tar = engine.download(container, path, LIMIT).await?;
    let file = tar.as_deref().and_then(first);
    Ok(file.map(|file| String::from_utf8_lossy(&file.content).into_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;

    #[test]
    fn archive_holds_hook_overlay_and_a_writable_report_file() {
        let bytes = archive("sigterm-ignored").unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let (uid, mode) = (entry.header().uid().unwrap(), entry.header().mode().unwrap());
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), (uid, mode, text));
        }
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let expected = [
            "comeback_overlay.pth",
            "comeback_overlay/",
            "comeback_overlay/__init__.py",
            "comeback_overlay/faults/",
            "comeback_overlay/faults/sigterm-ignored.py",
            "comeback_overlay/said",
        ];
        assert_eq!(names, expected);
        assert!(files.values().all(|(uid, ..)| *uid == 0));
        assert_eq!(files["comeback_overlay/said"], (0, 0o666, String::new()));
        assert_eq!(files["comeback_overlay/"].1, 0o755);
        assert_eq!(
            files["comeback_overlay.pth"].2,
            "import comeback_overlay; comeback_overlay.load(\"sigterm-ignored\")\n"
        );
        assert!(
            files["comeback_overlay/faults/sigterm-ignored.py"]
                .2
                .contains("SIG_IGN")
        );
        assert_eq!(super::archive("no-such"), None);
        assert_eq!(super::archive("hook/__init__"), None);
    }

    #[test]
    fn the_venv_is_read_from_the_first_line_of_a_script() {
        assert_eq!(
            venv_of("#!/opt/hermes/.venv/bin/python\nimport sys"),
            Some("/opt/hermes/.venv")
        );
        assert_eq!(venv_of("#!/srv/venv/bin/python3.14 -I\n"), Some("/srv/venv"));
        for other in [
            "#!/bin/sh\nexec python",
            "#!/usr/bin/env python3\n",
            "import sys",
            "",
            "#!python\n",
        ] {
            assert_eq!(venv_of(other), None, "{other}");
        }
    }
}
