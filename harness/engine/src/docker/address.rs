//! Which engine is meant: its address, and who named it. The order is that of the docker command.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The socket of an engine that was installed and left as it is.
const USUAL: &str = "/var/run/docker.sock";
/// The same of Podman, run by root; run by a user, it is below `XDG_RUNTIME_DIR`.
const PODMANS: &str = "/run/podman/podman.sock";

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// Docker's, or where there is no sign of one, Podman's.
    #[default]
    Any,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl Wanted {
    /// True if an engine of that name will do.
    pub fn is(self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Docker => name == "docker",
            Self::Podman => name == "podman",
        }
    }
}

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its URL: `unix:///var/run/docker.sock`.
    pub url: String,
    /// Folder with `ca.pem`, `cert.pem` and `key.pem`, where the engine is spoken to through TLS.
    pub certificates: Option<PathBuf>,
    /// Why it is this one.
    pub named_by: NamedBy,
}

/// Who named an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedBy {
    /// A flag, or what stands in for it.
    Asked,
    /// `DOCKER_HOST`.
    DockerHost,
    /// A docker context.
    Context {
        /// Its name.
        name: String,
        /// What makes it the current one.
        current_by: String,
    },
    /// `CONTAINER_HOST`, which is Podman's.
    ContainerHost,
    /// Nobody: it is a socket where engines usually are.
    Usual,
    /// Nobody: it is a socket where Podman's service usually is.
    UsualPodman,
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("named by --host, COMEBACK_HOST or the defaults file"),
            Self::DockerHost => f.write_str("named by DOCKER_HOST"),
            Self::Context { name, current_by } => write!(f, "the docker context `{name}`, current by {current_by}"),
            Self::ContainerHost => f.write_str("named by CONTAINER_HOST"),
            Self::UsualPodman => {
                f.write_str("the usual socket of podman: neither --host nor CONTAINER_HOST names another")
            }
            Self::Usual => f.write_str("the usual socket: no --host, DOCKER_HOST or docker context names another"),
        }
    }
}

/// An engine is named, but not in a way that leads to one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{meant}: {why}")]
pub struct NoAddress {
    /// What was named: "docker context `far`".
    pub meant: String,
    /// Why that leads nowhere, and what to do.
    pub why: String,
}

/// The address of the engine that is meant: of `asked`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of docker's
/// configuration and the usual sockets, the first that names one. Podman's is looked for as podman does it, in `asked`,
/// `CONTAINER_HOST` and its own sockets; where any engine will do, after docker's.
///
/// # Errors
/// A context that is not there, cannot be read, or is of a kind that is not spoken here.
pub fn locate(wanted: Wanted, asked: Option<&str>) -> Result<Address, NoAddress> {
    Surroundings {
        variable: &|name| std::env::var(name).ok(),
        exists: &Path::exists,
    }
    .locate(wanted, asked)
}

/// The address where no context is looked at, which is how testcontainers finds its engine.
pub fn default_host() -> String {
    let around = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        exists: &Path::exists,
    };
    around.set("DOCKER_HOST").unwrap_or_else(|| around.usual().0)
}

/// What the search depends on.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    exists: &'a dyn Fn(&Path) -> bool,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: String,
}

