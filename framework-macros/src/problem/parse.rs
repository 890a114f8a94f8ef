//! What is typed in `#[problem(..)]`.

use darling::{FromMeta, util::Flag};
use syn::{LitInt, LitStr};

#[derive(Default, FromMeta)]
pub(crate) struct Options {
    pub(crate) status: Option<LitInt>,
    pub(crate) code: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) other: Flag,
}

impl crate::options::Options for Options {
    const ATTRIBUTE: &'static str = "problem";
    const EXAMPLES: &'static [&'static str] =
        &["status = 409", "code = \"task_done\"", "title = \"Task is done\"", "other"];
}
