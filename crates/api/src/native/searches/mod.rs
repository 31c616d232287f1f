//! Searches with rows as soon as they are final, and in pages.
//!
//! A search whose rows are events gives the newest first, at most `limit`. If that is not all,
//! its last answer has `next`, which begins the page behind it: the same search among the
//! events that were there when the first page began.

pub(crate) mod cancel;
mod page;
pub(crate) mod read;
pub(crate) mod start;
