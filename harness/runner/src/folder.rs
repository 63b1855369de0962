//! A folder of this host that is the volume of a case. It is in the temporary directory, and goes away with the volume.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use comeback_engine::{ContainerSpec, Engine, ExecSpec, Mount, RUN_LABEL, VolumeInfo};
use comeback_gateway::files::DATA;

/// The label of a volume with its folder.
const FOLDER_LABEL: &str = "comeback.folder";
/// The label of such a volume with an image that can empty it.
const IMAGE_LABEL: &str = "comeback.folder-image";
/// How the name of such a folder begins.
const PREFIX: &str = "comeback-";
/// The folder in it that containers see: they may give it to another user, and the one around it stays ours.
const INNER: &str = "volume";

/// The folder of a case, by the name of its volume.
pub fn of(volume: &str) -> PathBuf {
    std::env::temp_dir().join(volume)
}

/// What containers see of a folder.
pub fn inner(folder: &Path) -> PathBuf {
    folder.join(INNER)
}

/// The labels of a volume with that folder. `image`: one that can empty it.
pub fn labels(folder: &Path, image: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (FOLDER_LABEL.to_owned(), folder.display().to_string()),
        (IMAGE_LABEL.to_owned(), image.to_owned()),
    ])
}

/// Makes a folder.
pub fn make(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    fs::create_dir(inner(folder))
}

/// Removes the folder of a volume, if it has one. Files of other users are removed in a container.
pub async fn remove(engine: &dyn Engine, volume: &VolumeInfo) -> Result<(), String> {
    let Some(folder) = volume.labels.get(FOLDER_LABEL).map(PathBuf::from) else {
        return Ok(());
    };
    let named = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(PREFIX);
    if folder.parent() != Some(&std::env::temp_dir()) || !folder.file_name().is_some_and(named) {
        return Err(format!(
            "its folder {} is not in the temporary directory {}; remove it by hand",
            folder.display(),
            std::env::temp_dir().display()
        ));
    }
    let gone = |removed: Result<(), Error>| match removed {
        Err(why) if why.kind() != ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    };
    match gone(fs::remove_dir_all(&folder)) {
        Err(why) if why.kind() == ErrorKind::PermissionDenied => {
            empty(engine, volume).await?;
            // It may still be another user's, who lets nobody look into it.
            gone(fs::remove_dir(inner(&folder))).and_then(|()| gone(fs::remove_dir(&folder)))
        }
        removed => removed,
    }
    .map_err(|why| format!("its folder {}: {why}", folder.display()))
}

/// Removes everything in the folder, as root in a container.
async fn empty(engine: &dyn Engine, volume: &VolumeInfo) -> Result<(), String> {
    let label = |name: &str| volume.labels.get(name).cloned().unwrap_or_default();
    let spec = ContainerSpec {
        image: label(IMAGE_LABEL),
        name: format!("{}-empty", volume.name),
        labels: BTreeMap::from([(RUN_LABEL.to_owned(), label(RUN_LABEL))]),
        entrypoint: vec!["sleep".into()],
        cmd: vec!["infinity".into()],
        mounts: vec![Mount {
            volume: volume.name.clone(),
            path: DATA.into(),
            read_only: false,
        }],
        capabilities: ["DAC_OVERRIDE", "FOWNER"].map(str::to_owned).into(),
        read_only: true,
        user: Some("0".into()),
        ..ContainerSpec::default()
    };
    let delete = ExecSpec {
        argv: ["find", DATA, "-mindepth", "1", "-delete"].map(str::to_owned).into(),
        user: Some("0".to_owned()),
        ..ExecSpec::default()
    };
    let id = engine.run_container(&spec).await.map_err(|e| e.to_string())?;
    let emptied = engine.exec(&id, &delete).await.map_err(|e| e.to_string());
    engine.remove_container(&id).await.map_err(|e| e.to_string())?;
    match emptied? {
        end if end.exit == Some(0) => Ok(()),
        end => Err(end.output),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_fake::{Fake, Personality};

    fn volume(folder: &Path) -> VolumeInfo {
        VolumeInfo {
            name: "volume-1".to_owned(),
            labels: labels(folder, "sha256:0"),
        }
    }

    #[tokio::test]
    async fn a_folder_goes_with_its_volume_and_nothing_else_does() {
        let engine = Fake::new(Personality::Fixed);
        let ours = of(&format!("comeback-test-folder-{}", std::process::id()));
        make(&ours).unwrap();
        fs::write(inner(&ours).join("state"), "x").unwrap();
        remove(&engine, &volume(&ours)).await.unwrap();
        assert!(!ours.exists());
        // It may be gone already.
        remove(&engine, &volume(&ours)).await.unwrap();

        let other = tempfile::tempdir().unwrap();
        let nested = other.path().join("comeback-1");
        fs::create_dir(&nested).unwrap();
        for not_ours in [other.path(), &nested, Path::new("/"), Path::new("comeback-1")] {
            assert!(remove(&engine, &volume(not_ours)).await.is_err(), "{not_ours:?}");
        }
        assert!(nested.exists());
    }
}
