//! What the model knows of user-defined lists.

use super::calls::{Page, PutDraft, Who};
use super::compare::{holding, new_id, text};
use super::drive::{path_part, with_query};
use super::files::{FileDraft, folded};
use super::world::{Body, Expect, Family, MINUTE, Part, Plan, World, ok};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const READ: &str = "search:read";
const WRITE: &str = "search:write";

pub(super) struct List {
    /// `None` until the server has said it.
    pub(super) id: Option<String>,
    pub(super) values: Values,
}

pub(super) enum Values {
    Static(Vec<String>),
    Dynamic {
        /// In minutes.
        age_limit: u32,
        /// Spelling and time of the last sight, by the value without case.
        seen: BTreeMap<String, (String, i64)>,
    },
}

impl List {
    fn word(&self) -> &'static str {
        match self.values {
            Values::Static(_) => "static_list",
            Values::Dynamic { .. } => "dynamic_list",
        }
    }

    fn all(&self) -> Vec<String> {
        match &self.values {
            Values::Static(values) => values.clone(),
            Values::Dynamic { seen, .. } => seen.values().map(|v| v.0.clone()).collect(),
        }
    }

    fn shown(&self, name: &str) -> Value {
        let age_limit = match &self.values {
            Values::Static(_) => None,
            Values::Dynamic { age_limit, .. } => Some(*age_limit),
        };
        json!({"id": self.id.clone().map_or_else(new_id, Value::from), "name": name,
            "kind": self.word(), "values": self.all().len(), "age_limit_minute": age_limit,
            "updated_at": text()})
    }

    fn forget(&mut self, now: i64) {
        if let Values::Dynamic { age_limit, seen } = &mut self.values {
            seen.retain(|_, (_, at)| now - *at < i64::from(*age_limit) * MINUTE);
        }
    }
}

impl Page {
    pub(super) fn parameters(self) -> Vec<(&'static str, String)> {
        let numbers = [("limit", self.limit), ("page", self.page)];
        let numbers = numbers.into_iter();
        numbers
            .filter_map(|(name, n)| Some((name, n?.to_string())))
            .chain(self.all.map(|word| ("return_all_data", word.to_owned())))
            .collect()
    }

    /// The parameter that is not acceptable.
    pub(super) fn mistake(self) -> Option<&'static str> {
        match self {
            Self { limit: Some(0), .. } => Some("limit"),
            Self { page: Some(0), .. } => Some("page"),
            Self {
                all: Some("maybe"), ..
            } => Some("return_all_data"),
            _ => None,
        }
    }

    /// The rows of the page.
    pub(super) fn cut<T>(self, rows: Vec<T>, usual: usize, most: usize) -> Vec<T> {
        if matches!(self.all, Some("True" | "true")) {
            return rows;
        }
        let limit = self.limit.unwrap_or(usual).min(most);
        let skip = (self.page.unwrap_or(1) - 1) * limit;
        rows.into_iter().skip(skip).take(limit).collect()
    }

    /// The answer that holds the rows of the page under `key`.
    pub(super) fn reply(self, key: &str, rows: Vec<Value>, usual: usize, most: usize) -> Expect {
        let total = rows.len();
        ok(json!({key: self.cut(rows, usual, most), "total": total}))
    }

    /// Without what our own endpoints do not have.
    fn own(self) -> Self {
        Self { all: None, ..self }
    }
}

fn good_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let length = name.chars().count();
    (2..=100).contains(&length)
        && name.chars().all(good)
        && end(name.chars().next())
        && end(name.chars().last())
}

impl World {
    /// Lets the values of dynamic lists that are too old go.
    fn forget(&mut self) {
        let now = self.now;
        self.lists.values_mut().for_each(|list| list.forget(now));
    }

