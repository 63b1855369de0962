//! `.dockerignore`: the files of a directory that are not sent to the builder.

/// The patterns. The last one that matches counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignore {
    /// Components of a pattern, and whether it includes paths again (`!`).
    patterns: Vec<(Vec<String>, bool)>,
}

impl Ignore {
    /// Parses a `.dockerignore`.
    pub(super) fn parse(text: &str) -> Self {
        let patterns = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (back, pattern) = match line.strip_prefix('!') {
                    Some(rest) => (true, rest.trim()),
                    None => (false, line),
                };
                let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
                (parts.map(str::to_owned).collect(), back)
            })
            .collect();
        Self { patterns }
    }

    /// True if a path (relative, with slashes) is excluded.
    pub(super) fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let mut out = false;
        for (pattern, back) in &self.patterns {
            // A pattern that matches a directory matches everything in it.
            if (1..=parts.len()).any(|length| matches(pattern, &parts[..length])) {
                out = !back;
            }
        }
        out
    }

    /// True if everything below a directory is excluded, so it need not be walked.
    pub(super) fn prunes(&self, directory: &str) -> bool {
        self.matches(directory) && !self.patterns.iter().any(|(_, back)| *back)
    }
}

fn matches(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            matches(rest, path) || path.split_first().is_some_and(|(_, below)| matches(pattern, below))
        }
        (Some((first, rest)), Some((name, below))) => glob(first, name) && matches(rest, below),
        _ => false,
    }
}

/// Matches `*` and `?` within one component of a path.
fn glob(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| glob(rest.as_str(), &name[at..]))
        }
        Some(wanted) => {
            let mut name = name.chars();
            name.next().is_some_and(|c| wanted == '?' || wanted == c) && glob(rest.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("tests", "tests/a/b.py", true)]
    #[case("/tests/", "tests/a", true)]
    #[case("tests", "src/tests", false)]
    #[case("**/tests", "src/tests/x", true)]
    #[case("*.md", "README.md", true)]
    #[case("*.md", "docs/README.md", false)]
    #[case("**/*.md", "docs/a/README.md", true)]
    #[case("*.md\n!README.md", "README.md", false)]
    #[case("# tests\n\n", "tests", false)]
    #[case("a/*/c?", "a/b/cd", true)]
    #[case("a/*/c?", "a/b/c", false)]
    #[case("*", "x/y", true)]
    fn patterns_match_as_dockers_do(#[case] text: &str, #[case] path: &str, #[case] out: bool) {
        assert_eq!(Ignore::parse(text).matches(path), out);
    }

    #[test]
    fn a_directory_with_exceptions_is_walked() {
        assert!(Ignore::parse("docs").prunes("docs"));
        assert!(!Ignore::parse("docs\n!docs/x").prunes("docs"));
    }
}
