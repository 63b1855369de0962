//! A Dockerfile build: arguments from the environment, output to the log and the reporter, a short error.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::assets::{Tree, short};
use super::cache::{Cache, broken};
use super::{ImageError, Report};
use comeback_engine::{BuildRequest, Engine, EngineErrorKind, ImageInfo, ImageProgress};
use comeback_text::redact::{KeyBlock, Secrets};

/// How many of the last lines of a failed build are shown.
const LAST: usize = 15;

/// Proxy variables. Every builder knows them and keeps them out of the image and its history.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "all_proxy"];
/// Package indexes. A Dockerfile has to declare these.
const INDEXES: [&str; 3] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A build request for the `Dockerfile` of a context, with the host's proxies and package index.
pub(super) fn request(reference: &str, context: &Tree) -> BuildRequest {
    BuildRequest {
        reference: reference.to_owned(),
        context: context.tar(),
        dockerfile: "Dockerfile".to_owned(),
        args: environment(),
        ..BuildRequest::default()
    }
}

/// Build arguments with the host's proxies and package index.
fn environment() -> BTreeMap<String, String> {
    let mut args = BTreeMap::new();
    for name in PROXIES {
        let upper = name.to_uppercase();
        // Tools read different cases of these variables.
        if let Some(value) = set(name).or_else(|| set(&upper)) {
            args.insert(name.to_owned(), value.clone());
            args.insert(upper, value);
        }
    }
    for name in INDEXES {
        if let Some(value) = set(name) {
            args.insert(name.to_owned(), value);
        }
    }
    args
}

/// `ARG` instructions for the package indexes that are set. They belong before the first `RUN`.
pub(super) fn index_args() -> String {
    INDEXES
        .iter()
        .filter(|name| set(name).is_some())
        .map(|name| format!("ARG {name}\n"))
        .collect()
}

/// The output of a build, kept in case the build fails.
pub(super) struct Log {
    path: PathBuf,
    lines: Mutex<(File, Vec<String>, KeyBlock)>,
}

impl Log {
    pub(super) fn create(cache: &Cache, reference: &str) -> Result<Self, ImageError> {
        let path = cache.log(reference)?;
        let file = File::create(&path).map_err(|e| broken(&path, e))?;
        Ok(Self {
            path,
            lines: Mutex::new((file, Vec::new(), KeyBlock::default())),
        })
    }

    pub(super) fn line(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = &lines.2.line(&Secrets::default(), line);
        // A build must not fail because its log cannot be written.
        let _ = writeln!(lines.0, "{line}");
        if !noise(line) {
            lines.1.push(line.to_owned());
            if lines.1.len() > LAST {
                lines.1.remove(0);
            }
        }
    }

    /// The error of a build: the last lines of the log, then the builder's own message.
    pub(super) fn failed(&self, image: &str, message: &str) -> ImageError {
        self.line(message);
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        ImageError::Build {
            image: image.to_owned(),
            last: lines.1.iter().map(|line| in_short(line)).collect(),
            hint: hint(message).map_or(String::new(), |hint| format!("\n{hint}")),
            log: self.path.clone(),
        }
    }

    /// The last lines, joined to one.
    pub(super) fn tail(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let from = lines.1.len().saturating_sub(3);
        format!(
            "{}; the full log is {}",
            lines.1[from..].join(" / "),
            self.path.display()
        )
    }
}

/// Advice for a builder's message.
fn hint(message: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&[
        "BuildKit",
        "buildkit",
        "unknown flag: mount",
        "Unknown flag: mount",
        "unknown instruction: <<",
    ]) {
        Some(
            "This Dockerfile needs BuildKit, and images are built through the engine's classic builder: run `docker build` \
             yourself and name the result as docker:TAG.",
        )
    } else if says(&["registry", "pull access denied", "no such host", "manifest unknown"]) {
        Some("The image it is built FROM cannot be pulled: load or build it first, or give the engine a registry.")
    } else {
        None
    }
}

/// The longest quoted line, in characters. The log has the whole line.
const QUOTED: usize = 160;

