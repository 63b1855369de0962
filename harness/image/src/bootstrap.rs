//! Bootstraps a base from Debian's packages, without a registry: mmdebstrap unpacks the packages, a script of
//! comeback does the work of their maintainer scripts, and the engine imports the result while it is written.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::assets::Tree;
use super::build::Log;
use super::cache::Cache;
use super::recipe::{BOOTSTRAPPED, Plan, Recipe};
use super::{ImageError, Report, http};
use comeback_engine::Engine;
use comeback_text::terminal::plain;

/// Debian's mirror, for hosts without a mirror of their own.
pub(super) const MIRROR: &str = "http://deb.debian.org/debian";
/// The mmdebstrap that is downloaded if the host has none: a Perl script that runs from its unpacked package.
const MMDEBSTRAP: (&str, &str) = (
    "pool/main/m/mmdebstrap/mmdebstrap_1.3.5-7_all.deb",
    "0ecb8da772c8e5b7f73b59cb6d1f02d789f8bcd9a6b5f19ed548fe12c26a76ca",
);
/// The programs that mmdebstrap needs.
const TOOLS: [&str; 4] = ["apt-get", "dpkg-deb", "perl", "tar"];

/// Why a bootstrap failed.
pub(super) enum Failed {
    /// The bootstrap itself failed; the message goes into [`ImageError::NoBase`].
    Bootstrap(String),
    /// Another error.
    Image(ImageError),
}

impl<E: Into<ImageError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Image(error.into())
    }
}

/// The first program of this name on `PATH`.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// `Ok` if this host can bootstrap for an engine of this architecture; otherwise why not.
pub(super) fn possible(architecture: &str) -> Result<(), String> {
    refusal(std::env::consts::OS, std::env::consts::ARCH, architecture, |tool| {
        on_path(tool).is_some()
    })
}

fn refusal(os: &str, host: &str, engine: &str, has: impl Fn(&str) -> bool) -> Result<(), String> {
    if os != "linux" {
        return Err(format!("that needs Linux, and this is {os}"));
    }
    if host != engine {
        return Err(format!("the engine is {engine}, this host {host}"));
    }
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !has(tool)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("this host has no {}", missing.join(", no ")))
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The Debian mirror that the host's apt uses.
async fn mirror() -> String {
    let targets = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(ORIGIN) $(REPO_URI)",
            "Created-By: Packages",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .await;
    let targets = targets
        .map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
        .unwrap_or_default();
    choose_mirror(&targets)
}

fn choose_mirror(targets: &str) -> String {
    targets
        .lines()
        .filter_map(|line| line.strip_prefix("Debian "))
        .map(|uri| uri.trim().trim_end_matches('/'))
        .find(|uri| uri.ends_with("/debian") && (uri.starts_with("http://") || uri.starts_with("https://")))
        .unwrap_or(MIRROR)
        .to_owned()
}

/// The mmdebstrap program: the host's, or one unpacked in the cache. Nothing is installed.
async fn mmdebstrap(cache: &Cache, mirror: &str, report: &Report<'_>) -> Result<PathBuf, Failed> {
    if let Some(program) = on_path("mmdebstrap") {
        return Ok(program);
    }
    let (path, sha256) = MMDEBSTRAP;
    let name = Path::new(path).file_stem().unwrap_or_default();
    let root = cache.path(Path::new("mmdebstrap").join(name))?;
    let program = root.join("usr/bin/mmdebstrap");
    if program.is_file() {
        return Ok(program);
    }
    report.decided("mmdebstrap is not on PATH: fetched from Debian into the cache, not installed".to_owned());
    let package = cache.path("mmdebstrap.deb")?;
    let mut why = String::new();
    for mirror in [mirror, MIRROR] {
        match http::download("mmdebstrap", &format!("{mirror}/{path}"), sha256, &package).await {
            Ok(_) => break,
            Err(error) => why = error.to_string(),
        }
    }
    if !package.is_file() {
        return Err(Failed::Bootstrap(why));
    }
    let partial = tempfile::tempdir_in(root.parent().unwrap_or(&root)).map_err(|e| super::cache::broken(&root, e))?;
    let unpacked = Command::new("dpkg-deb")
        .arg("-x")
        .arg(&package)
        .arg(partial.path())
        .output()
        .await;
    std::fs::remove_file(&package).ok();
    match unpacked {
        Ok(out) if out.status.success() => {
            std::fs::rename(partial.keep(), &root).map_err(|e| super::cache::broken(&root, e))?;
            Ok(program)
        }
        Ok(out) => Err(Failed::Bootstrap(plain(&String::from_utf8_lossy(&out.stderr)))),
        Err(error) => Err(Failed::Bootstrap(format!("dpkg-deb: {error}"))),
    }
}

