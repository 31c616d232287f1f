//! Reads the four sources and reports every problem at once.

use super::kinds::{Kind, Setting};
use super::settings::settings;
use super::typed::Config;
use super::units::{parse_duration, parse_size};
use super::variables::is_of_commands;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Value;

/// Something wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it stands: a file's line, a variable, a flag.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// Where settings come from. Not to be printed: some are secret.
#[derive(Default)]
pub(crate) struct Sources {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// Variables named `CRESSET_…`.
    pub(crate) env: BTreeMap<String, String>,
    /// Such variables whose name or value is not UTF-8, as far as they read.
    pub(crate) unreadable: Vec<String>,
    /// Flags, as `section.name` and text.
    pub(crate) flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The environment of this process.
    pub(crate) fn from_process(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        Self {
            file,
            flags,
            ..Self::default()
        }
        .with_env(std::env::vars_os())
    }

    /// Adds the variables that are meant for us. Others may hold anything.
    pub(super) fn with_env(mut self, vars: impl Iterator<Item = (OsString, OsString)>) -> Self {
        for (name, value) in vars {
            let bytes = name.as_encoded_bytes();
            if is_of_commands(bytes) || !bytes.starts_with(b"CRESSET_") {
                continue;
            }
            match (name.to_str(), value.into_string()) {
                (Some(name), Ok(value)) => {
                    self.env.insert(name.to_owned(), value);
                }
                _ => self.unreadable.push(name.to_string_lossy().into_owned()),
            }
        }
        self
    }
}

/// A value with the place it came from. Not to be printed: some are secret.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) place: String,
}

pub(super) type Values = BTreeMap<&'static str, Given>;

/// [`draft`], or what is wrong with it.
#[cfg(test)]
pub(crate) fn load(sources: &Sources) -> Result<Config, Vec<Problem>> {
    let (config, problems) = draft(sources);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

/// The configuration, with defaults for what does not read, and everything that is wrong
/// with it. To be used only if nothing is.
pub(crate) fn draft(sources: &Sources) -> (Config, Vec<Problem>) {
    let mut problems: Vec<Problem> = sources.unreadable.iter().map(|n| not_utf8(n)).collect();
    let mut values: Values = settings()
        .filter_map(|s| Some((s.key, default_of(s)?)))
        .collect();
    if let Some(path) = &sources.file {
        read_file(path, &mut values, &mut problems);
    }
    read_env(&sources.env, &mut values, &mut problems);
    for (key, text) in &sources.flags {
        if let Some(setting) = settings().find(|s| s.key == *key) {
            let place = format!(
                "--{}",
                key.rsplit('.').next().unwrap_or(key).replace('_', "-")
            );
            values.insert(
                setting.key,
                Given {
                    value: from_text(setting, text),
                    place,
                },
            );
        }
    }
    let mut broken = Vec::new();
    for setting in settings() {
        if let Some(given) = values.get(setting.key)
            && let Err((message, help)) = check_value(setting, &given.value)
        {
            problems.push(Problem {
                place: given.place.clone(),
                message: format!("{}: {message}", setting.key),
                help,
            });
            broken.push(setting.key);
            values.extend(default_of(setting).map(|default| (setting.key, default)));
        }
    }
    let (config, mut further) = Config::from_values(&values);
    // What only follows from a default in the place of something broken is no news.
    further.retain(|p| !broken.iter().any(|key| p.message.contains(key)));
    problems.extend(further);
    (config, problems)
}

fn default_of(setting: &Setting) -> Option<Given> {
    let table = toml::from_str::<toml::Table>(&format!("v = {}", setting.default)).ok()?;
    Some(Given {
        value: table.get("v")?.clone(),
        place: "default".to_owned(),
    })
}

fn not_utf8(name: &str) -> Problem {
    Problem {
        place: name.to_owned(),
        message: "the variable is not UTF-8".to_owned(),
        help: None,
    }
}

fn read_file(path: &std::path::Path, values: &mut Values, problems: &mut Vec<Problem>) {
    let shown = path.display();
    let mut fail = |place: String, message: String, help: Option<String>| {
        problems.push(Problem {
            place,
            message,
            help,
        });
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => return fail(shown.to_string(), format!("cannot be read: {e}"), None),
    };
    let table = match toml::from_str::<toml::Table>(&text) {
        Ok(table) => table,
        Err(e) => {
            let line = e.span().map_or(1, |s| {
                text[..s.start.min(text.len())].matches('\n').count() + 1
            });
            return fail(format!("{shown}:{line}"), e.message().to_owned(), None);
        }
    };
    for (section, content) in &table {
        let sections = || settings().filter_map(|s| s.key.split('.').next());
        let place = |name: &str| format!("{shown}:{}", line_of(&text, section, name));
        let Value::Table(content) = content else {
            let help = settings()
                .find(|s| s.key.ends_with(&format!(".{section}")))
                .map(|s| {
                    format!(
                        "it belongs under [{}]",
                        s.key.split('.').next().unwrap_or("")
                    )
                });
            fail(
                place(section),
                format!("{section:?} is outside of any section"),
                help,
            );
            continue;
        };
        if !sections().any(|s| s == section) {
            fail(
                place(""),
                format!("unknown section [{section}]"),
                nearest(section, sections()),
            );
            continue;
        }
        for (name, value) in content {
            let key = format!("{section}.{name}");
            match settings().find(|s| s.key == key) {
                Some(s) => {
                    values.insert(
                        s.key,
                        Given {
                            value: value.clone(),
                            place: place(name),
                        },
                    );
                }
                None => fail(
                    place(name),
                    format!("unknown setting {key}"),
                    nearest(&key, settings().map(|s| s.key)),
                ),
            }
        }
    }
}

/// The line of `name =` under `[section]`, or of the section's head.
fn line_of(text: &str, section: &str, name: &str) -> usize {
    let mut inside = false;
    let mut head = 1;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']', ' ']) == section;
            if inside {
                head = i + 1;
            }
        }
        let is_name = line
            .strip_prefix(name)
            .is_some_and(|r| r.trim_start().starts_with('='));
        if (inside || section == name) && is_name {
            return i + 1;
        }
    }
    head
}

