//! Image calls of the real engine, over bollard: the archive, registry and classic builder APIs.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as Bollard;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};

use comeback_text::terminal::plain;

use super::docker::translate;
use super::{BuildRequest, Cause, EngineError, EngineErrorKind, ImageInfo, ImageProgress, StoredImage};

/// Deadline of a call that only reads or removes.
const ANSWER: Duration = Duration::from_secs(60);
/// How long a pull may take until its first byte. It is short, so that an unreachable registry leaves time for
/// another way to get the image.
const PULL_SILENCE: Duration = Duration::from_secs(8);
/// Deadline of a pull or build.
const WORK: Duration = Duration::from_secs(1200);

/// Image calls over bollard.
pub(super) struct DockerImages {
    docker: Docker,
    podman: bool,
}

impl DockerImages {
    pub(super) fn new(docker: Docker, podman: bool) -> Self {
        Self { docker, podman }
    }

    pub(super) async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>, EngineError> {
        let call = format!("inspect image {reference}");
        let image = match deadline(&call, ANSWER, self.docker.inspect_image(reference)).await {
            Ok(image) => image,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let config = image.config.unwrap_or_default();
        Ok(Some(ImageInfo {
            id: image.id.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            size: bytes(image.size.unwrap_or(0)),
            entrypoint: config.entrypoint.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
        }))
    }

    /// Asks the registry, through the engine, for the image's digest. Nothing is pulled.
    pub(super) async fn probe_pull(&self, reference: &str) -> Result<(), EngineError> {
        let call = format!("ask the registry for {reference}");
        deadline(&call, PULL_SILENCE, self.docker.inspect_registry_image(reference, None)).await?;
        Ok(())
    }

    pub(super) async fn pull_image(
        &self,
        reference: &str,
        on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<(), EngineError> {
        let call = format!("pull {reference}");
        // Without a tag the engine would pull all tags.
        let whole = if reference.contains('@') || reference.rsplit('/').next().is_some_and(|name| name.contains(':')) {
            reference.to_owned()
        } else {
            format!("{reference}:latest")
        };
        let options = CreateImageOptionsBuilder::new().from_image(&whole).build();
        let mut events = self.docker.create_image(Some(options), None, None);
        let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
        let mut silence = PULL_SILENCE;
        loop {
            let event = match tokio::time::timeout(silence, events.next()).await {
                Err(_) => return Err(EngineError::new(call, EngineErrorKind::Timeout(silence))),
                Ok(None) => return Ok(()),
                Ok(Some(event)) => event.map_err(|e| translate(&call, e))?,
            };
            silence = WORK;
            if let (Some(id), Some(detail)) = (&event.id, &event.progress_detail)
                && let (Some(done), Some(total)) = (detail.current, detail.total)
            {
                layers.insert(id.clone(), (bytes(done), bytes(total)));
                on(ImageProgress::Bytes {
                    done: layers.values().map(|l| l.0).sum(),
                    total: Some(layers.values().map(|l| l.1).sum()),
                });
            } else if let Some(status) = event.status {
                on(ImageProgress::Line(plain(&status)));
            }
        }
    }

    pub(super) async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<String, EngineError> {
        let call = format!("import {reference}");
        let (repo, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
        let options = CreateImageOptionsBuilder::new().from_src("-");
        // Podman (4.3) reads all changes as the value of the first one, and ignores the tag.
        let options = match self.podman {
            true => options.build(),
            false => options.repo(repo).tag(tag).changes(changes.to_vec()).build(),
        };
        let body = stream::unfold(tar, |mut tar| async move {
            let mut chunk = vec![0; 256 * 1024];
            match tar.read(&mut chunk).await {
                Ok(0) => None,
                Ok(read) => {
                    chunk.truncate(read);
                    Some((Ok(chunk.into()), tar))
                }
                Err(error) => Some((Err(error), tar)),
            }
        });
        let body = bollard::body_try_stream(body);
        let mut events = self.docker.create_image(Some(options), Some(body), None);
        let mut id = String::new();
        let work = async {
            while let Some(event) = events.next().await {
                id = event.map_err(|e| translate(&call, e))?.status.unwrap_or_default();
            }
            Ok::<_, EngineError>(())
        };
        match tokio::time::timeout(WORK, work).await {
            Ok(done) => done?,
            Err(_) => return Err(EngineError::new(call, EngineErrorKind::Timeout(WORK))),
        }
        let id = id.trim().to_owned();
        if self.podman {
            return self.reconfigured(&id, reference, changes).await;
        }
        Ok(id)
    }

    /// The same image under a name, with instructions applied to its configuration.
    async fn reconfigured(&self, id: &str, reference: &str, changes: &[String]) -> Result<String, EngineError> {
        let text = format!("FROM {id}\n{}\n", changes.join("\n"));
        let name = "Dockerfile";
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        let mut context = tar::Builder::new(Vec::new());
        let packed = context.append_data(&mut header, name, text.as_bytes());
        let context = packed.and_then(|()| context.into_inner());
        let broken = |e: std::io::Error| EngineError::new("import", EngineErrorKind::Broken(Cause::of(e)));
        let request = BuildRequest {
            reference: reference.to_owned(),
            context: context.map_err(broken)?,
            dockerfile: name.to_owned(),
            ..BuildRequest::default()
        };
        self.build_image(request, &|_| {}).await
    }

    pub(super) async fn build_image(
        &self,
        request: BuildRequest,
        on: &(dyn Fn(ImageProgress) + Send + Sync),
    ) -> Result<String, EngineError> {
        let call = format!("build {}", request.reference);
        let args: HashMap<String, String> = request.args.into_iter().collect();
        let labels: HashMap<String, String> = request.labels.into_iter().collect();
        let mut options = BuildImageOptionsBuilder::new()
            .dockerfile(&request.dockerfile)
            .t(&request.reference)
            .buildargs(&args)
            .rm(true)
            // Also after a failure. Otherwise the container of the failed step would stay, with its volumes.
            .forcerm(true);
        // Each label is a build step, and steps are slow on some storage drivers, so no empty set is sent.
        if !labels.is_empty() {
            options = options.labels(&labels);
        }
        if let Some(network) = &request.network {
            options = options.networkmode(network);
        }
        if let Some(bytes) = request.shm_bytes {
            options = options.shmsize(bytes);
        }
        let context = bollard::body_full(request.context.into());
        let mut events = self.docker.build_image(options.build(), None, Some(context));
        let mut lines = Lines::default();
        let work = async {
            while let Some(event) = events.next().await {
                let event = match event {
                    Ok(event) => event,
                    Err(error) => {
                        lines.finish(on);
                        return Err(failed_build(&call, error));
                    }
                };
                if let Some(text) = event.stream {
                    lines.push(&text, on);
                }
                if let Some(status) = event.status {
                    on(ImageProgress::Line(plain(&status)));
                }
                if let Some(message) = event.error_detail.and_then(|detail| detail.message) {
                    lines.finish(on);
                    return Err(EngineError::new(&call, EngineErrorKind::Build(plain(&message))));
                }
            }
            lines.finish(on);
            Ok(())
        };
        match tokio::time::timeout(WORK, work).await {
            Ok(done) => done?,
            Err(_) => return Err(EngineError::new(call, EngineErrorKind::Timeout(WORK))),
        }
        match self.inspect_image(&request.reference).await? {
            Some(image) => Ok(image.id),
            None => {
                let why = "the builder reported success, but the image is not there".to_owned();
                Err(EngineError::new(call, EngineErrorKind::Build(why)))
            }
        }
    }

    pub(super) async fn list_images(&self, label: &str) -> Result<Vec<StoredImage>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = deadline("list images", ANSWER, self.docker.list_images(Some(options))).await?;
        Ok(images
            .into_iter()
            .map(|image| StoredImage {
                id: image.id,
                // The engine writes `<none>` for an image without a name.
                references: image
                    .repo_tags
                    .into_iter()
                    .filter(|tag| tag != "<none>:<none>")
                    .collect(),
                labels: image.labels.into_iter().collect(),
                size: bytes(image.size),
                created: Timestamp::from_second(image.created).unwrap_or(Timestamp::UNIX_EPOCH),
            })
            .collect())
    }

    pub(super) async fn remove_image(&self, reference: &str) -> Result<bool, EngineError> {
        let options = RemoveImageOptionsBuilder::new().build();
        let call = format!("remove image {reference}");
        match deadline(&call, ANSWER, self.docker.remove_image(reference, Some(options), None)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Makes a call with a deadline, and names the call in its error.
async fn deadline<T>(
    call: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, Bollard>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|e| translate(call, e)),
        Err(_) => Err(EngineError::new(call, EngineErrorKind::Timeout(limit))),
    }
}

/// The error of a build. Errors before the first step, such as an unreadable Dockerfile, come from the engine and
/// count as the builder's.
fn failed_build(call: &str, error: Bollard) -> EngineError {
    let translated = translate(call, error);
    match translated.kind {
        EngineErrorKind::Build(message) => EngineError::new(call, EngineErrorKind::Build(plain(&message))),
        EngineErrorKind::Status {
            code: 400 | 500,
            message,
        } => EngineError::new(call, EngineErrorKind::Build(plain(&message))),
        kind => EngineError::new(call, kind),
    }
}

/// Splits chunks of output into lines.
#[derive(Default)]
struct Lines {
    rest: String,
}

impl Lines {
    fn push(&mut self, chunk: &str, on: &(dyn Fn(ImageProgress) + Send + Sync)) {
        self.rest.push_str(chunk);
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            on(ImageProgress::Line(plain(&line)));
        }
    }

    fn finish(&mut self, on: &(dyn Fn(ImageProgress) + Send + Sync)) {
        if !self.rest.is_empty() {
            on(ImageProgress::Line(plain(&std::mem::take(&mut self.rest))));
        }
    }
}

fn bytes(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn chunks_become_lines() {
        let seen = Mutex::new(Vec::new());
        let on = |progress| seen.lock().unwrap().push(progress);
        let mut lines = Lines::default();
        for chunk in ["Step 1", "/2 : FROM x\n ---> ", "abc\nlast"] {
            lines.push(chunk, &on);
        }
        lines.finish(&on);
        let line = |text: &str| ImageProgress::Line(text.into());
        let want = vec![line("Step 1/2 : FROM x"), line(" ---> abc"), line("last")];
        assert_eq!(*seen.lock().unwrap(), want);
    }
}
