//! The real engine: Docker, or another engine with its API, through bollard. testcontainers starts and owns
//! containers.

mod adapter;
mod address;
mod asked;
mod condition;
mod files;
mod lifecycle;
mod run;
mod streams;
mod volumes;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as Bollard;
use jiff::Timestamp;

use super::{Cause, EngineError, EngineErrorKind, EngineInfo, chain};
use comeback_text::redact;

pub use address::{Address, NamedBy, NoAddress, Wanted, default_host, locate};
pub use run::{split_reference, start};

/// Deadline of a call that only answers.
const ANSWER: Duration = Duration::from_secs(30);
/// Deadline for creating and starting a container.
const RUN: Duration = Duration::from_secs(90);

/// A Docker-compatible engine.
#[derive(Clone)]
pub struct DockerEngine {
    docker: Docker,
    host: String,
    /// Whether it is Podman, which limits open files and processes of its containers to the limits of its own
    /// process.
    podman: bool,
    /// Containers that testcontainers created. Removing a container takes it out.
    owned: run::Owned,
}

impl DockerEngine {
    /// Connects to `host`, or without it to `DOCKER_HOST` or a default socket, and negotiates the API version.
    ///
    /// testcontainers finds its engine through `DOCKER_HOST`, so the caller has to set that variable to the same
    /// address first.
    ///
    /// # Errors
    ///
    /// If nothing answers at the address within 10 s, or if what answers is not an engine.
    pub async fn connect(host: Option<&str>) -> Result<Self, EngineError> {
        let call = "connect";
        let host = match host {
            Some(host) => host.to_owned(),
            None => default_host(),
        };
        let unreachable = |why: Cause| {
            let why = why.told_as(|why| redact::text(&format!("{host}: {why}")));
            EngineError::new(call, EngineErrorKind::Unreachable(why))
        };
        let docker = Docker::connect_with_host(&host)
            .map_err(|e| unreachable(Cause::of(e)))?
            // Each call has its own deadline. This one only has to be longer than all of them.
            .with_timeout(Duration::from_secs(1800));
        let docker = tokio::time::timeout(Duration::from_secs(10), docker.negotiate_version())
            .await
            .map_err(|_| unreachable("no answer within 10 s".into()))?
            .map_err(|e| unreachable(Cause::of(e)))?;
        let version = tokio::time::timeout(Duration::from_secs(10), docker.version()).await;
        let version = version.map_err(|_| unreachable("no answer within 10 s".into()))?;
        let podman = is_podman(&version.map_err(|e| translate(call, e))?);
        Ok(Self {
            docker,
            host,
            podman,
            owned: run::Owned::default(),
        })
    }

    pub(super) fn is_podman(&self) -> bool {
        self.podman
    }

    /// The client, for image calls.
    pub(super) fn client(&self) -> &Docker {
        &self.docker
    }

    pub(super) async fn engine_info(&self) -> Result<EngineInfo, EngineError> {
        let version = bounded("version", ANSWER, self.docker.version()).await?;
        let info = bounded("info", ANSWER, self.docker.info()).await?;
        Ok(EngineInfo {
            name: if is_podman(&version) { "podman" } else { "docker" }.into(),
            version: version.version.unwrap_or_default(),
            api: self.docker.client_version().to_string(),
            host: redact::text(&self.host),
            cpus: info.ncpu.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1),
            memory: info.mem_total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            storage: info.driver.unwrap_or_default(),
            architecture: match info.architecture.unwrap_or_default().as_str() {
                // Podman uses Go's architecture names.
                "amd64" => "x86_64".to_owned(),
                "arm64" => "aarch64".to_owned(),
                other => other.to_owned(),
            },
            memory_limit: info.memory_limit.unwrap_or(false),
        })
    }

    /// The time of the engine's host as `/info` reports it: RFC 3339 with nanoseconds.
    pub(super) async fn host_time(&self) -> Result<Option<Timestamp>, EngineError> {
        let info = bounded("info", ANSWER, self.docker.info()).await?;
        Ok(info.system_time.and_then(|time| time.parse().ok()))
    }
}

fn is_podman(version: &bollard::models::SystemVersion) -> bool {
    let parts = version.components.as_deref().unwrap_or_default();
    parts.iter().any(|part| part.name.to_lowercase().contains("podman"))
}

/// Makes a call with a deadline, and names the call in its error.
async fn bounded<T>(
    call: impl Into<String>,
    limit: Duration,
    work: impl Future<Output = Result<T, Bollard>>,
) -> Result<T, EngineError> {
    let call = call.into();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(translate(call, error)),
        Err(_) => Err(EngineError::new(call, EngineErrorKind::Timeout(limit))),
    }
}

/// Converts bollard's error.
pub(super) fn translate(call: impl Into<String>, error: Bollard) -> EngineError {
    let kind = match error {
        Bollard::DockerResponseServerError { status_code, message } => EngineErrorKind::Status {
            code: status_code,
            message,
        },
        Bollard::DockerStreamError { error } => EngineErrorKind::Build(error),
        Bollard::RequestTimeoutError => EngineErrorKind::Timeout(ANSWER),
        Bollard::SocketNotFoundError(path) => EngineErrorKind::Unreachable(format!("{path}: no such socket").into()),
        other if is_refused(&other) => EngineErrorKind::Unreachable(Cause::of(other)),
        other => EngineErrorKind::Broken(Cause::of(other)),
    };
    EngineError::new(call, kind)
}

/// True if the connection was refused, so no request was sent.
fn is_refused(error: &Bollard) -> bool {
    let mut ios = chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    ios.any(|io| {
        matches!(
            io.kind(),
            ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::PermissionDenied
        )
    })
}

/// The first twelve characters of an id, as `docker ps` shows them.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::error::Error as _;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use rstest::rstest;

    use super::*;

    async fn error_of(host: &str) -> EngineError {
        let docker = Docker::connect_with_host(host).unwrap();
        bounded("version", ANSWER, docker.version()).await.unwrap_err()
    }

    /// Distinguished by the operating system's error, which is kept as the source, not by the message.
    #[rstest]
    #[case::without_listener(true)]
    #[case::listener_is_no_engine(false)]
    #[tokio::test]
    async fn a_missing_engine_differs_from_a_broken_connection(#[case] nobody: bool) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let stranger = std::thread::spawn(move || {
            if !nobody {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 64]);
                let _ = stream.write_all(b"no HTTP; Connection refused, Permission denied\r\n");
            }
        });
        if nobody {
            stranger.join().unwrap();
        }
        let error = error_of(&format!("unix://{}", socket.display())).await;
        assert_eq!(error.is_unreachable(), nobody, "{error:?}");
        let mut io = chain(&error).filter_map(|error| error.downcast_ref::<io::Error>());
        let refused = io.any(|error| error.kind() == ErrorKind::ConnectionRefused);
        assert_eq!(refused, nobody, "{error:?}");
        assert!(error.source().unwrap().source().is_some(), "{error:?}");
    }

    #[tokio::test]
    async fn a_port_without_listener_is_unreachable() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = error_of(&format!("tcp://127.0.0.1:{port}")).await;
        assert!(error.is_unreachable(), "{error:?}");
    }
}
