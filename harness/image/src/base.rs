//! The base of the images we build: Debian with s6, Python and our root file system, pulled or bootstrapped.

use std::path::PathBuf;

use super::assets::{self, Key, Tree, short};
use super::build::{self, Job};
use super::cache::Cache;
use super::expr::Base;
use super::{ImageError, ImageEvent, Report, bootstrap, contract, uv};
use comeback_engine::{Engine, ImageInfo, ImageProgress};

/// Where Linux systems keep the certificates they trust, in one file.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// Where the bundle goes in the image.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// What is added to a Debian image.
const PACKAGES: [&str; 5] = ["s6", "execline", "python3", "procps", "tzdata"];

/// What is special about a base.
pub(super) struct Recipe {
    /// Debian's image of it.
    pub(super) debian: &'static str,
    /// The suite it is made of.
    pub(super) suite: &'static str,
    /// A second suite, from which only the supervisor is taken.
    pub(super) supervisor_from: Option<&'static str>,
}

impl Base {
    pub(super) fn recipe(self) -> Recipe {
        match self {
            Self::Bookworm => Recipe {
                debian: "debian:bookworm-slim",
                suite: "bookworm",
                supervisor_from: None,
            },
            Self::Trixie => Recipe {
                debian: "debian:trixie-slim",
                suite: "trixie",
                supervisor_from: None,
            },
            Self::ForkyS6 => Recipe {
                debian: "debian:trixie-slim",
                suite: "trixie",
                supervisor_from: Some("forky"),
            },
        }
    }
}

impl Recipe {
    /// apt's sources on a mirror.
    pub(super) fn sources(&self, mirror: &str) -> Vec<String> {
        let mut sources = vec![format!("deb {mirror} {} main", self.suite)];
        if let Some(suite) = self.supervisor_from {
            // Unlike a release's, the lists of a suite in the making expire within a week, and mirrors lag.
            sources.push(format!("deb [check-valid-until=no] {mirror} {suite} main"));
        }
        sources
    }

    /// apt's preferences: s6 and its own libraries from the second suite, nothing else, Python least of all.
    pub(super) fn preferences(&self) -> Option<String> {
        let suite = self.supervisor_from?;
        Some(format!(
            "Package: *\nPin: release n={suite}\nPin-Priority: 50\n\n\
             Package: s6 execline libs6-* libexecline* libskarnet*\nPin: release n={suite}\nPin-Priority: 900\n"
        ))
    }
}

/// Everything a base is made of except what is downloaded.
pub(super) struct Plan {
    pub(super) base: Base,
    /// `comeback-base:bookworm-0123456789ab`.
    pub(super) reference: String,
    pub(super) key: String,
    tree: Tree,
    /// True if the host has certificates to pass on.
    bundle: bool,
}

impl Plan {
    pub(super) fn new(base: Base) -> Result<Self, ImageError> {
        let mut tree = Tree::rootfs();
        let recipe = base.recipe();
        if let Some(preferences) = recipe.preferences() {
            tree.file("etc/apt/preferences.d/comeback", preferences);
        }
        let bundle = host_bundle()?;
        if let Some(bundle) = &bundle {
            tree.file(BUNDLE, bundle.as_slice());
        }
        let mut key = Key::default();
        key.add("base", base.name().as_bytes());
        key.add("recipe", assets::text("gateway/base.Dockerfile").as_bytes());
        key.add("uv", uv::VERSION.as_bytes());
        for package in PACKAGES.iter().chain(&bootstrap::PACKAGES) {
            key.add("package", package.as_bytes());
        }
        tree.hash(&mut key);
        let key = key.hex();
        Ok(Self {
            base,
            reference: format!("comeback-base:{base}-{}", short(&key)),
            key,
            tree,
            bundle: bundle.is_some(),
        })
    }

