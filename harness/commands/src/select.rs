//! Selects scenarios and images. Errors in the arguments are found here, before anything runs.

use std::path::Path;

use crate::options::Select;
use crate::{Failure, FailureKind};
use comeback_image::ImageExpr;
use comeback_scenario::model::Scenario;
use comeback_scenario::{Catalogue, Filter};

/// Loads the scenarios: the built-in ones, and those of a folder.
pub fn catalogue(extra: Option<&Path>) -> Result<Catalogue, Failure> {
    Catalogue::load(extra).map_err(|errors| {
        Failure::new(FailureKind::BadFile {
            diagnostic: errors.to_string(),
        })
    })
}

/// The scenarios that match, in the catalogue's order. `default` is the filter if none was given.
pub fn scenarios(select: &Select, default: Option<&str>) -> Result<(Vec<Scenario>, Option<Filter>), Failure> {
    let catalogue = catalogue(select.scenarios.as_deref())?;
    let filter = match select.filter.as_deref().or(default) {
        None => None,
        Some(text) => Some(Filter::parse(text).map_err(|error| {
            Failure::new(FailureKind::BadFile {
                diagnostic: error.render(false),
            })
        })?),
    };
    let chosen: Vec<Scenario> = catalogue
        .iter()
        .filter(|s| filter.as_ref().is_none_or(|f| f.matches(s, None)))
        .cloned()
        .collect();
    if chosen.is_empty() {
        let unknown = filter.as_ref().map(|f| f.unknown(&catalogue)).unwrap_or_default();
        return Err(Failure::new(FailureKind::NothingSelected {
            filter: select.filter.clone(),
            of: catalogue.len(),
        })
        .detail(unknown.iter().map(ToString::to_string)));
    }
    Ok((chosen, filter))
}

/// Parses image expressions that must be one image each. `taker` says who takes them.
pub fn single_images(texts: &[String], taker: &str) -> Result<Vec<ImageExpr>, Failure> {
    let images = images(texts)?;
    if let Some(range) = images.iter().find(|image| image.is_range()) {
        return Err(Failure::usage(
            format!("{taker}, and `{range}` is a range"),
            "name one release, `release:latest`, or one revision",
        ));
    }
    Ok(images)
}

/// Parses image expressions.
pub fn images(texts: &[String]) -> Result<Vec<ImageExpr>, Failure> {
    texts
        .iter()
        .map(|text| {
            text.parse::<ImageExpr>().map_err(|error| {
                Failure::new(FailureKind::Usage {
                    why: error.to_string(),
                    hint: None,
                })
            })
        })
        .collect()
}
