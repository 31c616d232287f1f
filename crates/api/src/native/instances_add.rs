//! `POST /api/v1/instances`

use crate::auth::{Authorized, LogsWrite};
use crate::body::JsonObject;
use crate::error::{Result, ValidationErrors};
use crate::logpoint::fields::Section;
use crate::logpoint::repo_address::node_address;
use crate::native::schemas::{InstanceRow, NewInstance};
use crate::state::{Api, ApiSettings};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_model::SecretString;
use cresset_model::instance::{BaseUrl, Instance, InstanceHealth, Trust, valid_name};
use serde_json::{Map, Value};

/// Longest user name, in bytes.
const MAX_USER: usize = 128;
/// Longest API access key, in bytes.
const MAX_KEY: usize = 1_024;
/// Longest text of certificates, in bytes.
const MAX_PEM: usize = 256 << 10;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Registers another instance, whose repos can be searched from here then. For administrators.
///
/// The key is that of a user there, as whom is searched; it is never shown again. The
/// instance is asked for its repos a moment later, and then every half a minute.
#[utoipa::path(
    post, path = "/api/v1/instances", tag = "Instances",
    security(("jwt" = ["logs:write"])),
    request_body(content = NewInstance, description =
        "`ca_pem` (certificates of the authorities to trust) or `insecure` (any certificate) \
         may be left out: the system's authorities are trusted then",
        example = json!({"name": "berlin", "url": "https://10.0.0.7:7070", "user": "searcher",
            "secret_key": "0123456789abcdef0123456789abcdef"})),
    responses(
        (status = 201, description = "Registered", body = InstanceRow),
        (status = 403, description = "Not an administrator"),
        (status = 409, description = "The name or the address is taken"),
        (status = 422, description = "`errors` by field"),
    )
)]
pub(crate) async fn add(
    State(api): State<Api>,
    caller: Authorized<LogsWrite>,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<InstanceRow>)> {
    caller.demand_administrator("register instances")?;
    let wanted = read(&body, &api.settings)?;
    let instance = Instance {
        id: api.new_id(),
        name: wanted.name,
        url: wanted.base.url().to_owned(),
        node: wanted.base.node().to_owned(),
        user: wanted.user,
        trust: wanted.trust,
        by_operator: false,
        created_at: api.now(),
        health: InstanceHealth::default(),
    };
    api.catalog.add_instance(&instance, &wanted.key).await?;
    (api.on_instances_changed)();
    let who = &caller.user.username;
    let detail = format!("{} at {} as {}", instance.name, instance.url, instance.user);
    api.audit(who, caller.peer, "instance_added", detail).await;
    let row = InstanceRow::of(&instance, |address| caller.user.may_search(address));
    Ok((StatusCode::CREATED, Json(row)))
}

/// A body that reads.
struct Wanted {
    name: String,
    base: BaseUrl,
    user: String,
    key: SecretString,
    trust: Trust,
}

fn read(body: &Map<String, Value>, settings: &ApiSettings) -> Result<Wanted> {
    let mut errors = ValidationErrors::default();
    let mut root = Section::root(body, &mut errors);
    let name = root.required_text("name");
    if !name.is_empty() && !valid_name(&name) {
        root.refuse(
            "name",
            "must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit",
        );
    }
    let url = root.required_text("url");
    let base = match url.parse::<BaseUrl>() {
        Ok(base) if is_this_server(&base, settings) => {
            root.refuse(
                "url",
                "is this server, whose repos have their own addresses",
            );
            None
        }
        Ok(base) => Some(base),
        Err(problem) => {
            root.refuse("url", problem.to_string());
            None
        }
    };
    let user = short(&mut root, "user", MAX_USER);
    let key = short(&mut root, "secret_key", MAX_KEY);
    let trust = trust(&mut root);
    let wanted = base.map(|base| Wanted {
        name,
        base,
        user,
        key: SecretString::new(key),
        trust,
    });
    errors.into_result(wanted)
}

/// A text of one line that must be there.
fn short(root: &mut Section<'_>, field: &str, limit: usize) -> String {
    let text = root.required_text(field).trim().to_owned();
    if text.len() > limit || text.contains(char::is_control) {
        root.refuse(field, format!("must be one line of at most {limit} bytes"));
    }
    text
}

fn is_this_server(base: &BaseUrl, settings: &ApiSettings) -> bool {
    let own = &settings.own_nodes;
    base.node() == node_address(settings) || own.iter().any(|node| node == base.node())
}

fn trust(root: &mut Section<'_>) -> Trust {
    let pem = root.text("ca_pem");
    let insecure = root.flag("insecure");
    if pem.trim().is_empty() {
        return if insecure {
            Trust::Anything
        } else {
            Trust::System
        };
    }
    if insecure {
        root.refuse(
            "insecure",
            "must not be true beside ca_pem, which it would overrule",
        );
    }
    if pem.len() > MAX_PEM {
        root.refuse("ca_pem", format!("is longer than {MAX_PEM} bytes"));
    } else if !holds_certificates(&pem) {
        root.refuse(
            "ca_pem",
            format!("must be certificates in PEM, each from {BEGIN} to {END}"),
        );
    }
    Trust::Authorities(pem)
}

/// Whether a text has at least one certificate, and each of them reads as far as it can be
/// told without knowing what a certificate is.
fn holds_certificates(pem: &str) -> bool {
    let mut blocks = pem.split(BEGIN).skip(1).peekable();
    let reads = |block: &str| {
        let Some((inner, _)) = block.split_once(END) else {
            return false;
        };
        let letters: String = inner.split_whitespace().collect();
        !letters.is_empty() && STANDARD.decode(letters).is_ok()
    };
    blocks.peek().is_some() && blocks.all(reads)
}
