//! One case: a file with mistakes, and what the compiler says to it.

use std::{fs, path::Path};

/// The folders under `ui/` whose files have mistakes, in the order in which the page has them.
pub(crate) const ATTRIBUTES: [&str; 4] = ["procedure", "model", "job", "problem"];

/// The last lines of a case, after its code:
///
/// - `// 3 mistakes`, where there is more than one;
/// - `// 1 mistake, 3 messages`, where the compiler has more to say about it than we can help;
/// - `// Mend: ..`, where the messages do not say what to write.
pub(crate) struct Case {
    pub(crate) attribute: &'static str,
    /// The file's name, without its ending.
    pub(crate) name: String,
    /// What was written, without `main` and what follows it.
    pub(crate) code: String,
    /// How many messages there should be.
    pub(crate) expected: usize,
    pub(crate) mend: Option<String>,
    pub(crate) messages: Vec<Message>,
    /// All that the compiler says.
    pub(crate) stderr: String,
}

/// One error.
pub(crate) struct Message {
    pub(crate) text: String,
    /// The line that it is about.
    pub(crate) line: Option<usize>,
    /// What is said below it.
    pub(crate) notes: Vec<String>,
}

impl Case {
    /// Where the case is.
    pub(crate) fn path(&self) -> String {
        format!("ui/{}/{}.rs", self.attribute, self.name)
    }
}

impl Message {
    /// Whether it says one of these, itself or below.
    pub(crate) fn says_any(&self, words: &[&str]) -> bool {
        let said = self.notes.iter().chain([&self.text]);
        said.into_iter().any(|text| words.iter().any(|word| text.contains(word)))
    }
}

/// Every case, by attribute and name.
pub(crate) fn cases() -> Vec<Case> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let mut all = Vec::new();
    for attribute in ATTRIBUTES {
        let files = fs::read_dir(ui.join(attribute))
            .expect("a folder of cases")
            .map(|entry| entry.expect("a file").path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect();
        files.sort();
        all.extend(files.iter().map(|path| read(attribute, path)));
    }
    all
}

fn read(attribute: &'static str, path: &Path) -> Case {
    let whole = fs::read_to_string(path).expect("a case");
    let (code, footer) =
        whole.split_once("\nfn main() {}\n").expect("a case has an empty `main` below its code");
    let stderr = fs::read_to_string(path.with_extension("stderr")).unwrap_or_default();
    let comments: Vec<_> = footer.lines().filter_map(|line| line.strip_prefix("// ")).collect();
    let number = |text: &str| text.split(' ').next().and_then(|number| number.parse().ok());
    let expected =
        comments.iter().find_map(|line| number(line.split_once(", ").map_or(line, |(_, rest)| rest)));
    Case {
        attribute,
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        code: code.trim_end().to_owned(),
        expected: expected.unwrap_or(1),
        mend: comments.iter().find_map(|line| line.strip_prefix("Mend: ")).map(str::to_owned),
        messages: messages(&stderr),
        stderr,
    }
}

/// Takes what the compiler says apart.
fn messages(stderr: &str) -> Vec<Message> {
    let mut found: Vec<Message> = Vec::new();
    let mut in_error = false;
    for line in stderr.lines() {
        if let Some(text) = line.strip_prefix("error").and_then(|rest| rest.split_once(": ")) {
            found.push(Message { text: text.1.to_owned(), line: None, notes: Vec::new() });
            in_error = true;
        } else if line.starts_with("warning: ") {
            in_error = false;
        }
        let Some(message) = found.last_mut().filter(|_| in_error) else { continue };
        let trimmed = line.trim_start();
        if message.line.is_none() {
            if let Some(place) = trimmed.strip_prefix("--> ") {
                message.line = place.split(':').nth(1).and_then(|line| line.parse().ok());
            } else if line.starts_with("       ") {
                message.text.push('\n');
                message.text.push_str(trimmed);
            }
        }
        let note = trimmed.strip_prefix("= note: ").or_else(|| trimmed.strip_prefix("help: "));
        let ours = note.filter(|note| {
            !["this error", "required", "the trait", "`#[warn"].iter().any(|it| note.starts_with(it))
        });
        message.notes.extend(ours.map(str::to_owned));
    }
    found
}
