//! Walks a TOML tree by shape. Takes values out, and collects errors instead of stopping at the first.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::vocabulary::{Kind, Shape, did_you_mean};

/// A place in the file, in bytes.
pub(super) type Span = Range<usize>;

/// A value with its place.
pub(super) type Node<'i> = Spanned<DeValue<'i>>;

/// The file being read, with the errors found so far.
pub(super) struct Reader {
    path: String,
    text: Arc<str>,
    pub(super) errors: Vec<Diagnostic>,
}

/// A table of a known shape.
#[derive(Clone)]
pub(super) struct Tab<'t, 'i> {
    pub(super) shape: &'static Shape,
    pub(super) span: Span,
    pub(super) table: &'t DeTable<'i>,
}

impl<'t, 'i> Tab<'t, 'i> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t Node<'i>> {
        self.table.get(key)
    }

    /// The place of the key itself.
    pub(super) fn key_span(&self, key: &str) -> Span {
        self.table
            .get_key_value(key)
            .map_or_else(|| self.span.clone(), |(k, _)| k.span())
    }
}

impl Reader {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: Arc::from(text),
            errors: Vec::new(),
        }
    }

    /// Adds an error. The caller adds label and notes.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let index = self.errors.len();
        self.errors.push(Diagnostic::new(&self.path, &self.text, span, message));
        &mut self.errors[index]
    }

    /// Adds a note to the last error.
    pub(super) fn last_note(&mut self, note: String) {
        if let Some(last) = self.errors.last_mut() {
            last.note(note);
        }
    }

    /// The whole file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Line of a place, counted from 1.
    pub(super) fn line(&self, span: &Span) -> usize {
        self.text
            .get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// Takes the value as a table of that shape, and reports unknown and missing keys.
    pub(super) fn table<'t, 'i>(&mut self, node: &'t Node<'i>, shape: &'static Shape) -> Option<Tab<'t, 'i>> {
        let Some(table) = node.get_ref().as_table() else {
            self.wrong_type(node, &format!("a table with the keys {}", list(shape.names())));
            return None;
        };
        let tab = Tab {
            shape,
            span: node.span(),
            table,
        };
        self.check_keys(&tab);
        Some(tab)
    }

    /// Reports unknown and missing keys.
    pub(super) fn check_keys(&mut self, tab: &Tab<'_, '_>) {
        self.unknown_keys(tab);
        self.missing_keys(tab);
    }

    /// Reports keys that are not in the shape.
    fn unknown_keys(&mut self, tab: &Tab<'_, '_>) {
        for key in tab.table.keys() {
            if tab.shape.key(key.get_ref()).is_none() {
                let label = match did_you_mean(key.get_ref(), tab.shape.names()) {
                    Some(meant) => format!("not a key of {}; did you mean `{meant}`?", tab.shape.name),
                    None => format!("not a key of {}", tab.shape.name),
                };
                self.error(key.span(), format!("unknown key `{}`", key.get_ref()))
                    .label(label)
                    .note(format!("keys: {}", list(tab.shape.names())));
            }
        }
    }

    /// Reports all missing keys in one error.
    fn missing_keys(&mut self, tab: &Tab<'_, '_>) {
        let missing: Vec<_> = tab
            .shape
            .keys
            .iter()
            .filter(|k| k.required && tab.get(k.name).is_none() && !matches!(k.kind, Kind::Schema))
            .collect();
        if missing.is_empty() {
            return;
        }
        let names: Vec<String> = missing.iter().map(|k| format!("`{}`", k.name)).collect();
        let error = self.error(tab.span.clone(), format!("{} lacks {}", tab.shape.name, and(&names)));
        for key in missing {
            error.note(format!("`{}`: {}", key.name, key.doc));
        }
    }

    /// Takes the value as a list of tables of that shape.
    pub(super) fn tables<'t, 'i>(&mut self, node: &'t Node<'i>, shape: &'static Shape) -> Vec<Tab<'t, 'i>> {
        let nodes = self.table_nodes(node, shape.name);
        nodes.into_iter().filter_map(|n| self.table(n, shape)).collect()
    }

    /// Takes the value as a list. If it is a single table, the error says how to write a list.
    pub(super) fn table_nodes<'t, 'i>(&mut self, node: &'t Node<'i>, name: &str) -> Vec<&'t Node<'i>> {
        match node.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            DeValue::Table(_) => {
                self.error(node.span(), format!("this is a list of tables: write `{name}`"))
                    .label("a single table");
                Vec::new()
            }
            _ => {
                self.wrong_type(node, &format!("tables: write `{name}`"));
                Vec::new()
            }
        }
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, wanted: &str) {
        self.error(node.span(), format!("expected {wanted}"))
            .label(format!("this is {}", type_name(node.get_ref())));
    }

    /// Takes a string.
    pub(super) fn str<'t>(&mut self, node: &'t Node<'_>) -> Option<&'t str> {
        let text = node.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(node, "a string");
            if let (DeValue::Integer(_) | DeValue::Float(_), Some(last)) = (node.get_ref(), self.errors.last_mut()) {
                last.label("this is a number: put it in quotes");
            }
        }
        text
    }

    /// Takes the string of a key, with its place.
    pub(super) fn key_str<'t>(&mut self, tab: &Tab<'t, '_>, key: &str) -> Option<(&'t str, Span)> {
        let node = tab.get(key)?;
        self.str(node).map(|text| (text, node.span()))
    }

    /// Takes the flag of a key, or `default` if there is no such key.
    pub(super) fn key_bool(&mut self, tab: &Tab<'_, '_>, key: &str, default: bool) -> bool {
        let Some(node) = tab.get(key) else { return default };
        node.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(node, "true or false");
            default
        })
    }

    /// Takes a whole number.
    pub(super) fn int(&mut self, node: &Node<'_>) -> Option<i64> {
        let Some(number) = node.get_ref().as_integer() else {
            self.wrong_type(node, "a whole number");
            return None;
        };
        let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
        if value.is_none() {
            self.error(node.span(), "this number is too large");
        }
        value
    }

    /// Takes a list.
    pub(super) fn list<'t, 'i>(&mut self, node: &'t Node<'i>, of: &str) -> Vec<&'t Node<'i>> {
        match node.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => {
                self.wrong_type(node, &format!("a list of {of}: `[…]`"));
                Vec::new()
            }
        }
    }

    /// Takes the strings of a key's list.
    pub(super) fn key_strs<'t>(&mut self, tab: &Tab<'t, '_>, key: &str, of: &str) -> Vec<(&'t str, Span)> {
        let Some(node) = tab.get(key) else { return Vec::new() };
        let items = self.list(node, of);
        items
            .into_iter()
            .filter_map(|item| self.str(item).map(|text| (text, item.span())))
            .collect()
    }

    /// Takes the word of a key, which must be one of `words`.
    pub(super) fn key_word<T: for<'de> Deserialize<'de>>(
        &mut self,
        tab: &Tab<'_, '_>,
        key: &str,
        words: &[&str],
    ) -> Option<T> {
        let (text, span) = self.key_str(tab, key)?;
        self.word(text, span, key, words)
    }

    /// Parses a word, which must be one of `words`.
    pub(super) fn word<T: for<'de> Deserialize<'de>>(
        &mut self,
        text: &str,
        span: Span,
        what: &str,
        words: &[&str],
    ) -> Option<T> {
        let de: StrDeserializer<'_, WordError> = text.into_deserializer();
        let value = words.contains(&text).then(|| T::deserialize(de).ok()).flatten();
        if value.is_none() {
            self.unknown_word(text, span, what, words);
        }
        value
    }

    /// Reports a word that is not one of `words`.
    pub(super) fn unknown_word(&mut self, text: &str, span: Span, what: &str, words: &[&str]) {
        let label = match did_you_mean(text, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "unknown word".to_owned(),
        };
        self.error(span, format!("`{what}` cannot be `{text}`"))
            .label(label)
            .note(format!("{what}: {}", list(words.iter().copied())));
    }
}

/// The type of a value, in words.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `a, b, c`.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// `a, b and c`.
pub(super) fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
