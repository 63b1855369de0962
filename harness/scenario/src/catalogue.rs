//! The catalogue of scenarios: those compiled into the binary, and those of an additional folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::diagnostic::{Diagnostic, FileError, ScenarioErrors};
use super::model::Scenario;
use super::parse::parse_file;

/// The files of `scenarios/` at build time, so that an installed binary runs anywhere.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../scenarios"]
struct Embedded;

/// Largest size of a scenario file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A scenario with the hash of the text it came from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The scenario.
    pub scenario: Scenario,
    /// sha256 of its file, in hex.
    pub hash: String,
}

/// All scenarios, by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: BTreeMap<String, Entry>,
}

impl Catalogue {
    /// The embedded scenarios and those of the folder `extra`. A scenario of `extra` replaces an embedded one with the
    /// same id.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files.
    pub fn load(extra: Option<&Path>) -> Result<Self, ScenarioErrors> {
        let mut texts = BTreeMap::new();
        let mut errors = ScenarioErrors::default();
        for name in Embedded::iter().filter(|name| name.ends_with(".toml")) {
            if let Some(file) = Embedded::get(&name) {
                let path = format!("scenarios/{name}");
                add(&mut texts, &mut errors, &name, path, file.data.into_owned());
            }
        }
        if let Some(folder) = extra {
            read_folder(folder, &mut texts, &mut errors);
        }
        Self::parse(texts, errors, |scenario| {
            without_subject(scenario).or_else(|| without_state(scenario))
        })
    }

    /// The scenarios of these files, each with its shown path and its text. For tests and generated files, whose volume may get
    /// its files elsewhere.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files.
    pub fn from_texts<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ScenarioErrors> {
        let texts = files
            .into_iter()
            .map(|(path, text)| (stem(path).to_owned(), (path.to_owned(), text.to_owned())))
            .collect();
        Self::parse(texts, ScenarioErrors::default(), without_subject)
    }

    /// Parses these texts, by id. `useless` says why one that is valid says nothing.
    fn parse(
        texts: BTreeMap<String, (String, String)>,
        mut errors: ScenarioErrors,
        useless: impl Fn(&Scenario) -> Option<Diagnostic>,
    ) -> Result<Self, ScenarioErrors> {
        errors.looked_at = texts.len() + errors.files.len();
        let mut entries = BTreeMap::new();
        for (id, (path, text)) in texts {
            match parse_file(&path, &text) {
                Ok(scenario) => match useless(&scenario) {
                    Some(found) => errors.diagnostics.push(found),
                    None => {
                        let hash = hex(&Sha256::digest(text.as_bytes()));
                        entries.insert(id, Entry { scenario, hash });
                    }
                },
                Err(found) => errors.diagnostics.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(Self { entries })
        } else {
            Err(errors)
        }
    }

    /// The scenarios in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Scenario> {
        self.entries.values().map(|e| &e.scenario)
    }

    /// The scenarios with their hashes, in the order of their ids.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The scenario with that id.
    pub fn get(&self, id: &str) -> Option<&Scenario> {
        self.entries.get(id).map(|e| &e.scenario)
    }

    /// sha256 of one scenario's file, in hex.
    pub fn hash_of(&self, id: &str) -> Option<&str> {
        self.entries.get(id).map(|e| e.hash.as_str())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// sha256 of the whole table in hex, over each id and file, in the order of the ids.
    pub fn hash(&self) -> String {
        let mut all = Sha256::new();
        for (id, entry) in &self.entries {
            all.update(format!("{id} {}\n", entry.hash));
        }
        hex(&all.finalize())
    }
}

/// Why a scenario says nothing of the image under test, if no container is of it.
fn without_subject(scenario: &Scenario) -> Option<Diagnostic> {
    if scenario.uses_the_subject() {
        return None;
    }
    let text = Arc::from(scenario.source.text.as_str());
    let message = "no container of this scenario is of the image under test";
    let mut found = Diagnostic::new(&scenario.source.path, &text, 0..0, message);
    found
        .label("so it says nothing about it")
        .note("needs a step: recreate = { image = \"subject\" }");
    Some(found)
}

/// Why nothing can come of a scenario of the table, if the reconciler has nothing to go by.
fn without_state(scenario: &Scenario) -> Option<Diagnostic> {
    if !scenario.leaves_nothing_to_reconcile() {
        return None;
    }
    let text: Arc<str> = Arc::from(scenario.source.text.as_str());
    let word = "\"reconcile\"";
    let start = text.find(word).unwrap_or_default();
    let message = "the reconciler starts no gateway on a volume with nothing on it";
    let mut found = Diagnostic::new(&scenario.source.path, &text, start..start + word.len(), message);
    found
        .label("needs a [[seed]]")
        .note("such as path = \"gateway_state.json\", json = { gateway_state = \"running\" }");
    Some(found)
}

/// Reads the `*.toml` files of a folder, without its subfolders.
fn read_folder(folder: &Path, texts: &mut BTreeMap<String, (String, String)>, errors: &mut ScenarioErrors) {
    let shown = folder.display().to_string();
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) => {
            errors.files.push(FileError {
                path: shown,
                message: format!("cannot be read: {error}"),
            });
            return;
        }
    };
    let mut paths: Vec<_> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    if paths.is_empty() {
        errors.files.push(FileError {
            path: shown,
            message: "contains no scenario file (*.toml)".to_owned(),
        });
    }
    for path in paths {
        let shown = path.display().to_string();
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        match read_file(&path) {
            Ok(bytes) => add(texts, errors, &name, shown, bytes),
            Err(message) => errors.files.push(FileError { path: shown, message }),
        }
    }
}

