//! Obtains the images of a run, in parallel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;

use super::interrupt::Interrupts;
use crate::options::ObserverFrom;
use crate::progress::Progress;
use crate::{Failure, FailureKind};
use comeback_engine::Engine;
use comeback_image::{Image, ImageEvent, ImageExpr, ObtainOptions};
use comeback_record::document::ImageEntry;
use comeback_record::event::RunEvent;
use comeback_scenario::Diagnostic;
use comeback_scenario::model::Scenario;

/// A function that takes events.
pub type EventSink = Arc<dyn Fn(RunEvent) + Send + Sync>;

/// Sends events to a progress display.
pub fn event_sink(progress: &Arc<Progress>) -> EventSink {
    let progress = progress.clone();
    Arc::new(move |event| progress.on(&event))
}

/// The images of a run.
pub struct Obtained {
    /// Those under test, in order.
    pub subjects: Vec<Image>,
    /// Those that scenarios name, by expression.
    pub others: BTreeMap<String, Image>,
    /// All of them, for the document.
    pub entries: Vec<ImageEntry>,
}

/// Image expressions that these scenarios name.
pub fn named_by(scenarios: &[Scenario]) -> Result<BTreeMap<String, ImageExpr>, Failure> {
    let mut named = BTreeMap::new();
    for scenario in scenarios {
        for text in scenario.other_images() {
            let one = match text.parse::<ImageExpr>() {
                Ok(image) if image.is_range() => Err(("a scenario names one image".into(), "this is a range".into())),
                Ok(image) => Ok(image),
                Err(error) => Err((error.what, error.instead)),
            };
            let one = one.map_err(|(what, label)| bad_image(scenario, text, what, label))?;
            named.insert(text.to_owned(), one);
        }
    }
    Ok(named)
}

/// The failure for an image expression of a scenario file.
fn bad_image(scenario: &Scenario, image: &str, what: String, label: String) -> Failure {
    let text: Arc<str> = scenario.source.text.as_str().into();
    let start = ['"', '\'']
        .iter()
        .find_map(|quote| text.find(&format!("{quote}{image}{quote}")));
    let span = start.map_or(0..0, |start| start..start + image.len() + 2);
    let mut diagnostic = Diagnostic::new(&scenario.source.path, &text, span, format!("image `{image}`: {what}"));
    diagnostic.label(label);
    Failure::new(FailureKind::BadFile {
        diagnostic: diagnostic.to_string(),
    })
}

/// Says of an image that could not be obtained which scenarios name it.
pub fn with_namers(failure: Failure, scenarios: &[Scenario]) -> Failure {
    let FailureKind::Image { image, .. } = &failure.kind else {
        return failure;
    };
    let namers = scenarios.iter().filter(|s| s.other_images().contains(&image.as_str()));
    let lines: Vec<String> = namers.map(|s| format!("{} names it", s.source.path)).collect();
    failure.detail(lines)
}

