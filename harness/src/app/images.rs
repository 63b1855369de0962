//! Obtaining the images of a run, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;

use crate::cli::progress::Progress;
use crate::cli::{Failure, FailureKind};
use crate::engine::Engine;
use crate::evidence::document::ImageEntry;
use crate::evidence::event::RunEvent;
use crate::image::{self, Image, ImageEvent, ImageExpr, ObtainOptions};
use crate::scenario::model::{ImageRef, Scenario};

/// Where events go.
pub type Tell = Arc<dyn Fn(RunEvent) + Send + Sync>;

/// Sends events to a progress display.
pub fn teller(progress: &Arc<Progress>) -> Tell {
    let progress = progress.clone();
    Arc::new(move |event| progress.on(&event))
}

/// The images of a run.
pub struct Obtained {
    /// Those under test, in order.
    pub subjects: Vec<Image>,
    /// Those that upgrades come from or go to, by expression.
    pub others: BTreeMap<String, Image>,
    /// All of them, for the document.
    pub entries: Vec<ImageEntry>,
}

/// Image expressions that the upgrades of these scenarios name.
pub fn named_by(scenarios: &[Scenario]) -> Result<BTreeMap<String, ImageExpr>, Failure> {
    let mut named = BTreeMap::new();
    for upgrade in scenarios.iter().filter_map(|s| s.upgrade.as_ref()) {
        for side in [&upgrade.from, &upgrade.to] {
            if let ImageRef::Other(text) = side {
                let expression = super::select::images(std::slice::from_ref(text))?.remove(0);
                named.insert(text.clone(), expression);
            }
        }
    }
    Ok(named)
}

/// Obtains them all. Each failure ends the command: a run with half its images is no run.
pub async fn obtain(
    engine: &Arc<dyn Engine>,
    subjects: &[ImageExpr],
    others: &BTreeMap<String, ImageExpr>,
    options: &ObtainOptions,
    tell: &Tell,
) -> Result<Obtained, Failure> {
    let failed = |name: &str, error: image::ImageError| failure(name, &error);
    let subjects = image::expand(engine.as_ref(), subjects, options).await.map_err(|e| {
        let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        failed(&names.join(" "), e)
    })?;
    let mut wanted: BTreeMap<String, ImageExpr> = BTreeMap::new();
    for expression in subjects.iter().chain(others.values()) {
        wanted.insert(expression.to_string(), expression.clone());
    }
    // Side by side, and no further than to the first that cannot be had.
    let made = try_join_all(wanted.iter().map(async |(name, expression)| {
        let made = one(engine, name, expression, options, tell).await;
        made.map(|made| (name.clone(), made)).map_err(|e| failed(name, e))
    }));
    let images: BTreeMap<String, (Image, bool, f64)> = made.await?.into_iter().collect();
    let image = |expression: &ImageExpr| images[&expression.to_string()].0.clone();
    let mut order: Vec<String> = subjects.iter().map(ToString::to_string).collect();
    order.extend(images.keys().cloned());
    let mut entries: Vec<ImageEntry> = Vec::new();
    for name in order {
        if entries.iter().all(|e| e.name != name) {
            let (image, made, seconds) = &images[&name];
            entries.push(ImageEntry::new(image, *made, *seconds));
        }
    }
    Ok(Obtained {
        subjects: subjects.iter().map(image).collect(),
        others: others
            .iter()
            .map(|(text, expression)| (text.clone(), image(expression)))
            .collect(),
        entries,
    })
}

async fn one(
    engine: &Arc<dyn Engine>,
    name: &str,
    expression: &ImageExpr,
    options: &ObtainOptions,
    tell: &Tell,
) -> Result<(Image, bool, f64), image::ImageError> {
    let clock = Instant::now();
    let made = AtomicBool::new(true);
    let report = |event: ImageEvent| {
        let image = name.to_owned();
        tell(match event {
            ImageEvent::Decided { line } => RunEvent::ImageDecided { image, how: line },
            ImageEvent::Step { line } | ImageEvent::Output { line } => RunEvent::ImageStep { image, line },
            ImageEvent::Bytes { done, total } => RunEvent::ImageBytes { image, done, total },
            ImageEvent::Ready { cached, .. } => {
                made.store(!cached, Ordering::Relaxed);
                return;
            }
        });
    };
    let image = image::obtain(engine.as_ref(), expression, options, &report).await?;
    let made = made.load(Ordering::Relaxed);
    let seconds = clock.elapsed().as_secs_f64();
    tell(RunEvent::ImageReady {
        image: name.to_owned(),
        reference: image.reference.clone(),
        made,
        seconds,
    });
    Ok((image, made, seconds))
}

pub fn failure(name: &str, error: &image::ImageError) -> Failure {
    if let image::ImageError::Expression(error) = error {
        return Failure::new(FailureKind::Usage {
            why: error.to_string(),
            hint: None,
        });
    }
    Failure::new(FailureKind::Image {
        image: name.to_owned(),
        why: error.to_string(),
        hint: None,
    })
}