/// The root that packages are unpacked over, with Debian's merged /usr and apt's preferences.
fn skeleton(recipe: &Recipe) -> Tree {
    let mut tree = Tree::default();
    for name in ["bin", "sbin", "lib", "lib64"] {
        tree.directory(format!("usr/{name}"));
        tree.link(name, format!("usr/{name}"));
    }
    if let Some(preferences) = recipe.preferences() {
        tree.file("etc/apt/preferences.d/comeback", preferences);
    }
    tree
}

/// Unpacking leaves dpkg's database empty, so it is filled from the packages.
const STATUS: &str = r#"for deb in "$1"/var/cache/apt/archives/*.deb; do
    dpkg-deb -f "$deb" | sed '1aStatus: install ok unpacked'
    echo
done > "$1/var/lib/dpkg/status""#;

fn arguments(recipe: &Recipe, mirror: &str, root: bool, skeleton: &Path, rootfs: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "--variant=extract",
        "--format=tar",
        if root { "--mode=root" } else { "--mode=unshare" },
        "--skip=check/qemu",
        "--aptopt=Acquire::Languages \"none\"",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.push(format!("--include={}", BOOTSTRAPPED.join(",")).into());
    arguments.push(format!("--setup-hook=tar-in {} /", skeleton.display()).into());
    arguments.push(format!("--extract-hook=tar-in {} /", rootfs.display()).into());
    arguments.push(format!("--extract-hook={STATUS}").into());
    arguments.push("--extract-hook=chroot \"$1\" /opt/comeback/setup-base >&2".into());
    arguments.push(recipe.suite.into());
    arguments.push("-".into());
    arguments.extend(recipe.sources(mirror).into_iter().map(OsString::from));
    arguments
}

/// Ends mmdebstrap when dropped, with SIGTERM, because mmdebstrap has to remove its mounts and its directory.
struct Ends(Option<Child>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(id) = self.0.as_ref().and_then(Child::id) {
            let _ = std::process::Command::new("kill")
                .args(["-TERM", &id.to_string()])
                .status();
        }
    }
}