fn read_env(env: &BTreeMap<String, String>, values: &mut Values, problems: &mut Vec<Problem>) {
    for (name, text) in env {
        if let Some(s) = settings().find(|s| s.env() == *name) {
            values.insert(
                s.key,
                Given {
                    value: from_text(s, text),
                    place: name.clone(),
                },
            );
        } else {
            let names: Vec<String> = settings().map(Setting::env).collect();
            problems.push(Problem {
                place: name.clone(),
                message: "unknown environment variable".to_owned(),
                help: nearest(name, names.iter().map(String::as_str)),
            });
        }
    }
}

/// Text from a flag or a variable as the value that the setting wants.
fn from_text(setting: &Setting, text: &str) -> Value {
    let words = || {
        let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
        Value::Array(words.map(|w| Value::String(w.to_owned())).collect())
    };
    match setting.kind {
        Kind::Int(..) => text
            .parse()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Integer),
        Kind::Bool => text
            .parse()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Boolean),
        Kind::Cidrs | Kind::Durations | Kind::Choices(_) => words(),
        _ => Value::String(text.to_owned()),
    }
}

type Wrong = (String, Option<String>);

fn check_value(setting: &Setting, value: &Value) -> Result<(), Wrong> {
    let wants = |what: &str, example: &str| -> Wrong {
        (
            format!("{what} expected, found {value}"),
            Some(format!("for example {example}")),
        )
    };
    let text = value.as_str();
    match setting.kind {
        Kind::Text | Kind::Path => text.map(|_| ()).ok_or_else(|| wants("text", "\"name\"")),
        Kind::Listen => text
            .filter(|t| t.parse::<SocketAddr>().is_ok())
            .map(|_| ())
            .ok_or_else(|| wants("an address and port", "\"127.0.0.1:7070\"")),
        Kind::OptionalListen => text
            .filter(|t| t.is_empty() || t.parse::<SocketAddr>().is_ok())
            .map(|_| ())
            .ok_or_else(|| wants("an address and port, or nothing,", "\"0.0.0.0:5514\"")),
        Kind::Int(min, max) => value
            .as_integer()
            .filter(|n| u64::try_from(*n).is_ok_and(|n| (min..=max).contains(&n)))
            .map(|_| ())
            .ok_or_else(|| {
                wants(
                    &format!("a whole number from {min} to {max}"),
                    setting.default,
                )
            }),
        Kind::Bool => value
            .as_bool()
            .map(|_| ())
            .ok_or_else(|| wants("true or false", setting.default)),
        Kind::Choice(words) => {
            check_word(text, words).map_err(|help| (wants("a word", "").0, help))
        }
        Kind::Duration => text
            .filter(|t| parse_duration(t).is_some())
            .map(|_| ())
            .ok_or_else(|| wants("a span of time", "\"10s\", \"5m\" or \"24h\"")),
        Kind::Size => text
            .filter(|t| parse_size(t).is_some())
            .map(|_| ())
            .ok_or_else(|| wants("a size", "\"64KiB\" or \"48MiB\"")),
        Kind::Zone => text
            .filter(|t| jiff::tz::TimeZone::get(t).is_ok())
            .map(|_| ())
            .ok_or_else(|| wants("an IANA time zone", "\"UTC\" or \"Europe/Copenhagen\"")),
        Kind::Cidrs => each(value, |t| t.parse::<cresset_notify::Cidr>().is_ok())
            .ok_or_else(|| wants("a list of networks", "[\"10.0.0.0/8\"]")),
        Kind::Durations => each(value, |t| parse_duration(t).is_some())
            .filter(|()| {
                value
                    .as_array()
                    .is_some_and(|a| (1..=50).contains(&a.len()))
            })
            .ok_or_else(|| wants("a list of 1 to 50 spans of time", "[\"0s\", \"5m\"]")),
        Kind::Choices(words) => {
            let bad = value.as_array().and_then(|items| {
                items
                    .iter()
                    .find_map(|i| check_word(i.as_str(), words).err())
            });
            match (value.as_array(), bad) {
                (Some(items), None) if !items.is_empty() => Ok(()),
                (_, Some(help)) => Err((wants("a list of words", "").0, help)),
                _ => Err((
                    wants("a list of words", "").0,
                    Some(format!("any of {}", words.join(", "))),
                )),
            }
        }
    }
}

fn each(value: &Value, ok: impl Fn(&str) -> bool) -> Option<()> {
    value
        .as_array()?
        .iter()
        .all(|i| i.as_str().is_some_and(&ok))
        .then_some(())
}

fn check_word(text: Option<&str>, words: &[&str]) -> Result<(), Option<String>> {
    match text {
        Some(t) if words.contains(&t) => Ok(()),
        Some(t) => Err(nearest(t, words.iter().copied())
            .or_else(|| Some(format!("one of {}", words.join(", "))))),
        None => Err(Some(format!("one of {}", words.join(", ")))),
    }
}

/// A hint at the name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, k)| *distance <= (k.len() / 3).max(2))
        .min()
        .map(|(_, k)| format!("did you mean {k}?"))
}

/// The problems as lines for a person.
pub(crate) fn render_problems(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut text, p| {
        text.push_str(&format!("{}: {}", p.place, p.message));
        if let Some(help) = &p.help {
            text.push_str(&format!(" ({help})"));
        }
        text.push('\n');
        text
    })
}
