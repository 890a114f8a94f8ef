//! Two schemas of one value, before and after.

use std::collections::BTreeMap;

use serde_json::Value;

/// Who sends the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Clients: what they may send today they may send tomorrow.
    Input,
    /// The server: what it sends tomorrow is what clients expect today.
    Output,
}

impl Side {
    /// A sentence about the value at `pointer`.
    pub(super) fn say(self, pointer: &str, what: &str) -> String {
        let name = match self {
            Self::Input => "input",
            Self::Output => "output",
        };
        if pointer.is_empty() { format!("the {name} {what}") } else { format!("{name} {pointer} {what}") }
    }
}

/// Compares two schemas, each within its document.
pub(super) struct Sides<'a> {
    side: Side,
    documents: [&'a Value; 2],
    faults: Vec<String>,
    /// The pairs of names that are being compared: models may contain themselves.
    open: Vec<[Option<String>; 2]>,
}

/// A schema with everything that `$ref` and `allOf` bring together.
#[derive(Default)]
struct Whole<'a> {
    name: Option<&'a str>,
    parts: Vec<&'a Value>,
    variants: BTreeMap<String, &'a Value>,
    is_nullable: bool,
}

impl<'a> Sides<'a> {
    pub(super) fn new(side: Side, documents: [&'a Value; 2]) -> Self {
        Self { side, documents, faults: Vec::new(), open: Vec::new() }
    }

    /// Returns what breaks clients when the value at `pointer` changes from `old` to `new`.
    pub(super) fn compare(mut self, pointer: &str, old: &'a Value, new: &'a Value) -> Vec<String> {
        self.value(pointer, old, new);
        self.faults
    }

    fn report(&mut self, pointer: &str, what: impl AsRef<str>) {
        self.faults.push(self.side.say(pointer, what.as_ref()));
    }

    fn value(&mut self, pointer: &str, old: &'a Value, new: &'a Value) {
        let (old, new) = (Whole::of(old, self.documents[0]), Whole::of(new, self.documents[1]));
        let names = [old.name, new.name].map(|name| name.map(str::to_owned));
        if names.iter().any(Option::is_some) {
            if self.open.contains(&names) {
                return;
            }
            self.open.push(names.clone());
        }
        self.nothing(pointer, &old, &new);
        if self.kind(pointer, &old, &new) {
            self.choices(pointer, &old, &new);
            self.variants(pointer, &old, &new);
            self.fields(pointer, &old, &new);
            self.items(pointer, &old, &new);
            if self.side == Side::Input {
                self.bounds(pointer, &old, &new);
            }
        }
        if names.iter().any(Option::is_some) {
            self.open.pop();
        }
    }

    /// What a sender may send, and what its receiver reckons with.
    fn sent<'b>(&self, old: &'b Whole<'a>, new: &'b Whole<'a>) -> (&'b Whole<'a>, &'b Whole<'a>) {
        match self.side {
            Side::Input => (old, new),
            Side::Output => (new, old),
        }
    }

    fn nothing(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        let (sent, expected) = self.sent(old, new);
        if sent.is_nullable && !expected.is_nullable {
            self.report(
                pointer,
                match self.side {
                    Side::Input => "may no longer be null",
                    Side::Output => "may be null now",
                },
            );
        }
    }

    /// Compares type and format; returns whether it is worth going on.
    fn kind(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) -> bool {
        let (was, is) = (old.kind(), new.kind());
        let (sent, expected) = self.sent(old, new);
        let whole_in_number = (sent.kind(), expected.kind()) == (Some("integer"), Some("number"));
        if was != is && !whole_in_number {
            let name = |kind: Option<&str>| kind.unwrap_or("anything").to_owned();
            self.report(pointer, format!("is of type {} now, was {}", name(is), name(was)));
            return false;
        }
        let (was, is) = (old.text("format"), new.text("format"));
        let breaks = match was != is && !whole_in_number {
            false => false,
            // A number that grows out of the type that clients keep it in; what they may send is told by bounds.
            true if sent.is_number() => self.side == Side::Output && sent.exceeds(expected),
            true => expected.text("format").is_some(),
        };
        if breaks {
            let name =
                |format: Option<&str>| format.map_or("any text".to_owned(), |format| format!("`{format}`"));
            self.report(pointer, format!("has the format {} now, was {}", name(is), name(was)));
        }
        true
    }