/// Obtains all images. One that fails ends the command, because a run needs all of its images.
pub async fn obtain(
    engine: &Arc<dyn Engine>,
    subjects: &[ImageExpr],
    others: &BTreeMap<String, ImageExpr>,
    options: &ObtainOptions,
    tell: &EventSink,
) -> Result<Obtained, Failure> {
    let failed = |name: &str, error: comeback_image::ImageError| failure(name, &error);
    let subjects = comeback_image::expand(engine.as_ref(), subjects, options)
        .await
        .map_err(|e| {
            let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
            failed(&names.join(" "), e)
        })?;
    let mut wanted: BTreeMap<String, ImageExpr> = BTreeMap::new();
    for expression in subjects.iter().chain(others.values()) {
        wanted.insert(expression.to_string(), expression.clone());
    }
    // In parallel, until the first error.
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
            entries.push(entry(image, *made, *seconds));
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

/// Obtains all images. If a signal ends the command first, its containers are removed.
pub async fn obtain_unless(
    interrupts: &mut Interrupts,
    progress: &Progress,
    engine: &Arc<dyn Engine>,
    subjects: &[ImageExpr],
    others: &BTreeMap<String, ImageExpr>,
    options: &ObtainOptions,
    tell: &EventSink,
) -> Result<Obtained, Failure> {
    tokio::select! {
        obtained = obtain(engine, subjects, others, options, tell) => obtained,
        exit = interrupts.next() => {
            progress.stand();
            // The cancelled task cannot remove the container that it had created to inspect an image.
            tokio::select! {
                _ = comeback_runner::sweep(engine, comeback_image::looked_into_by_us) => {}
                _ = interrupts.next() => {}
            }
            Err(Failure::new(FailureKind::Interrupted { exit }))
        }
    }
}

/// The image of the observer, if it is not the one under test.
pub async fn observer(
    engine: &Arc<dyn Engine>,
    from: ObserverFrom,
    options: &ObtainOptions,
    tell: &EventSink,
) -> Result<Option<Image>, Failure> {
    if from == ObserverFrom::Image {
        return Ok(None);
    }
    let name = "the observer's base";
    let report = |event| {
        if let ImageEvent::Decided { line } = event {
            tell(RunEvent::ImageDecided {
                image: name.to_owned(),
                how: line,
            });
        }
    };
    let made = comeback_image::obtain_base(engine.as_ref(), options, &report).await;
    made.map(Some).map_err(|error| failure(name, &error))
}

async fn one(
    engine: &Arc<dyn Engine>,
    name: &str,
    expression: &ImageExpr,
    options: &ObtainOptions,
    tell: &EventSink,
) -> Result<(Image, bool, f64), comeback_image::ImageError> {
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
    let image = comeback_image::obtain(engine.as_ref(), expression, options, &report).await?;
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

pub fn failure(name: &str, error: &comeback_image::ImageError) -> Failure {
    if let comeback_image::ImageError::Expression(error) = error {
        return Failure::new(FailureKind::Usage {
            why: error.to_string(),
            hint: None,
        });
    }
    Failure::new(FailureKind::Image {
        image: name.to_owned(),
        why: error.to_string(),
        hint: error.advice(),
    })
    .detail(error.detail())
}

/// The document's entry of an image. `made` says that this run built or pulled it, `seconds` how long that took.
pub fn entry(image: &Image, made: bool, seconds: f64) -> ImageEntry {
    ImageEntry {
        name: image.name.clone(),
        reference: image.reference.clone(),
        digest: image.digest.clone(),
        base: image.base.clone(),
        supervisor: image.supervisor.clone(),
        release: image.release.as_ref().map(ToString::to_string),
        made,
        seconds: (seconds * 1000.0).round() / 1000.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::variants;
    use comeback_engine::{EngineError, EngineErrorKind};
    use comeback_image::Distribution;
    use comeback_image::ImageError;
    use comeback_text::terminal::Style;

    variants!(ImageError:
        Expression, NoSuchRelease, NothingInRange, Unreachable, Unreadable, Unserved, NoBase, Build, NoImage, Contract, Offline,
        Path, Cache, Engine);

    mod engine_kinds {
        use crate::variants;
        use comeback_engine::EngineErrorKind;

        variants!(EngineErrorKind: Unreachable, Status, Timeout, Broken, NoImage, NotAsAsked, Build);

        pub fn all_are_in(kinds: &[EngineErrorKind]) -> bool {
            NAMES.iter().all(|name| kinds.iter().any(|kind| name_of(kind) == *name))
        }
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    /// Each error with the image expression.
    fn samples() -> Vec<(&'static str, ImageError)> {
        let expression = "relaese:0.17.0".parse::<ImageExpr>().unwrap_err();
        let status = EngineErrorKind::Status {
            code: 500,
            message: text("no space left on device\n"),
        };
        let build = |hint: &str| ImageError::Build {
            image: text("release:0.18.2"),
            last: vec![
                text("Step 3/3 : RUN uv pip install"),
                text("\u{1b}[31merror: No solution found"),
            ],
            hint: text(hint),
            log: "/home/me/.cache/comeback/logs/comeback-gateway_0.18.2.log".into(),
        };
        vec![
            ("relaese:0.17.0", ImageError::Expression(expression)),
            (
                "release:0.99.0",
                ImageError::NoSuchRelease {
                    distribution: Distribution::default(),
                    asked: text("0.99.0"),
                    nearest: vec![text("0.18.2"), text("0.19.0")],
                    newest: text("0.19.0"),
                    index: text("https://pypi.org/simple"),
                },
            ),
            (
                "release:>1",
                ImageError::NothingInRange {
                    distribution: Distribution::default(),
                    range: text(">1"),
                    known: vec![text("0.18.2"), text("0.19.0")],
                },
            ),
            (
                "release:0.17.0",
                ImageError::Unreachable {
                    what: text("the list of hermes-agent releases"),
                    url: text("https://pypi.org/simple/hermes-agent/"),
                    why: text("connection refused"),
                },
            ),
            (
                "release:0.17.0",
                ImageError::Unreadable {
                    url: text("https://index.example/simple/hermes-agent/"),
                    why: text("not JSON of the simple index: expected value at line 1"),
                },
            ),
            (
                "release:0.17.0@forky",
                ImageError::Unserved {
                    image: text("hermes-agent 0.17.0"),
                    why: text(
                        "it requires Python <3.14, which @forky does not have (Python 3.14): name @bookworm or @trixie",
                    ),
                },
            ),
            (
                "release:0.17.0",
                ImageError::NoBase {
                    base: text("bookworm"),
                    image: text("debian:bookworm-slim"),
                    pull: text("the engine answered 500: no such host"),
                    bootstrap: text("this host has no apt-get"),
                },
            ),
            ("release:0.18.2", build("")),
            (
                "release:0.18.2",
                build("\nhint: free some space, e.g. by `comeback images prune`"),
            ),
            (
                "docker:me/gateway:1",
                ImageError::NoImage {
                    reference: text("me/gateway:1"),
                    why: text("the engine answered 404: pull access denied"),
                },
            ),
            (
                "docker:nginx",
                ImageError::Contract {
                    image: text("nginx"),
                    missing: vec![
                        text("the user `hermes` with home /opt/data"),
                        text("hermes-agent in the venv /opt/hermes/.venv"),
                    ],
                },
            ),
            (
                "release:0.18.2",
                ImageError::Offline {
                    image: text("release:0.18.2"),
                    needed: text("build it"),
                },
            ),
            (
                "source:nowhere",
                ImageError::Path {
                    path: "nowhere".into(),
                    why: text("there is no such folder: name a checkout or an unpacked sdist of hermes-agent"),
                },
            ),
            (
                "release:0.17.0",
                ImageError::Cache {
                    path: "/home/me/.cache/comeback/locks".into(),
                    source: std::io::Error::other("Permission denied"),
                },
            ),
            (
                "release:0.17.0",
                EngineError::new("import comeback-base:bookworm", status).into(),
            ),
        ]
    }

    #[test]
    fn how_errors_read() {
        let samples = samples();
        for name in NAMES {
            assert!(
                samples.iter().any(|(_, error)| name_of(error) == *name),
                "no sample of {name}"
            );
        }
        let all = samples.iter().map(|(name, error)| {
            let failure = failure(name, error);
            format!(
                "{}\n{}[{}]\n",
                name_of(error),
                failure.render(Style::PLAIN),
                failure.exit()
            )
        });
        insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn how_errors_of_the_engine_read() {
        let kinds = vec![
            EngineErrorKind::Unreachable("connection refused".into()),
            EngineErrorKind::Status {
                code: 409,
                message: text("the name is in use\n"),
            },
            EngineErrorKind::Timeout(std::time::Duration::from_secs(30)),
            EngineErrorKind::Broken("unexpected end of file".into()),
            EngineErrorKind::NoImage {
                image: text("sha256:3f2a0b1c9d8e"),
            },
            EngineErrorKind::NotAsAsked(text("ReadonlyRootfs")),
            EngineErrorKind::Build(text("no such file: Dockerfile")),
        ];
        assert!(engine_kinds::all_are_in(&kinds));
        let all = kinds.into_iter().map(|kind| {
            let error = EngineError::new("start container 3f2a0b1c9d8e", kind);
            Failure::engine(&error, "unix:///var/run/docker.sock").render(Style::PLAIN)
        });
        insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n"));
    }
}
