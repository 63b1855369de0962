//! What an image holds, read from its files: no container of it is started.

use std::collections::BTreeMap;
use std::io::Read;

use super::ImageError;
use crate::engine::{ContainerSpec, Engine, RUN_LABEL};

/// The most that is read of one file or directory of an image, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// What was read in an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// s6's version.
    pub(super) supervisor: Option<String>,
}

/// Reads what an image holds, in a container that is created, never started, and removed.
pub(super) async fn measure(engine: &dyn Engine, image: &str) -> Result<Facts, ImageError> {
    let label = format!("image-{}", std::process::id());
    let unique = image.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let spec = ContainerSpec {
        image: image.to_owned(),
        name: format!("comeback-measure-{unique}-{}", std::process::id()),
        labels: BTreeMap::from([(RUN_LABEL.to_owned(), label)]),
        cmd: vec!["true".to_owned()],
        network: Some("none".to_owned()),
        ..ContainerSpec::default()
    };
    let id = engine.create_container(&spec).await?;
    let facts = read(engine, &id).await;
    let removed = engine.remove_container(&id).await;
    let facts = facts?;
    removed?;
    Ok(facts)
}

async fn read(engine: &dyn Engine, id: &str) -> Result<Facts, ImageError> {
    let status = engine.download(id, "/var/lib/dpkg/status", LIMIT).await?;
    Ok(Facts {
        supervisor: status
            .and_then(|tar| first_file(&tar))
            .and_then(|status| package(&status, "s6")),
    })
}

/// The first file of a tar archive, as text.
fn first_file(tar: &[u8]) -> Option<String> {
    let mut archive = tar::Archive::new(tar);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let mut text = Vec::new();
    entry.read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
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
}