    pub(super) fn import_list(
        &mut self,
        by: Who,
        name: Option<&'static str>,
        file: Option<&FileDraft>,
    ) -> Plan {
        let refused = self.turned_away(by, WRITE, Family::Jwt);
        let expect = refused.unwrap_or_else(|| self.import(by, name, file));
        let mut parts = Vec::new();
        if let Some(name) = name {
            let (file, content) = (None, name.to_owned());
            parts.push(Part {
                name: "package_import_name",
                file,
                content,
            });
        }
        if let Some(file) = file {
            let (name, content) = (format!("x.{}", file.ending), file.content());
            parts.push(Part {
                name: "package_import",
                file: Some(name),
                content,
            });
        }
        let path = "/UserDefinedList/import_api";
        let body = Body::Multipart(WRITE, parts);
        Plan::new(by, "POST", path, body, expect)
    }

    fn import(&mut self, by: Who, name: Option<&str>, file: Option<&FileDraft>) -> Expect {
        let name = name.unwrap_or_default().trim();
        let upper = name.to_ascii_uppercase();
        let values = file.and_then(|file| file.values(&upper));
        let mut errors = Map::new();
        if !good_name(name) {
            errors.insert("package_import_name".to_owned(), text());
        }
        if values.is_none() {
            errors.insert("package_import".to_owned(), text());
        }
        if !errors.is_empty() {
            return Family::Jwt.invalid(errors);
        }
        if self
            .lists
            .get(&upper)
            .is_some_and(|list| list.word() == "dynamic_list")
        {
            return Family::Jwt.field("package_import_name");
        }
        let values = folded(values.unwrap_or_default());
        let summary = holding(&format!("{upper}: {} values", values.len()));
        self.replace(&upper, Values::Static(values));
        self.changes.push(by.user);
        let message = format!("{upper} imported successfully");
        ok(json!({"success": true, "summary": summary, "message": message}))
    }

    fn replace(&mut self, name: &str, values: Values) -> &List {
        let id = self.lists.remove(name).and_then(|list| list.id);
        let list = self.lists.entry(name.to_owned());
        list.or_insert(List { id, values })
    }

    pub(super) fn list_lists(&self, by: Who, page: Page) -> Plan {
        let row = |(name, list): (&String, &List)| match &list.id {
            Some(id) => json!({"name": name, "vid": format!("VID_{id}"),
                "list_type": list.word(), "id": id}),
            None => json!({"name": name, "vid": holding("VID_"),
                "list_type": list.word(), "id": new_id()}),
        };
        let rows = self.lists.iter().map(row).collect();
        let refused = self.without_page(by, READ, Family::Jwt, page);
        let expect = refused.unwrap_or_else(|| page.reply("rows", rows, 25, usize::MAX));
        let path = with_query("/UserDefinedList/lists_api", &page.parameters());
        Plan::new(by, "GET", path, Body::Nothing(READ), expect)
    }

    pub(super) fn put_list(&mut self, by: Who, name: &str, content: &PutDraft) -> Plan {
        let body = match content {
            PutDraft::Values(values) => json!(values),
            PutDraft::Numbers(numbers) => json!(numbers),
            PutDraft::Dynamic { age_limit } => {
                json!({"kind": "dynamic", "age_limit_minute": age_limit})
            }
            PutDraft::WrongItem => json!(["a", true]),
            PutDraft::WrongKind => json!({"kind": "static"}),
        };
        let refused = self.turned_away(by, WRITE, Family::Native);
        let expect = refused.unwrap_or_else(|| self.put(by, name, content));
        let path = format!("/api/v1/lists/{}", path_part(name));
        Plan::new(by, "PUT", path, Body::Json(WRITE, body), expect)
    }

