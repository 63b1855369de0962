//! `docker:REF` and `dockerfile:PATH`: images that comeback has no recipe for. Each is checked to be a gateway image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::assets::{Tree, short};
use super::build::{self, Job};
use super::expr::ImageExpr;
use super::ignore::Ignore;
use super::{Cache, Image, ImageError, ObtainOptions, Report, contract, tree};
use comeback_engine::{BuildRequest, Engine, ImageInfo};

/// An existing image, pulled if necessary, and whether it was already there.
pub(super) async fn docker(
    engine: &dyn Engine,
    expression: &ImageExpr,
    reference: &str,
    options: &ObtainOptions,
    report: &Report<'_>,
) -> Result<(Image, bool), ImageError> {
    if let Some(info) = engine.inspect_image(reference).await? {
        return Ok((
            checked(engine, expression, reference, &info, &options.cache).await?,
            true,
        ));
    }
    if options.offline {
        return Err(ImageError::Offline {
            image: reference.to_owned(),
            needed: "pull it".to_owned(),
        });
    }
    report.step(format!("pulling {reference}"));
    let pulled = engine
        .pull_image(reference, &|progress| report.progress(progress))
        .await;
    if let Err(error) = pulled {
        if error.is_unreachable() {
            return Err(error.into());
        }
        return Err(ImageError::NoImage {
            reference: reference.to_owned(),
            why: error.kind.to_string(),
        });
    }
    match engine.inspect_image(reference).await? {
        Some(info) => Ok((
            checked(engine, expression, reference, &info, &options.cache).await?,
            false,
        )),
        None => Err(ImageError::NoImage {
            reference: reference.to_owned(),
            why: "it was pulled, but it is not in the engine's store".to_owned(),
        }),
    }
}

/// An image built from the user's Dockerfile, with its directory as context.
pub(super) async fn dockerfile(
    engine: &dyn Engine,
    expression: &ImageExpr,
    path: &Path,
    options: &ObtainOptions,
    report: &Report<'_>,
) -> Result<(Image, bool), ImageError> {
    let file = if path.is_dir() {
        path.join("Dockerfile")
    } else {
        path.to_owned()
    };
    let text = std::fs::read_to_string(&file).map_err(|e| ImageError::Path {
        path: file.clone(),
        why: format!("{e}; `dockerfile:` takes a Dockerfile, or a folder with a file of that name"),
    })?;
    let root = file
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .map_or(PathBuf::from("."), Path::to_owned);
    let ignore = std::fs::read_to_string(root.join(".dockerignore")).unwrap_or_default();
    let mut context: Tree = tree::read(&root, &Ignore::parse(&ignore))?;
    // A `.dockerignore` may exclude the Dockerfile, but the builder needs it.
    let name = ".comeback.Dockerfile";
    context.file(name, text);
    let key = tree::key(&context, &[("kind", "dockerfile")]);
    let reference = format!("comeback-dockerfile:{}", short(&key));
    let job = Job {
        name: expression.to_string(),
        engine,
        report,
    };
    let request = async {
        report.step(format!("building {}", file.display()));
        Ok(BuildRequest {
            dockerfile: name.to_owned(),
            labels: BTreeMap::from([
                ("comeback.image".to_owned(), "dockerfile".to_owned()),
                ("comeback.key".to_owned(), key.clone()),
            ]),
            ..build::request(&reference, &context)
        })
    };
    let (info, cached) = job.once(&options.cache, (&reference, &key), request).await?;
    let image = checked(engine, expression, &reference, &info, &options.cache).await?;
    Ok((image, cached))
}

/// The image, if it is a gateway image.
async fn checked(
    engine: &dyn Engine,
    expression: &ImageExpr,
    reference: &str,
    info: &ImageInfo,
    cache: &Cache,
) -> Result<Image, ImageError> {
    let facts = contract::measure(engine, info, cache).await?;
    if !facts.missing.is_empty() {
        return Err(ImageError::Contract {
            image: expression.to_string(),
            missing: facts.missing,
        });
    }
    Ok(Image {
        name: expression.to_string(),
        reference: reference.to_owned(),
        digest: info.id.clone(),
        base: info.labels.get("comeback.base").cloned(),
        supervisor: facts.supervisor,
        release: facts.release,
    })
}
