//! Tries one line of the policy with everybody.

use super::callers::{HEADERS, Proof, header};
use super::policy::{Family, Line, Thing, Whose};
use super::routes::Route;
use super::things::{Pair, Sent, World};
use crate::site::{Answer, key_of};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use cresset_catalog::port::{
    Accounts as _, ApiTokens as _, Deliveries as _, IncidentFilter, Incidents as _, Instances as _,
    Lists as _, Macros as _, Repos as _, Roles as _, Rules as _, Users as _,
};
use cresset_model::Duration;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::token::TokenKind;
use serde_json::{Value, json};

/// One request, and what must come of it.
struct Case {
    what: String,
    sent: Sent,
    headers: Vec<String>,
    /// Whether it is an attempt to guess, which others of the same address would slow down.
    guess: bool,
    expected: (u16, bool),
    /// Whether a list shows what is somebody else's.
    shows_others: bool,
}

/// What is wrong with a line: who may do more or less than it says.
pub(super) async fn findings(world: &World, line: &Line) -> Vec<String> {
    // The quota of a minute, and the pauses after failures, are another matter.
    world.site.clock.advance(Duration::minutes(10));
    let mut cases = by_role(world, line).await;
    cases.extend(without_proof(world, line).await);
    let (permitted, denied): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| case.expected.1);
    let mut findings = Vec::new();
    let before = state(world).await;
    for case in &denied {
        findings.extend(tried(world, line, case).await);
    }
    if state(world).await != before {
        findings.push(format!(
            "{line}: a request that is refused changed something"
        ));
    }
    for case in &permitted {
        findings.extend(tried(world, line, case).await);
    }
    findings
}

/// Everybody with every credential that proves who they are.
async fn by_role(world: &World, line: &Line) -> Vec<Case> {
    let proofs = match line.family {
        Family::Body => &[Proof::SecretKey][..],
        _ => &HEADERS,
    };
    let whose = match line.thing {
        Thing::Token => &[Whose::Own, Whose::Other, Whose::Mixed][..],
        thing if thing.is_owned() => &[Whose::Own, Whose::Other],
        _ => &[Whose::Own],
    };
    let mut cases = Vec::new();
    for pair in &world.pairs {
        for proof in proofs {
            for whose in whose {
                cases.push(case(world, line, pair, *proof, *whose).await);
            }
        }
    }
    cases
}

async fn case(world: &World, line: &Line, pair: &Pair, proof: Proof, whose: Whose) -> Case {
    let sent = world.sent(line, pair, whose).await;
    let headers = header(&world.site, &pair.caller, proof, &sent);
    Case {
        what: format!("{} by {proof:?}, {whose:?}", pair.caller.role),
        headers: headers.into_iter().collect(),
        guess: false,
        expected: line.expected(pair.role, whose, proof == Proof::Jwt),
        shows_others: line.shows_others(pair.role),
        sent,
    }
}

/// Credentials that prove nothing, or are narrowed to other things; all an administrator's.
async fn without_proof(world: &World, line: &Line) -> Vec<Case> {
    let pair = &world.pairs[0];
    let administrator = world.administrator();
    let sent = world.sent(line, pair, Whose::Own).await;
    let new = |what: String, headers: Vec<String>, expected: (u16, bool)| Case {
        what,
        sent: sent.clone(),
        headers,
        guess: true,
        expected,
        shows_others: true,
    };
    let site = &world.site;
    let mut cases = Vec::new();
    if line.family == Family::Body {
        return wrong_keys(world, &sent);
    }
    let expected = match line.family {
        Family::Open => (200, true),
        _ => (401, false),
    };
    for (what, headers) in world.spoiled.headers(site, administrator, &sent) {
        cases.push(new(what, headers, expected));
    }
    if let Some(scope) = &line.scope {
        let narrowed = &world.narrowed;
        for (what, header) in narrowed.headers(site, &administrator.name, scope, &sent) {
            cases.push(new(what.to_owned(), vec![header], (403, false)));
        }
    }
    if line.method == "GET" && line.family != Family::Open {
        let mut head = new("HEAD with nothing".to_owned(), Vec::new(), (401, false));
        "HEAD".clone_into(&mut head.sent.method);
        cases.push(head);
    }
    cases
}

/// Wrong secret keys, and right credentials of other kinds.
fn wrong_keys(world: &World, sent: &Sent) -> Vec<Case> {
    let good: Value = serde_json::from_slice(&sent.body).unwrap();
    let with = |username: Value, key: Value| {
        let mut body = good.clone();
        body["username"] = username;
        body["secret_key"] = key;
        body
    };
    let name = &world.administrator().name;
    let text = |user: &str| json!(key_of(user).expose());
    let other = &world.pairs[4].caller.name;
    let bodies = [
        ("no key", with(json!(name), Value::Null)),
        ("an empty key", with(json!(name), json!(""))),
        ("another's key", with(json!(name), text(other))),
        ("a list of keys", with(json!(name), json!([text(name)]))),
        ("nobody's key", with(json!("nobody"), text("nobody"))),
        (
            "the key of one who is gone",
            with(json!("gone"), text("gone")),
        ),
        ("no name", with(Value::Null, text(name))),
    ];
    let new = |what: &str, body: &Value, headers: Vec<String>| Case {
        what: what.to_owned(),
        sent: Sent {
            body: body.to_string().into_bytes(),
            ..sent.clone()
        },
        headers,
        guess: true,
        expected: (403, false),
        shows_others: true,
    };
    let mut cases: Vec<Case> = bodies
        .iter()
        .map(|(what, body)| new(what, body, Vec::new()))
        .collect();
    let without = with(Value::Null, Value::Null);
    for proof in HEADERS {
        let header = header(&world.site, world.administrator(), proof, sent);
        let what = format!("{proof:?} in the header");
        cases.push(new(&what, &without, header.into_iter().collect()));
    }
    cases
}

