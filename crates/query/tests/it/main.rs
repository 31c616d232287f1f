//! Whole queries: real ones from the corpus, and random ones.

mod corpus;
mod random;
