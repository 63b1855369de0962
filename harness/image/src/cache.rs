//! The cache for downloads, logs and locks of image builds: `$XDG_CACHE_HOME/comeback` or `~/.cache/comeback`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::ImageError;

/// The cache directory.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Default for Cache {
    fn default() -> Self {
        let root = match etcetera::choose_base_strategy() {
            Ok(dirs) => dirs.cache_dir(),
            // Without a home directory, a temporary one works too, but does not last.
            Err(_) => std::env::temp_dir(),
        };
        Self {
            root: root.join("comeback"),
        }
    }
}

impl Cache {
    /// A cache in this directory.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of an entry, whose directory is created.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created.
    pub fn path(&self, entry: impl AsRef<Path>) -> Result<PathBuf, ImageError> {
        let path = self.root.join(entry);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| broken(parent, e))?;
        }
        Ok(path)
    }

    /// A folder of the cache, or the whole cache for an empty name. It may not exist.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The path of a build's log.
    ///
    /// # Errors
    ///
    /// If its directory cannot be created.
    pub fn log(&self, reference: &str) -> Result<PathBuf, ImageError> {
        let name = reference.replace(['/', ':'], "_");
        self.path(format!("logs/{name}.log"))
    }

    /// Waits until nobody else, in this process or another, builds what `key` stands for. Others wait until the
    /// result is dropped.
    ///
    /// # Errors
    ///
    /// If the lock file cannot be created or locked.
    pub async fn lock(&self, key: &str) -> Result<Lock, ImageError> {
        let path = self.path(format!("locks/{key}"))?;
        let file = File::create(&path).map_err(|e| broken(&path, e))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(TryLockError::Error(e)) => return Err(broken(&path, e)),
            }
        }
    }
}

/// A lock. Dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

pub(super) fn broken(path: &Path, source: std::io::Error) -> ImageError {
    ImageError::Cache {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_exclusive() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        let first = cache.lock("k").await.unwrap();
        let wait = Duration::from_millis(120);
        assert!(tokio::time::timeout(wait, cache.lock("k")).await.is_err());
        assert!(tokio::time::timeout(wait, cache.lock("other")).await.is_ok());
        drop(first);
        assert!(tokio::time::timeout(wait, cache.lock("k")).await.is_ok());
    }
}
