//! Image sources: from an image expression to a pinned image that meets the contract of a gateway image.
//!
//! The folder `images/` holds the files of the images that comeback builds. Nothing is built twice: an image's tag
//! has the hash of everything that goes into it. There is no flag for how a base is made: Debian's image is pulled if
//! that works and otherwise bootstrapped from Debian's packages, and one line reports the decision.
//!
//! ```no_run
//! use comeback_engine::DockerEngine;
//! use comeback_image::{ImageExpr, ObtainOptions, obtain};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = DockerEngine::connect(None).await?;
//! let expression: ImageExpr = "release:0.17.0@trixie".parse()?;
//! let image = obtain(&engine, &expression, &ObtainOptions::default(), &|_| ()).await?;
//! println!("{} is {}", image.name, image.digest);
//! # Ok(())
//! # }
//! ```

mod assets;
mod base;
mod bootstrap;
mod build;
mod cache;
mod choice;
mod contract;
mod error;
mod existing;
mod expr;
mod git;
mod http;
mod ignore;
pub mod overlay;
mod project;
mod pypi;
mod recipe;
mod release;
mod source;
mod stage;
mod store;
pub mod survey;
mod tree;
mod uv;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Instant;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

pub use cache::Cache;
pub use contract::{fingerprint, looked_into_by_us};
pub use error::ImageError;
pub use expr::{Distribution, ExprError, ImageExpr, Releases, Revisions};
pub use recipe::Base;
pub use store::{Kind, Prune, Stored, list, prune};
pub use uv::VERSION as UV_VERSION;

use comeback_engine::Engine;
use comeback_text::redact;

/// An image in the engine's store, pinned by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its normalised expression.
    pub name: String,
    /// Its reference in the engine's store.
    pub reference: String,
    /// Its id.
    pub digest: String,
    /// The base, if it is known.
    pub base: Option<String>,
    /// The supervisor's version as measured in the image: `2.11.3.2`.
    pub supervisor: Option<String>,
    /// Its release of hermes-agent, if it can be read.
    pub release: Option<Version>,
}

/// Options for obtaining images.
#[derive(Debug, Clone, Default)]
pub struct ObtainOptions {
    /// Use only what is in the engine's store.
    pub offline: bool,
    /// The cache for downloads, locks and logs.
    pub cache: Cache,
}

/// An event while an image is obtained.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageEvent {
    /// A decision, with its reason, in one line.
    Decided {
        /// The line.
        line: String,
    },
    /// A new step begins.
    Step {
        /// The step.
        line: String,
    },
    /// A line of output of a builder or the bootstrap, free of control characters.
    Output {
        /// The line.
        line: String,
    },
    /// Progress of a pull, in bytes.
    Bytes {
        /// So far.
        done: u64,
        /// In total, if known.
        total: Option<u64>,
    },
    /// The image is available.
    Ready {
        /// How long it took, in seconds.
        seconds: f64,
        /// True if nothing had to be built or pulled.
        cached: bool,
    },
}

/// Where events go. Decisions also go to the log.
struct Report<'a> {
    sink: &'a (dyn Fn(ImageEvent) + Send + Sync),
}

impl Report<'_> {
    fn emit(&self, event: ImageEvent) {
        (self.sink)(event);
    }

    fn decided(&self, line: String) {
        let line = redact::text(&line);
        tracing::info!("{line}");
        self.emit(ImageEvent::Decided { line });
    }

    fn step(&self, line: String) {
        tracing::debug!("{line}");
        self.emit(ImageEvent::Step { line });
    }

    fn output(&self, line: String) {
        self.emit(ImageEvent::Output {
            line: redact::text(&line),
        });
    }
}

