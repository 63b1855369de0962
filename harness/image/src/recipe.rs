//! What a base is made of: Debian's suites and packages, and the files that comeback adds.

use std::fmt;
use std::path::PathBuf;

use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Serialize};

use super::assets::{self, Key, Tree, short};
use super::{ImageError, uv};

/// Usual paths of the host's bundle of trusted certificates.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// The path of the bundle in the image.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// Packages that are added to a Debian image.
pub(super) const ADDED: [&str; 6] = ["s6", "execline", "python3", "procps", "passwd", "tzdata"];
/// Packages of a bootstrapped base. Their dependencies are added automatically.
///
/// `usr-is-merged` prevents `usrmerge`, which would pull in all of Perl.
pub(super) const BOOTSTRAPPED: [&str; 21] = [
    "base-files",
    "base-passwd",
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "execline",
    "findutils",
    "grep",
    "gzip",
    "libc-bin",
    "mawk",
    "passwd",
    "procps",
    "python3",
    "s6",
    "sed",
    "tar",
    "tzdata",
    "usr-is-merged",
    "hostname",
];

/// The system below the gateway. It is an axis of its own, because the fix reads the supervisor's text output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Debian 12: s6 2.11, Python 3.11.
    Bookworm,
    /// Debian 13, as the official image: s6 2.13, Python 3.13.
    #[default]
    Trixie,
    /// Debian 13 with s6 2.15 and its libraries from Debian 14.
    ForkyS6,
    /// Debian 14: s6 2.15, Python 3.14.
    Forky,
}

impl Base {
    /// All bases, oldest first.
    pub const ALL: [Self; 4] = [Self::Bookworm, Self::Trixie, Self::ForkyS6, Self::Forky];

    /// Its name in expressions, tags and labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::ForkyS6 => "forky-s6",
            Self::Forky => "forky",
        }
    }

    /// The names of all bases, as they are written in expressions.
    pub(super) fn names() -> String {
        Self::ALL.map(|base| format!("@{}", base.name())).join(", ")
    }

    /// True if some version of this base's Python is in a project's `requires-python`.
    pub(super) fn satisfies(self, requires: &VersionSpecifiers) -> bool {
        let (major, minor) = self.recipe().python;
        // Debian's last number is not known before the base is made, and no project depends on it in practice.
        (0..=30).any(|micro| requires.contains(&Version::new([major, minor, micro])))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What differs between bases.
pub(super) struct Recipe {
    /// Debian's image.
    pub(super) debian: &'static str,
    /// Debian's suite.
    pub(super) suite: &'static str,
    /// The number of Debian's version.
    pub(super) debian_version: &'static str,
    /// The first two numbers of its Python's version.
    pub(super) python: (u64, u64),
    /// True if the suite is not released yet. Its lists expire within a week, and mirrors lag behind.
    pub(super) unreleased: bool,
    /// A second suite, from which only the supervisor comes.
    pub(super) supervisor_from: Option<&'static str>,
}

impl Base {
    pub(super) fn recipe(self) -> Recipe {
        match self {
            Self::Bookworm => Recipe {
                debian: "debian:bookworm-slim",
                suite: "bookworm",
                debian_version: "12",
                python: (3, 11),
                unreleased: false,
                supervisor_from: None,
            },
            Self::Trixie => Recipe {
                debian: "debian:trixie-slim",
                suite: "trixie",
                debian_version: "13",
                python: (3, 13),
                unreleased: false,
                supervisor_from: None,
            },
            Self::ForkyS6 => Recipe {
                supervisor_from: Some("forky"),
                ..Self::Trixie.recipe()
            },
            Self::Forky => Recipe {
                debian: "debian:forky-slim",
                suite: "forky",
                debian_version: "14",
                python: (3, 14),
                unreleased: true,
                supervisor_from: None,
            },
        }
    }
}

impl Recipe {
    /// apt's sources on a mirror.
    pub(super) fn sources(&self, mirror: &str) -> Vec<String> {
        let unreleased = |suite: &str| format!("deb [check-valid-until=no] {mirror} {suite} main");
        let mut sources = vec![if self.unreleased {
            unreleased(self.suite)
        } else {
            format!("deb {mirror} {} main", self.suite)
        }];
        sources.extend(self.supervisor_from.map(unreleased));
        sources
    }

    /// apt's preferences: only s6 and its libraries come from the second suite. Python in particular must not.
    pub(super) fn preferences(&self) -> Option<String> {
        let suite = self.supervisor_from?;
        Some(format!(
            "Package: *\nPin: release n={suite}\nPin-Priority: 50\n\n\
             Package: s6 execline libs6-* libexecline* libskarnet*\nPin: release n={suite}\nPin-Priority: 900\n"
        ))
    }
}

/// Everything that a base is made of, except downloads.
pub(super) struct Plan {
    pub(super) base: Base,
    /// `comeback-base:bookworm-0123456789ab`.
    pub(super) reference: String,
    pub(super) key: String,
    pub(super) tree: Tree,
    /// True if the host has certificates to add.
    pub(super) bundle: bool,
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
        for package in ADDED.iter().chain(&BOOTSTRAPPED) {
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

    /// The labels of the base. Images on it inherit them, since labels of their own would cost a build step.
    pub(super) fn labels(&self, supervisor: &str) -> [(&'static str, String); 4] {
        [
            ("comeback.image", "gateway".to_owned()),
            ("comeback.base", self.base.to_string()),
            ("comeback.supervisor", supervisor.to_owned()),
            ("comeback.key", self.key.clone()),
        ]
    }

    pub(super) fn label_instruction(&self, supervisor: &str) -> String {
        let labels = self.labels(supervisor).map(|(name, value)| format!("{name}={value:?}"));
        format!("LABEL {}", labels.join(" "))
    }
}

/// The host's trusted certificates, because a proxy between the build and PyPI may need them.
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
