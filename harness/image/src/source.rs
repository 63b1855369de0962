//! `source:PATH`: a checkout or unpacked sdist, installed on an image with its dependencies.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::Version;
use serde::Deserialize;

use super::assets::{self, Key, Tree, short};
use super::build::{self, Job, Log};
use super::expr::{Base, ImageExpr};
use super::ignore::Ignore;
use super::recipe::Plan;
use super::release::declare;
use super::{Image, ImageError, ObtainOptions, Report, tree};
use comeback_engine::{BuildRequest, Engine, ImageInfo};
use comeback_gateway::image::PROJECT;

/// Files of a source tree that are not installed. They are left out of the context, so that editing them rebuilds
/// nothing.
const IGNORED: &str = "tests\nbuild\ndist\n.github\nwebsite\n**/*.pyc\n.comeback\n";
/// Memory for the tree, its build directory and its wheel, in bytes.
const WORKSPACE: i32 = 1 << 30;

/// The parts of a pyproject.toml that decide what is installed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pyproject {
    project: Project,
    #[serde(default)]
    build_system: BuildSystem,
}

#[derive(Debug, Deserialize)]
struct Project {
    #[serde(default)]
    name: String,
    version: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct BuildSystem {
    #[serde(default)]
    requires: Vec<String>,
}

/// Explanation for a wrong path.
const TAKES: &str = "`source:` takes the directory of a hermes-agent checkout or of an unpacked sdist";

fn pyproject(root: &Path) -> Result<Pyproject, ImageError> {
    let path = root.join("pyproject.toml");
    let wrong = |why: String| ImageError::Path {
        path: path.clone(),
        why,
    };
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(format!("{e}; {TAKES}")))?;
    let parsed: Pyproject =
        toml::from_str(&text).map_err(|e| wrong(format!("not a valid pyproject.toml: {}", place(&text, &e))))?;
    if parsed.project.name != PROJECT {
        return Err(wrong(format!(
            "it is the project `{}`, not {PROJECT}",
            parsed.project.name
        )));
    }
    Ok(parsed)
}

/// The error of a TOML text and its line, as one line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

/// The version that a source tree declares.
fn version(project: &Project, root: &Path) -> Option<Version> {
    let written = project.version.clone().or_else(|| {
        let module = std::fs::read_to_string(root.join(comeback_gateway::image::VERSION_MODULE)).ok()?;
        super::contract::version_in(&module)
    })?;
    Version::from_str(&written).ok()
}

/// The image, and whether it was already there.
pub(super) async fn obtain(
    engine: &dyn Engine,
    expression: &ImageExpr,
    path: &Path,
    base: Base,
    options: &ObtainOptions,
    report: &Report<'_>,
) -> Result<(Image, bool), ImageError> {
    let root = path.canonicalize().map_err(|e| ImageError::Path {
        path: path.to_owned(),
        why: format!("{e}; {TAKES}"),
    })?;
    let pyproject = pyproject(&root)?;
    let plan = Plan::new(base)?;
    let dependencies = Dependencies::new(&plan, &pyproject);
    let dockerfile = assets::text("gateway/source.Dockerfile");
    let files = read(root.clone()).await?;
    let key = tree::key(
        &files,
        &[("dependencies", &dependencies.key), ("dockerfile", &dockerfile)],
    );
    let reference = format!("comeback-source:{base}-{}", short(&key));
    let image = |info: ImageInfo| Image {
        name: expression.to_string(),
        reference: reference.clone(),
        digest: info.id,
        base: Some(base.to_string()),
        supervisor: info.labels.get("comeback.supervisor").cloned(),
        release: version(&pyproject.project, &root),
    };
    if let Some(info) = engine.inspect_image(&reference).await? {
        return Ok((image(info), true));
    }
    // Also with `--offline`: with the dependencies in place, a build needs no network.
    let on = dependencies.ensure(engine, &plan, options, report).await?;
    let _lock = options.cache.lock(short(&key)).await?;
    // Another process may have built it meanwhile.
    if let Some(info) = engine.inspect_image(&reference).await? {
        return Ok((image(info), true));
    }
    report.step(format!("installing {} on {base}", path.display()));
    let mut context = Tree::default();
    context.file("Dockerfile", assets::inline(&dockerfile, &[("DEPENDENCIES", &on.id)]));
    context.file("source.tar", files.tar());
    let request = BuildRequest {
        shm_bytes: Some(WORKSPACE),
        ..build::request(&reference, &context)
    };
    let job = Job {
        name: expression.to_string(),
        engine,
        report,
    };
    let info = job.run(request, &Log::create(&options.cache, &reference)?).await?;
    Ok((image(info), false))
}

/// Reads a source tree on a thread for blocking work.
async fn read(root: PathBuf) -> Result<Tree, ImageError> {
    let path = root.clone();
    match tokio::task::spawn_blocking(move || tree::read(&root, &Ignore::parse(IGNORED))).await {
        Ok(tree) => tree,
        Err(error) => Err(ImageError::Path {
            path,
            why: error.to_string(),
        }),
    }
}

