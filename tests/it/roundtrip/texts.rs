//! JSON texts that a schema allows, and such as it just does not.

use serde_json::{Map, Value, json};

/// Makes up a text that a schema allows but for at most three faults. The same choices make the same text, and fewer
/// and smaller ones a simpler text.
pub(crate) fn nearly(schema: &Value, choices: Vec<u16>) -> String {
    let mut maker = Maker { root: schema, choices: choices.into_iter(), faults: 0 };
    maker.faults = maker.pick(4);
    maker.value(schema).to_string()
}

/// Texts of each format, and of each pattern of the models.
const FORMS: &[(&str, &[&str])] = &[
    ("email", &["a@b.cd", "first.last+tag@mail.example.com", "!#$%&'*/=?^_`{|}~-@a-b.c-d"]),
    (
        "uri",
        &[
            "http://a",
            "https://example.com/page",
            "https://a.b:8080/%20/ü?q=1#top",
            "http://127.0.0.1/?a[]=1",
        ],
    ),
    ("uuid", &["019b2d5c-7c00-7000-8000-000000000000", "019B2D5C-7C00-7000-8000-00000000000A"]),
    (
        "date-time",
        &[
            "2026-01-31T12:00:00Z",
            "2024-02-29t23:59:59.123456789z",
            "1999-12-31T23:30:00-00:30",
            "2016-12-31T23:59:60Z",
            "2026-01-31T12:00:60Z",
            "9999-12-31T23:59:59+23:59",
        ],
    ),
    ("date", &["2026-01-31", "2024-02-29", "0000-01-01", "9999-12-31"]),
    (
        "decimal",
        &["0", "-0.00", "19.90", "9999999999999999999999999999", "-999999999999999999999999999.9", "1e3"],
    ),
    ("int64", &["0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0"]),
    ("^[a-z]{2,4}-[0-9]+$", &["ab-1", "abcd-09", "abc-1\n"]),
    ("b", &["ab", "b b", "äb🦀b", "xby"]),
];

const CHARACTERS: &[&str] = &[
    "a", "B", "0", "9", "ä", "🦀", " ", "\n", "\"", "\\", "/", "~", "-", ".", "@", ":", "%", "\u{301}",
    "\u{0}",
];

const KEYS: &[&str] = &["a", "b", "", "a/b~c", "ключ", "type", "a\u{0}"];

struct Maker<'a> {
    root: &'a Value,
    choices: std::vec::IntoIter<u16>,
    faults: usize,
}

