//! Texts that are put together while the program is compiled.

/// Whether two texts are the same.
pub(super) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A text that is put together while the program is compiled.
pub(super) struct Sentence {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Sentence {
    /// What does not fit is left out: who forgot thirty columns knows what to do after the first ten.
    const MOST: usize = 1024;

    pub(super) const fn new() -> Self {
        Self { bytes: [0; Self::MOST], length: 0 }
    }

    pub(super) const fn then(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        if self.length + text.len() > Self::MOST {
            return self;
        }
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    pub(super) const fn text(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "the fields of a model are wrong",
        }
    }
}
