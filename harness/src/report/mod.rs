//! Reports: the run document as something people or programs read. Pure: document in, text out.

pub mod doctor;
pub mod human;
pub mod json;
mod text;

pub use text::{Paint, Style, sanitize, wrap};
