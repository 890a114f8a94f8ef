"""Writes the sources that the compile times are measured with: the same API twice, 300 operations each."""

import shutil

OPERATIONS = 300
# People keep the operations of one noun together.
TOGETHER = 10

OURS = """
/// What is to be noted.
#[model]
pub struct NewNote{n} {{
    /// What it is about.
    #[check(len = 1..=200)]
    pub title: String,
    #[check(len = ..=4000)]
    pub body: Option<String>,
    #[check(range = 1..=5)]
    pub priority: i32,
    pub pinned: bool,
    #[check(items = ..=20)]
    pub labels: Vec<String>,
}}

/// A note.
#[model]
pub struct Note{n} {{
    pub id: i64,
    pub title: String,
    pub body: Option<String>,
    pub priority: i32,
    pub pinned: bool,
    pub labels: Vec<String>,
}}

/// Keeps a note.
#[procedure(tier = "public")]
pub async fn note_{n}(_ctx: &Ctx, input: NewNote{n}) -> Result<Note{n}> {{
    let NewNote{n} {{ title, body, priority, pinned, labels }} = input;
    Ok(Note{n} {{ id: {n}, title, body, priority, pinned, labels }})
}}
"""

THEIRS = """
/// What is to be noted.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct NewNote{n} {{
    /// What it is about.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub title: String,
    #[oai(validator(max_length = 4000))]
    pub body: Option<String>,
    #[oai(validator(minimum(value = "1"), maximum(value = "5")))]
    pub priority: i32,
    pub pinned: bool,
    #[oai(validator(max_items = 20))]
    pub labels: Vec<String>,
}}

/// A note.
#[derive(Object)]
pub struct Note{n} {{
    pub id: i64,
    pub title: String,
    pub body: Option<String>,
    pub priority: i32,
    pub pinned: bool,
    pub labels: Vec<String>,
}}
"""

OPERATION = """
    /// Keeps a note.
    #[oai(path = "/api/note_{n}", method = "post")]
    async fn note_{n}(&self, input: Json<NewNote{n}>) -> Result<Json<Note{n}>> {{
        let NewNote{n} {{ title, body, priority, pinned, labels }} = input.0;
        Ok(Json(Note{n} {{ id: {n}, title, body, priority, pinned, labels }}))
    }}
"""


def ours():
    head = "use catena::{Ctx, Result, model, procedure};\n"
    return head + "".join(OURS.format(n=n) for n in range(OPERATIONS))


def theirs():
    text = "use poem::Result;\nuse poem_openapi::{Object, OpenApi, payload::Json};\n"
    for first in range(0, OPERATIONS, TOGETHER):
        numbers = range(first, first + TOGETHER)
        text += "".join(THEIRS.format(n=n) for n in numbers)
        text += f"\npub struct Notes{first};\n\n#[OpenApi]\nimpl Notes{first} {{"
        text += "".join(OPERATION.format(n=n) for n in numbers) + "}\n"
    return text


def workspace(folder, bench):
    """Writes a workspace with a package for either; returns the one source file of each."""
    packages = {
        "ours": (ours(), f'catena = {{ path = "{bench.parent.parent / "framework"}" }}'),
        "poem_openapi": (theirs(), 'poem = "3.1"\npoem-openapi = "=5.1.16"'),
    }
    sources = {}
    for name, (text, dependencies) in packages.items():
        source = folder / name / "src/lib.rs"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        manifest = f'[package]\nname = "bench-{name}"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n{dependencies}\n'
        (folder / name / "Cargo.toml").write_text(manifest)
        sources[name] = source
    (folder / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["ours", "poem_openapi"]\n')
    shutil.copy(bench / "Cargo.lock", folder / "Cargo.lock")
    return sources