/// The image with the dependencies of a source tree. An edit of the tree that leaves them alone reuses it.
struct Dependencies {
    reference: String,
    key: String,
    requirements: String,
}

impl Dependencies {
    fn new(plan: &Plan, pyproject: &Pyproject) -> Self {
        let mut words: Vec<String> = pyproject.build_system.requires.iter().map(|r| quoted(r)).collect();
        if words.is_empty() {
            // The default of build frontends for a project without a build system (PEP 517).
            words.push("setuptools".to_owned());
        }
        words.push("--".to_owned());
        words.extend(pyproject.project.dependencies.iter().map(|r| quoted(r)));
        let requirements = words.join(" ");
        let mut key = Key::default();
        key.add("base", plan.key.as_bytes());
        key.add(
            "dockerfile",
            Self::dockerfile(&plan.reference, &requirements).as_bytes(),
        );
        let key = key.hex();
        Self {
            reference: format!("comeback-deps:{}-{}", plan.base, short(&key)),
            key,
            requirements,
        }
    }

    fn dockerfile(base: &str, requirements: &str) -> String {
        assets::inline(
            &assets::text("gateway/dependencies.Dockerfile"),
            &[("BASE", base), ("REQUIREMENTS", requirements)],
        )
    }

    async fn ensure(
        &self,
        engine: &dyn Engine,
        plan: &Plan,
        options: &ObtainOptions,
        report: &Report<'_>,
    ) -> Result<ImageInfo, ImageError> {
        if let Some(info) = engine.inspect_image(&self.reference).await? {
            return Ok(info);
        }
        if options.offline {
            return Err(ImageError::Offline {
                image: self.reference.clone(),
                needed: "install the dependencies of the source tree".to_owned(),
            });
        }
        let base = plan.ensure(engine, &options.cache, report).await?;
        let _lock = options.cache.lock(short(&self.key)).await?;
        if let Some(info) = engine.inspect_image(&self.reference).await? {
            return Ok(info);
        }
        report.step("installing what the source tree depends on".to_owned());
        let mut context = Tree::default();
        context.file(
            "Dockerfile",
            declare(&Self::dockerfile(&base.id, &self.requirements), &build::index_args()),
        );
        let request = build::request(&self.reference, &context);
        let job = Job {
            name: "the dependencies of the source tree".to_owned(),
            engine,
            report,
        };
        job.run(request, &Log::create(&options.cache, &self.reference)?).await
    }
}

/// A requirement as one shell word in a Dockerfile, quoted so that neither Docker nor the shell expands it.
fn quoted(requirement: &str) -> String {
    let plain = requirement
        .replace(['\n', '\r'], " ")
        .replace('\\', "\\\\")
        .replace('$', "\\$");
    format!("'{}'", plain.replace('\'', "\"").trim())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PYPROJECT: &str = r#"
[build-system]
requires = ["setuptools>=77.0,<83"]
[project]
name = "hermes-agent"
version = "0.17.0"
dependencies = ["httpx[socks]==0.28.1", "ptyprocess<1; sys_platform != 'win32'"]
"#;

    fn tree(text: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("pyproject.toml"), text).unwrap();
        directory
    }

    #[test]
    fn dependencies_are_one_step_with_a_key_of_their_own() {
        let plan = Plan::new(Base::Bookworm).unwrap();
        let of = |text: &str| Dependencies::new(&plan, &pyproject(tree(text).path()).unwrap());
        let found = of(PYPROJECT);
        let run = "RUN /opt/comeback/install dependencies 'setuptools>=77.0,<83' -- 'httpx[socks]==0.28.1' \
                   'ptyprocess<1; sys_platform != \"win32\"'\n";
        assert!(
            Dependencies::dockerfile("base", &found.requirements).ends_with(run),
            "{}",
            found.requirements
        );
        assert_eq!(of(&PYPROJECT.replace("0.17.0", "0.17.1")).key, found.key);
        assert_ne!(of(&PYPROJECT.replace("0.28.1", "0.28.2")).key, found.key);
    }

    #[test]
    fn a_directory_without_hermes_agent_is_an_error() {
        let say = |text: &str| pyproject(tree(text).path()).unwrap_err().to_string();
        assert!(say("[project]\nname = \"other\"").contains("it is the project `other`, not hermes-agent"));
        let merge = say("[project]\n<<<<<<< HEAD");
        assert!(merge.contains("not a valid pyproject.toml: line 2: "), "{merge}");
        let nothing = tempfile::tempdir().unwrap();
        let error = pyproject(nothing.path()).unwrap_err().to_string();
        assert!(
            error.contains("`source:` takes the directory of a hermes-agent checkout"),
            "{error}"
        );
    }

    #[test]
    fn the_version_comes_from_the_source_tree() {
        let directory = tree(PYPROJECT);
        let parsed = pyproject(directory.path()).unwrap();
        assert_eq!(
            version(&parsed.project, directory.path()).unwrap().to_string(),
            "0.17.0"
        );
    }
}
