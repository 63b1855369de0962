//! Checks whether images could be made, without making any.

use std::time::Instant;

use pep440_rs::Version;

use super::assets::Tree;
use super::expr::{Distribution, ImageExpr, Releases};
use super::recipe::{Base, Plan};
use super::{Cache, ImageError, bootstrap, build, pypi, release};
use comeback_engine::Engine;

/// The state of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseState {
    /// The base.
    pub base: Base,
    /// True if it is in the engine's store.
    pub here: bool,
    /// Debian's image below it, unless it is bootstrapped.
    pub debian: &'static str,
}

/// The state of each base.
///
/// # Errors
///
/// If the engine fails.
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

/// True if the image of an expression is in the engine's store. Only releases can be, since other images have no name
/// before they are built.
///
/// # Errors
///
/// If the engine fails.
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

/// The newest release of hermes-agent on the package index, and the URL of that index.
///
/// # Errors
///
/// If the index cannot be read.
pub async fn newest() -> Result<(Version, String), ImageError> {
    let own = Distribution::default();
    let known = pypi::releases(&own, Base::default()).await?;
    let newest = pypi::select(&own, &Releases::Latest, &known)?;
    let newest = newest.into_iter().next_back();
    let none = || ImageError::NothingInRange {
        distribution: own.clone(),
        range: "latest".to_owned(),
        known: Vec::new(),
    };
    Ok((newest.ok_or_else(none)?, pypi::public(&pypi::index())))
}

/// Whether this host can bootstrap a base for an engine of this architecture.
///
/// # Errors
///
/// Why it cannot.
pub fn bootstrap(architecture: &str) -> Result<String, String> {
    bootstrap::possible(architecture)?;
    Ok(match bootstrap::on_path("mmdebstrap") {
        Some(program) => format!("by {}", program.display()),
        None => "apt-get and dpkg are here; mmdebstrap is fetched into the cache when it is needed".to_owned(),
    })
}

/// Whether the cache is writable; returns its folder.
///
/// # Errors
///
/// If the cache cannot be written.
pub fn cache_works(cache: &Cache) -> Result<String, ImageError> {
    let probe = cache.path("probe")?;
    let folder = probe.parent().map(|p| p.display().to_string()).unwrap_or_default();
    std::fs::write(&probe, "").map_err(|e| super::cache::broken(&probe, e))?;
    // The file is never read, so a leftover is harmless.
    std::fs::remove_file(&probe).ok();
    Ok(folder)
}

/// Builds an empty image and removes it. Returns how long that took, in seconds.
///
/// # Errors
///
/// If the build fails.
pub async fn builder_works(engine: &dyn Engine) -> Result<f64, ImageError> {
    let clock = Instant::now();
    // If this process is killed, `images prune` finds the image by this name.
    let reference = format!("comeback-dockerfile:doctor-{}", std::process::id());
    let mut context = Tree::default();
    context.file("Dockerfile", "FROM scratch\nLABEL comeback.image=dockerfile\n");
    engine
        .build_image(build::request(&reference, &context), &|_| {})
        .await?;
    engine.remove_image(&reference).await?;
    Ok(clock.elapsed().as_secs_f64())
}
