//! Downloads, with the host's proxies and certificates.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::ImageError;
use super::cache::broken;

/// Timeout for a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// Timeout for a whole answer.
const ANSWER: Duration = Duration::from_secs(300);
/// The largest answer, in bytes.
const LIMIT: u64 = 300 * 1024 * 1024;

fn agent() -> Agent {
    // Proxies are read from the environment by default, but the system's certificates are not.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(ANSWER))
        .user_agent(concat!("comeback/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// The answer to a GET. `what` is its name in errors.
pub(super) async fn get(what: &str, url: &str, accept: &'static str) -> Result<Vec<u8>, ImageError> {
    let failed = |why: String| ImageError::Unreachable {
        what: what.to_owned(),
        url: url.to_owned(),
        why,
    };
    let address = url.to_owned();
    let answer = tokio::task::spawn_blocking(move || -> Result<Vec<u8>, String> {
        let mut response = agent()
            .get(&address)
            .header("Accept", accept)
            .call()
            .map_err(|e| e.to_string())?;
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(LIMIT);
        reader.read_to_end(&mut body).map_err(|e| e.to_string())?;
        Ok(body)
    });
    match answer.await {
        Ok(body) => body.map_err(failed),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Downloads to a file, unless it exists, and checks its SHA-256.
pub(super) async fn download(what: &str, url: &str, sha256: &str, to: &Path) -> Result<PathBuf, ImageError> {
    if to.exists() {
        return Ok(to.to_owned());
    }
    let body = get(what, url, "*/*").await?;
    let found: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha256 {
        return Err(ImageError::Unreachable {
            what: what.to_owned(),
            url: url.to_owned(),
            why: format!("its SHA-256 is {found}, not {sha256}"),
        });
    }
    write(to, &body)?;
    Ok(to.to_owned())
}

/// Writes a file atomically, because others may be reading it.
pub(super) fn write(to: &Path, content: &[u8]) -> Result<(), ImageError> {
    let directory = to.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        std::io::Write::write_all(&mut file, content)?;
        file.persist(to).map_err(|e| e.error)?;
        Ok(())
    });
    written.map_err(|e| broken(to, e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Starts a server that gives every client the same answer, and returns its URL.
    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    answer.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn a_download_with_a_wrong_hash_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let url = serve("hello");
        let error = download("a file", &url, "00", &file).await.unwrap_err().to_string();
        assert!(error.contains("SHA-256") && error.contains("a file"), "{error}");
        assert!(!file.exists());
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        download("a file", &url, sha256, &file).await.unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"hello");
        // The file exists, so the server, which is gone, is not asked.
        download("a file", &url, sha256, &file).await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_connection_fails_at_once() {
        let started = std::time::Instant::now();
        let error = get("the index", "http://127.0.0.1:9/", "*/*")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot download the index from http://127.0.0.1:9/"),
            "{error}"
        );
        assert!(started.elapsed() < CONNECT);
    }
}
