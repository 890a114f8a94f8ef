//! Which differences between two versions of the API's document break clients of the first.
//!
//! What is sent in must stay welcome, and what is answered must stay as it was described. What clients are expected
//! to live with breaks nothing: new operations, new optional input, new members of an answer, other problems, other
//! words.

use std::collections::BTreeMap;

use serde_json::Value;

mod schemas;

use schemas::{Side, Sides};

/// Returns what breaks clients of `old` when `new` takes its place, a line each: the operation, the place as a JSON
/// pointer, and what happened. Both are documents as [`Document`](super::Document) writes them.
pub(crate) fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let now = operations(new);
    operations(old).into_iter().flat_map(|(id, before)| compare(id, &before, &now, [old, new])).collect()
}

/// An operation and how it is called.
struct Operation<'a> {
    /// `POST /api/tasks/create`.
    route: String,
    about: &'a Value,
}

/// The operations of a document by their ids.
fn operations(document: &Value) -> BTreeMap<&str, Operation<'_>> {
    let mut found = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        for (method, about) in members(item) {
            if let Some(id) = about["operationId"].as_str() {
                found.insert(id, Operation { route: format!("{} {path}", method.to_uppercase()), about });
            }
        }
    }
    found
}

fn compare(
    id: &str,
    before: &Operation<'_>,
    now: &BTreeMap<&str, Operation<'_>>,
    documents: [&Value; 2],
) -> Vec<String> {
    let mut faults = Vec::new();
    let same_route = || now.iter().find(|(_, operation)| operation.route == before.route);
    let after = match now.get(id) {
        Some(after) if after.route == before.route => after,
        Some(after) => {
            faults.push(format!("it is {} now, was {}", after.route, before.route));
            after
        }
        None => match same_route() {
            Some((new_id, after)) => {
                faults.push(format!("its id is `{new_id}` now"));
                after
            }
            None => return vec![format!("{id}: it was removed (was {})", before.route)],
        },
    };
    if !is_protected(before.about) && is_protected(after.about) {
        faults.push("it needs a signed-in user now".to_owned());
    }
    parameters(before.about, after.about, documents, &mut faults);
    input(before.about, after.about, documents, &mut faults);
    answers(before.about, after.about, documents, &mut faults);
    faults.dedup();
    faults.into_iter().map(|fault| format!("{id}: {fault}")).collect()
}

fn is_protected(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty())
}

/// Compares the parameters of the query. Those of the path are in the route.
fn parameters(before: &Value, after: &Value, documents: [&Value; 2], faults: &mut Vec<String>) {
    let (before, after) = (listed(before), listed(after));
    for (key, old) in &before {
        let pointer = pointer_of(old);
        match after.get(key) {
            None if old["in"] == "path" => {}
            None => faults.push(Side::Input.say(&pointer, "is no longer accepted")),
            Some(new) => {
                if new["required"] == true && old["required"] != true {
                    faults.push(Side::Input.say(&pointer, "is required now"));
                }
                let sides = Sides::new(Side::Input, documents);
                faults.extend(sides.compare(&pointer, &old["schema"], &new["schema"]));
            }
        }
    }
    for (_, new) in after.iter().filter(|(key, new)| !before.contains_key(*key) && new["in"] != "path") {
        if new["required"] == true {
            faults.push(Side::Input.say(&pointer_of(new), "is new and required"));
        }
    }
}

/// The parameters of an operation, by place and name.
fn listed(operation: &Value) -> BTreeMap<[&str; 2], &Value> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter_map(|about| Some(([about["in"].as_str()?, about["name"].as_str()?], about))).collect()
}

fn pointer_of(parameter: &Value) -> String {
    format!("/{}", parameter["name"].as_str().unwrap_or_default())
}

fn input(before: &Value, after: &Value, documents: [&Value; 2], faults: &mut Vec<String>) {
    let (before, after) = (&before["requestBody"], &after["requestBody"]);
    if after["required"] == true && before["required"] != true {
        let what = if before.is_null() { "is new and required" } else { "is required now" };
        faults.push(Side::Input.say("", what));
    }
    contents(Side::Input, before, after, documents, faults);
}

/// Compares the answers on success. Problems may become more and fewer: what is not described is described by
/// `default`.
fn answers(before: &Value, after: &Value, documents: [&Value; 2], faults: &mut Vec<String>) {
    for (status, old) in members(&before["responses"]).filter(|(status, _)| status.starts_with(['2', '3'])) {
        match after["responses"].get(status) {
            None => faults.push(format!("it no longer answers with {status}")),
            Some(new) => contents(Side::Output, old, new, documents, faults),
        }
    }
}

fn contents(side: Side, old: &Value, new: &Value, documents: [&Value; 2], faults: &mut Vec<String>) {
    for (media_type, old) in members(&old["content"]) {
        match new["content"].get(media_type) {
            None if side == Side::Input => {
                faults.push(side.say("", &format!("is no longer read as {media_type}")))
            }
            None => faults.push(side.say("", &format!("is no longer sent as {media_type}"))),
            Some(new) => {
                faults.extend(Sides::new(side, documents).compare("", &old["schema"], &new["schema"]));
            }
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

#[cfg(test)]
mod tests;
