//! What stands between back-ticks, and a macro's text with its arguments put in.

use cresset_model::macros::Macro;

/// A call of a macro.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'t> {
    pub(super) name: &'t str,
    arguments: Vec<Argument<'t>>,
}

/// A text for a parameter.
#[derive(Debug, PartialEq, Clone, Copy)]
struct Argument<'t> {
    /// Without its quotes.
    text: &'t str,
    /// With which it was written.
    quote: Option<char>,
}

impl<'t> Call<'t> {
    /// Reads `NAME` or `NAME(argument, "argument")`; the error says what is wrong.
    pub(super) fn read(text: &'t str) -> Result<Self, String> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            let arguments = Vec::new();
            return Ok(Self {
                name: text,
                arguments,
            });
        };
        let name = name.trim_end();
        let told = |what: &str| format!("in the call of the macro `{name}`, {what}");
        let inner = rest
            .strip_suffix(')')
            .ok_or_else(|| told("a `)` is missing at the end"))?;
        let arguments = arguments(inner).map_err(|what| told(&what))?;
        Ok(Self { name, arguments })
    }

    /// The text of `called` with the arguments in it; the error says what is wrong.
    pub(super) fn filled(&self, called: &Macro) -> Result<String, String> {
        let (wanted, given) = (called.parameters.len(), self.arguments.len());
        if wanted != given {
            let names = match wanted {
                0 => String::new(),
                _ => format!(" ({})", called.parameters.join(", ")),
            };
            let s = if wanted == 1 { "" } else { "s" };
            return Err(format!(
                "the macro `{}` takes {wanted} argument{s}{names}, and is given {given}",
                called.name
            ));
        }
        if wanted == 0 {
            return Ok(called.text.clone());
        }
        self.put_in(called)
    }

    fn put_in(&self, called: &Macro) -> Result<String, String> {
        let mut out = String::with_capacity(called.text.len());
        let mut rest = called.text.as_str();
        let mut inside = None;
        while let Some(place) = rest.find(['$', '"', '\'']) {
            let (before, from) = rest.split_at(place);
            out.push_str(before);
            let first = from.chars().next().unwrap_or_default();
            let Some(behind) = from.strip_prefix('$') else {
                inside = quotes(inside, first, &out);
                out.push(first);
                rest = &from[1..];
                continue;
            };
            let named = behind.split_once('$').and_then(|(name, after)| {
                let at = called.parameters.iter().position(|p| p == name)?;
                Some((name, self.arguments.get(at)?, after))
            });
            let Some((name, argument, after)) = named else {
                // A dollar sign that means itself.
                out.push('$');
                rest = behind;
                continue;
            };
            argument.push_into(&mut out, inside).map_err(|what| {
                format!("the macro `{}`, given for `{name}`: {what}", called.name)
            })?;
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

impl Argument<'_> {
    /// As it was written, but for its quotes where it comes into others.
    fn push_into(self, out: &mut String, inside: Option<char>) -> Result<(), String> {
        match (inside, self.quote) {
            (Some(quote), _) if self.text.contains(quote) => {
                return Err(format!("it holds {quote} and would come into such quotes"));
            }
            (Some(_), _) | (None, None) => out.push_str(self.text),
            (None, Some(quote)) => {
                out.push(quote);
                out.push_str(self.text);
                out.push(quote);
            }
        }
        Ok(())
    }
}

/// The quotes that text after `mark` is in. They open where a value may begin, so that an
/// apostrophe within a word opens none.
fn quotes(inside: Option<char>, mark: char, before: &str) -> Option<char> {
    match inside {
        Some(open) if open == mark => None,
        Some(open) => Some(open),
        None => {
            let last = before.chars().next_back();
            let begins = last.is_none_or(|c| c.is_whitespace() || "=<>([,|-".contains(c));
            begins.then_some(mark)
        }
    }
}

fn arguments(inner: &str) -> Result<Vec<Argument<'_>>, String> {
    let (mut arguments, mut rest) = (Vec::new(), inner.trim());
    if rest.is_empty() {
        return Ok(arguments);
    }
    loop {
        let (argument, after) = argument(rest)?;
        arguments.push(argument);
        let after = after.trim_start();
        if after.is_empty() {
            return Ok(arguments);
        }
        rest = after
            .strip_prefix(',')
            .ok_or("a comma is missing between arguments")?
            .trim_start();
    }
}

fn argument(text: &str) -> Result<(Argument<'_>, &str), String> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (inner, after) = text[1..]
            .split_once(quote)
            .ok_or_else(|| format!("a {quote} is missing at the end of an argument"))?;
        let quote = Some(quote);
        return Ok((Argument { text: inner, quote }, after));
    }
    let end = text.find(',').unwrap_or(text.len());
    let (bare, after) = text.split_at(end);
    let bare = bare.trim_end();
    if bare.is_empty() {
        return Err("an argument is missing; write \"\" for an empty one".to_owned());
    }
    if bare.contains(|c: char| c.is_whitespace() || "\"'()[]|`".contains(c)) {
        return Err(format!(
            "`{bare}` holds blanks, brackets or quotes; put it in quotes as a whole"
        ));
    }
    let quote = None;
    Ok((Argument { text: bare, quote }, after))
}
