//! `source:PATH` and `source:PATH#REVISION`: a tree of hermes-agent, installed on an image with its dependencies.

use std::path::{Path, PathBuf};

use super::assets::{self, Key, Tree, short};
use super::build::{self, Job};
use super::choice::choose;
use super::expr::{ImageExpr, Revisions};
use super::ignore::Ignore;
use super::project::{self, Project, TAKES};
use super::recipe::{Base, Plan};
use super::release::declare;
use super::stage::Stage;
use super::{Image, ImageError, ObtainOptions, Report, git, tree};
use comeback_engine::{BuildRequest, Engine, ImageInfo};

/// Files of a tree that no gateway reads. They are left out of the context, so that editing them rebuilds nothing.
const IGNORED: &str =
    "tests\nbuild\ndist\n.github\nwebsite\nweb\nui-tui\napps\ncontributors\n**/*.pyc\n**/*.ps1\n.comeback\n";
/// Memory for the build directory, in bytes.
const WORKSPACE: i32 = 1 << 30;

/// Where a tree is.
pub(super) struct Place<'a> {
    /// The directory as given.
    pub(super) path: &'a Path,
    /// The revision in git; `None` for the files in the directory.
    pub(super) revision: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn new(path: &'a Path, revisions: Option<&'a Revisions>) -> Result<Self, ImageError> {
        let revision = match revisions {
            None => None,
            Some(Revisions::One(revision)) => Some(revision.as_str()),
            Some(range) => {
                return Err(ImageError::Path {
                    path: path.to_owned(),
                    why: format!("`#{range}` stands for many trees, and one is needed here: name one revision"),
                });
            }
        };
        Ok(Self { path, revision })
    }

    /// The path of a file in the tree, for errors.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        match self.revision {
            Some(revision) => PathBuf::from(format!("{}#{revision}", self.path.display())).join(name),
            None => self.path.join(name),
        }
    }
}

/// The files of a tree that are installed. Its own `.dockerignore` counts, as it does in the official image.
async fn read(place: &Place<'_>, report: &Report<'_>) -> Result<Tree, ImageError> {
    let root = place.path.canonicalize().map_err(|e| ImageError::Path {
        path: place.path.to_owned(),
        why: format!("{e}; {TAKES}"),
    })?;
    let ignore = |own: &str| Ignore::parse(&format!("{own}\n{IGNORED}"));
    if let Some(revision) = place.revision {
        return git::read(&root, place.path, revision, ignore, report).await;
    }
    let path = root.clone();
    let walk = move || {
        let own = std::fs::read_to_string(root.join(".dockerignore")).unwrap_or_default();
        tree::read(&root, &ignore(&own))
    };
    match tokio::task::spawn_blocking(walk).await {
        Ok(tree) => tree,
        Err(error) => Err(ImageError::Path {
            path,
            why: error.to_string(),
        }),
    }
}

/// The image, and whether it was already there.
pub(super) async fn obtain(
    engine: &dyn Engine,
    expression: &ImageExpr,
    place: &Place<'_>,
    base: Option<Base>,
    options: &ObtainOptions,
    report: &Report<'_>,
) -> Result<(Image, bool), ImageError> {
    let mut files = read(place, report).await?;
    let project = project::read(place, &files)?;
    let stage = files
        .text("Dockerfile")
        .map(|text| Stage::last(&text))
        .unwrap_or_default();
    let (base, why) = choose(base, &stage, project.requires_python.as_ref()).map_err(|why| ImageError::Path {
        path: place.file("pyproject.toml"),
        why,
    })?;
    if let Some(why) = why {
        report.decided(why);
    }
    // The official image leaves the readme out too, and a build needs it.
    if let Some(readme) = &project.readme {
        files.file_if_absent(readme, "");
    }
    let plan = Plan::new(base)?;
    let dependencies = Dependencies::new(&plan, &project, &stage);
    let dockerfile = assets::text("gateway/source.Dockerfile");
    let key = tree::key(
        &files,
        &[("dependencies", &dependencies.key), ("dockerfile", &dockerfile)],
    );
    let reference = format!("comeback-source:{base}-{}", short(&key));
    let job = Job {
        name: expression.to_string(),
        engine,
        report,
    };
    // Also with `--offline`: with the dependencies in place, a build needs no network.
    let request = async {
        let on = dependencies.ensure(engine, &plan, options, report).await?;
        report.step(format!("installing {expression} on {base}"));
        let mut context = Tree::default();
        context.file("Dockerfile", assets::inline(&dockerfile, &[("DEPENDENCIES", &on.id)]));
        context.file("source.tar", files.tar());
        Ok(BuildRequest {
            shm_bytes: Some(WORKSPACE),
            ..build::request(&reference, &context)
        })
    };
    let (info, cached) = job.once(&options.cache, (&reference, &key), request).await?;
    let image = Image {
        name: expression.to_string(),
        reference: reference.clone(),
        digest: info.id,
        base: Some(base.to_string()),
        supervisor: info.labels.get("comeback.supervisor").cloned(),
        release: project.version.clone(),
    };
    Ok((image, cached))
}

