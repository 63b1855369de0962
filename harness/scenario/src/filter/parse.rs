//! Parses a filter expression by recursive descent.

use std::ops::Range;
use std::sync::Arc;

use super::{Expr, FilterError, FilterErrorKind, Pattern, Release};
use crate::diagnostic::Diagnostic;
use crate::vocabulary::did_you_mean;

/// The predicates.
const PREDICATES: [&str; 4] = ["tag", "issue", "release", "id"];
/// Limit on nested parentheses and `not`s: far more than people write, far less than the stack can hold.
const MAX_DEPTH: usize = 64;

/// Parses a whole expression; `None` if it is blank.
pub(super) fn parse(text: &str) -> Result<Option<Expr>, FilterError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    if parser.peek() == Token::End {
        return Ok(None);
    }
    let expr = parser.or()?;
    match parser.next() {
        (Token::End, _) => Ok(Some(expr)),
        (Token::Close, span) => Err(parser.error(
            Unbalanced,
            span,
            "an unmatched closing parenthesis",
            "no parenthesis is open here",
        )),
        (_, span) => Err(parser.error(
            Syntax,
            span,
            "two conditions in a row",
            "write `and` or `or` before this",
        )),
    }
}

use FilterErrorKind::{Argument, Syntax, Unbalanced, UnknownPredicate};

/// A token of the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Open,
    Close,
    Word(&'t str),
    End,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// The next token and its place.
    fn next(&mut self) -> (Token<'t>, Range<usize>) {
        let rest = &self.text[self.at..];
        let start = self.at + rest.len() - rest.trim_start().len();
        let rest = &self.text[start..];
        let token = match rest.chars().next() {
            None => Token::End,
            Some('(') => Token::Open,
            Some(')') => Token::Close,
            Some(_) => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
                    .unwrap_or(rest.len());
                Token::Word(&rest[..end])
            }
        };
        let length = match token {
            Token::End => 0,
            Token::Open | Token::Close => 1,
            Token::Word(word) => word.len(),
        };
        self.at = start + length;
        (token, start..self.at)
    }

    /// The next token, without taking it.
    fn peek(&mut self) -> Token<'t> {
        let at = self.at;
        let (token, _) = self.next();
        self.at = at;
        token
    }

    /// Takes the next token if it is that word.
    fn word(&mut self, word: &str) -> bool {
        let found = self.peek() == Token::Word(word);
        if found {
            self.next();
        }
        found
    }

    fn or(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        Ok(join(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, FilterError> {
        let mut parts = vec![self.not()?];
        while self.word("and") {
            parts.push(self.not()?);
        }
        Ok(join(parts, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let span = self.at..self.at;
            return Err(self.error(Syntax, span, "the expression is nested too deeply", "from here"));
        }
        let expr = if self.word("not") {
            Expr::Not(Box::new(self.not()?))
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn atom(&mut self) -> Result<Expr, FilterError> {
        match self.next() {
            (Token::Open, open) => {
                let inner = self.or()?;
                match self.next() {
                    (Token::Close, _) => Ok(inner),
                    (Token::End, _) => {
                        Err(self.error(Unbalanced, open, "a parenthesis that is not closed", "opened here"))
                    }
                    (_, span) => Err(self.error(
                        Syntax,
                        span,
                        "two conditions in a row",
                        "write `and` or `or` before this",
                    )),
                }
            }
            (Token::Word(word @ ("and" | "or" | "not")), span) => {
                let label = format!("`{word}` needs a condition before it");
                Err(self.error(Syntax, span, "a condition is missing", &label))
            }
            (Token::Word(word), span) => {
                // Only an adjacent parenthesis makes a predicate; `tag (core)` with a blank is two conditions.
                if self.text[self.at..].starts_with('(') {
                    self.predicate(word, span)
                } else {
                    self.id(word, span)
                }
            }
            (Token::Close, span) => Err(self.error(Syntax, span, "a condition is missing", "before this parenthesis")),
            (Token::End, span) => Err(self.error(Syntax, span, "a condition is missing", "the expression ends here")),
        }
    }

    /// Parses a predicate whose name was read already.
    fn predicate(&mut self, name: &str, name_span: Range<usize>) -> Result<Expr, FilterError> {
        let open = self.at;
        let Some(length) = self.text[open..].find(')') else {
            if !PREDICATES.contains(&name) {
                return Err(self.unknown(name, name_span));
            }
            return Err(self.error(
                Unbalanced,
                open..open + 1,
                "a parenthesis that is not closed",
                "opened here",
            ));
        };
        let inside = &self.text[open + 1..open + length];
        let argument = inside.trim();
        let start = open + 1 + inside.len() - inside.trim_start().len();
        let span = start..start + argument.len();
        self.at = open + length + 1;
        if !PREDICATES.contains(&name) {
            return Err(self.unknown(name, name_span));
        }
        if argument.is_empty() {
            let message = format!("`{name}()` has no argument");
            return Err(self.error(
                Argument,
                name_span.start..self.at,
                &message,
                "put a word between the parentheses",
            ));
        }
        match name {
            "id" => self.pattern(argument, span).map(Expr::Id),
            "tag" => self.pattern(argument, span).map(Expr::Tag),
            "issue" => {
                let number = argument.strip_prefix('#').unwrap_or(argument);
                if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                    let message = format!("`{argument}` is not an issue");
                    return Err(self.error(Argument, span, &message, "write its number: issue(#42675)"));
                }
                Ok(Expr::Issue(number.to_owned()))
            }
            _ => Release::parse(argument).map(Expr::Release).map_err(|reason| {
                let message = format!("`{argument}` is neither a version nor a range of versions");
                let mut error = self.error(Argument, span, &message, &reason);
                error
                    .diagnostic
                    .note("such as release(0.17.0) or release(>=0.17,<0.19)");
                error
            }),
        }
    }

    fn id(&self, word: &str, span: Range<usize>) -> Result<Expr, FilterError> {
        self.pattern(word, span).map(Expr::Id)
    }

    /// Checks a word of an id or tag with `*`.
    fn pattern(&self, word: &str, span: Range<usize>) -> Result<Pattern, FilterError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
        match word.char_indices().find(|(_, c)| !fits(*c)) {
            None => Ok(Pattern(word.to_owned())),
            Some((at, c)) => {
                let span = span.start + at..span.start + at + c.len_utf8();
                let message = format!("`{c}` cannot be in a name");
                Err(self.error(
                    Syntax,
                    span,
                    &message,
                    "allowed: letters, digits, `-`, and `*` for any characters",
                ))
            }
        }
    }

    fn unknown(&self, name: &str, span: Range<usize>) -> FilterError {
        let label = match did_you_mean(name, PREDICATES) {
            Some(meant) => format!("not a predicate; did you mean `{meant}`?"),
            None => "not a predicate".to_owned(),
        };
        let message = format!("unknown predicate `{name}`");
        let mut error = self.error(UnknownPredicate, span, &message, &label);
        error
            .diagnostic
            .note("predicates: tag(core), issue(#42675), release(0.17.0), id(docker-restart)");
        error
    }

    fn error(&self, kind: FilterErrorKind, span: Range<usize>, message: &str, label: &str) -> FilterError {
        let mut diagnostic = Diagnostic::new("--filter", &Arc::from(self.text), span, message);
        diagnostic.label(label);
        FilterError {
            kind,
            diagnostic: Box::new(diagnostic),
        }
    }
}

/// Joins parts. A single part stays as it is.
fn join(mut parts: Vec<Expr>, of: fn(Vec<Expr>) -> Expr) -> Expr {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            of(parts)
        }
        (_, None) => of(parts),
    }
}