    /// The labels of the base, which every image on it inherits: labels of their own would cost a step of the build.
    fn labels(&self, supervisor: &str) -> [(&'static str, String); 4] {
        [
            ("comeback.image", "gateway".to_owned()),
            ("comeback.base", self.base.to_string()),
            ("comeback.supervisor", supervisor.to_owned()),
            ("comeback.key", self.key.clone()),
        ]
    }

    fn label_instruction(&self, supervisor: &str) -> String {
        let labels = self.labels(supervisor).map(|(name, value)| format!("{name}={value:?}"));
        format!("LABEL {}", labels.join(" "))
    }

    /// The base, made if it is not there yet.
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
                why: "it was made and is gone again".to_owned(),
            }),
        }
    }

    /// The id of Debian's own image, if it is here or can be had; else why not.
    async fn pull(&self, engine: &dyn Engine, report: &Report<'_>) -> Result<String, String> {
        let image = self.base.recipe().debian;
        if let Ok(Some(info)) = engine.inspect_image(image).await {
            report.decided(format!(
                "base {}: on {image}, which is in the engine's store",
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
            Ok(None) => Err("it was pulled and is not there".to_owned()),
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
        let mut packages: Vec<&str> = PACKAGES.to_vec();
        if !self.bundle {
            packages.push("ca-certificates");
        }
        let recipe = self.base.recipe();
        let mut tree = tree.clone();
        // Debian's image has the first of the sources.
        if let Some(source) = recipe.sources(bootstrap::MIRROR).get(1) {
            tree.file("etc/apt/sources.list.d/comeback.list", format!("{source}\n"));
        }
        let mut context = Tree::default();
        context.file("rootfs.tar", tree.tar());
        let dockerfile = assets::text("gateway/base.Dockerfile");
        let args = [("DEBIAN", debian), ("PACKAGES", &packages.join(" "))];
        context.file("Dockerfile", assets::inline(&dockerfile, &args));
        report.step(format!("installing s6 and Python on {}", recipe.debian));
        let unlabelled = format!("{}-unlabelled", self.reference);
        let job = Job {
            name: format!("base {}", self.base),
            engine,
            report,
        };
        // What was measured in the image can be a label only once there is an image.
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

    /// What a bootstrapped base's configuration is made of: the instructions of the Dockerfile that are not about files.
    fn changes(&self) -> Vec<String> {
        let dockerfile = assets::text("gateway/base.Dockerfile").replace("\\\n", " ");
        dockerfile
            .lines()
            .filter(|line| ["ENV ", "ENTRYPOINT ", "CMD "].iter().any(|i| line.starts_with(i)))
            .map(str::to_owned)
            .collect()
    }

    /// The same, with the labels.
    pub(super) fn labelled(&self, mut changes: Vec<String>, supervisor: &str) -> Vec<String> {
        changes.push(self.label_instruction(supervisor));
        changes
    }
}

/// What is done when Debian's image cannot be pulled, in one line; an error if nothing is left.
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

/// The certificates the host trusts; a proxy on the way to PyPI may need them.
fn host_bundle() -> Result<Option<Vec<u8>>, ImageError> {
    let named = std::env::var_os("SSL_CERT_FILE")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    if let Some(path) = named {
        return match std::fs::read(&path) {
            Ok(bundle) => Ok(Some(bundle)),
            Err(error) => Err(ImageError::Path {
                path,
                why: format!("named by SSL_CERT_FILE, but cannot be read ({error}): correct or unset it"),
            }),
        };
    }
    Ok(BUNDLES.iter().find_map(|path| std::fs::read(path).ok()))
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
    fn each_base_has_a_key_of_its_own() {
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
    fn a_bootstrapped_base_is_configured_as_the_dockerfile_says() {
        let plan = Plan::new(Base::Bookworm).unwrap();
        let changes = plan.labelled(plan.changes(), "2.11.3.2");
        assert_eq!(changes.len(), 4, "{changes:?}");
        assert!(changes[0].starts_with("ENV PATH=/opt/hermes/.venv/bin:/command:"));
        assert!(changes[0].contains("HERMES_HOME=/opt/data") && changes[0].contains("HERMES_DISABLE_LAZY_INSTALLS=1"));
        assert!(!changes[0].contains("HERMES_GATEWAY_MAX_STARTS"));
        assert_eq!(changes[1], r#"ENTRYPOINT ["/init"]"#);
        assert_eq!(changes[2], r#"CMD ["sleep", "infinity"]"#);
        assert!(changes[3].contains(r#"comeback.supervisor="2.11.3.2""#));
    }

    #[test]
    #[tracing_test::traced_test]
    fn the_fallback_is_said_in_one_line() {
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