/// The images that expressions stand for, in the same order: a range stands for every release in it that the base has
/// the Python for, `latest` for the newest of those, and a range of revisions for every tag in it.
///
/// # Errors
///
/// If the package index cannot be read or has no matching release, or git cannot list the tags.
pub async fn expand(
    engine: &dyn Engine,
    expressions: &[ImageExpr],
    options: &ObtainOptions,
) -> Result<Vec<ImageExpr>, ImageError> {
    let mut known: BTreeMap<(&Distribution, Base), Vec<Version>> = BTreeMap::new();
    let mut all = Vec::new();
    for expression in expressions {
        match expression {
            ImageExpr::Release {
                distribution,
                releases,
                base,
            } if !matches!(releases, Releases::Exact(_)) => {
                let there = match known.entry((distribution, *base)) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(place) => place.insert(match options.offline {
                        true => release::local(engine, distribution).await?,
                        false => pypi::releases(distribution, *base).await?,
                    }),
                };
                let found = pypi::select(distribution, releases, there)?;
                all.extend(found.into_iter().map(|version| ImageExpr::Release {
                    distribution: distribution.clone(),
                    releases: Releases::Exact(version),
                    base: *base,
                }));
            }
            ImageExpr::Source {
                path,
                revisions: Some(Revisions::Tags { from, to }),
                base,
            } => {
                let tags = git::tags(path, from, to).await?;
                all.extend(tags.into_iter().map(|tag| ImageExpr::Source {
                    path: path.clone(),
                    revisions: Some(Revisions::One(tag)),
                    base: *base,
                }));
            }
            other => all.push(other.clone()),
        }
    }
    Ok(all)
}

/// The default base alone, as the observer's image: its Python is independent of the image under test.
///
/// # Errors
///
/// If the base cannot be made, or with `--offline` is not in the engine's store.
pub async fn obtain_base(
    engine: &dyn Engine,
    options: &ObtainOptions,
    report: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Image, ImageError> {
    let plan = recipe::Plan::new(Base::default())?;
    let name = format!("base {}", plan.base);
    let info = match engine.inspect_image(&plan.reference).await? {
        Some(info) => info,
        None if options.offline => {
            return Err(ImageError::Offline {
                image: name,
                needed: "build it".to_owned(),
            });
        }
        None => plan.ensure(engine, &options.cache, &Report { sink: report }).await?,
    };
    Ok(Image {
        name,
        reference: plan.reference.clone(),
        digest: info.id,
        base: Some(plan.base.to_string()),
        supervisor: info.labels.get("comeback.supervisor").cloned(),
        release: None,
    })
}

/// Obtains an image: finds, pulls or builds it. Of a range it obtains the newest release; see [`expand`] for all of
/// them.
///
/// # Errors
///
/// If the image cannot be pulled or built, or is not a gateway image.
pub async fn obtain(
    engine: &dyn Engine,
    expression: &ImageExpr,
    options: &ObtainOptions,
    report: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Image, ImageError> {
    let started = Instant::now();
    let report = Report { sink: report };
    let expression = match expression {
        ImageExpr::Release { .. } => expand(engine, std::slice::from_ref(expression), options).await?.pop(),
        _ => None,
    }
    .unwrap_or_else(|| expression.clone());
    let (image, cached) = match &expression {
        ImageExpr::Release {
            distribution,
            releases: Releases::Exact(version),
            base,
        } => release::obtain(engine, &expression, (distribution, version), *base, options, &report).await?,
        ImageExpr::Release {
            distribution, releases, ..
        } => {
            return Err(ImageError::NothingInRange {
                distribution: distribution.clone(),
                range: format!("{releases:?}"),
                known: Vec::new(),
            });
        }
        ImageExpr::Source { path, revisions, base } => {
            let place = source::Place::new(path, revisions.as_ref())?;
            source::obtain(engine, &expression, &place, *base, options, &report).await?
        }
        ImageExpr::Docker { reference } => existing::docker(engine, &expression, reference, options, &report).await?,
        ImageExpr::Dockerfile { path } => existing::dockerfile(engine, &expression, path, options, &report).await?,
    };
    report.emit(ImageEvent::Ready {
        seconds: started.elapsed().as_secs_f64(),
        cached,
    });
    Ok(image)
}
