//! What the last stage of a tree's own Dockerfile says: the image it starts from, its environment and its entrypoint.
//!
//! The rest of that file needs a registry and half an hour. The entrypoint and the environment are part of what a
//! change of the tree may break.

/// The last stage of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    /// The image it starts from; a stage of the same file is followed to its image.
    pub(super) from: Option<String>,
    /// What follows `ENV` in each of its instructions.
    env: Vec<String>,
    /// What follows `ENTRYPOINT` in the last of its instructions.
    entrypoint: Option<String>,
}

impl Stage {
    /// Reads the last stage.
    pub(super) fn last(dockerfile: &str) -> Self {
        let mut named: Vec<(String, String)> = Vec::new();
        let mut stage = Self::default();
        for line in instructions(dockerfile) {
            let Some((instruction, rest)) = line.split_once(char::is_whitespace) else {
                continue;
            };
            let rest = rest.trim();
            match instruction.to_ascii_uppercase().as_str() {
                "FROM" => {
                    let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                    let image = words.next().unwrap_or_default();
                    let earlier = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(image));
                    let image = earlier.map_or(image, |(_, image)| image).to_owned();
                    if let (Some(_), Some(name)) = (words.next(), words.next()) {
                        named.push((name.to_owned(), image.clone()));
                    }
                    stage = Self {
                        from: Some(image),
                        ..Self::default()
                    };
                }
                "ENV" => stage.env.push(rest.to_owned()),
                "ENTRYPOINT" => stage.entrypoint = Some(rest.to_owned()),
                _ => {}
            }
        }
        stage
    }

    /// Its environment and entrypoint as instructions, one to a line. Variables that refer to no others share one
    /// instruction, because on some storage drivers each instruction costs seconds.
    pub(super) fn settings(&self) -> String {
        let shared = |text: &&String| !text.contains('$') && is_a_list(text);
        let constants: Vec<&str> = self.env.iter().filter(shared).map(String::as_str).collect();
        let mut text = String::new();
        if !constants.is_empty() {
            text = format!("ENV {}\n", constants.join(" "));
        }
        for other in self.env.iter().filter(|env| !shared(env)) {
            text.push_str(&format!("ENV {other}\n"));
        }
        if let Some(entrypoint) = &self.entrypoint {
            text.push_str(&format!("ENTRYPOINT {entrypoint}\n"));
        }
        text
    }
}

/// True for `NAME=VALUE …`; false for the older `NAME VALUE`, which takes one variable.
fn is_a_list(env: &str) -> bool {
    let name = env.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    name.is_some_and(|end| env[end..].starts_with('='))
}

/// The instructions: without comments, with continued lines joined, without the bodies of here-documents.
fn instructions(dockerfile: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut ends: Vec<String> = Vec::new();
    for line in dockerfile.lines() {
        if let Some(end) = ends.first() {
            if line.trim() == end {
                ends.remove(0);
            }
            continue;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            current.push_str(begun.trim());
            current.push(' ');
            continue;
        }
        current.push_str(line);
        let instruction = std::mem::take(&mut current);
        if takes_documents(&instruction) {
            ends = here_documents(&instruction);
        }
        all.push(instruction);
    }
    if !current.is_empty() {
        all.push(current);
    }
    all
}

fn takes_documents(instruction: &str) -> bool {
    let name = instruction.split_whitespace().next().unwrap_or_default();
    ["RUN", "COPY", "ADD"].iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// The words that end the here-documents of an instruction: `EOF` of `<<EOF`, `<<-EOF` and `<<"EOF"`.
fn here_documents(instruction: &str) -> Vec<String> {
    let words = instruction.split("<<").skip(1);
    let ends = words.map(|rest| {
        let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches(['"', '\'']);
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    });
    ends.filter(|end| !end.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = r#"
# syntax=docker/dockerfile:1
FROM debian:13.4 AS build
ENV LOST=1
RUN <<EOF
ENV NOT=this
EOF
FROM --platform=linux/amd64 node:26-bookworm-slim AS node
FROM build as final
# A comment.
ENV PYTHONUNBUFFERED=1
ENV HOME_DIR=/opt/data \
    # A comment in between.
    OTHER="a b"
ENV OLD a value
COPY <<-"A" <<B /x
ENV A=1
A
ENV B=1
B
ENV PATH="/opt/hermes/bin:${PATH}"
ENTRYPOINT [ "/old" ]
entrypoint [ "/opt/hermes/docker/entrypoint-dispatch.sh" ]
CMD [ ]
"#;

    #[test]
    fn only_the_last_stage_counts() {
        let stage = Stage::last(DOCKERFILE);
        assert_eq!(stage.from.as_deref(), Some("debian:13.4"));
        assert_eq!(
            stage.settings(),
            "ENV PYTHONUNBUFFERED=1 HOME_DIR=/opt/data OTHER=\"a b\"\n\
             ENV OLD a value\n\
             ENV PATH=\"/opt/hermes/bin:${PATH}\"\n\
             ENTRYPOINT [ \"/opt/hermes/docker/entrypoint-dispatch.sh\" ]\n"
        );
    }

    #[test]
    fn a_shift_in_a_step_begins_no_document() {
        let stage = Stage::last("FROM a\nRUN echo $((1 << 2))\nENV A=1\n");
        assert_eq!(stage.settings(), "ENV A=1\n");
    }

    #[test]
    fn nothing_is_said_by_an_empty_file() {
        assert_eq!(Stage::last(""), Stage::default());
        assert_eq!(Stage::default().settings(), "");
    }
}
