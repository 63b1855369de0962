//! Which engine is used: its address and where that comes from. The order is that of the docker command.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The default socket of Docker.
const USUAL: &str = "/var/run/docker.sock";
/// The default socket of Podman run by root. Run by a user, it is below `XDG_RUNTIME_DIR`.
const PODMANS: &str = "/run/podman/podman.sock";

/// Which kind of engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// Docker, or Podman if there is no sign of Docker.
    #[default]
    Any,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl Wanted {
    /// True if an engine of this name is of the wanted kind.
    pub fn is(self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Docker => name == "docker",
            Self::Podman => name == "podman",
        }
    }
}

/// The address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its URL: `unix:///var/run/docker.sock`.
    pub url: String,
    /// Folder with `ca.pem`, `cert.pem` and `key.pem` for an engine behind TLS.
    pub certificates: Option<PathBuf>,
    /// Where the address comes from.
    pub named_by: NamedBy,
}

/// Where the address of an engine comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedBy {
    /// `--host`, `COMEBACK_HOST` or the defaults file.
    Asked,
    /// `DOCKER_HOST`.
    DockerHost,
    /// A docker context.
    Context {
        /// Its name.
        name: String,
        /// What makes it the current context: a variable or a file.
        current_by: String,
    },
    /// `CONTAINER_HOST`, Podman's variable.
    ContainerHost,
    /// No setting: a default socket of Docker.
    Usual,
    /// No setting: a default socket of Podman.
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

/// A setting that leads to no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{meant}: {why}")]
pub struct NoAddress {
    /// The setting: "docker context `far`".
    pub meant: String,
    /// Why it leads to no engine, and what to do.
    pub why: String,
}

/// The address of the engine: the first one set among `asked`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context
/// in docker's configuration and the default sockets. Podman is searched for as podman itself does, in `asked`,
/// `CONTAINER_HOST` and its default sockets; for [`Wanted::Any`], after Docker.
///
/// # Errors
///
/// If the docker context does not exist, cannot be read, or has an address other than unix, tcp and http.
pub fn locate(wanted: Wanted, asked: Option<&str>) -> Result<Address, NoAddress> {
    Surroundings {
        variable: &|name| std::env::var(name).ok(),
        exists: &Path::exists,
    }
    .locate(wanted, asked)
}

/// The address without docker contexts, as testcontainers finds its engine.
pub fn default_host() -> String {
    let around = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        exists: &Path::exists,
    };
    around.set("DOCKER_HOST").unwrap_or_else(|| around.usual().0)
}

/// The environment that the search depends on.
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
            return Ok(plain(supported("--host", url.to_owned())?, NamedBy::Asked));
        }
        if wanted != Wanted::Podman {
            if let Some(url) = self.set("DOCKER_HOST") {
                return Ok(plain(supported("DOCKER_HOST", url)?, NamedBy::DockerHost));
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
            return Ok(plain(supported("CONTAINER_HOST", url)?, NamedBy::ContainerHost));
        }
        match (self.podmans(), wanted) {
            (None, Wanted::Any) => Ok(plain(self.usual().0, NamedBy::Usual)),
            (None, _) => Ok(plain(format!("unix://{PODMANS}"), NamedBy::UsualPodman)),
            (Some(url), _) => Ok(plain(url, NamedBy::UsualPodman)),
        }
    }

    /// Podman's default socket, if it exists: the user's before root's.
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

    /// The value of a variable that is set and not blank.
    fn set(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The first default socket that exists, in testcontainers' order, and whether any exists.
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

    /// The folder of docker's configuration.
    fn folder(&self) -> Option<PathBuf> {
        let named = self.set("DOCKER_CONFIG").map(PathBuf::from);
        named.or_else(|| Some(PathBuf::from(self.set("HOME")?).join(".docker")))
    }

    /// The engine of the current context; `None` for docker's built-in `default`.
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
                "its address is `{url}`, but only unix, tcp and http are supported: forward the engine's socket (as `ssh -L` \
                 does) and name it by --host"
            )),
        }
    }
}

/// The docker and podman commands also reach engines through ssh, which is not supported here.
fn supported(meant: &str, url: String) -> Result<String, NoAddress> {
    if ["unix://", "tcp://", "http://", "https://"]
        .iter()
        .any(|way| url.starts_with(way))
    {
        return Ok(url);
    }
    Err(NoAddress {
        meant: meant.to_owned(),
        why: format!(
            "it is `{}`, but only unix, tcp and http are supported: forward the engine's socket (as `ssh -L` does) and name \
             it by --host",
            comeback_text::redact::text(&url)
        ),
    })
}

/// Docker stores a context under the SHA-256 of its name.
fn file_name(context: &str) -> String {
    Sha256::digest(context)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
