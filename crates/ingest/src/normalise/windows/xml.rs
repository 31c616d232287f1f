//! Windows events in XML, as the event log itself renders them.
//!
//! The fields get the names that `evtx_dump` gives them in JSON
//! (`Event.System.Provider.#attributes.Name`), except that `<Data Name="Image">` is
//! `Event.EventData.Image`, and the n-th `<Data>` without a name is
//! `Event.EventData.paramN`, as Winlogbeat has it. Source: the schema
//! `http://schemas.microsoft.com/win/2004/08/events/event`.

use crate::ndjson::{Flat, Limits};
use cresset_model::{FieldName, Value};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest element that is read.
const MAX_DEPTH: usize = 32;
/// Most attributes of one element that are read.
const MAX_ATTRIBUTES: usize = 64;

/// True if `text` may be an event: only then is it worth reading.
pub(in crate::normalise) fn looks_like(text: &str) -> bool {
    text.starts_with("<Event") || (text.starts_with("<?xml") && text.contains("<Event"))
}

/// The fields of the one event that `text` holds. The error is a sentence.
pub(in crate::normalise) fn read(text: &str, limits: &Limits) -> Result<Flat, String> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut tree = Tree {
        flat: Flat::default(),
        open: Vec::new(),
        limits,
    };
    loop {
        let event = reader
            .read_event()
            .map_err(|e| format!("{e} (byte {})", reader.error_position()))?;
        match event {
            Event::Start(element) => tree.start(&element)?,
            Event::End(_) => {
                tree.end()?;
            }
            Event::Text(text) => tree.text(&text.xml10_content()),
            Event::CData(text) => tree.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let known = quick_xml::escape::resolve_xml_entity(&reference.xml10_content());
                let number = reference.resolve_char_ref().ok().flatten();
                match (known, number) {
                    (Some(text), _) => tree.text(text),
                    (None, Some(c)) => tree.text(c.encode_utf8(&mut [0; 4])),
                    (None, None) => tree.text(&format!("&{};", reference.xml10_content())),
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !tree.open.is_empty() {
        return Err("it ends in the middle of an element".to_owned());
    }
    if tree.flat.fields.is_empty() {
        return Err("it holds no event".to_owned());
    }
    crate::ndjson::keep_last_of_equal(&mut tree.flat.fields);
    Ok(tree.flat)
}

struct Tree<'l> {
    flat: Flat,
    open: Vec<Element>,
    limits: &'l Limits,
}

/// An element whose end has not come.
struct Element {
    path: String,
    text: String,
    has_children: bool,
    /// Of its children `<Data>`, how many had no name.
    unnamed: usize,
}

impl Tree<'_> {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} elements inside one another"));
        }
        let name = element.local_name().into_inner().to_owned();
        if self.open.is_empty() && name == "Events" {
            return Err("it holds several events, of which each must be sent by itself".to_owned());
        }
        let mut attributes = Vec::new();
        for attribute in element.attributes().with_checks(false).take(MAX_ATTRIBUTES) {
            let attribute = attribute.map_err(|e| e.to_string())?;
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_or_else(
                    |_| attribute.value.to_string(),
                    std::borrow::Cow::into_owned,
                );
            attributes.push((attribute.key.into_inner().to_owned(), value));
        }
        let path = self.path_of(&name, &mut attributes);
        for (attribute, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.put(&format!("{path}.#attributes.{attribute}"), value)?;
        }
        self.open.push(Element {
            path,
            text: String::new(),
            has_children: false,
            unnamed: 0,
        });
        Ok(())
    }

    /// The path of a new element; takes the attribute that names `<Data>`.
    fn path_of(&mut self, name: &str, attributes: &mut Vec<(String, String)>) -> String {
        let Some(parent) = self.open.last_mut() else {
            return name.to_owned();
        };
        parent.has_children = true;
        if name != "Data" || !parent.path.ends_with("EventData") {
            return format!("{}.{name}", parent.path);
        }
        match attributes.iter().position(|(n, _)| n == "Name") {
            Some(at) => format!("{}.{}", parent.path, attributes.swap_remove(at).1),
            None => {
                parent.unnamed += 1;
                format!("{}.param{}", parent.path, parent.unnamed)
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(element) = self.open.pop() else {
            return Ok(());
        };
        // Blanks between elements are no value; those of a leaf are.
        let text = if element.has_children {
            element.text.trim()
        } else {
            &element.text
        };
        let leaf_of_data = element.path.contains("Data.");
        if text.is_empty() && (element.has_children || !leaf_of_data) {
            return Ok(());
        }
        self.put(&element.path, text)
    }

    fn put(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.flat.fields.len() >= self.limits.fields {
            return Err(format!("more than {} fields", self.limits.fields));
        }
        if name.len() > self.limits.name_bytes {
            let limit = self.limits.name_bytes;
            return Err(format!("a field name is longer than {limit} bytes"));
        }
        let kept = &value[..value.floor_char_boundary(self.limits.value_bytes)];
        if kept.len() < value.len() {
            self.flat.cut.push(FieldName::from(name));
        }
        self.flat.fields.push((name.into(), Value::str(kept)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IngestSettings;

    fn fields(text: &str) -> Result<Vec<(String, String)>, String> {
        let flat = read(text, &Limits::from(&IngestSettings::default()))?;
        let fields = flat.fields.into_iter();
        Ok(fields
            .map(|(n, v)| (n.into(), v.text().into_owned()))
            .collect())
    }

    #[test]
    fn elements_become_fields() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = fields(text).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(found, expect, "{text}");
        };
        check(
            "<Event xmlns='x'><System><Provider Name=\"P\"/>\n<EventID Qualifiers=\"16384\">7036</EventID></System></Event>",
            &[
                ("Event.#attributes.xmlns", "x"),
                ("Event.System.Provider.#attributes.Name", "P"),
                ("Event.System.EventID.#attributes.Qualifiers", "16384"),
                ("Event.System.EventID", "7036"),
            ],
        );
        // An attribute without a value says nothing; python-evtx writes such.
        check(
            "<Event><System><EventID Qualifiers=\"\">4624</EventID><TimeCreated SystemTime=\"2016-07-08 18:12:51.681640+00:00\"></TimeCreated></System></Event>",
            &[
                ("Event.System.EventID", "4624"),
                (
                    "Event.System.TimeCreated.#attributes.SystemTime",
                    "2016-07-08 18:12:51.681640+00:00",
                ),
            ],
        );
        check(
            "<?xml version=\"1.0\"?><Event><EventData><Data Name='Image'>C:\\a &amp; b&#x21;</Data><Data Name='E'/><Data>one</Data><Data>two</Data><Binary>00</Binary></EventData></Event>",
            &[
                ("Event.EventData.Image", "C:\\a & b!"),
                ("Event.EventData.E", ""),
                ("Event.EventData.param1", "one"),
                ("Event.EventData.param2", "two"),
                ("Event.EventData.Binary", "00"),
            ],
        );
        check(
            "<Event><UserData><EventXML xmlns='n'><A>1</A><B><C>2</C></B></EventXML></UserData></Event>",
            &[
                ("Event.UserData.EventXML.#attributes.xmlns", "n"),
                ("Event.UserData.EventXML.A", "1"),
                ("Event.UserData.EventXML.B.C", "2"),
            ],
        );
        // Of two equal names the later counts, and an `&` may stand alone.
        check(
            "<Event><EventData><Data Name='a'>1</Data><Data Name='a'>2 & 3 &x;</Data></EventData></Event>",
            &[("Event.EventData.a", "2 & 3 &x;")],
        );
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let check = |text: &str, part: &str| {
            let told = fields(text).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        };
        check("<Event><System>", "in the middle of an element");
        check("<Event></Other>", "byte");
        check("<Event/>", "holds no event");
        check("<Events><Event/></Events>", "several events");
        check(&"<a>".repeat(100), "inside one another");
        let many: String = (0..6_000).map(|n| format!("<a{n}>x</a{n}>")).collect();
        check(&format!("<Event>{many}</Event>"), "more than 5000 fields");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(<(/)?(Event|Data|System|a)( Name='x')?(/)?>|&(amp|#65|#x110000|#0|y)?;?|[x <>&'\"ä]){0,20}") {
            let _ = fields(&text);
        }
    }
}
