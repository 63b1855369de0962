//! `scenarios`: lists and explains the catalogue.

use std::path::Path;

use super::{print, select};
use crate::options::Select;
use crate::{Failure, FailureKind};
use comeback_scenario::explain as text;
use comeback_verdict::Exit;

pub fn list(select: &Select) -> Result<Exit, Failure> {
    let (chosen, _) = select::scenarios(select, None)?;
    print(&text::list(&chosen))?;
    Ok(Exit::Held)
}

pub fn explain(id: &str, extra: Option<&Path>) -> Result<Exit, Failure> {
    let catalogue = select::catalogue(extra)?;
    let Some(scenario) = catalogue.get(id) else {
        let near = catalogue.iter().map(|s| s.id.as_str());
        let near = near.max_by(|a, b| strsim::jaro(a, id).total_cmp(&strsim::jaro(b, id)));
        return Err(Failure::new(FailureKind::NothingSelected {
            filter: Some(id.to_owned()),
            of: catalogue.len(),
        })
        .detail(near.map(|near| format!("did you mean `{near}`?"))));
    };
    print(&text::explain(scenario))?;
    Ok(Exit::Held)
}

pub fn keys() -> Result<Exit, Failure> {
    print(&text::keys())?;
    Ok(Exit::Held)
}

pub fn operations() -> Result<Exit, Failure> {
    print(&text::operations())?;
    Ok(Exit::Held)
}

pub fn probes() -> Result<Exit, Failure> {
    print(&text::probes())?;
    Ok(Exit::Held)
}