/// Sends a request and says what is wrong with what came of it.
async fn tried(world: &World, line: &Line, case: &Case) -> Option<String> {
    let answer = send(world, line.family, &case.sent, &case.headers, case.guess).await;
    let (status, done) = case.expected;
    let right = match line.family {
        Family::Body => answer.status == 200 && answer.json["success"] == json!(done),
        Family::Shipper => shipper_status(&answer) == status,
        _ => answer.status == status,
    };
    if !right {
        let text: String = answer.text.chars().take(200).collect();
        let (got, what) = (answer.status, &case.what);
        return Some(format!(
            "{line}: {what}: {status} was expected, not {got}: {text}"
        ));
    }
    let (own, other) = case.sent.listed.as_ref().filter(|_| done)?;
    if !answer.text.contains(own) {
        return Some(format!("{line}: {}: their own is not shown", case.what));
    }
    if answer.text.contains(other) != case.shows_others {
        return Some(format!("{line}: {}: somebody else's in a list", case.what));
    }
    None
}

/// What the answer of a protocol means: gRPC has a status of its own, and Splunk refuses a
/// token that it does not know with 403.
fn shipper_status(answer: &Answer) -> u16 {
    let grpc = answer.headers.get("grpc-status").map(HeaderValue::as_bytes);
    match grpc {
        Some(b"16") => 401,
        Some(b"7") => 403,
        Some(_) => 500,
        None if answer.status == 403 && answer.json["code"] == json!(4) => 401,
        None => answer.status.as_u16(),
    }
}

async fn send(
    world: &World,
    family: Family,
    sent: &Sent,
    headers: &[String],
    guess: bool,
) -> Answer {
    let mut request = Request::builder()
        .method(sent.method.as_str())
        .uri(&sent.target)
        .header("content-type", sent.media);
    if family == Family::LogicMonitor {
        request = request.header("x-version", "3");
    }
    for header in headers {
        request = request.header("authorization", header);
    }
    let request = request.body(Body::from(sent.body.clone())).unwrap();
    if guess {
        let n = world.next();
        let peer = format!("198.51.{}.{}:4711", n / 250 % 250, n % 250 + 1);
        return world.site.send_from(&peer, request).await;
    }
    world.site.send(request).await
}

/// What an administrator is answered on a route as it stands there.
pub(super) async fn status_of_an_administrator(world: &World, (method, path): &Route) -> u16 {
    let mut target = path.clone();
    // Of these names some are routes.
    if target.starts_with("/elastic/") {
        target = target.replace("{name}", "index");
    }
    for part in [
        "{adminId}",
        "{tokenId}",
        "{roleId}",
        "{logId}",
        "{id}",
        "{name}",
    ] {
        target = target.replace(part, "1");
    }
    let family = if target.starts_with(crate::logicmonitor::BASE) {
        Family::LogicMonitor
    } else {
        Family::Native
    };
    let sent = Sent {
        method: method.clone(),
        target,
        body: Vec::new(),
        media: crate::site::JSON,
        listed: None,
    };
    let jwt = header(&world.site, world.administrator(), Proof::Jwt, &sent);
    let headers: Vec<String> = jwt.into_iter().collect();
    let answer = send(world, family, &sent, &headers, true).await;
    answer.status.as_u16()
}

/// Everything that a request can change, but for what tells that it was sent: the audit log,
/// and when a credential was used.
async fn state(world: &World) -> String {
    let catalog = &world.site.catalog;
    let all = ListQuery {
        size: ListQuery::MAX_SIZE,
        ..ListQuery::default()
    };
    let mut text = String::new();
    let mut add = |part: String| text += &part;
    let mut accounts = catalog.accounts(&all).await.unwrap();
    for account in &mut accounts.items {
        account.last_action_at = None;
    }
    add(format!("{accounts:?}"));
    for kind in [TokenKind::Lmv1, TokenKind::Bearer] {
        let tokens = catalog.tokens(kind, None, &all, None).await.unwrap();
        let mut tokens = Page::clone(&tokens);
        for token in &mut tokens.items {
            (token.last_used_at, token.last_address) = (None, String::new());
        }
        add(format!("{tokens:?}"));
    }
    add(format!("{:?}", catalog.roles(&all).await.unwrap()));
    add(format!("{:?}", catalog.repos().await.unwrap()));
    add(format!("{:?}", catalog.instances().await.unwrap()));
    for list in catalog.lists().await.unwrap() {
        add(format!(
            "{:?}",
            catalog.list_values(&list.name).await.unwrap()
        ));
        add(format!("{list:?}"));
    }
    add(format!("{:?}", catalog.macros().await.unwrap()));
    add(format!("{:?}", catalog.rules_version().await.unwrap()));
    for user in catalog.users().await.unwrap() {
        add(format!("{:?}", catalog.rules_of(user.id).await.unwrap()));
    }
    let incidents = IncidentFilter {
        limit: 100_000,
        ..IncidentFilter::default()
    };
    add(format!(
        "{:?}",
        catalog.incidents(&incidents).await.unwrap()
    ));
    add(format!(
        "{:?}",
        catalog.deliveries(None, 100_000).await.unwrap()
    ));
    text
}
