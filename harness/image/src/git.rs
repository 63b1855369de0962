//! Trees from git: any revision of a repository, without touching its checkout.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::assets::Tree;
use super::ignore::Ignore;
use super::tree::{Sizes, is_never_source};
use super::{ImageError, Report};

/// One file in a revision.
struct Blob {
    path: String,
    id: String,
    link: bool,
    size: u64,
}

/// Git in a directory, whatever repository the environment names (a hook or `git bisect run` may set these).
struct Git<'a> {
    directory: &'a Path,
    /// The directory as given.
    shown: &'a Path,
}

impl Git<'_> {
    fn error(&self, why: String) -> ImageError {
        ImageError::Path {
            path: self.shown.to_owned(),
            why,
        }
    }

    /// The output of a command of git.
    async fn run(&self, arguments: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>, ImageError> {
        let mut command = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        let child = command
            .arg("-C")
            .arg(self.directory)
            .args(arguments)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|e| {
            self.error(format!(
                "cannot run git ({e}): install it, or give a directory without `#`"
            ))
        })?;
        let stdin = child.stdin.take();
        let feed = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // If git ends early, its own message says why.
                let _ = stdin.write_all(&input).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output.map_err(|e| self.error(format!("git: {e}")))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no message")
            .trim();
        Err(self.error(format!("`git {}` failed: {said}", arguments.join(" "))))
    }

    async fn text(&self, arguments: &[&str]) -> Result<String, ImageError> {
        let output = self.run(arguments, None).await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// The commit that a revision stands for.
    async fn commit(&self, revision: &str) -> Result<String, ImageError> {
        // Apart, so that the message is about the repository and not about the revision.
        self.text(&["rev-parse", "--git-dir"]).await?;
        let asked = format!("{revision}^{{commit}}");
        let found = self
            .run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &asked], None)
            .await;
        match found {
            // The option itself is printed too by some versions of git.
            Ok(output) => Ok(String::from_utf8_lossy(&output).lines().next_back().unwrap_or_default().to_owned()),
            Err(_) => Err(self.error(format!(
                "there is no revision `{revision}` in this repository: name a branch, a tag or a commit that `git rev-parse` \
                 knows here, or fetch it first"
            ))),
        }
    }

    /// The files of a commit in the directory.
    async fn files(&self, commit: &str) -> Result<Vec<Blob>, ImageError> {
        let listing = self.run(&["ls-tree", "-r", "-z", "-l", commit], None).await?;
        let mut all = Vec::new();
        for entry in listing.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let entry = std::str::from_utf8(entry).map_err(|_| {
                let name = String::from_utf8_lossy(entry).into_owned();
                self.error(format!("the name of `{name}` in {commit} is not UTF-8"))
            })?;
            let Some((facts, path)) = entry.split_once('\t') else {
                continue;
            };
            let facts: Vec<&str> = facts.split_whitespace().collect();
            // A submodule is a commit, and has no files here.
            if let [mode, "blob", id, size] = facts[..] {
                all.push(Blob {
                    path: path.to_owned(),
                    id: id.to_owned(),
                    link: mode == "120000",
                    size: size.parse().unwrap_or_default(),
                });
            }
        }
        Ok(all)
    }

    /// The contents of files, in their order.
    async fn contents(&self, files: &[&Blob]) -> Result<Vec<Vec<u8>>, ImageError> {
        let input: String = files.iter().map(|file| format!("{}\n", file.id)).collect();
        let output = self.run(&["cat-file", "--batch"], Some(input.into_bytes())).await?;
        contents_in(&output, files.len())
            .ok_or_else(|| self.error("git could not read all files of the revision".to_owned()))
    }
}

/// The contents in the output of `git cat-file --batch`: `ID TYPE SIZE`, a newline, the content, a newline.
fn contents_in(mut output: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let end = output.iter().position(|byte| *byte == b'\n')?;
        let header = std::str::from_utf8(&output[..end]).ok()?;
        let size: usize = header.split(' ').nth(2)?.parse().ok()?;
        let content = output.get(end + 1..end + 1 + size)?;
        all.push(content.to_vec());
        output = output.get(end + 2 + size..)?;
    }
    Some(all)
}

/// The tree of a revision, without the files that `ignore` (given the tree's own `.dockerignore`) excludes.
pub(super) async fn read(
    directory: &Path,
    shown: &Path,
    revision: &str,
    ignore: impl Fn(&str) -> Ignore,
    report: &Report<'_>,
) -> Result<Tree, ImageError> {
    let git = Git { directory, shown };
    let commit = git.commit(revision).await?;
    report.decided(format!("`{revision}` is commit {}", short(&commit)));
    let files = git.files(&commit).await?;
    let own: Vec<&Blob> = files.iter().filter(|file| file.path == ".dockerignore").collect();
    let own = git.contents(&own).await?.pop().unwrap_or_default();
    let ignore = ignore(&String::from_utf8_lossy(&own));
    let wanted = |file: &&Blob| !is_never_source(&file.path) && !ignore.matches(&file.path);
    let wanted: Vec<&Blob> = files.iter().filter(wanted).collect();
    let mut sizes = Sizes::default();
    for file in &wanted {
        sizes.add(file.size);
    }
    sizes.check(shown)?;
    let mut tree = Tree::default();
    for (file, content) in wanted.iter().zip(git.contents(&wanted).await?) {
        if file.link {
            tree.link(&file.path, target(content));
        } else {
            tree.file(&file.path, content);
        }
    }
    Ok(tree)
}

