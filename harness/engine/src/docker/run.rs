//! Creating containers: through testcontainers if they are started, through bollard if they only hold files.
//!
//! This is the only file that uses testcontainers, which removes the containers that it started when their handles are
//! dropped, however a run ends.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount as ApiMount, MountType,
    MountVolumeOptions, ResourcesUlimits, RestartPolicy as ApiPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use testcontainers::core::error::{ClientError, TestcontainersError};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, Image, ImageExt};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio::sync::Mutex;

use super::{DockerEngine, RUN, bounded, translate};
use crate::{Cause, ContainerSpec, EngineError, EngineErrorKind, Healthcheck, RestartPolicy};

/// The containers that testcontainers started for an engine, by id.
#[derive(Clone, Default)]
pub(super) struct Owned(Arc<Mutex<HashMap<String, ContainerAsync<GenericImage>>>>);

impl Owned {
    /// Stops testcontainers from removing the container on drop.
    pub(super) async fn disown(&self, id: &str) {
        let guard = self.0.lock().await.remove(id);
        std::mem::forget(guard);
    }
}

/// Starts a container through testcontainers and waits until it is ready, on any runtime of tokio.
///
/// [`AsyncRunner::start`] does not negotiate the API version, and engines that only support an older one refuse its call.
/// This function negotiates in the host configuration's modifier, and then calls the request's own modifier. A network has
/// to be set there too, because for [`ImageExt::with_network`] testcontainers calls the engine before the modifier.
///
/// # Errors
///
/// If the engine fails, or the container is not ready in time.
pub async fn start<I>(request: impl Into<ContainerRequest<I>>) -> Result<ContainerAsync<I>, TestcontainersError>
where
    I: Image + 'static,
{
    let request = request.into();
    let modifier = request.host_config_modifier().cloned();
    let request = request.with_host_config_modifier(move |host| {
        negotiate_for_testcontainers();
        if let Some(modifier) = &modifier {
            modifier(host);
        }
    });
    // In a task of its own, because the modifier above blocks: the lock that it waits for may be held by another start
    // that the same task polls.
    let task = AbortOnDrop(blocking_runtime()?.spawn(request.start()));
    task.await.map_err(TestcontainersError::other)?
}

/// A runtime whose tasks may block: the caller's, unless that has a single thread.
fn blocking_runtime() -> Result<Handle, TestcontainersError> {
    static OURS: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build()
    });
    let current = Handle::current();
    if current.runtime_flavor() == RuntimeFlavor::MultiThread {
        return Ok(current);
    }
    match &*OURS {
        Ok(runtime) => Ok(runtime.handle().clone()),
        Err(error) => Err(TestcontainersError::other(error.to_string())),
    }
}

impl DockerEngine {
    pub(super) async fn run_spec(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        let call = format!("run container {}", spec.name);
        // testcontainers would try to pull a missing image. The image is given by its id, which cannot be pulled.
        if self.images().inspect_image(&spec.image).await?.is_none() {
            return Err(gone(call, spec));
        }
        let (name, tag) = split_reference(&spec.image);
        let mut image = GenericImage::new(name, tag);
        if let Some(program) = spec.entrypoint.first() {
            image = image.with_entrypoint(program);
        }
        let (owned_spec, podman) = (spec.clone(), self.podman);
        let mut request = image
            .with_cmd(words_after_entrypoint(spec))
            .with_container_name(&spec.name)
            .with_labels(spec.labels.clone())
            .with_open_stdin(spec.stdin)
            .with_startup_timeout(RUN)
            .with_host_config_modifier(move |host| apply(&owned_spec, host, podman));
        for (key, value) in &spec.env {
            request = request.with_env_var(key, value);
        }
        if let Some(user) = &spec.user {
            request = request.with_user(user);
        }
        if let Some(check) = &spec.healthcheck {
            let health = testcontainers::core::Healthcheck::cmd(check.cmd.iter().map(String::as_str))
                .with_interval(check.interval)
                .with_timeout(check.timeout)
                .with_retries(check.retries);
            request = request.with_health_check(health);
        }
        let container = tokio::time::timeout(RUN, start(request))
            .await
            .map_err(|_| EngineError::new(call.clone(), EngineErrorKind::Timeout(RUN)))?
            .map_err(|e| from_testcontainers(&call, e))?;
        let id = container.id().to_owned();
        // Whatever fails here drops the container's handle, which removes it.
        self.is_as_asked(&id, spec).await?;
        self.owned.0.lock().await.insert(id.clone(), container);
        Ok(id)
    }

    pub(super) async fn create_spec(&self, spec: &ContainerSpec) -> Result<String, EngineError> {
        let mut host = HostConfig::default();
        apply(spec, &mut host, self.podman);
        let body = ContainerCreateBody {
            image: Some(spec.image.clone()),
            labels: Some(spec.labels.clone().into_iter().collect::<HashMap<_, _>>()),
            env: Some(spec.env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
            entrypoint: spec.entrypoint.first().map(|program| vec![program.clone()]),
            cmd: Some(words_after_entrypoint(spec)),
            open_stdin: Some(spec.stdin),
            user: spec.user.clone(),
            healthcheck: spec.healthcheck.as_ref().map(health_config),
            host_config: Some(host),
            ..Default::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let call = format!("create container {}", spec.name);
        match bounded(&call, RUN, self.docker.create_container(Some(options), body)).await {
            Ok(made) => {
                if let Err(error) = self.is_as_asked(&made.id, spec).await {
                    let _ = self.remove_id(&made.id).await;
                    return Err(error);
                }
                Ok(made.id)
            }
            Err(error) if error.is_not_found() => Err(gone(call, spec)),
            Err(error) => Err(error),
        }
    }
}

/// The error for an image that no longer exists.
fn gone(call: String, spec: &ContainerSpec) -> EngineError {
    EngineError::new(
        call,
        EngineErrorKind::NoImage {
            image: spec.image.clone(),
        },
    )
}

/// A task that is aborted when its waiter is dropped.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// testcontainers never negotiates the API version, and engines before 28 refuse the version that its bollard starts
/// with. Its client exists while a start is in progress, and clones of it share the version, so the version is
/// negotiated on a clone during the start.
fn negotiate_for_testcontainers() {
    let handle = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        handle.block_on(async {
            let docker = testcontainers::core::client::docker_client_instance()
                .await
                .map_err(|e| e.to_string())?;
            if docker.client_version() == *bollard::API_DEFAULT_VERSION {
                docker.negotiate_version().await.map_err(|e| e.to_string())?;
            }
            Ok::<_, String>(())
        })
    });
    if let Err(why) = outcome {
        // The start itself fails right after this with the engine's own message.
        tracing::debug!("testcontainers' client could not negotiate the API version: {why}");
    }
}

