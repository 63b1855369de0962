//! The parts of a tree's pyproject.toml that decide what is installed, and on which Python.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;

use super::ImageError;
use super::assets::Tree;
use super::source::Place;
use comeback_gateway::RECONCILER;
use comeback_gateway::image::{PROJECT, VERSION_MODULE};

/// Explanation for a wrong path.
pub(super) const TAKES: &str = "`source:` takes the directory of a hermes-agent checkout or of an unpacked sdist";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pyproject {
    project: ProjectTable,
    #[serde(default)]
    build_system: BuildSystem,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ProjectTable {
    #[serde(default)]
    name: String,
    version: Option<String>,
    /// A path, or a table with a path or a text.
    readme: Option<toml::Value>,
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct BuildSystem {
    #[serde(default)]
    requires: Vec<String>,
}

/// What is known of a project before it is installed.
#[derive(Debug)]
pub(super) struct Project {
    /// The version that the tree declares.
    pub(super) version: Option<Version>,
    pub(super) readme: Option<String>,
    pub(super) requires_python: Option<VersionSpecifiers>,
    pub(super) build_requires: Vec<String>,
    pub(super) dependencies: Vec<String>,
}

/// Reads the project of a tree.
pub(super) fn read(place: &Place<'_>, files: &Tree) -> Result<Project, ImageError> {
    let wrong = |why: String| ImageError::Path {
        path: place.file("pyproject.toml"),
        why,
    };
    let text = files
        .text("pyproject.toml")
        .ok_or_else(|| wrong(format!("there is no such file; {TAKES}")))?;
    let parsed: Pyproject =
        toml::from_str(&text).map_err(|e| wrong(format!("not a valid pyproject.toml: {}", line_of(&text, &e))))?;
    let project = parsed.project;
    // A fork may have another name.
    if project.name != PROJECT && files.text(RECONCILER).is_none() {
        return Err(wrong(format!("it is the project `{}`, not {PROJECT}", project.name)));
    }
    let requires = project.requires_python.as_deref().map(VersionSpecifiers::from_str);
    let requires_python = requires.transpose().map_err(|e| {
        wrong(format!(
            "`requires-python` is not a version range ({})",
            e.to_string().trim()
        ))
    })?;
    let module = || super::contract::version_in(&files.text(VERSION_MODULE)?);
    let version = project.version.or_else(module).and_then(|v| Version::from_str(&v).ok());
    let readme = project.readme.and_then(|readme| match readme {
        toml::Value::String(path) => Some(path),
        other => Some(other.get("file")?.as_str()?.to_owned()),
    });
    let mut build_requires = parsed.build_system.requires;
    if build_requires.is_empty() {
        // The default of build frontends for a project without a build system (PEP 517).
        build_requires.push("setuptools".to_owned());
    }
    Ok(Project {
        version,
        readme,
        requires_python,
        build_requires,
        dependencies: project.dependencies,
    })
}

/// The error of a TOML text and its line, as one line.
fn line_of(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<Project, String> {
        let mut tree = Tree::default();
        for (path, content) in files {
            tree.file(*path, *content);
        }
        let place = Place::new(Path::new("x"), None).unwrap();
        read(&place, &tree).map_err(|e| e.to_string())
    }

    fn of(pyproject: &str) -> Result<Project, String> {
        project(&[("pyproject.toml", pyproject)])
    }

    #[test]
    fn a_tree_without_hermes_agent_is_an_error() {
        let other = of("[project]\nname = \"other\"").unwrap_err();
        assert_eq!(other, "x/pyproject.toml: it is the project `other`, not hermes-agent");
        let merge = of("[project]\n<<<<<<< HEAD").unwrap_err();
        assert!(merge.contains("not a valid pyproject.toml: line 2: "), "{merge}");
        let nothing = project(&[]).unwrap_err();
        assert!(
            nothing.contains("`source:` takes the directory of a hermes-agent checkout"),
            "{nothing}"
        );
        let range = of("[project]\nname = \"hermes-agent\"\nrequires-python = \"3\"").unwrap_err();
        assert!(range.contains("`requires-python` is not a version range"), "{range}");
    }

    #[test]
    fn a_fork_is_known_by_its_reconciler() {
        let fork = "[project]\nname = \"fork\"\nversion = \"1.2\"";
        let found = project(&[("pyproject.toml", fork), (RECONCILER, "")]).unwrap();
        assert_eq!(found.version.unwrap().to_string(), "1.2");
    }

    #[test]
    fn the_version_and_the_readme_are_read() {
        let found = of("[project]\nname = \"hermes-agent\"\nversion = \"0.17.0\"\nreadme = \"README.md\"").unwrap();
        assert_eq!(found.version.unwrap().to_string(), "0.17.0");
        assert_eq!(found.readme.as_deref(), Some("README.md"));
        assert_eq!(found.build_requires, ["setuptools"]);
        let table = "[project]\nname = \"hermes-agent\"\nreadme = { file = \"R.md\" }";
        assert_eq!(of(table).unwrap().readme.as_deref(), Some("R.md"));
    }
}