    fn choices(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        let (sent, expected) = self.sent(old, new);
        let Some(expected) = expected.choices() else { return };
        let lost = match self.side {
            Side::Input => "no longer takes",
            Side::Output => "may be",
        };
        let now = if self.side == Side::Output { " now" } else { "" };
        match sent.choices() {
            None if self.side == Side::Input => self.report(pointer, "takes a few values only now"),
            None => self.report(pointer, "may be any value now"),
            Some(sent) => {
                for value in sent.into_iter().filter(|value| !expected.contains(value)) {
                    self.report(pointer, format!("{lost} {value}{now}"));
                }
            }
        }
    }

    fn variants(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        let (sent, expected) = self.sent(old, new);
        let missing: Vec<_> =
            sent.variants.keys().filter(|name| !expected.variants.contains_key(*name)).cloned().collect();
        for name in missing {
            self.report(
                pointer,
                match self.side {
                    Side::Input => format!("no longer takes the variant `{name}`"),
                    Side::Output => format!("may be the variant `{name}` now"),
                },
            );
        }
        for (name, old) in &old.variants {
            if let Some(new) = new.variants.get(name) {
                self.value(pointer, old, new);
            }
        }
    }

    fn fields(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        let (before, after) = (old.fields(), new.fields());
        let (required_before, required_after) = (old.required(), new.required());
        for (name, old) in &before {
            let pointer = format!("{pointer}/{}", escaped(name));
            let Some(new) = after.get(name) else {
                self.report(
                    &pointer,
                    match self.side {
                        Side::Input => "is no longer accepted",
                        Side::Output => "is no longer sent",
                    },
                );
                continue;
            };
            match (self.side, required_before.contains(name), required_after.contains(name)) {
                (Side::Input, false, true) => self.report(&pointer, "is required now"),
                (Side::Output, true, false) => self.report(&pointer, "may be absent now"),
                _ => {}
            }
            self.value(&pointer, old, new);
        }
        if self.side == Side::Input {
            for name in required_after.iter().filter(|name| !before.contains_key(**name)) {
                self.report(&format!("{pointer}/{}", escaped(name)), "is new and required");
            }
        }
    }

    /// Compares what lists and maps hold, at `/*`.
    fn items(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        for key in ["items", "additionalProperties"] {
            let held = |whole: &Whole<'a>| whole.find(key).filter(|schema| schema.is_object());
            if let (Some(old), Some(new)) = (held(old), held(new)) {
                self.value(&format!("{pointer}/*"), old, new);
            }
        }
    }

    /// Whether less is welcome than before. What the server sends may leave its bounds: clients do not check them.
    fn bounds(&mut self, pointer: &str, old: &Whole<'a>, new: &Whole<'a>) {
        for (key, what, unit) in BOUNDS {
            let is_lower = !key.contains("ax");
            let (before, after) = (old.bound(key, is_lower), new.bound(key, is_lower));
            let tightened = match (before, after) {
                (Some(before), Some(after)) if is_lower => after > before,
                (Some(before), Some(after)) => after < before,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if let Some(after) = after.filter(|_| tightened) {
                let was = before.map_or(String::new(), |before| format!(", was {before}"));
                self.report(pointer, format!("takes {what} {after}{unit} now{was}"));
            }
        }
        if let Some(divisor) = new.number("multipleOf")
            && old.number("multipleOf").is_none_or(|before| before % divisor != 0.0)
        {
            self.report(pointer, format!("takes multiples of {divisor} only now"));
        }
        if new.find("uniqueItems").is_some() && old.find("uniqueItems").is_none() {
            self.report(pointer, "may not have the same item twice now");
        }
        let known: Vec<_> = old.all("pattern").collect();
        for pattern in new.all("pattern").filter(|pattern| !known.contains(pattern)) {
            self.report(pointer, format!("must match {pattern} now"));
        }
    }
}

/// The keywords that bound a value, in words. Those with a maximum bound it from above.
const BOUNDS: [(&str, &str, &str); 10] = [
    ("minimum", "at least", ""),
    ("exclusiveMinimum", "more than", ""),
    ("maximum", "at most", ""),
    ("exclusiveMaximum", "less than", ""),
    ("minLength", "at least", " characters"),
    ("maxLength", "at most", " characters"),
    ("minItems", "at least", " items"),
    ("maxItems", "at most", " items"),
    ("minProperties", "at least", " entries"),
    ("maxProperties", "at most", " entries"),
];

impl<'a> Whole<'a> {
    fn of(schema: &'a Value, document: &'a Value) -> Self {
        let mut whole = Self::default();
        whole.add(schema, document, 0);
        whole
    }

