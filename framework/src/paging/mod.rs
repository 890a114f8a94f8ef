//! Long lists, a page at a time: by the key of the last row that was seen, not by counting rows.

mod cursor;
mod page;
mod row;

pub(crate) use cursor::CursorKey;
pub use page::{Page, PageQuery, Paging};
pub use row::{Row, row};

#[cfg(test)]
mod tests;
