//! The base of the images that comeback builds: Debian with s6, Python and the root file system, pulled or
//! bootstrapped.

use super::assets::{self, Tree, short};
use super::build::{self, Job};
use super::cache::Cache;

use super::recipe::{ADDED, Base, Plan};
use super::{ImageError, ImageEvent, Report, bootstrap, contract, uv};
use comeback_engine::{Engine, ImageInfo, ImageProgress};

impl Plan {
    /// Finds or makes the base.
    pub(super) async fn ensure(
        &self,
        engine: &dyn Engine,
        cache: &Cache,
        report: &Report<'_>,
    ) -> Result<ImageInfo, ImageError> {
        if let Some(image) = engine.inspect_image(&self.reference).await? {
            return Ok(image);
        }
        let _lock = cache.lock(short(&self.key)).await?;
        if let Some(image) = engine.inspect_image(&self.reference).await? {
            return Ok(image);
        }
        let architecture = engine.info().await?.architecture;
        let uv = uv::program(cache, &architecture, report);
        let (pulled, uv) = tokio::join!(self.pull(engine, report), uv);
        let mut tree = self.tree.clone();
        tree.file("usr/local/bin/uv", uv?);
        let mut log = build::Log::create(cache, &self.reference)?;
        match pulled {
            Ok(debian) => self.on_pulled(engine, cache, &debian, &tree, &mut log, report).await?,
            Err(pull) => {
                let image = self.base.recipe().debian;
                report.decided(fallback(self.base, &pull, bootstrap::possible(&architecture))?);
                let changes = self.changes();
                let made = bootstrap::run(self, engine, cache, &tree, changes, &mut log, report).await;
                made.map_err(|error| match error {
                    bootstrap::Failed::Image(error) => error,
                    bootstrap::Failed::Bootstrap(bootstrap) => ImageError::NoBase {
                        base: self.base.to_string(),
                        image: image.to_owned(),
                        pull,
                        bootstrap,
                    },
                })?;
            }
        }
        match engine.inspect_image(&self.reference).await? {
            Some(image) => Ok(image),
            None => Err(ImageError::NoImage {
                reference: self.reference.clone(),
                why: "it was built, but it is no longer in the engine's store".to_owned(),
            }),
        }
    }

    /// The id of Debian's own image, pulled if necessary; otherwise why it is not available.
    async fn pull(&self, engine: &dyn Engine, report: &Report<'_>) -> Result<String, String> {
        let image = self.base.recipe().debian;
        if let Ok(Some(info)) = engine.inspect_image(image).await {
            report.decided(format!(
                "base {}: built on {image}, which is in the engine's store",
                self.base
            ));
            return Ok(info.id);
        }
        report.step(format!("pulling {image}"));
        let on = |progress| report.progress(progress);
        let pulled = engine.pull_image(image, &on).await;
        pulled.map_err(|error| error.kind.to_string())?;
        match engine.inspect_image(image).await {
            Ok(Some(info)) => {
                report.decided(format!("base {}: on {image}, pulled", self.base));
                Ok(info.id)
            }
            Ok(None) => Err("it was pulled, but it is not in the engine's store".to_owned()),
            Err(error) => Err(error.kind.to_string()),
        }
    }

    async fn on_pulled(
        &self,
        engine: &dyn Engine,
        cache: &Cache,
        debian: &str,
        tree: &Tree,
        log: &mut build::Log,
        report: &Report<'_>,
    ) -> Result<(), ImageError> {
        let mut packages: Vec<&str> = ADDED.to_vec();
        if !self.bundle {
            packages.push("ca-certificates");
        }
        let recipe = self.base.recipe();
        let mut tree = tree.clone();
        // Debian's image already has the first of the sources.
        if let Some(source) = recipe.sources(bootstrap::MIRROR).get(1) {
            tree.file("etc/apt/sources.list.d/comeback.list", format!("{source}\n"));
        }
        let mut context = Tree::default();
        context.file("rootfs.tar", tree.tar());
        let dockerfile = assets::text("gateway/base.Dockerfile");
        let args = [("DEBIAN", debian), ("ADDED", &packages.join(" "))];
        context.file("Dockerfile", assets::inline(&dockerfile, &args));
        report.step(format!("installing s6 and Python on {}", recipe.debian));
        let unlabelled = format!("{}-unlabelled", self.reference);
        let job = Job {
            name: format!("base {}", self.base),
            engine,
            report,
        };
        // The label needs s6's version, which is read from the built image.
        let info = job.run(build::request(&unlabelled, &context), log).await?;
        let facts = contract::measure(engine, &info, cache).await?;
        let mut context = Tree::default();
        let supervisor = facts.supervisor.unwrap_or_default();
        let labels = self.label_instruction(&supervisor);
        context.file("Dockerfile", format!("FROM {}\n{labels}\n", info.id));
        job.run(build::request(&self.reference, &context), log).await?;
        engine.remove_image(&unlabelled).await?;
        Ok(())
    }