impl<'a> Maker<'a> {
    /// A number below `count`, which is 0 when there is nothing left to choose.
    fn pick(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % count.max(1)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())]
    }

    fn value(&mut self, schema: &'a Value) -> Value {
        if self.faults == 0 || self.pick(6) != 5 {
            return self.allowed(schema);
        }
        self.faults -= 1;
        match self.pick(16) {
            0 => Value::Null,
            1 => json!(false),
            2 => self.number(schema),
            3 => json!(self.text(0, 4)),
            4 => json!([]),
            5 => json!({}),
            6 => json!([self.allowed(schema)]),
            _ => self.missed(schema),
        }
    }

    /// A value that the schema allows, or nearly does where it is hard to tell.
    fn allowed(&mut self, schema: &'a Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let target = self.root.pointer(name.trim_start_matches('#'));
            return self.allowed(target.expect("a schema"));
        }
        for keyword in ["oneOf", "anyOf", "enum"] {
            if let Some(choices) = schema[keyword].as_array() {
                let choice = &choices[self.pick(choices.len())];
                return if keyword == "enum" { choice.clone() } else { self.allowed(choice) };
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => &kinds[self.pick(kinds.len())],
            kind => kind,
        };
        match kind.as_str() {
            Some("boolean") => json!(self.pick(2) == 1),
            Some("integer") => self.integer(schema),
            Some("number") => self.float(schema),
            Some("string") => self.string(schema),
            Some("array") => self.array(schema),
            Some("object") => self.object(schema),
            Some("null") => Value::Null,
            _ => self.allowed(&schema["allOf"][0]),
        }
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let bound = |name: &str, none| schema[name].as_i64().unwrap_or(none);
        let (min, max) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
        let near = i64::try_from(self.pick(10)).unwrap_or_default();
        let number = match self.pick(4) {
            0 => near,
            1 => -near,
            2 => min.saturating_add(near),
            _ => max.saturating_sub(near),
        };
        let step = bound("multipleOf", 1);
        let number = number.clamp(min, max) / step * step;
        json!(number)
    }

    fn float(&mut self, schema: &Value) -> Value {
        let bound = |name: &str, none| schema[name].as_f64().unwrap_or(none);
        let (min, max) = (bound("minimum", -f64::MAX), bound("maximum", f64::MAX));
        let small = f64::from(u16::try_from(self.pick(1000)).unwrap_or_default()) / 8.0;
        let number = self.one(&[small, -small, 0.1, -0.0, min, max, 1e-40, f64::EPSILON]).clamp(min, max);
        self.whole_or(single(schema, number))
    }

    /// A number without a fraction is now and then written as an integer.
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    fn whole_or(&mut self, number: f64) -> Value {
        if number.fract() == 0.0 && number.abs() < 1e6 && self.pick(2) == 0 {
            return json!(number as i64);
        }
        json!(number)
    }

    fn string(&mut self, schema: &Value) -> Value {
        let form = ["format", "pattern"].iter().filter_map(|name| schema[name].as_str());
        let texts =
            form.filter_map(|form| FORMS.iter().find(|(name, _)| *name == form)).map(|(_, texts)| *texts);
        if let Some(texts) = texts.into_iter().next() {
            return json!(self.one(texts));
        }
        let bound = |name: &str, none| schema[name].as_u64().map_or(none, |bound| bound as usize);
        let (min, max) = (bound("minLength", 0), bound("maxLength", usize::MAX));
        json!(self.text(min, max))
    }

    /// A text of a length that fits; U+0000 is not in it.
    fn text(&mut self, min: usize, max: usize) -> String {
        let length = self.pick(5).max(min).min(max);
        let characters = &CHARACTERS[..CHARACTERS.len() - 1];
        (0..length).map(|_| self.one(characters)).collect()
    }

    fn array(&mut self, schema: &'a Value) -> Value {
        let length = self.count(schema, "minItems", "maxItems");
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..length {
            let item = self.value(&schema["items"]);
            if schema["uniqueItems"] != true || !items.contains(&item) {
                items.push(item);
            }
        }
        items.into()
    }

    fn object(&mut self, schema: &'a Value) -> Value {
        let mut members = Map::new();
        if schema["additionalProperties"].is_object() {
            for _ in 0..self.count(schema, "minProperties", "maxProperties") {
                let key = self.one(&KEYS[..KEYS.len() - 1]);
                members.insert(key.to_owned(), self.value(&schema["additionalProperties"]));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
            if required || self.pick(2) == 1 {
                members.insert(name.clone(), self.value(property));
            }
        }
        members.into()
    }

    fn count(&mut self, schema: &Value, min: &str, max: &str) -> u64 {
        let (min, max) = (schema[min].as_u64().unwrap_or(0), schema[max].as_u64().unwrap_or(u64::MAX));
        (min + self.pick(4) as u64).min(max)
    }

    /// A value beside those that the schema allows.
    fn missed(&mut self, schema: &'a Value) -> Value {
        let target = schema["$ref"].as_str().and_then(|name| self.root.pointer(name.trim_start_matches('#')));
        if let Some(target) = target {
            return self.missed(target);
        }
        match (self.allowed(schema), schema["oneOf"].as_array()) {
            // Something of another variant.
            (Value::Object(mut members), Some(variants)) => {
                let other = &variants[self.pick(variants.len())];
                if let Value::Object(other) = self.allowed(other) {
                    let index = self.pick(other.len());
                    members.extend(other.into_iter().skip(index).take(1));
                }
                members.into()
            }
            (Value::Object(members), None) => self.other_object(members),
            (Value::Array(items), _) => self.other_array(items, schema),
            (Value::String(text), _) => json!(self.other_text(&text, schema)),
            (Value::Number(number), _) => self.other_number(number.as_f64().unwrap_or_default(), schema),
            (other, _) => json!({"was": other}),
        }
    }

    fn other_object(&mut self, mut members: Map<String, Value>) -> Value {
        let index = self.pick(members.len());
        let old = members.keys().nth(index).cloned();
        let key = self.one(KEYS).to_owned();
        match (self.pick(5), old) {
            (0, Some(old)) => drop(members.remove(&old)),
            (1, Some(old)) => drop(members.insert(old, Value::Null)),
            (2, Some(old)) => {
                let value = members.remove(&old).unwrap_or_default();
                let name = self.one(&[old.to_uppercase(), format!("{old}_"), key.clone()].each_ref()).clone();
                members.insert(name, value);
            }
            (3, Some(old)) => {
                let value = members[&old].clone();
                members.insert(key, value);
            }
            _ => drop(members.insert(key, json!(0))),
        }
        members.into()
    }

    fn other_array(&mut self, mut items: Vec<Value>, schema: &Value) -> Value {
        let item = items.get(self.pick(items.len())).cloned().unwrap_or_default();
        let most = schema["maxItems"].as_u64().map_or(items.len(), |most| most as usize);
        match self.pick(4) {
            0 => items.push(item),
            1 => items.resize(most + 1, item),
            2 => items.push(Value::Null),
            _ => items.clear(),
        }
        items.into()
    }

    fn other_text(&mut self, text: &str, schema: &Value) -> String {
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        let index = self.pick(characters.len());
        let other = self.one(CHARACTERS).to_owned();
        let most = schema["maxLength"].as_u64().map_or(characters.len(), |most| most as usize);
        match self.pick(6) {
            0 => characters.insert(index, other),
            1 => characters.push(other),
            2 => characters.clear(),
            3 => characters.resize(most + 1, other),
            4 => return text.to_uppercase(),
            _ if characters.is_empty() => characters.push(other),
            _ => {
                characters.remove(index);
            }
        }
        characters.concat()
    }

    fn other_number(&mut self, number: f64, schema: &Value) -> Value {
        let bound = |name: &str| schema[name].as_f64().unwrap_or(number);
        let other = match self.pick(8) {
            0 => bound("minimum") - 1.0,
            5 | 6 => number + 1.0,
            1 => bound("maximum") + 1.0,
            2 => number + 0.5,
            3 => bound("maximum") * 2.0,
            4 => -0.0,
            _ => return self.number(schema),
        };
        let other = if other.is_finite() { other } else { number };
        self.whole_or(single(schema, other))
    }

    fn number(&mut self, schema: &Value) -> Value {
        let numbers = [
            json!(0),
            json!(1.5),
            json!(1.0),
            json!(1_u64 << 53),
            json!(-1e16),
            json!(u64::MAX),
            json!(1e300),
        ];
        let number = self.one(&numbers.each_ref()).clone();
        if schema["format"] == "float" {
            json!(single(schema, number.as_f64().unwrap_or_default()))
        } else {
            number
        }
    }
}

/// The number as a `f32` would be written, where it is to be one; what lies beyond those stays.
#[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
fn single(schema: &Value, number: f64) -> f64 {
    let rounded = number as f32;
    if schema["format"] == "float" && rounded.is_finite() {
        return rounded.to_string().parse().unwrap_or(number);
    }
    number
}