/// What follows the program of an entrypoint, or the command alone if the entrypoint is the image's own. Testcontainers takes
/// a program only as an entrypoint.
fn words_after_entrypoint(spec: &ContainerSpec) -> Vec<String> {
    spec.entrypoint.iter().skip(1).chain(&spec.cmd).cloned().collect()
}

pub(super) fn health_config(check: &Healthcheck) -> HealthConfig {
    let nanos = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    HealthConfig {
        test: Some(std::iter::once("CMD".to_owned()).chain(check.cmd.clone()).collect()),
        interval: Some(nanos(check.interval)),
        timeout: Some(nanos(check.timeout)),
        retries: Some(i64::from(check.retries)),
        ..Default::default()
    }
}

/// The settings that both ways of creating a container share.
fn apply(spec: &ContainerSpec, host: &mut HostConfig, podman: bool) {
    host.publish_all_ports = Some(false);
    host.network_mode = Some(spec.network.clone().unwrap_or_else(|| "none".into()));
    host.privileged = Some(false);
    // Otherwise the image's own PID 1, whatever the engine's configuration says.
    host.init = Some(spec.init);
    host.tmpfs = (!spec.tmpfs.is_empty()).then(|| spec.tmpfs.clone().into_iter().collect());
    host.security_opt = Some(vec!["no-new-privileges".into()]);
    host.cap_drop = Some(vec!["ALL".into()]);
    host.cap_add = Some(spec.capabilities.clone());
    host.readonly_rootfs = Some(spec.read_only);
    host.mounts = Some(
        spec.mounts
            .iter()
            .map(|m| ApiMount {
                target: Some(m.path.clone()),
                source: Some(m.volume.clone()),
                typ: Some(MountType::VOLUME),
                read_only: Some(m.read_only),
                // Files that the image has at this path must not become part of the case.
                volume_options: Some(MountVolumeOptions {
                    no_copy: Some(true),
                    ..Default::default()
                }),
                ..Default::default()
            })
            .collect(),
    );
    host.restart_policy = Some(ApiPolicy {
        name: Some(match spec.policy {
            RestartPolicy::No => RestartPolicyNameEnum::NO,
            RestartPolicy::Always => RestartPolicyNameEnum::ALWAYS,
            RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
            RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        }),
        maximum_retry_count: None,
    });
    host.memory = spec.limits.memory.and_then(|n| i64::try_from(n).ok());
    host.memory_swap = host.memory;
    host.pids_limit = spec.limits.pids;
    host.ulimits = Some(ulimits(spec, podman));
    host.log_config = spec.limits.log_bytes.map(|bytes| HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some(HashMap::from([
            ("max-size".to_owned(), bytes.to_string()),
            ("max-file".to_owned(), "2".to_owned()),
        ])),
    });
}

/// No core dumps, and a limit for the size of files. Podman by default asks for more open files and processes than a
/// sandbox may allow, so it gets explicit limits.
fn ulimits(spec: &ContainerSpec, podman: bool) -> Vec<ResourcesUlimits> {
    let limit = |name: &str, value: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    };
    let file = spec.limits.file_bytes.and_then(|n| i64::try_from(n).ok());
    let file = file.map(|bytes| limit("fsize", bytes));
    let of_podman = [limit("nofile", 1024), limit("nproc", 4096)];
    std::iter::once(limit("core", 0))
        .chain(file)
        .chain(of_podman.into_iter().filter(|_| podman))
        .collect()
}

/// Name and tag of a reference, as testcontainers wants them. An id (`sha256:…`) is split at its colon, and
/// testcontainers joins it again. An id without the algorithm gets it.
///
/// ```
/// assert_eq!(comeback_engine::split_reference("localhost:5000/a"), ("localhost:5000/a", "latest"));
/// ```
pub fn split_reference(reference: &str) -> (&str, &str) {
    if reference.len() == 64 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return ("sha256", reference);
    }
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

/// testcontainers does not return bollard's errors through `source()`.
fn from_testcontainers(call: &str, error: TestcontainersError) -> EngineError {
    match error {
        TestcontainersError::Client(
            ClientError::CreateContainer(error)
            | ClientError::StartContainer(error)
            | ClientError::InspectContainer(error)
            | ClientError::Init(error)
            | ClientError::PullImage { err: error, .. },
        ) => translate(call, error),
        error => EngineError::new(call, EngineErrorKind::Broken(Cause::of(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_reference_splits_at_the_tag_only() {
        assert_eq!(split_reference("a/b:1"), ("a/b", "1"));
        assert_eq!(split_reference("localhost:5000/a"), ("localhost:5000/a", "latest"));
        assert_eq!(split_reference("sha256:abc"), ("sha256", "abc"));
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(split_reference(&id), ("sha256", &*id));
    }
}
