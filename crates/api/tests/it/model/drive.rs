//! Plays a script against a server and the model, and compares them on the way.

use super::calls::{Call, Filter, FilterValue, Page, Proof, RuleRef, Script, Span, User, Who};
use super::compare::{at_least, difference};
use super::world::{Account, Body, Part, Plan, World, ok};
use crate::site::{ALL, Answer, FORM, JSON, Site, key_of, request};
use cresset_catalog::port::{Lists as _, Users as _};
use cresset_model::{Clock as _, Duration};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The time between calls: never a whole number of seconds, so that no span of time in a
/// script ends exactly when something happens.
const STEP: Duration = Duration(1_000_003);
/// Calls after which one user's view is compared.
const OFTEN: usize = 12;

/// How often calls of a kind went through, and how often not.
pub(super) type Counts = BTreeMap<String, [usize; 2]>;

pub(super) struct Play {
    pub(super) site: Site,
    pub(super) world: World,
    /// What all incidents of a rule share, by the rule.
    shared: BTreeMap<String, String>,
    counts: Counts,
}

/// `path` with a query string.
pub(super) fn with_query(path: &str, parameters: &[(&'static str, String)]) -> String {
    if parameters.is_empty() {
        return path.to_owned();
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{path}?{}", query.finish())
}

/// Text as a part of a path.
pub(super) fn path_part(text: &str) -> String {
    let encoded = |b: u8| match b {
        b'-' | b'_' => char::from(b).to_string(),
        _ if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(encoded).collect()
}

fn multipart(parts: &[Part]) -> Vec<u8> {
    let mut body = String::new();
    for part in parts {
        let file = part.file.as_ref();
        let file = file.map_or_else(String::new, |name| format!("; filename=\"{name}\""));
        let head = format!(
            "Content-Disposition: form-data; name=\"{}\"{file}",
            part.name
        );
        body += &format!("--MODEL\r\n{head}\r\n\r\n{}\r\n", part.content);
    }
    body += "--MODEL--\r\n";
    body.into_bytes()
}

impl Play {
    async fn new() -> Self {
        let site = Site::new().await;
        site.add_user("carol", "ackonly").await;
        site.add_user("mia", "manager").await;
        let mut world = World::default();
        for user in User::ALL {
            let found = site.catalog.user_by_name(user.name()).await.unwrap();
            let id = found.unwrap().id.to_string();
            let disabled = false;
            world.accounts.insert(user, Account { id, disabled });
        }
        Self {
            site,
            world,
            shared: BTreeMap::new(),
            counts: Counts::new(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.site.clock.advance(time);
        self.world.now = self.site.clock.now().0;
    }

    async fn send(&self, plan: &Plan) -> Answer {
        let Plan {
            by,
            method,
            path,
            body,
            ..
        } = plan;
        let name = by.user.name();
        let token = |needed: &str| {
            let scopes = ALL
                .split(' ')
                .filter(|scope| by.proof == Proof::Good || *scope != needed);
            let scopes: Vec<&str> = scopes.collect();
            (by.proof != Proof::Missing).then(|| self.site.token(name, &scopes.join(" ")))
        };
        let (token, kind, bytes) = match body {
            Body::Nothing(scope) => (token(scope), JSON, Vec::new()),
            Body::Json(scope, value) => (token(scope), JSON, value.to_string().into_bytes()),
            Body::Form(scope, fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                (token(scope), FORM, form.finish().into_bytes())
            }
            Body::Multipart(scope, parts) => {
                let kind = "multipart/form-data; boundary=MODEL";
                (token(scope), kind, multipart(parts))
            }
            Body::Data(data) => {
                let mut body = json!({"username": name, "requestData": data});
                let key = match by.proof {
                    Proof::Good => Some(key_of(name)),
                    Proof::Wrong => Some(key_of("somebody")),
                    Proof::Missing => None,
                };
                if let Some(key) = key {
                    body["secret_key"] = json!(key.expose());
                }
                (None, "text/plain", body.to_string().into_bytes())
            }
        };
        let request = request(method, path, token.as_deref(), kind, bytes);
        self.site.send(request).await
    }

    /// Sends the request and compares what comes back.
    async fn ask(&mut self, plan: &Plan) -> Result<Value, String> {
        let answer = self.send(plan).await;
        let asked = format!("{} {} by {}", plan.method, plan.path, plan.by.user.name());
        if !plan.expect.status.contains(&answer.status.as_u16()) {
            let (status, body) = (plan.expect.status, &plan.expect.body);
            return Err(format!(
                "{asked}:\n  the model: {status:?} {body}\n  the server: {} {}",
                answer.status, answer.text
            ));
        }
        match difference(&plan.expect.body, &answer.json) {
            Some(difference) => Err(format!("{asked}: {difference}")),
            None => Ok(answer.json),
        }
    }

    /// Makes one call.
    async fn make(&mut self, call: &Call) -> Result<(), String> {
        self.pass(STEP);
        let Some(plan) = self.world.answer(call) else {
            return self.act(call).await;
        };
        let answer = self.ask(&plan).await?;
        self.learn(call, &answer)?;
        let refused = answer["success"] == json!(false) || plan.expect.status != [200];
        self.counts.entry(call.kind()).or_default()[usize::from(refused)] += 1;
        let announced = self.site.announced.load(Ordering::SeqCst);
        if announced != self.world.announced {
            let expected = self.world.announced;
            return Err(format!(
                "the detector was told of {announced} changes, not {expected}"
            ));
        }
        Ok(())
    }

    /// Takes over the ids that the server chose.
    fn learn(&mut self, call: &Call, answer: &Value) -> Result<(), String> {
        match call {
            Call::CreateRule(..) => {
                let Some(id) = answer["id"].as_str() else {
                    return Ok(());
                };
                if self.world.rules.iter().any(|rule| rule.id == id) {
                    return Err(format!("the id {id} is taken"));
                }
                if let Some(rule) = self.world.rules.last_mut() {
                    id.clone_into(&mut rule.id);
                }
            }
            Call::ListLists(..) | Call::PutList(..) | Call::ReadList(..) | Call::AllLists(..) => {
                let rows = [&answer["rows"], &answer["lists"]];
                let rows = rows.into_iter().filter_map(Value::as_array).flatten();
                for row in rows.chain([answer]) {
                    let name = row["name"].as_str().unwrap_or_default();
                    if let Some(list) = self.world.lists.get_mut(name) {
                        list.id = row["id"].as_str().map(str::to_owned);
                    }
                }
            }
            Call::ListIncidents(..) => self.learn_shared(answer)?,
            Call::Notify(..) => self.world.learn_sent(answer),
            _ => {}
        }
        Ok(())
    }

    /// All incidents of a rule share an id that no other rule's have.
    fn learn_shared(&mut self, answer: &Value) -> Result<(), String> {
        for row in answer["incidents"].as_array().into_iter().flatten() {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let (rule, shared) = (text("alert_obj_id"), text("incident_id"));
            let known = self.shared.insert(rule.clone(), shared.clone());
            let other = known.is_some_and(|known| known != shared);
            if other || self.shared.values().filter(|s| **s == shared).count() > 1 {
                return Err(format!("the incident_id {shared} of rule {rule}"));
            }
        }
        Ok(())
    }

    /// Compares all that a user sees.
    async fn view(&mut self, user: User) -> Result<(), String> {
        let proof = Proof::Good;
        let by = Who { user, proof };
        if self.world.account(user).disabled {
            return Ok(());
        }
        let all = Page {
            all: Some("True"),
            ..Page::default()
        };
        let words = ["unresolved", "resolved", "closed"];
        let values = words.map(FilterValue::Text).into();
        let every = [Filter {
            key: "status",
            values,
        }];
        let search = None;
        let (enabled, kind) = (None, None);
        for call in [
            Call::ListRules {
                by,
                page: all,
                search,
                enabled,
                kind,
            },
            Call::ListIncidents(by, every.into(), Span::All),
            Call::ListStates(by, Vec::new(), Span::All),
        ] {
            let plan = self.world.answer(&call);
            let answer = self.ask(&plan.unwrap()).await?;
            self.learn(&call, &answer)?;
        }
        self.view_deliveries(by).await?;
        let rules = self.world.rules.iter().filter(|rule| rule.is_of(user));
        for n in 0..rules.count() {
            let id = RuleRef::Own(n as u8);
            let plans = [
                self.world.read_rule(by, id, false),
                self.world.read_notification(by, id, "Email"),
                self.world.read_notification(by, id, "HTTP"),
            ];
            for plan in plans {
                self.ask(&plan).await?;
            }
        }
        Ok(())
    }

    /// Compares the notifications on their way, whose ids decide their order within a moment.
    async fn view_deliveries(&mut self, by: Who) -> Result<(), String> {
        let path = "/api/v1/deliveries?limit=1000";
        let (body, expect) = (Body::Nothing("alertrules:read"), ok(at_least(json!({}))));
        let plan = Plan::new(by, "GET", path, body, expect);
        let answer = self.ask(&plan).await?;
        let mut found = answer["deliveries"].as_array().cloned().unwrap_or_default();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        if !found.is_sorted_by_key(|row| Reverse(text(row, "created_at"))) {
            return Err(format!("deliveries out of order: {answer}"));
        }
        found.sort_by_key(|row| (text(row, "incident_id"), text(row, "channel")));
        let expected = self.world.sent(by.user);
        match difference(&json!(expected), &json!(found)) {
            Some(difference) => Err(format!("deliveries: {difference}")),
            None => Ok(()),
        }
    }

    /// Compares what belongs to everybody.
    async fn view_lists(&mut self) -> Result<(), String> {
        let (user, proof) = (User::Admin, Proof::Good);
        let by = Who { user, proof };
        let all = Page {
            all: Some("True"),
            ..Page::default()
        };
        let calls = [
            Call::GetUsers(by),
            Call::ListLists(by, all),
            Call::AllLists(by, all),
        ];
        for call in calls {
            let plan = self.world.answer(&call);
            let answer = self.ask(&plan.unwrap()).await?;
            self.learn(&call, &answer)?;
        }
        let names: Vec<String> = self.world.lists.keys().cloned().collect();
        for name in names {
            let plan = self.world.read_list(by, &name, Page::default());
            self.ask(&plan).await?;
        }
        Ok(())
    }

    /// Every change is in the audit log, under the name of who made it.
    async fn audited(&self) -> Result<(), String> {
        let entries = self.site.catalog.audit_entries(10_000).await.unwrap();
        let made = entries.iter().rev();
        let made = made.filter(|entry| entry.action != "authentication_failed");
        let made: Vec<&str> = made.map(|entry| entry.actor.as_str()).collect();
        let expected: Vec<&str> = self.world.changes.iter().map(|user| user.name()).collect();
        if made == expected {
            Ok(())
        } else {
            Err(format!(
                "audited are changes by {made:?}, made by {expected:?}"
            ))
        }
    }

    async fn run(&mut self, script: &Script) -> Result<(), String> {
        for (n, call) in script.0.iter().enumerate() {
            let place = |difference| format!("call {}: {difference}", n + 1);
            self.make(call).await.map_err(place)?;
            if (n + 1) % OFTEN == 0 {
                let user = User::ALL[n / OFTEN % User::ALL.len()];
                let place = |difference| format!("what is seen after call {}: {difference}", n + 1);
                self.view(user).await.map_err(place)?;
                self.view_lists().await.map_err(place)?;
            }
        }
        let place = |difference| format!("what is seen in the end: {difference}");
        for user in User::ALL {
            self.make(&Call::Disable(user, false)).await?;
            self.view(user).await.map_err(place)?;
        }
        self.view_lists().await.map_err(place)?;
        self.audited().await
    }
}

/// Plays a script; the error is the first difference.
pub(super) async fn play(script: &Script) -> Result<Counts, String> {
    let mut play = Play::new().await;
    play.run(script).await?;
    Ok(play.counts)
}

impl Play {
    /// What comes from elsewhere than a request.
    async fn act(&mut self, call: &Call) -> Result<(), String> {
        match call {
            Call::Fire(rule, slot, unassigned) => self.fire(*rule, *slot, *unassigned).await,
            Call::Feed(name, values) => {
                let texts = values.iter().map(|v| (*v).to_owned()).collect();
                let now = self.site.clock.now();
                let fed = self.site.catalog.add_to_list(name, texts, now).await;
                if fed.is_ok() == self.world.feed(name, values) {
                    Ok(())
                } else {
                    Err(format!("feeding {name}: {fed:?}"))
                }
            }
            Call::Group(name, change) => self.change_group(name, *change).await,
            Call::Disable(user, disabled) => {
                let account = self.world.accounts.get_mut(user).unwrap();
                account.disabled = *disabled;
                let id = account.id.parse().unwrap();
                let done = self.site.catalog.set_user_disabled(id, *disabled).await;
                done.map_err(|e| e.to_string())
            }
            Call::Wait { minutes } => {
                self.pass(Duration::minutes((*minutes).into()));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
