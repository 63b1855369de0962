//! What is there to make images of, and what is not: looked at without making any.

use std::time::Instant;

use pep440_rs::Version;

use super::assets::Tree;
use super::expr::{Base, Distribution, ImageExpr, Releases};
use super::recipe::Plan;
use super::{Cache, ImageError, bootstrap, build, pypi, release};
use comeback_engine::Engine;

/// The state of one base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseState {
    /// Which.
    pub base: Base,
    /// True if it is in the engine's store.
    pub here: bool,
    /// Debian's image that it stands on, where it is not bootstrapped.
    pub debian: &'static str,
}

/// The bases, each as it is in the engine's store.
pub async fn bases(engine: &dyn Engine) -> Result<Vec<BaseState>, ImageError> {
    let mut all = Vec::new();
    for base in Base::ALL {
        let plan = Plan::new(base)?;
        all.push(BaseState {
            base,
            here: engine.inspect_image(&plan.reference).await?.is_some(),
            debian: base.recipe().debian,
        });
    }
    Ok(all)
}

/// True if the image of an expression is in the engine's store. Only what has a name beforehand can be: a release.
pub async fn here(engine: &dyn Engine, expression: &ImageExpr) -> Result<bool, ImageError> {
    let ImageExpr::Release {
        distribution,
        releases: Releases::Exact(version),
        base,
    } = expression
    else {
        return Ok(false);
    };
    let (reference, _) = release::named(&Plan::new(*base)?, distribution, version);
    Ok(engine.inspect_image(&reference).await?.is_some())
}

/// The newest release of hermes-agent on the package index, and the index that was asked.
pub async fn newest() -> Result<(Version, String), ImageError> {
    let own = Distribution::default();
    let known = pypi::releases(&own).await?;
    let newest = pypi::select(&own, &Releases::Latest, &known)?;
    let newest = newest.into_iter().next_back();
    let none = || ImageError::NothingInRange {
        distribution: own.clone(),
        range: "latest".to_owned(),
        known: Vec::new(),
    };
    Ok((newest.ok_or_else(none)?, pypi::public(&pypi::index())))
}

/// Whether a base can be bootstrapped from Debian's packages on this host for an engine of that architecture: with which
/// tools, or why not.
pub fn bootstrap(architecture: &str) -> Result<String, String> {
    bootstrap::possible(architecture)?;
    Ok(match bootstrap::on_path("mmdebstrap") {
        Some(program) => format!("by {}", program.display()),
        None => "apt-get and dpkg are here; mmdebstrap is fetched into the cache when it is needed".to_owned(),
    })
}

/// Whether the cache can be written: its folder, or why not.
pub fn cache_works(cache: &Cache) -> Result<String, ImageError> {
    let probe = cache.path("probe")?;
    let folder = probe.parent().map(|p| p.display().to_string()).unwrap_or_default();
    std::fs::write(&probe, "").map_err(|e| super::cache::broken(&probe, e))?;
    // Nobody reads it; a leftover is harmless.
    std::fs::remove_file(&probe).ok();
    Ok(folder)
}

/// Builds an image of nothing and removes it: how long that takes, in seconds.
pub async fn builder_works(engine: &dyn Engine) -> Result<f64, ImageError> {
    let clock = Instant::now();
    // A name by which `images prune` finds it, should this process be killed.
    let reference = format!("comeback-dockerfile:doctor-{}", std::process::id());
    let mut context = Tree::default();
    context.file("Dockerfile", "FROM scratch\nLABEL comeback.image=dockerfile\n");
    engine
        .build_image(build::request(&reference, &context), &|_| {})
        .await?;
    engine.remove_image(&reference).await?;
    Ok(clock.elapsed().as_secs_f64())
}