    fn add(&mut self, schema: &'a Value, document: &'a Value, depth: usize) {
        // No schema of ours leads back to itself without a field in between; a document by others might.
        if depth > 32 {
            return;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            self.name = reference.rsplit('/').next();
            if let Some(named) = document.pointer(reference.trim_start_matches('#')) {
                self.add(named, document, depth + 1);
            }
        }
        self.is_nullable |= kinds(schema).any(|kind| kind == "null");
        self.parts.push(schema);
        for part in list(&schema["allOf"]) {
            self.add(part, document, depth + 1);
        }
        let names: BTreeMap<_, _> = schema["discriminator"]["mapping"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, reference)| Some((reference.as_str()?, name.as_str())))
            .collect();
        let either: Vec<_> = list(&schema["oneOf"]).chain(list(&schema["anyOf"])).collect();
        let (nothing, something): (Vec<&Value>, Vec<&Value>) =
            either.into_iter().partition(|variant| variant["type"] == "null");
        self.is_nullable |= !nothing.is_empty();
        if let [only] = something[..] {
            return self.add(only, document, depth + 1);
        }
        for (index, variant) in something.into_iter().enumerate() {
            let reference = variant["$ref"].as_str();
            let name = reference.map(|text| names.get(text).copied().or_else(|| text.rsplit('/').next()));
            let name = name.flatten().map_or_else(|| index.to_string(), str::to_owned);
            self.variants.insert(name, variant);
        }
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &'a Value> {
        self.parts.iter().filter_map(move |part| part.get(key))
    }

    fn find(&self, key: &str) -> Option<&'a Value> {
        self.all(key).next()
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.find(key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.find(key)?.as_f64()
    }

    /// The type, except for `null`.
    fn kind(&self) -> Option<&'a str> {
        self.parts.iter().flat_map(|part| kinds(part)).find(|kind| *kind != "null")
    }

    fn is_number(&self) -> bool {
        matches!(self.kind(), Some("integer" | "number"))
    }

    /// Whether it holds numbers that `other` does not.
    fn exceeds(&self, other: &Self) -> bool {
        let beyond = |mine: Option<f64>, others: Option<f64>, is_lower: bool| match (mine, others) {
            (Some(mine), Some(others)) => {
                if is_lower {
                    mine < others
                } else {
                    mine > others
                }
            }
            (None, Some(_)) => true,
            (_, None) => false,
        };
        beyond(self.bound("minimum", true), other.bound("minimum", true), true)
            || beyond(self.bound("maximum", false), other.bound("maximum", false), false)
    }

    /// The tightest of the bounds of this kind.
    fn bound(&self, key: &str, is_lower: bool) -> Option<f64> {
        self.all(key).filter_map(Value::as_f64).reduce(if is_lower { f64::max } else { f64::min })
    }

    fn choices(&self) -> Option<Vec<&'a Value>> {
        self.find("enum").map(|values| list(values).collect()).or_else(|| Some(vec![self.find("const")?]))
    }

    fn fields(&self) -> BTreeMap<&'a str, &'a Value> {
        let all = self.all("properties").filter_map(Value::as_object).flatten();
        all.map(|(name, schema)| (name.as_str(), schema)).collect()
    }

    fn required(&self) -> Vec<&'a str> {
        self.all("required").flat_map(list).filter_map(Value::as_str).collect()
    }
}

/// The types that a schema names itself.
fn kinds(schema: &Value) -> impl Iterator<Item = &str> {
    schema["type"].as_str().into_iter().chain(list(&schema["type"]).filter_map(Value::as_str))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A name as it stands in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
