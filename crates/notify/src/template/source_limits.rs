//! What is refused before a template is compiled.
//!
//! The compiler computes constant expressions itself, outside the meter, and its work
//! grows with the square of an expression's length; both are bounded here.

use super::TemplateError;
use minijinja::machinery::{Token, tokenize};

/// Longest tag, in tokens.
const MAX_TOKENS: usize = 1_000;
/// Bytes that constant expressions may come to.
const MAX_CONSTANTS: u128 = 4 * 1024 * 1024;

#[derive(Default)]
struct Tag {
    tokens: usize,
    bytes: u128,
    factor: u128,
    repeats: bool,
    repeatable: bool,
}

/// Checks every tag of `source`.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let mut constants = 0_u128;
    let mut tag = Tag::default();
    for token in tokenize(source, false, Default::default()) {
        match token?.0 {
            Token::TemplateData(_) => {}
            Token::VariableStart | Token::BlockStart => {
                tag = Tag {
                    factor: 1,
                    ..Tag::default()
                }
            }
            Token::VariableEnd | Token::BlockEnd => {
                if tag.repeats && tag.repeatable {
                    constants = constants.saturating_add(tag.bytes.saturating_mul(tag.factor));
                }
            }
            token => tag.add(&token)?,
        }
    }
    if constants > MAX_CONSTANTS {
        return Err(TemplateError::new(
            "the template repeats constants too often",
        ));
    }
    Ok(())
}

impl Tag {
    fn add(&mut self, token: &Token<'_>) -> Result<(), TemplateError> {
        self.tokens += 1;
        if self.tokens > MAX_TOKENS {
            return Err(TemplateError(format!(
                "a tag has more than {MAX_TOKENS} words"
            )));
        }
        self.bytes += 16;
        match token {
            Token::Str(text) => self.text(text),
            Token::String(text) => self.text(text),
            Token::BracketOpen | Token::BraceOpen | Token::ParenOpen => self.repeatable = true,
            Token::Mul => self.repeats = true,
            // A power of small constants is a large one.
            Token::Pow => {
                self.repeats = true;
                self.factor = self.factor.saturating_mul(1_000_000);
            }
            Token::Int(n) => self.factor = self.factor.saturating_mul(u128::from(*n).max(1)),
            Token::Int128(n) => self.factor = self.factor.saturating_mul(**n),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.repeatable = true;
        self.bytes += text.len() as u128;
    }
}