/// Makes the base and imports it.
pub(super) async fn run(
    plan: &Plan,
    engine: &dyn Engine,
    cache: &Cache,
    tree: &Tree,
    changes: Vec<String>,
    log: &mut Log,
    report: &Report<'_>,
) -> Result<(), Failed> {
    let recipe = plan.base.recipe();
    let mirror = mirror().await;
    let program = mmdebstrap(cache, &mirror, report).await?;
    report.step(format!("bootstrapping {} from Debian's packages", plan.base));

    let broken = |e| Failed::Image(super::cache::broken(&program, e));
    let directory = tempfile::Builder::new().prefix("comeback-").tempdir().map_err(broken)?;
    let skeleton_tar = directory.path().join("skeleton.tar");
    let rootfs_tar = directory.path().join("rootfs.tar");
    std::fs::write(&skeleton_tar, skeleton(&recipe).tar()).map_err(broken)?;
    std::fs::write(&rootfs_tar, tree.tar()).map_err(broken)?;
    let child = Command::new(&program)
        .args(arguments(&recipe, &mirror, is_root(), &skeleton_tar, &rootfs_tar))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Ends(Some(
        child.map_err(|e| Failed::Bootstrap(format!("{}: {e}", program.display())))?,
    ));
    let Some((stdout, stderr)) = child
        .0
        .as_mut()
        .and_then(|c| Some((c.stdout.take()?, c.stderr.take()?)))
    else {
        return Err(Failed::Bootstrap("mmdebstrap has no output".to_owned()));
    };

    // The hook that reports s6's version runs before the archive is written, so the labels are known when the import
    // begins.
    let (measured, supervisor) = oneshot::channel();
    let read = async {
        let mut measured = Some(measured);
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let line = plain(&line);
            log.line(&line);
            if let Some(version) = line.strip_prefix("comeback-fact s6 ")
                && let Some(measured) = measured.take()
            {
                let _ = measured.send(super::contract::upstream(version));
            }
            report.output(line);
        }
    };
    let import = async {
        // An error here means that mmdebstrap ended before the hook. Its message is in the log.
        let Ok(supervisor) = supervisor.await else {
            return Ok(false);
        };
        let changes = plan.labelled(changes, &supervisor);
        engine
            .import_image(&plan.reference, &changes, Box::new(stdout))
            .await
            .map(|_| true)
    };
    let ((), imported) = tokio::join!(read, import);
    let status = match child.0.take() {
        Some(mut child) => child.wait().await.map_err(broken)?,
        None => return Err(Failed::Bootstrap("mmdebstrap is gone".to_owned())),
    };
    if !status.success() {
        // The imported image is incomplete.
        let _ = engine.remove_image(&plan.reference).await;
        return Err(Failed::Bootstrap(format!("mmdebstrap: {}: {}", status, log.tail())));
    }
    match imported {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failed::Bootstrap(format!(
            "s6's version could not be read: {}",
            log.tail()
        ))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::Base;

    #[rstest]
    #[case("linux", "x86_64", "x86_64", &["apt-get", "dpkg-deb", "perl", "tar"], "")]
    #[case("macos", "aarch64", "aarch64", &[], "that needs Linux, and this is macos")]
    #[case("linux", "x86_64", "aarch64", &[], "the engine is aarch64, this host x86_64")]
    #[case("linux", "x86_64", "x86_64", &["perl", "tar"], "this host has no apt-get, no dpkg-deb")]
    fn refusal_says_why_a_host_cannot_bootstrap(
        #[case] os: &str,
        #[case] host: &str,
        #[case] engine: &str,
        #[case] tools: &[&str],
        #[case] why: &str,
    ) {
        let found = refusal(os, host, engine, |tool| tools.contains(&tool));
        assert_eq!(found.err().unwrap_or_default(), why);
    }

    #[rstest]
    #[case(
        "Debian http://mirror.example/debian/\nDebian http://x/debian-security/\n",
        "http://mirror.example/debian"
    )]
    #[case("Debian http://x/debian-security/\nDebian https://y/debian\n", "https://y/debian")]
    #[case("Debian file:/srv/debian/\nDebian mirror+file:/etc/debian\n", MIRROR)]
    #[case("Ubuntu http://archive.ubuntu.com/ubuntu/\n", MIRROR)]
    #[case("", MIRROR)]
    fn the_mirror_of_the_hosts_apt_is_used(#[case] targets: &str, #[case] want: &str) {
        assert_eq!(choose_mirror(targets), want);
    }

    #[test]
    fn only_the_supervisor_comes_from_the_second_suite() {
        let words = |base: Base| {
            let all = arguments(
                &base.recipe(),
                "http://m/debian",
                false,
                Path::new("/s"),
                Path::new("/r"),
            );
            all.into_iter().map(|a| a.into_string().unwrap()).collect::<Vec<_>>()
        };
        let bookworm = words(Base::Bookworm);
        assert!(bookworm.ends_with(&[
            "bookworm".into(),
            "-".into(),
            "deb http://m/debian bookworm main".into()
        ]));
        assert!(bookworm.contains(&"--mode=unshare".into()));
        let forky = words(Base::ForkyS6);
        assert!(forky.ends_with(&[
            "deb http://m/debian trixie main".into(),
            "deb [check-valid-until=no] http://m/debian forky main".into()
        ]));
    }
}
