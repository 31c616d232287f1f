//! What is refused before a template is compiled.
//!
//! The compiler's work grows with the square of an expression's length, and it computes
//! constant expressions itself, outside the meter; both are bounded here.

use super::{TemplateError, constants};
use minijinja::machinery::{Token, tokenize};

/// Longest tag, in tokens.
const MAX_TOKENS: usize = 1_000;

/// Checks every tag of `source`.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let mut tokens = 0;
    for token in tokenize(source, false, Default::default()) {
        match token?.0 {
            Token::VariableStart | Token::BlockStart => tokens = 0,
            _ => tokens += 1,
        }
        if tokens > MAX_TOKENS {
            return Err(TemplateError(format!(
                "a tag has more than {MAX_TOKENS} words"
            )));
        }
    }
    constants::check(source)
}