fn target(content: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(content).into()
}

/// The tags from one revision to a later one, both included, oldest first.
pub(super) async fn tags(shown: &Path, from: &str, to: &str) -> Result<Vec<String>, ImageError> {
    let git = Git {
        directory: shown,
        shown,
    };
    let (first, last) = (git.commit(from).await?, git.commit(to).await?);
    let merged = format!("--merged={last}");
    let contains = format!("--contains={first}");
    let found = git
        .text(&["tag", "--list", "--sort=creatordate", &merged, &contains])
        .await?;
    let tags: Vec<String> = found.lines().map(str::to_owned).collect();
    if tags.is_empty() {
        return Err(git.error(format!(
            "there is no tag from `{from}` to `{to}`: the first has to be an ancestor of the second, and the tags have to \
             be here (`git fetch --tags`)"
        )));
    }
    Ok(tags)
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A repository with one file and a link, then a change, each with a tag.
    fn repository() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let done = std::process::Command::new("git")
                .args([
                    "-c",
                    "user.name=n",
                    "-c",
                    "user.email=e@example.org",
                    "-c",
                    "init.defaultBranch=main",
                ])
                .arg("-C")
                .arg(directory.path())
                .args(arguments)
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let put = |path: &str, content: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        git(&["init", "--quiet"]);
        put("a/b.txt", "one\n");
        put("docs/x.md", "left out\n");
        put(".dockerignore", "docs\n");
        std::os::unix::fs::symlink("a/b.txt", directory.path().join("link")).unwrap();
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", "1"]);
        git(&["tag", "v1"]);
        put("a/b.txt", "two\n\0\n");
        git(&["commit", "--quiet", "--all", "-m", "2"]);
        git(&["tag", "v2"]);
        put("a/b.txt", "not committed\n");
        directory
    }

    async fn of(directory: &Path, revision: &str) -> Result<Tree, ImageError> {
        let report = Report { sink: &|_| () };
        read(directory, directory, revision, Ignore::parse, &report).await
    }

    #[tokio::test]
    async fn a_revision_is_read_without_the_checkout() {
        let directory = repository();
        let root = directory.path();
        let old = of(root, "HEAD~1").await.unwrap();
        assert_eq!(old.text("a/b.txt").unwrap(), "one\n");
        assert_eq!(of(root, "v2").await.unwrap().text("a/b.txt").unwrap(), "two\n\0\n");
        assert_eq!(
            std::fs::read_to_string(root.join("a/b.txt")).unwrap(),
            "not committed\n"
        );
        let below = of(&root.join("a"), "main").await.unwrap();
        assert_eq!(below.text("b.txt").unwrap(), "two\n\0\n");
    }

    #[tokio::test]
    async fn a_revision_and_its_checkout_are_the_same_tree() {
        let directory = repository();
        let root = directory.path();
        std::fs::write(root.join("a/b.txt"), "two\n\0\n").unwrap();
        let checkout = super::super::tree::read(root, &Ignore::parse("docs\n")).unwrap();
        assert_eq!(of(root, "HEAD").await.unwrap(), checkout);
    }

    #[tokio::test]
    async fn tags_are_listed_with_both_ends() {
        let directory = repository();
        let of = |from: &'static str, to: &'static str| tags(directory.path(), from, to);
        assert_eq!(of("v1", "main").await.unwrap(), ["v1", "v2"]);
        assert_eq!(of("v2", "v2").await.unwrap(), ["v2"]);
        let error = of("v2", "v1").await.unwrap_err().to_string();
        assert!(error.contains("there is no tag from `v2` to `v1`"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_revision_and_a_directory_without_git_are_errors() {
        let directory = repository();
        let error = of(directory.path(), "nowhere").await.unwrap_err().to_string();
        assert!(
            error.contains("there is no revision `nowhere` in this repository"),
            "{error}"
        );
        let empty = tempfile::tempdir().unwrap();
        let error = of(empty.path(), "HEAD").await.unwrap_err().to_string();
        assert!(error.contains("not a git repository"), "{error}");
    }

    #[test]
    fn an_output_cut_short_is_not_read() {
        let output = b"id blob 3\nabc\nid blob 2\nde\n";
        assert_eq!(contents_in(output, 2).unwrap(), [b"abc".to_vec(), b"de".to_vec()]);
        assert_eq!(contents_in(&output[..output.len() - 3], 2), None);
        assert_eq!(contents_in(b"id missing\n", 1), None);
    }
}
