//! Files of containers, through the archive API, which works on stopped containers and remote engines alike.

use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use futures_util::StreamExt;

use super::{ANSWER, DockerEngine, bounded, short, translate};
use crate::{EngineError, EngineErrorKind};

impl DockerEngine {
    pub(super) async fn upload_tar(&self, id: &str, path: &str, tar: Vec<u8>) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(path).build();
        let call = format!("upload to {path} of container {}", short(id));
        let body = bollard::body_full(tar.into());
        bounded(call, ANSWER, self.docker.upload_to_container(id, Some(options), body)).await
    }

    pub(super) async fn download_tar(
        &self,
        id: &str,
        path: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let call = format!("download {path} of container {}", short(id));
        let mut stream = self.docker.download_from_container(id, Some(options));
        let mut bytes = Vec::new();
        let work = async {
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|e| translate(&call, e))?;
                if bytes.len() + chunk.len() > limit {
                    let why = format!("more than {limit} bytes");
                    return Err(EngineError::new(&call, EngineErrorKind::Broken(why.into())));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(())
        };
        match tokio::time::timeout(ANSWER, work).await {
            Ok(Ok(())) => Ok(Some(bytes)),
            Ok(Err(e)) if e.is_not_found() => Ok(None),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(EngineError::new(call, EngineErrorKind::Timeout(ANSWER))),
        }
    }
}
