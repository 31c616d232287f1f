//! Whole queries: real ones from the corpus, and random ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod corpus;
mod manual;
mod patterns;
mod random;
