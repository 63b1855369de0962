//! Filter expressions, which select scenarios and so cases.
//!
//! A bare word is an id, in which `*` matches any characters. `tag()`, `issue()`, `release()` and `id()` are
//! predicates. `not` binds tighter than `and`, and `and` tighter than `or`; parentheses group.

mod parse;
mod release;

use std::collections::BTreeSet;
use std::fmt;

use pep440_rs::Version;

use self::release::Release;
use super::catalogue::Catalogue;
use super::diagnostic::Diagnostic;
use super::model::Scenario;
use super::vocabulary::did_you_mean;

/// A parsed filter. The default selects everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    expr: Option<Expr>,
}

/// The parts of a filter.
#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Id(Pattern),
    Tag(Pattern),
    /// The number without `#`.
    Issue(String),
    Release(Release),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

/// A word in which `*` matches any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

/// An error in a filter, with a caret at the place.
#[derive(Debug, Clone)]
pub struct FilterError {
    /// The kind of mistake.
    pub kind: FilterErrorKind,
    diagnostic: Box<Diagnostic>,
}

/// The kinds of mistake in a filter. All of them are usage errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterErrorKind {
    /// There is no such predicate.
    UnknownPredicate,
    /// A parenthesis without its counterpart.
    Unbalanced,
    /// The argument does not suit the predicate.
    Argument,
    /// An unexpected or missing word.
    Syntax,
}

/// An id or tag in a filter that no scenario has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The word as written.
    pub word: String,
    /// True if it is a tag.
    pub tag: bool,
    /// A similar word that exists, if there is one.
    pub meant: Option<String>,
}

impl Filter {
    /// Parses an expression. A blank one selects everything.
    ///
    /// # Errors
    ///
    /// The first mistake in the expression.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(|expr| Self { expr })
    }

    /// True if the filter selects the scenario.
    ///
    /// With an image's release, `release()` tests whether that release is in its range. Without one, it tests whether
    /// the scenario applies to any release in the range.
    pub fn matches(&self, scenario: &Scenario, image_release: Option<&Version>) -> bool {
        self.expr.as_ref().is_none_or(|e| e.matches(scenario, image_release))
    }

    /// The exact ids and tags in the filter that no scenario of the catalogue has.
    pub fn unknown(&self, catalogue: &Catalogue) -> Vec<Unknown> {
        let mut words = Vec::new();
        if let Some(expr) = &self.expr {
            expr.exact(&mut words);
        }
        let tags: BTreeSet<&str> = catalogue.iter().flat_map(|s| &s.tags).map(String::as_str).collect();
        words.retain(|(word, tag)| {
            if *tag {
                !tags.contains(word)
            } else {
                catalogue.get(word).is_none()
            }
        });
        words.dedup();
        let meant = |word: &str, tag: bool| {
            if tag {
                did_you_mean(word, tags.iter().copied()).map(str::to_owned)
            } else {
                did_you_mean(word, catalogue.iter().map(|s| s.id.as_str())).map(str::to_owned)
            }
        };
        words
            .into_iter()
            .map(|(word, tag)| Unknown {
                word: word.to_owned(),
                tag,
                meant: meant(word, tag),
            })
            .collect()
    }
}

impl Expr {
    fn matches(&self, scenario: &Scenario, image_release: Option<&Version>) -> bool {
        match self {
            Self::Id(pattern) => pattern.matches(&scenario.id),
            Self::Tag(pattern) => scenario.tags.iter().any(|tag| pattern.matches(tag)),
            Self::Issue(number) => scenario.issues.iter().any(|i| i.strip_prefix('#') == Some(number)),
            Self::Release(release) => match image_release {
                Some(version) => release.contains(version),
                None => release.overlaps(scenario.releases.as_ref()),
            },
            Self::Not(inner) => !inner.matches(scenario, image_release),
            Self::And(parts) => parts.iter().all(|p| p.matches(scenario, image_release)),
            Self::Or(parts) => parts.iter().any(|p| p.matches(scenario, image_release)),
        }
    }

    /// Collects ids and tags without a `*`; the flag is true for tags.
    fn exact<'a>(&'a self, words: &mut Vec<(&'a str, bool)>) {
        match self {
            Self::Id(pattern) if pattern.is_exact() => words.push((&pattern.0, false)),
            Self::Tag(pattern) if pattern.is_exact() => words.push((&pattern.0, true)),
            Self::Id(_) | Self::Tag(_) | Self::Issue(_) | Self::Release(_) => {}
            Self::Not(inner) => inner.exact(words),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|p| p.exact(words)),
        }
    }

    /// How tightly the expression binds, to place parentheses.
    fn level(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            _ => 2,
        }
    }

    fn fmt_inside(&self, f: &mut fmt::Formatter<'_>, level: u8) -> fmt::Result {
        if self.level() < level {
            write!(f, "({self})")
        } else {
            write!(f, "{self}")
        }
    }
}

impl Pattern {
    fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        if self.is_exact() {
            return rest.is_empty();
        }
        // The leftmost match leaves the most text for the next parts. The last part must match at the end.
        let mut parts: Vec<&str> = parts.collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.as_ref().map_or(Ok(()), |e| write!(f, "{e}"))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str, level: u8| {
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                part.fmt_inside(f, level)?;
            }
            Ok(())
        };
        match self {
            Self::Id(pattern) => write!(f, "id({})", pattern.0),
            Self::Tag(pattern) => write!(f, "tag({})", pattern.0),
            Self::Issue(number) => write!(f, "issue(#{number})"),
            Self::Release(release) => write!(f, "release({release})"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.fmt_inside(f, 2)
            }
            Self::And(parts) => join(f, parts, "and", 2),
            Self::Or(parts) => join(f, parts, "or", 1),
        }
    }
}

impl FilterError {
    /// The error as text with its place, in colour if `color`.
    pub fn render(&self, color: bool) -> String {
        self.diagnostic.render(color)
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for FilterError {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = if self.tag { "has the tag" } else { "is called" };
        write!(f, "no scenario {has} `{}`", self.word)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "filter/tests.rs"]
mod tests;
