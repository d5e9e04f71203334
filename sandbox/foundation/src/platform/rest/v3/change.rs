//! What the API lets an administrator change: feature flags, and who is placed where.

use serde_json::{Value, json};

use crate::platform::Catalog;
use crate::platform::catalog::FLAGS;
use crate::world::{World, WorldError};

use super::{Answer, missing};

/// Answers a PATCH.
pub(super) fn patch(world: &World, words: &[&str], body: &str) -> Result<Answer, WorldError> {
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return Ok(Answer::error(
            400,
            1001,
            "CF-MessageParseError",
            "Request invalid due to parse error: invalid request body",
        ));
    };
    world.change_platform(|platform| match words {
        ["v3", "feature_flags", name] => set_flag(&mut platform.catalog, name, &body),
        ["v3", "organizations", guid, "relationships", "default_isolation_segment"] => {
            set_org(&mut platform.catalog, guid, &body)
        }
        ["v3", "spaces", guid, "relationships", "isolation_segment"] => set_space(&mut platform.catalog, guid, &body),
        _ => missing(),
    })
}

fn unprocessable(detail: &str) -> Answer {
    Answer::error(422, 10_008, "CF-UnprocessableEntity", detail)
}

fn set_flag(catalog: &mut Catalog, name: &str, body: &Value) -> Answer {
    if !FLAGS.iter().any(|(known, _)| *known == name) {
        return missing();
    }
    let Some(is_enabled) = body["enabled"].as_bool() else {
        return unprocessable("Enabled must be a boolean");
    };
    catalog.flags.insert(name.to_owned(), is_enabled);
    Answer::json(&super::flag(catalog, name))
}

/// Returns the segment that a relationship names, `None` for none.
fn wanted(body: &Value) -> Option<String> {
    body["data"]["guid"].as_str().map(str::to_owned)
}

fn set_org(catalog: &mut Catalog, guid: &str, body: &Value) -> Answer {
    let Some(org) = catalog.org_mut(guid) else { return missing() };
    let segment = wanted(body);
    if segment.as_ref().is_some_and(|segment| !org.entitled.contains(segment)) {
        return unprocessable(&not_entitled(&segment.unwrap_or_default()));
    }
    org.default_segment.clone_from(&segment);
    Answer::json(&related(segment.as_ref()))
}

fn set_space(catalog: &mut Catalog, guid: &str, body: &Value) -> Answer {
    let Some(space) = catalog.spaces.iter().find(|one| one.guid == guid) else { return missing() };
    let org = catalog.orgs.iter().find(|org| org.guid == space.org);
    let segment = wanted(body);
    let is_entitled = |segment: &String| org.is_some_and(|org| org.entitled.contains(segment));
    if segment.as_ref().is_some_and(|segment| !is_entitled(segment)) {
        return unprocessable(&not_entitled(&segment.unwrap_or_default()));
    }
    for space in catalog.spaces.iter_mut().filter(|one| one.guid == guid) {
        space.segment.clone_from(&segment);
    }
    Answer::json(&related(segment.as_ref()))
}

fn not_entitled(segment: &str) -> String {
    format!(
        "Unable to assign isolation segment with guid '{segment}'. Ensure it has been entitled to the organization that this space belongs to."
    )
}

fn related(segment: Option<&String>) -> Value {
    json!({"data": segment.map(|guid| json!({"guid": guid}))})
}