/// Reads a file, if it is a plain file of at most 1 MiB.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?;
    if !meta.is_file() {
        return Err("is not a file".to_owned());
    }
    if meta.len() > MAX_FILE {
        return Err("is larger than 1 MiB, the limit for a scenario file".to_owned());
    }
    std::fs::read(path).map_err(|e| format!("cannot be read: {e}"))
}

/// Adds the text of a file.
fn add(
    texts: &mut BTreeMap<String, (String, String)>,
    errors: &mut ScenarioErrors,
    name: &str,
    path: String,
    bytes: Vec<u8>,
) {
    match String::from_utf8(bytes) {
        Ok(text) => {
            texts.insert(stem(name).to_owned(), (path, text));
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let message = format!("is not UTF-8 text (byte {at})");
            errors.files.push(FileError { path, message });
        }
    }
}

/// A file's name without folder and extension.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".toml").unwrap_or(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = "schema = 1\ntitle = \"t\"\ninvariant = true\n[[expect]]\nat = \"end\"\nprobe = \"service\"\nfixed = \"up\"\nregressed = \"up\"\n";

    #[test]
    fn every_embedded_file_is_a_scenario() {
        let all = Catalogue::load(None).unwrap_or_else(|e| panic!("{e}"));
        assert!(all.get("docker-restart").is_some());
        assert!(all.iter().all(|s| !s.why.is_empty() && !s.tags.is_empty()));
        assert_eq!(all.hash().len(), 64);
    }

    #[test]
    fn a_folder_adds_and_replaces() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.toml"), GOOD).unwrap();
        std::fs::write(folder.path().join("docker-restart.toml"), GOOD).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "ignored").unwrap();
        let plain = Catalogue::load(None).unwrap();
        let all = Catalogue::load(Some(folder.path())).unwrap();
        assert_eq!(all.len(), plain.len() + 1);
        assert_eq!(all.get("docker-restart").unwrap().title, "t");
        assert_eq!(all.hash_of("mine"), all.hash_of("docker-restart"));
        assert_ne!(all.hash(), plain.hash());
    }

    #[test]
    fn an_empty_or_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let empty = Catalogue::load(Some(folder.path())).unwrap_err().to_string();
        assert!(empty.contains("contains no scenario file (*.toml)"), "{empty}");
        let missing = Catalogue::load(Some(&folder.path().join("nope")))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("nope: cannot be read"), "{missing}");
    }

    #[test]
    fn a_scenario_is_about_the_image_under_test() {
        let text = "schema = 1\ntitle = \"t\"\nfixed_in = \"0.17.0\"\n[start]\nimage = \"release:0.16.0\"\n[[step]]\nSTEP\n\
                    [[expect]]\nat = \"end\"\nprobe = \"service\"\nfixed = \"up\"\nregressed = \"down\"\n";
        let read = |step: &str| Catalogue::from_texts([("mine.toml", text.replace("STEP", step).as_str())]);
        let refused = read("engine-restart = {}").unwrap_err().to_string();
        assert!(refused.contains("of the image under test"), "{refused}");
        read("recreate = { image = \"subject\" }").unwrap();
    }

    #[test]
    fn the_reconciler_needs_something_to_go_by() {
        let text = "schema = 1\ntitle = \"t\"\ninvariant = true\n[start]\nby = \"reconcile\"\n[[step]]\nengine-restart = {}\n\
                    [[expect]]\nat = \"end\"\nprobe = \"service\"\nfixed = \"up\"\nregressed = \"up\"\n";
        let folder = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            std::fs::write(folder.path().join("mine.toml"), text).unwrap();
            Catalogue::load(Some(folder.path()))
        };
        let refused = load(text).unwrap_err().to_string();
        assert!(
            refused.contains("needs a [[seed]]") && refused.contains("mine.toml:5:6"),
            "{refused}"
        );
        load(&format!(
            "{text}[[seed]]\npath = \"gateway_state.json\"\ntext = \"{{}}\"\n"
        ))
        .unwrap();
        Catalogue::from_texts([("mine.toml", text)]).unwrap();
    }

    #[test]
    fn all_errors_of_all_files_are_reported_at_once() {
        let bad = "schema = 1\ntitle = \"t\"\ncolour = 1\n";
        let errors =
            Catalogue::from_texts([("a/one.toml", bad), ("a/two.toml", GOOD), ("a/three.toml", bad)]).unwrap_err();
        assert_eq!(errors.diagnostics.len(), 4);
        assert!(
            errors
                .to_string()
                .ends_with("4 errors in 2 of 3 scenario files; nothing was run"),
            "{errors}"
        );
    }
}
