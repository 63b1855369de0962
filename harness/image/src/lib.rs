//! Image sources: from an image expression to a pinned image that fulfils the contract.
//!
//! See `images/` for what goes into the images we build ourselves. Nothing is built twice: an image is tagged with the
//! hash of everything that goes into it. No flag says how a base is made: Debian's image is pulled where that works and
//! bootstrapped from Debian's packages where it does not, and what was decided is said in one line.

mod assets;
mod base;
mod bootstrap;
mod build;
mod cache;
mod contract;
mod error;
mod existing;
mod expr;
mod http;
mod ignore;
pub mod overlay;
mod pypi;
mod recipe;
mod release;
mod source;
mod store;
pub mod survey;
mod tree;
mod uv;

use std::collections::BTreeMap;
use std::time::Instant;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

pub use cache::Cache;
pub use contract::{fingerprint, looked_into_by_us};
pub use error::ImageError;
pub use expr::{Base, Distribution, ExprError, ImageExpr, Releases};
pub use store::{Kind, Prune, Stored, list, prune};
pub use uv::VERSION as UV_VERSION;

use comeback_engine::Engine;
use comeback_text::redact;

/// An image that is there, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The expression it was asked for by, normalised.
    pub name: String,
    /// Its reference in the engine's store.
    pub reference: String,
    /// Its id.
    pub digest: String,
    /// The base, where we know it.
    pub base: Option<String>,
    /// The supervisor's version as measured in the image: `2.11.3.2`.
    pub supervisor: Option<String>,
    /// The release of hermes-agent in it, where it can be read.
    pub release: Option<Version>,
}

/// How images are obtained.
#[derive(Debug, Clone, Default)]
pub struct ObtainOptions {
    /// Use only what is in the engine's store.
    pub offline: bool,
    /// Where downloads, locks and logs are kept.
    pub cache: Cache,
}

/// Something that happens while an image is obtained.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageEvent {
    /// A choice that was made, and why, in one line.
    Decided {
        /// The line.
        line: String,
    },
    /// A new thing is being done.
    Step {
        /// What.
        line: String,
    },
    /// A line of output of a builder or bootstrapper, free of control characters.
    Output {
        /// The line.
        line: String,
    },
    /// ImageProgress of a pull, in bytes.
    Bytes {
        /// So far.
        done: u64,
        /// In all, as far as known.
        total: Option<u64>,
    },
    /// It is there.
    Ready {
        /// How long that took.
        seconds: f64,
        /// True if nothing had to be built or pulled.
        cached: bool,
    },
}

/// Where events go; decisions go to the log as well.
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

/// What is meant by expressions, in the same order: a range becomes every release in it, `latest` the newest.
pub async fn expand(
    engine: &dyn Engine,
    expressions: &[ImageExpr],
    options: &ObtainOptions,
) -> Result<Vec<ImageExpr>, ImageError> {
    let mut known: BTreeMap<&Distribution, Vec<Version>> = BTreeMap::new();
    let mut all = Vec::new();
    for expression in expressions {
        match expression {
            ImageExpr::Release {
                distribution,
                releases,
                base,
            } if !matches!(releases, Releases::Exact(_)) => {
                if !known.contains_key(distribution) {
                    let there = match options.offline {
                        true => release::local(engine, distribution).await?,
                        false => pypi::releases(distribution).await?,
                    };
                    known.insert(distribution, there);
                }
                let found = pypi::select(distribution, releases, &known[distribution])?;
                all.extend(found.into_iter().map(|version| ImageExpr::Release {
                    distribution: distribution.clone(),
                    releases: Releases::Exact(version),
                    base: *base,
                }));
            }
            other => all.push(other.clone()),
        }
    }
    Ok(all)
}

/// The default base by itself, as an image to run the observer from: it has a Python that no gateway has touched.
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

/// Obtains an image: finds, pulls or builds it. Of a range, the newest release; see [`expand`] for all of them.
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
        ImageExpr::Source { path, base } => source::obtain(engine, &expression, path, *base, options, &report).await?,
        ImageExpr::Docker { reference } => existing::docker(engine, &expression, reference, options, &report).await?,
        ImageExpr::Dockerfile { path } => existing::dockerfile(engine, &expression, path, options, &report).await?,
    };
    report.emit(ImageEvent::Ready {
        seconds: started.elapsed().as_secs_f64(),
        cached,
    });
    Ok(image)
}