/// A line as it is quoted. For a failed step, the builder repeats the whole command, which was already quoted when
/// the step began.
fn in_short(line: &str) -> String {
    let tail = line
        .strip_prefix("The command '")
        .and_then(|rest| rest.rsplit_once("' returned "));
    let line = tail.map_or_else(|| line.to_owned(), |(_, tail)| format!("the step returned {tail}"));
    if line.chars().count() <= QUOTED {
        return line;
    }
    line.chars().take(QUOTED).chain("…".chars()).collect()
}

/// True for lines in which the builder reports on itself.
fn noise(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with("---> ") || line.starts_with("Removing intermediate container")
}

/// An image to build.
pub(super) struct Job<'a> {
    /// Its name in errors.
    pub(super) name: String,
    pub(super) engine: &'a dyn Engine,
    pub(super) report: &'a Report<'a>,
}

impl Job<'_> {
    /// Finds an image by its reference, or builds it. True if it was there. `request` is only asked for what to build if it
    /// is not there; a second process with the same `key` waits for this one.
    pub(super) async fn once(
        &self,
        cache: &Cache,
        (reference, key): (&str, &str),
        request: impl Future<Output = Result<BuildRequest, ImageError>>,
    ) -> Result<(ImageInfo, bool), ImageError> {
        if let Some(info) = self.engine.inspect_image(reference).await? {
            return Ok((info, true));
        }
        let request = request.await?;
        let _lock = cache.lock(short(key)).await?;
        // Another process may have built it meanwhile.
        if let Some(info) = self.engine.inspect_image(reference).await? {
            return Ok((info, true));
        }
        Ok((self.run(request, &Log::create(cache, reference)?).await?, false))
    }

    /// Builds it.
    pub(super) async fn run(&self, request: BuildRequest, log: &Log) -> Result<ImageInfo, ImageError> {
        let reference = request.reference.clone();
        let on = |progress: ImageProgress| {
            if let ImageProgress::Line(line) = &progress {
                log.line(line);
            }
            self.report.progress(progress);
        };
        let built = self.engine.build_image(request, &on).await;
        built.map_err(|error| match &error.kind {
            EngineErrorKind::Build(message) => log.failed(&self.name, message),
            _ => ImageError::Engine(error),
        })?;
        match self.engine.inspect_image(&reference).await? {
            Some(info) => Ok(info),
            None => Err(ImageError::NoImage {
                reference,
                why: "it was built, but it is no longer in the engine's store".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn known_messages_get_a_hint() {
        let buildkit = "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/";
        assert!(hint(buildkit).unwrap().contains("docker:TAG"));
        let pull = "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host";
        assert!(hint(pull).unwrap().contains("cannot be pulled"));
        assert_eq!(hint("The command '/bin/sh -c false' returned a non-zero code: 1"), None);
    }

    #[test]
    fn a_failed_step_is_quoted_without_its_command() {
        let command = format!(
            "The command '/bin/sh -c install '{}'' returned a non-zero code: 1",
            "x".repeat(400)
        );
        assert_eq!(in_short(&command), "the step returned a non-zero code: 1");
        assert_eq!(in_short(&"ä".repeat(400)).chars().count(), 161);
        assert_eq!(in_short("error: no"), "error: no");
    }

    #[test]
    fn a_failure_shows_the_last_lines_and_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::create(&Cache::at(directory.path()), "comeback-gateway:1").unwrap();
        log.line("Step 1/2 : FROM base");
        log.line(" ---> 0123");
        for number in 0..40 {
            log.line(&format!("line {number}"));
        }
        let error = log.failed("release:1", "returned a non-zero code: 1");
        assert_eq!(
            error.to_string(),
            "building release:1 failed: returned a non-zero code: 1"
        );
        let detail = error.detail().join("\n");
        assert!(detail.contains("line 39\nreturned a non-zero code: 1\n"), "{detail}");
        assert!(!detail.contains("line 20"), "{detail}");
        assert!(detail.ends_with("comeback-gateway_1.log"), "{detail}");
        let kept = std::fs::read_to_string(directory.path().join("logs/comeback-gateway_1.log")).unwrap();
        assert_eq!(kept.lines().count(), 43);
    }
}