    fn put(&mut self, by: Who, name: &str, content: &PutDraft) -> Expect {
        let family = Family::Native;
        if !good_name(name) {
            return family.field("name");
        }
        let upper = name.to_ascii_uppercase();
        let trimmed = |values: &[&str]| {
            let values = values.iter().map(|value| value.trim().to_owned());
            folded(values.filter(|value| !value.is_empty()).collect())
        };
        let mut values = match content {
            PutDraft::Values(values) => Values::Static(trimmed(values)),
            PutDraft::Numbers(numbers) => {
                let numbers = numbers.iter().map(ToString::to_string);
                Values::Static(folded(numbers.collect()))
            }
            PutDraft::Dynamic { age_limit: 0 } => return family.field("age_limit_minute"),
            PutDraft::Dynamic { age_limit } => {
                let (age_limit, seen) = (*age_limit, BTreeMap::new());
                Values::Dynamic { age_limit, seen }
            }
            PutDraft::WrongItem => return family.field("values"),
            PutDraft::WrongKind => return family.field("kind"),
        };
        match (self.lists.get(&upper).map(|list| &list.values), &mut values) {
            (Some(Values::Static(_)), Values::Dynamic { .. })
            | (Some(Values::Dynamic { .. }), Values::Static(_)) => {
                return family.refuses(&[409], text());
            }
            // Only the limit changes.
            (Some(Values::Dynamic { seen, .. }), Values::Dynamic { seen: kept, .. }) => {
                kept.clone_from(seen);
            }
            _ => {}
        }
        self.changes.push(by.user);
        self.replace(&upper, values);
        self.forget();
        ok(self.lists[&upper].shown(&upper))
    }

    pub(super) fn read_list(&mut self, by: Who, name: &str, page: Page) -> Plan {
        self.forget();
        let page = page.own();
        let upper = name.to_ascii_uppercase();
        let refused = self.without_page(by, READ, Family::Native, page);
        let expect = refused.unwrap_or_else(|| match self.lists.get(&upper) {
            Some(list) => {
                let mut shown = list.shown(&upper);
                shown["page"] = json!(page.cut(list.all(), 1_000, 100_000));
                ok(shown)
            }
            None => Family::Native.refuses(&[404], text()),
        });
        let path = format!("/api/v1/lists/{}", path_part(name));
        let path = with_query(&path, &page.parameters());
        Plan::new(by, "GET", path, Body::Nothing(READ), expect)
    }

    pub(super) fn all_lists(&mut self, by: Who, page: Page) -> Plan {
        self.forget();
        let page = page.own();
        let shown = |(name, list): (&String, &List)| list.shown(name);
        let lists = self.lists.iter().map(shown).collect();
        let refused = self.without_page(by, READ, Family::Native, page);
        let expect = refused.unwrap_or_else(|| page.reply("lists", lists, 1_000, 1_000));
        let path = with_query("/api/v1/lists", &page.parameters());
        Plan::new(by, "GET", path, Body::Nothing(READ), expect)
    }

    pub(super) fn delete_list(&mut self, by: Who, name: &str) -> Plan {
        let upper = name.to_ascii_uppercase();
        let expect = match self.turned_away(by, WRITE, Family::Native) {
            Some(refused) => refused,
            None if self.lists.remove(&upper).is_some() => {
                self.changes.push(by.user);
                ok(json!({"deleted": upper}))
            }
            None => Family::Native.refuses(&[404], text()),
        };
        let path = format!("/api/v1/lists/{}", path_part(name));
        Plan::new(by, "DELETE", path, Body::Nothing(WRITE), expect)
    }

    /// Whether a query can feed the list, which it has done then.
    pub(super) fn feed(&mut self, name: &str, values: &[&str]) -> bool {
        self.forget();
        let now = self.now;
        let Some(list) = self.lists.get_mut(&name.to_ascii_uppercase()) else {
            return false;
        };
        let Values::Dynamic { seen, .. } = &mut list.values else {
            return false;
        };
        for value in values.iter().filter(|value| !value.is_empty()) {
            let (spelling, first) = (value.to_string(), value.to_lowercase());
            seen.entry(first).or_insert((spelling, now)).1 = now;
        }
        true
    }
}