    /// The configuration of a bootstrapped base: the Dockerfile instructions that do not create files.
    fn changes(&self) -> Vec<String> {
        let dockerfile = assets::text("gateway/base.Dockerfile").replace("\\\n", " ");
        dockerfile
            .lines()
            .filter(|line| ["ENV ", "ENTRYPOINT ", "CMD "].iter().any(|i| line.starts_with(i)))
            .map(str::to_owned)
            .collect()
    }

    /// The same instructions, with the labels.
    pub(super) fn labelled(&self, mut changes: Vec<String>, supervisor: &str) -> Vec<String> {
        changes.push(self.label_instruction(supervisor));
        changes
    }
}

/// The line that explains the bootstrap if Debian's image cannot be pulled; an error if a bootstrap is impossible
/// too.
fn fallback(base: Base, pull: &str, possible: Result<(), String>) -> Result<String, ImageError> {
    let image = base.recipe().debian;
    match possible {
        Ok(()) => Ok(format!(
            "base {base}: bootstrapped from Debian's packages, because {image} cannot be pulled ({pull})"
        )),
        Err(bootstrap) => Err(ImageError::NoBase {
            base: base.to_string(),
            image: image.to_owned(),
            pull: pull.to_owned(),
            bootstrap,
        }),
    }
}

impl Report<'_> {
    pub(super) fn progress(&self, progress: ImageProgress) {
        match progress {
            ImageProgress::Line(line) => self.emit(ImageEvent::Output { line }),
            ImageProgress::Bytes { done, total } => self.emit(ImageEvent::Bytes { done, total }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bases_have_different_keys() {
        let plans = Base::ALL.map(|base| Plan::new(base).unwrap());
        for plan in &plans {
            let again = Plan::new(plan.base).unwrap();
            assert_eq!(plan.reference, again.reference);
            assert_eq!(
                plan.reference,
                format!("comeback-base:{}-{}", plan.base, short(&plan.key))
            );
        }
        assert_ne!(plans[0].key, plans[1].key);
        assert_ne!(plans[1].key, plans[2].key);
    }

    #[test]
    fn a_bootstrapped_base_is_configured_by_the_dockerfile() {
        let plan = Plan::new(Base::Bookworm).unwrap();
        let changes = plan.labelled(plan.changes(), "2.11.3.2");
        assert_eq!(changes.len(), 4, "{changes:?}");
        assert!(changes[0].starts_with("ENV PATH=/opt/hermes/bin:/opt/hermes/.venv/bin:"));
        assert!(changes[0].contains("HERMES_HOME=/opt/data") && changes[0].contains("HERMES_DISABLE_LAZY_INSTALLS=1"));
        assert!(!changes[0].contains("HERMES_GATEWAY_MAX_STARTS"));
        assert_eq!(
            changes[1],
            r#"ENTRYPOINT ["/init", "/opt/hermes/docker/main-wrapper.sh"]"#
        );
        assert_eq!(changes[2], r#"CMD ["sleep", "infinity"]"#);
        assert!(changes[3].contains(r#"comeback.supervisor="2.11.3.2""#));
    }

    #[test]
    #[tracing_test::traced_test]
    fn the_fallback_to_bootstrap_is_reported() {
        let seen = std::sync::Mutex::new(Vec::new());
        let sink = |event| seen.lock().unwrap().push(event);
        let report = Report { sink: &sink };
        report.decided(fallback(Base::Trixie, "no such host", Ok(())).unwrap());
        let line = "base trixie: bootstrapped from Debian's packages, because debian:trixie-slim cannot be pulled \
                    (no such host)";
        assert!(logs_contain(line));
        assert_eq!(*seen.lock().unwrap(), [ImageEvent::Decided { line: line.to_owned() }]);

        let error = fallback(Base::Trixie, "no such host", Err("this host has no apt-get".into())).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("pulling debian:trixie-slim failed (no such host)"),
            "{text}"
        );
        assert!(text.contains("this host has no apt-get"), "{text}");
        assert!(error.advice().unwrap().contains("let the engine reach a registry"));
    }

    #[test]
    fn only_the_supervisor_is_taken_from_the_second_suite() {
        assert_eq!(Base::Trixie.recipe().preferences(), None);
        let preferences = Base::ForkyS6.recipe().preferences().unwrap();
        assert!(preferences.contains("Package: s6 execline"));
        assert!(!preferences.contains("python"));
    }
}
