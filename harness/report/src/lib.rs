//! Reports: the run document as something people or programs read. Pure: document in, text out.

pub mod annotations;
pub mod doctor;
mod drift;
pub mod html;
pub mod human;
mod items;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod schema;
