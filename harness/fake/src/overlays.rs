//! Fault overlays on the scripted engine: files put into a container, and how its processes react to them.

use std::io::Read as _;

use serde_json::json;

use super::personality::Hook;
use super::refused;
use super::world::World;
use comeback_engine::{EngineError, EngineErrorKind};
use comeback_gateway::files::DATA;
use comeback_history::now::Process;
use comeback_scenario::overlay::ProcessKind;

const CONFIG: &str = "/opt/hermes/.venv/pyvenv.cfg";
const SITE_PACKAGES: &str = "/opt/hermes/.venv/lib/python3.11/site-packages";

impl World {
    /// Unpacks an archive in a container, outside its volume.
    pub fn put(&self, id: &str, path: &str, tar: &[u8]) -> Result<(), EngineError> {
        let broken = |why: std::io::Error| EngineError::new("upload", EngineErrorKind::Broken(why.to_string().into()));
        let mut all = self.lock();
        if all.hook == Hook::NoPlace || path != SITE_PACKAGES {
            return Err(refused("upload", 404, "no such directory"));
        }
        for entry in tar::Archive::new(tar).entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let name = format!("{path}/{}", entry.path().map_err(broken)?.display());
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(broken)?;
            if let Some(container) = all.container(id) {
                container.files.insert(name, text);
            }
        }
        Ok(())
    }

    /// A file of a container as an archive.
    pub fn get(&self, id: &str, path: &str) -> Option<Vec<u8>> {
        let mut all = self.lock();
        let has_python = all.hook != Hook::NoPython;
        let container = all.container(id)?;
        let volume = container.volume.clone();
        let text = match (path, path.strip_prefix(DATA)) {
            (CONFIG, _) if has_python => "home = /usr/bin\nversion_info = 3.11.2\n".to_owned(),
            (_, Some(path)) => all.text(&volume?, path.trim_start_matches('/'))?,
            _ => container.files.get(path)?.clone(),
        };
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, "file", text.as_bytes()).ok()?;
        tar.into_inner().ok()
    }

    /// A process starts and loads the overlay in the container, if there is one. False if the process ends because of
    /// it.
    pub fn loads_overlay(&self, id: &str, kind: ProcessKind, process: Option<Process>) -> bool {
        let mut all = self.lock();
        let hook = all.hook;
        let at = super::world::nanos(all.now());
        let process = process.unwrap_or(Process {
            start_time: all.tick(),
            pid: 5,
        });
        let fails = hook == Hook::Fails && kind == ProcessKind::Gateway;
        let Some(container) = all.container(id) else {
            return true;
        };
        let prefix = format!("{SITE_PACKAGES}/comeback_overlay/faults/");
        let mut names = container
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix)?.strip_suffix(".py"));
        let Some(overlay) = names.next().map(str::to_owned) else {
            return true;
        };
        if hook == Hook::Ignored {
            return true;
        }
        let said = container
            .files
            .entry(format!("{SITE_PACKAGES}/comeback_overlay/said"))
            .or_default();
        let effect = if fails { "failed" } else { "on" };
        let line = json!({
            "overlay": overlay, "process": kind, "pid": process.pid, "start_time": process.start_time, "at": at,
            effect: "the scripted module",
        });
        said.push_str(&format!("{line}\n"));
        !fails
    }
}
