//! `data/shapes.toml`: which nested name stands for which flat one.

use crate::SetupError;
use cresset_model::{FieldName, Value};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

const FILE: (&str, &str) = ("shapes.toml", include_str!("../../../data/shapes.toml"));

/// All shapes that are known.
pub(in crate::normalise) struct Shapes(Vec<Shape>);

/// One way to nest a Windows event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::normalise) struct Shape {
    /// What people call it.
    pub(in crate::normalise) name: String,
    event_id: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    data: Vec<String>,
    drop: HashSet<String>,
    names: HashMap<String, FieldName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapesFile {
    shape: Vec<Shape>,
}

impl Shapes {
    pub(in crate::normalise) fn built_in() -> Result<Self, SetupError> {
        let (name, text) = FILE;
        let file: ShapesFile = toml::from_str(text).map_err(|e| SetupError::Data {
            file: name.to_owned(),
            detail: e.to_string(),
        })?;
        Ok(Self(file.shape))
    }

    /// The shape of an event with these fields, whose number is in the field `event_id`.
    pub(in crate::normalise) fn of(
        &self,
        event_id: &str,
        fields: &[(FieldName, Value)],
    ) -> Option<&Shape> {
        let is_there = |need: &String| fields.iter().any(|(name, _)| name == need);
        self.0.iter().find(|shape| {
            shape.event_id.iter().any(|name| name == event_id) && shape.needs.iter().all(is_there)
        })
    }
}

impl Shape {
    /// Gives the fields their flat names. A name that is taken already is not given.
    pub(in crate::normalise) fn flatten(&self, fields: &mut Vec<(FieldName, Value)>) {
        fields.retain(|(name, _)| !self.drop.contains(name.as_str()));
        let mut taken: HashSet<FieldName> = fields.iter().map(|(name, _)| name.clone()).collect();
        // The event's own data may hold a `Channel`, too: what the system says comes first.
        for (name, _) in fields.iter_mut() {
            if let Some(flat) = self.names.get(name.as_str())
                && taken.insert(flat.clone())
            {
                *name = flat.clone();
            }
        }
        for (name, _) in fields.iter_mut() {
            if let Some(flat) = self.data_name(name)
                && taken.insert(flat.clone())
            {
                *name = flat;
            }
        }
        if let Some((_, value)) = fields.iter_mut().find(|(name, _)| name == "EventID")
            && let Value::Str(text) = value
            && let Ok(number) = text.parse()
        {
            *value = Value::Int(number);
        }
    }

    fn data_name(&self, name: &str) -> Option<FieldName> {
        self.data.iter().find_map(|pattern| {
            let flat = match pattern.split_once('*') {
                None => name.strip_prefix(pattern.as_str())?,
                Some((before, after)) => {
                    let (_, rest) = name.strip_prefix(before)?.split_once('.')?;
                    rest.strip_prefix(after.trim_start_matches('.'))?
                }
            };
            // What is left of an attribute is no name that anybody would look for.
            (!flat.is_empty() && !flat.starts_with('#')).then(|| flat.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(fields: &[(&str, &str)]) -> Vec<(String, Value)> {
        let shapes = Shapes::built_in().unwrap();
        let mut fields: Vec<(FieldName, Value)> = fields
            .iter()
            .map(|(n, v)| (FieldName::from(*n), Value::str(v)))
            .collect();
        let id = |(name, _): &(FieldName, Value)| shapes.of(name, &fields);
        if let Some(shape) = fields.iter().find_map(id) {
            shape.flatten(&mut fields);
        }
        fields.into_iter().map(|(n, v)| (n.into(), v)).collect()
    }

    #[test]
    fn nested_names_become_flat() {
        let check = |fields: &[(&str, &str)], expect: &[(&str, Value)]| {
            let expect: Vec<_> = expect
                .iter()
                .map(|(n, v)| ((*n).to_owned(), v.clone()))
                .collect();
            assert_eq!(flat(fields), expect, "{fields:?}");
        };
        let s = |text: &str| Value::str(text);
        check(
            &[
                ("winlog.channel", "System"),
                ("winlog.event_data.param1", "x"),
                ("winlog.user_data.Channel", "Security"),
                ("winlog.user_data.xml_name", "LogFileCleared"),
                ("winlog.event_id", "104"),
                ("host.name", "h"),
            ],
            &[
                ("Channel", s("System")),
                ("param1", s("x")),
                ("winlog.user_data.Channel", s("Security")),
                ("EventID", Value::Int(104)),
                ("host.name", s("h")),
            ],
        );
        check(
            &[
                ("Event.#attributes.xmlns", "http://x"),
                ("Event.System.EventID.#text", "7036"),
                ("Event.System.EventID.#attributes.Qualifiers", "16384"),
                ("Event.UserData.EventXML.ServerName", "s"),
                ("Event.UserData.EventXML.#attributes.xmlns", "n"),
                ("Event.EventData.Image", "a.exe"),
            ],
            &[
                ("EventID", Value::Int(7036)),
                ("Qualifiers", s("16384")),
                ("ServerName", s("s")),
                ("Event.UserData.EventXML.#attributes.xmlns", s("n")),
                ("Image", s("a.exe")),
            ],
        );
        check(
            &[
                ("event_id", "5"),
                ("log_name", "System"),
                ("source_name", "x"),
            ],
            &[
                ("event_id", s("5")),
                ("log_name", s("System")),
                ("source_name", s("x")),
            ],
        );
        check(
            &[
                ("Event.System.EventID", "1"),
                ("Event.System.EventID.#text", "2"),
            ],
            &[
                ("EventID", Value::Int(1)),
                ("Event.System.EventID.#text", s("2")),
            ],
        );
        // Nothing that is not known is touched.
        check(&[("winlog.channel", "x")], &[("winlog.channel", s("x"))]);
    }
}
