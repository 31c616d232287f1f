//! Templates of users (spec/logpoint-api.md §8.1): Jinja with limits.
//!
//! A template can read the variables it is given and nothing else. Its source, its
//! steps, its nesting, everything it computes and everything it writes are limited, so
//! that the worst template costs a fraction of a second and some megabytes, and ends in
//! a [`TemplateError`] instead of a message.

mod constants;
mod dates;
mod escape;
mod filters;
mod meter;
mod operators;
mod program;
mod source_limits;
#[cfg(test)]
mod tests;
mod variables;

pub(crate) use escape::percent_encode;
pub use variables::{Link, Variables};

use escape::OutputState;
use meter::Meter;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use std::sync::Arc;
use std::time::Duration;

/// Longest template, in bytes.
pub const MAX_SOURCE: usize = 64 * 1024;
/// Longest result, in bytes.
pub const MAX_OUTPUT: usize = 4 * 1024 * 1024;
/// Steps of the template engine per rendering.
const FUEL: u64 = 250_000;
/// Longest time of a rendering. The limits on steps and bytes end a template long before
/// on a machine that is not overloaded.
pub const MAX_TIME: Duration = Duration::from_secs(3);
/// Nested macro calls and recursive loops.
const RECURSION: usize = 60;
/// Stack of the rendering thread; only touched pages use memory. Releasing the deepest
/// value that [`FUEL`] can build takes about a tenth of it.
const STACK: usize = 256 * 1024 * 1024;

/// How values are written into the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As HTML text: e-mail bodies, incident views.
    Html,
    /// As parts of a JSON document: escaped inside a JSON string, as JSON outside.
    Json,
    /// Percent-encoded: query strings.
    Query,
    /// As they are.
    Plain,
}

impl Escape {
    /// The way to write values into an HTTP body, judged by how the template begins:
    /// a body that opens a JSON object or list is kept valid JSON.
    pub fn for_http_body(source: &str) -> Self {
        let mut rest = source.trim_start();
        while let Some((open, close)) = [("{%", "%}"), ("{#", "#}")]
            .into_iter()
            .find(|(open, _)| rest.starts_with(open))
        {
            let Some(end) = rest[open.len()..].find(close) else {
                return Self::Plain;
            };
            rest = rest[open.len() + end + close.len()..].trim_start();
        }
        let json = rest.starts_with('[') || (rest.starts_with('{') && !rest.starts_with("{{"));
        if json { Self::Json } else { Self::Plain }
    }

    const fn auto_escape(self) -> AutoEscape {
        match self {
            Self::Html => AutoEscape::Html,
            Self::Json => AutoEscape::Custom(std::borrow::Cow::Borrowed(escape::JSON)),
            Self::Query => AutoEscape::Custom(std::borrow::Cow::Borrowed(escape::QUERY)),
            Self::Plain => AutoEscape::None,
        }
    }
}

/// A template that could not be rendered; the same template fails the same way again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl TemplateError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let kind = match error.kind() {
            minijinja::ErrorKind::OutOfFuel => "the template takes too many steps".to_owned(),
            kind => kind.to_string(),
        };
        let detail = error.detail().map(|d| format!(": {d}")).unwrap_or_default();
        let line = error
            .line()
            .map(|n| format!(" (line {n})"))
            .unwrap_or_default();
        // Details may quote values, which come from logs.
        Self(
            format!("{kind}{detail}{line}")
                .chars()
                .filter(|c| !c.is_control())
                .take(500)
                .collect(),
        )
    }
}

/// Renders `source` with `variables`.
///
/// Blocks for up to about a second with the worst template, and never much longer than
/// [`MAX_TIME`]; call it from a thread that may block.
pub fn render(
    source: &str,
    escape: Escape,
    variables: &Variables,
) -> Result<String, TemplateError> {
    if source.len() > MAX_SOURCE {
        return Err(TemplateError(format!(
            "the template has {} bytes, the limit is {MAX_SOURCE}",
            source.len()
        )));
    }
    on_large_stack(|| render_here(source, escape, variables, MAX_TIME))
}

fn on_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("template".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| TemplateError(format!("no thread to render in: {error}")))?
            .join()
            .unwrap_or_else(|_| Err(TemplateError::new("the template engine failed")))
    })
}

/// Checks that `source` can be compiled and names only filters and tests that there are,
/// for complaints when a template is saved; they name the line.
pub fn check(source: &str) -> Result<(), TemplateError> {
    if source.len() > MAX_SOURCE {
        return Err(TemplateError(format!(
            "the template exceeds {MAX_SOURCE} bytes"
        )));
    }
    on_large_stack(|| {
        source_limits::check(source)?;
        let meter = Arc::new(Meter::new(MAX_TIME));
        let mut env = Environment::new();
        filters::install(&mut env, &meter, &variables::Times::of(None), Escape::Plain);
        operators::install(&mut env, &meter);
        program::check(&env, source)
    })
}

fn render_here(
    source: &str,
    escape: Escape,
    variables: &Variables,
    limit: Duration,
) -> Result<String, TemplateError> {
    source_limits::check(source)?;
    let meter = Arc::new(Meter::new(limit));
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(RECURSION);
    env.set_debug(false);
    let auto_escape = escape.auto_escape();
    let initial = auto_escape.clone();
    env.set_auto_escape_callback(move |_| initial.clone());
    for name in ["dict", "debug"] {
        env.remove_global(name);
    }
    filters::install(&mut env, &meter, variables.times(), escape);
    operators::install(&mut env, &meter);
    let state = OutputState::new(Arc::clone(&meter));
    env.set_formatter(move |out, vm, value| state.write(out, vm, value));
    program::run(&env, source, variables.root(), auto_escape)
}
