//! What is typed in `#[procedure(..)]`.

use darling::{FromMeta, util::Flag};
use syn::LitStr;

#[derive(Default, FromMeta)]
pub(crate) struct Options {
    pub(crate) query: Flag,
    pub(crate) tier: Option<LitStr>,
    pub(crate) method: Option<LitStr>,
    pub(crate) path: Option<LitStr>,
    pub(crate) id: Option<LitStr>,
    pub(crate) tag: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) body_limit: Option<LitStr>,
    pub(crate) limit: Option<LitStr>,
    pub(crate) deprecated: Flag,
    pub(crate) hidden: Flag,
}

impl crate::options::Options for Options {
    const ATTRIBUTE: &'static str = "procedure";
    const EXAMPLES: &'static [&'static str] = &[
        "query",
        "tier = \"protected\"",
        "method = \"PATCH\"",
        "path = \"/api/tasks/{id}\"",
        "id = \"tasks.edit\"",
        "tag = \"tasks\"",
        "timeout = \"30s\"",
        "body_limit = \"8KiB\"",
        "limit = \"20/1m\"",
        "deprecated",
        "hidden",
    ];
}