impl Surroundings<'_> {
    fn locate(&self, wanted: Wanted, asked: Option<&str>) -> Result<Address, NoAddress> {
        let plain = |url: String, named_by| Address {
            url,
            certificates: None,
            named_by,
        };
        if let Some(url) = asked.map(str::trim).filter(|url| !url.is_empty()) {
            return Ok(plain(spoken("--host", url.to_owned())?, NamedBy::Asked));
        }
        if wanted != Wanted::Podman {
            if let Some(url) = self.set("DOCKER_HOST") {
                return Ok(plain(spoken("DOCKER_HOST", url)?, NamedBy::DockerHost));
            }
            if let Some(address) = self.context()? {
                return Ok(address);
            }
            let (url, there) = self.usual();
            if there || wanted == Wanted::Docker {
                return Ok(plain(url, NamedBy::Usual));
            }
        }
        if let Some(url) = self.set("CONTAINER_HOST") {
            return Ok(plain(spoken("CONTAINER_HOST", url)?, NamedBy::ContainerHost));
        }
        match (self.podmans(), wanted) {
            (None, Wanted::Any) => Ok(plain(self.usual().0, NamedBy::Usual)),
            (None, _) => Ok(plain(format!("unix://{PODMANS}"), NamedBy::UsualPodman)),
            (Some(url), _) => Ok(plain(url, NamedBy::UsualPodman)),
        }
    }

    /// Podman's own socket, where there is one: of this user first.
    fn podmans(&self) -> Option<String> {
        let own = self
            .set("XDG_RUNTIME_DIR")
            .map(|folder| format!("{folder}/podman/podman.sock"));
        let found = own
            .into_iter()
            .chain([PODMANS.to_owned()])
            .find(|path| (self.exists)(Path::new(path)));
        found.map(|path| format!("unix://{path}"))
    }

    /// A variable that is set to something.
    fn set(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The first of the usual sockets that is there, in testcontainers' order, and whether any is.
    fn usual(&self) -> (String, bool) {
        let below = |variable: &str, path: &str| self.set(variable).map(|folder| format!("{folder}/{path}"));
        let candidates = [
            Some(USUAL.to_owned()),
            below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
            below("HOME", ".docker/run/docker.sock"),
            below("HOME", ".docker/desktop/docker.sock"),
        ];
        let found = candidates.into_iter().flatten().find(|p| (self.exists)(Path::new(p)));
        (format!("unix://{}", found.as_deref().unwrap_or(USUAL)), found.is_some())
    }

    /// Docker's own configuration.
    fn folder(&self) -> Option<PathBuf> {
        let named = self.set("DOCKER_CONFIG").map(PathBuf::from);
        named.or_else(|| Some(PathBuf::from(self.set("HOME")?).join(".docker")))
    }

    /// The engine of the current context; `None` if that is docker's built-in `default`.
    fn context(&self) -> Result<Option<Address>, NoAddress> {
        let Some(folder) = self.folder() else {
            return Ok(None);
        };
        let (name, current_by) = match self.set("DOCKER_CONTEXT") {
            Some(name) => (name, "DOCKER_CONTEXT".to_owned()),
            None => {
                let file = folder.join("config.json");
                let Ok(text) = std::fs::read_to_string(&file) else {
                    return Ok(None);
                };
                let shown = file.display().to_string();
                match serde_json::from_str::<Config>(&text) {
                    Ok(config) => (config.current_context, shown),
                    Err(error) => {
                        return Err(NoAddress {
                            meant: shown,
                            why: format!(
                                "not docker's configuration ({error}): correct it, or name an engine by --host"
                            ),
                        });
                    }
                }
            }
        };
        if name.is_empty() || name == "default" {
            return Ok(None);
        }
        let endpoint = self.endpoint(&folder, &name).map_err(|why| NoAddress {
            meant: format!("docker context `{name}` (current by {current_by})"),
            why,
        })?;
        Ok(Some(Address {
            url: endpoint.0,
            certificates: endpoint.1,
            named_by: NamedBy::Context { name, current_by },
        }))
    }

    /// Address and certificates of a context, or why there are none.
    fn endpoint(&self, folder: &Path, name: &str) -> Result<(String, Option<PathBuf>), String> {
        let id = file_name(name);
        let file = folder.join("contexts/meta").join(&id).join("meta.json");
        let text = std::fs::read_to_string(&file)
            .map_err(|_| "there is no such context: see `docker context ls`, or name an engine by --host".to_owned())?;
        let meta: Meta = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        let url = meta.endpoints.docker.map(|endpoint| endpoint.host).unwrap_or_default();
        match url.split_once("://") {
            Some(("unix" | "npipe", _)) => Ok((url, None)),
            Some(("tcp" | "http" | "https", _)) => {
                let certificates = folder.join("contexts/tls").join(&id).join("docker");
                let there = (self.exists)(&certificates);
                Ok((url, there.then_some(certificates)))
            }
            _ => Err(format!(
                "its address is `{url}`, and only unix, tcp and http are spoken here: forward the engine's socket (as `ssh -L` \
                 does) and name it by --host"
            )),
        }
    }
}

/// The commands of docker and podman also reach engines through ssh, which is not spoken here.
fn spoken(meant: &str, url: String) -> Result<String, NoAddress> {
    if ["unix://", "tcp://", "http://", "https://"]
        .iter()
        .any(|way| url.starts_with(way))
    {
        return Ok(url);
    }
    Err(NoAddress {
        meant: meant.to_owned(),
        why: format!(
            "it is `{}`, and only unix, tcp and http are spoken here: forward the engine's socket (as `ssh -L` does) and name \
             it by --host",
            comeback_text::redact::text(&url)
        ),
    })
}

/// Docker files a context under the hash of its name.
fn file_name(context: &str) -> String {
    Sha256::digest(context)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