/// The image with the dependencies of a tree, and with the environment and the entrypoint that the tree's own
/// Dockerfile sets. An edit of the tree that leaves them alone reuses it.
struct Dependencies {
    reference: String,
    key: String,
    requirements: String,
    /// Instructions of the tree's own Dockerfile.
    settings: String,
}

impl Dependencies {
    fn new(plan: &Plan, project: &Project, stage: &Stage) -> Self {
        let mut words: Vec<String> = project.build_requires.iter().map(|r| quoted(r)).collect();
        words.push("--".to_owned());
        words.extend(project.dependencies.iter().map(|r| quoted(r)));
        let mut dependencies = Self {
            reference: String::new(),
            key: String::new(),
            requirements: words.join(" "),
            settings: stage.settings(),
        };
        let mut key = Key::default();
        key.add("base", plan.key.as_bytes());
        key.add("dockerfile", dependencies.dockerfile(&plan.reference).as_bytes());
        dependencies.key = key.hex();
        dependencies.reference = format!("comeback-deps:{}-{}", plan.base, short(&dependencies.key));
        dependencies
    }

    fn dockerfile(&self, base: &str) -> String {
        let text = assets::inline(
            &assets::text("gateway/dependencies.Dockerfile"),
            &[("BASE", base), ("REQUIREMENTS", &self.requirements)],
        );
        declare(&text, &self.settings)
    }

    async fn ensure(
        &self,
        engine: &dyn Engine,
        plan: &Plan,
        options: &ObtainOptions,
        report: &Report<'_>,
    ) -> Result<ImageInfo, ImageError> {
        let job = Job {
            name: "the dependencies of the source tree".to_owned(),
            engine,
            report,
        };
        let request = async {
            if options.offline {
                return Err(ImageError::Offline {
                    image: self.reference.clone(),
                    needed: "install the dependencies of the source tree".to_owned(),
                });
            }
            let base = plan.ensure(engine, &options.cache, report).await?;
            report.step("installing what the source tree depends on".to_owned());
            let mut context = Tree::default();
            context.file("Dockerfile", declare(&self.dockerfile(&base.id), &build::index_args()));
            Ok(build::request(&self.reference, &context))
        };
        let names = (self.reference.as_str(), self.key.as_str());
        Ok(job.once(&options.cache, names, request).await?.0)
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

    fn dependencies(pyproject: &str, dockerfile: &str) -> Dependencies {
        let mut files = Tree::default();
        files.file("pyproject.toml", pyproject);
        let place = Place::new(Path::new("x"), None).unwrap();
        let plan = Plan::new(Base::Bookworm).unwrap();
        Dependencies::new(&plan, &project::read(&place, &files).unwrap(), &Stage::last(dockerfile))
    }

    #[test]
    fn dependencies_are_one_step_with_a_key_of_their_own() {
        let found = dependencies(PYPROJECT, "");
        let run = "RUN /opt/comeback/install dependencies 'setuptools>=77.0,<83' -- 'httpx[socks]==0.28.1' \
                   'ptyprocess<1; sys_platform != \"win32\"'\n";
        let dockerfile = found.dockerfile("base");
        assert!(dockerfile.ends_with(run), "{dockerfile}");
        let of = |text: &str| dependencies(text, "").key;
        assert_eq!(of(&PYPROJECT.replace("0.17.0", "0.17.1")), found.key);
        assert_ne!(of(&PYPROJECT.replace("0.28.1", "0.28.2")), found.key);
    }

    #[test]
    fn the_trees_own_settings_come_before_the_dependencies() {
        let found = dependencies(PYPROJECT, "FROM debian:13\nENV A=1\nENTRYPOINT [\"/x\"]\n");
        let dockerfile = found.dockerfile("base");
        assert!(
            dockerfile.contains("FROM base\nENV A=1\nENTRYPOINT [\"/x\"]\nRUN "),
            "{dockerfile}"
        );
        assert_ne!(found.key, dependencies(PYPROJECT, "FROM debian:13\nENV A=2\n").key);
    }

    #[test]
    fn a_range_of_revisions_is_not_one_tree() {
        let range = Revisions::Tags {
            from: "a".into(),
            to: "b".into(),
        };
        let error = Place::new(Path::new("."), Some(&range)).err().unwrap().to_string();
        assert!(error.contains("`#a..b` stands for many trees"), "{error}");
    }
}
