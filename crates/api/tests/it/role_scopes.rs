//! What roles give: the table in docs/compatibility.md is the one in force, the built-in roles
//! are as it says, and roles of one's own go as far as their privileges.

use crate::incidents;
use crate::logicmonitor::{Key, call, good, key, new_token, refused, store};
use crate::permissions::ask;
use crate::rules::rule;
use crate::scopes::documented;
use crate::site::{Answer, JSON, START, Site, request};
use cresset_catalog::port::Roles as _;
use cresset_model::filter::ListQuery;
use cresset_model::grants::{Ability, GRANTS, Grant};
use cresset_model::token::TokenKind;
use cresset_model::user::{BUILT_IN_ROLES, Scope};
use serde_json::{Value, json};

const BEGIN: &str = "<!-- roles: generated from crates/model/src/grants.rs -->\n";
const END: &str = "<!-- end of the roles -->\n";
const ROLES: &str = "/setting/roles";

fn line(grant: &Grant) -> String {
    let given = BUILT_IN_ROLES.map(|role| {
        if grant.built_in.contains(&role) {
            "yes"
        } else {
            ""
        }
    });
    let own = match &grant.privilege {
        None => "always".to_owned(),
        Some(wanted) => {
            let ids: Vec<String> = wanted
                .object_ids
                .iter()
                .map(|id| format!("`{id}`"))
                .collect();
            format!(
                "`{}` {} `{}`",
                wanted.object_type,
                ids.join(", "),
                wanted.operation.as_str()
            )
        }
    };
    let (right, given) = (grant.ability.as_str(), given.join(" | "));
    format!("| `{right}` | {given} | {own} |\n")
}

fn table() -> String {
    let lines: String = GRANTS.iter().map(line).collect();
    let names = BUILT_IN_ROLES.join("` | `");
    format!(
        "\n| right | `{names}` | another role: type, id, operation of a privilege |\n\
         |---|---|---|---|---|---|\n{lines}\n"
    )
}

#[test]
fn the_documented_roles_are_those_in_force() {
    documented(BEGIN, END, &table(), "role_scopes");
}

#[tokio::test]
async fn a_role_like_a_built_in_one_gives_the_same() {
    let site = Site::new().await;
    let all = ListQuery {
        size: ListQuery::MAX_SIZE,
        ..ListQuery::default()
    };
    let roles = site.catalog.roles(&all).await.unwrap().items;
    assert_eq!(roles.len(), BUILT_IN_ROLES.len());
    for mut role in roles {
        let names = [role.name.clone()];
        "a copy".clone_into(&mut role.name);
        for grant in GRANTS {
            let ability = grant.ability;
            let copied = ability.of_roles(std::slice::from_ref(&role));
            assert_eq!(copied, ability.of_built_in(&names), "{names:?} {ability:?}");
        }
    }
}

fn privileges(of: &[(&str, &str, &str)]) -> Value {
    let privilege = |(object_type, object_id, operation): &(&str, &str, &str)| json!({"objectType": object_type, "objectId": object_id, "operation": operation});
    of.iter().map(privilege).collect()
}

/// A role of that name with these privileges, and a user who has it.
async fn given(site: &Site, admin: &Key, name: &str, of: &[(&str, &str, &str)]) -> Value {
    let body = json!({"name": name, "privileges": privileges(of)});
    let role = good(site, admin, "POST", ROLES, &body).await;
    site.add_user(&format!("{name} user"), name).await;
    role
}

async fn status(site: &Site, user: &str, method: &str, path: &str, body: &Value) -> u16 {
    site.call(user, method, path, body).await.status.as_u16()
}

#[tokio::test]
async fn a_role_of_ones_own_goes_as_far_as_its_privileges() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let night = [("logs", "incidents", "ack"), ("logs", "search", "read")];
    let role = given(&site, &admin, "night", &night).await;
    let user = "night user";
    let (lists, rules) = ("/UserDefinedList/lists_api", "/AlertRules/lists_api");
    assert_eq!(status(&site, user, "GET", lists, &Value::Null).await, 200);
    assert_eq!(status(&site, user, "GET", rules, &Value::Null).await, 403);
    let put = "/api/v1/lists/SOME_LIST";
    assert_eq!(status(&site, user, "PUT", put, &json!(["a"])).await, 403);
    let answer = site.call(user, "PUT", put, &json!(["a"])).await;
    let text = "The user's role does not permit search:write";
    assert_eq!(answer.json["detail"], json!(text));
    // LMv1 and bearer tokens go no further.
    let signed = key(&site, user).await;
    let answer = call(&site, &signed, "3", "GET", "/setting/admins", "").await;
    refused(&answer, "3", 403, 1041, "users");

    let span = || json!({"ts_from": START - 3600, "ts_to": START});
    let resolve = || json!({"incident_ids": ["67f8ae6fbe9edae2fcfbc1ee"]});
    let seen = incidents::ask(&site, user, "POST", "/incidents", span()).await;
    assert_eq!(seen["success"], json!(true), "{seen}");
    let reply = incidents::ask(&site, user, "POST", "/resolve_incident", resolve()).await;
    let said = reply["message"].as_str().unwrap();
    assert!(said.contains("there is no incident"), "{said}");

    // A change of the role counts for the next request.
    let path = format!("{ROLES}/{}", role["id"]);
    let body = json!({"privileges": privileges(&[("logs", "alertrules", "read")])});
    good(&site, &admin, "PATCH", &path, &body).await;
    assert_eq!(status(&site, user, "GET", lists, &Value::Null).await, 403);
    assert_eq!(status(&site, user, "GET", rules, &Value::Null).await, 200);
    let reply = incidents::ask(&site, user, "POST", "/incidents", span()).await;
    let text = "The user's role does not permit incidents:read";
    assert_eq!(reply, json!({"success": false, "message": text}));
    let reply = incidents::ask(&site, user, "POST", "/resolve_incident", resolve()).await;
    assert_eq!(reply["success"], json!(false));
}

#[tokio::test]
async fn a_role_without_privileges_gives_nothing() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    given(&site, &admin, "nothing", &[]).await;
    for endpoint in cresset_api::endpoints::ENDPOINTS {
        let Some(ability) = endpoint.role else {
            continue;
        };
        let path = endpoint.path.replace("{id}", "67f8ae6fbe9edae2fcfbc1ee");
        let path = path.replace("{name}", "SOME_LIST");
        if endpoint.access.scope().is_some() {
            for method in endpoint.methods {
                let status = status(&site, "nothing user", method, &path, &json!({})).await;
                assert_eq!(status, 403, "{method} {path}");
            }
        } else {
            let reply = ask(&site, "nothing user", &path, &[]).await;
            assert_eq!(reply["success"], json!(false), "{path}");
            let said = reply["message"].as_str().unwrap();
            assert!(said.contains("role"), "{path} {ability:?}: {said}");
        }
    }
}

#[tokio::test]
async fn who_may_not_write_lists_saves_no_rule_that_does() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let alone = [("logs", "alertrules", "write")];
    given(&site, &admin, "rules", &alone).await;
    given(
        &site,
        &admin,
        "both",
        &[alone[0], ("logs", "search", "write")],
    )
    .await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    let path = "/api/v1/lists/SEEN";
    assert_eq!(status(&site, "admin", "PUT", path, &settings).await, 200);
    let mut body = rule("Fills a list");
    body["search_params"]["query"] = json!("user=* | process toList(SEEN, user)");
    let create = "/AlertRules/create_api";
    let answer = site.call("rules user", "POST", create, &body).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("does not permit to fill lists"));
    let answer = site.call("both user", "POST", create, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = site
        .call("rules user", "POST", create, &rule("Plain"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_narrow_credential_saves_no_rule_that_writes_lists() {
    let site = Site::new().await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    let path = "/api/v1/lists/SEEN";
    assert_eq!(status(&site, "admin", "PUT", path, &settings).await, 200);
    let narrow = ["alertrules:write"];
    let both = ["alertrules:write", "search:write"];
    let bearer = async |scopes: &[&str]| {
        let mut new = new_token(&site, "admin", TokenKind::Bearer).await;
        new.scopes = Some(scopes.iter().map(|&scope| scope.to_owned()).collect());
        store(&site, new).await.secret.expose().to_owned()
    };
    let (narrow_bearer, both_bearer) = (bearer(&narrow).await, bearer(&both).await);
    let fills = |name: &str| {
        let mut body = rule(name);
        body["search_params"]["query"] = json!("user=* | process toList(SEEN, user)");
        body
    };
    let send = async |token: &str, path: &str, body: &Value| {
        let sent = request("POST", path, Some(token), JSON, body.to_string());
        site.send(sent).await
    };
    let create = "/AlertRules/create_api";
    for (kind, narrow, both) in [
        (
            "self-signed",
            site.token("admin", "alertrules:write"),
            site.token("admin", "alertrules:write search:write"),
        ),
        ("bearer token", narrow_bearer, both_bearer),
    ] {
        let lacks = |answer: &Answer| {
            assert_eq!(answer.status, 422, "{kind} {answer:?}");
            assert!(answer.text.contains("takes search:write"), "{answer:?}");
        };
        lacks(&send(&narrow, create, &fills(kind)).await);
        let plain = send(&narrow, create, &rule(kind)).await;
        assert_eq!(plain.status, 200, "{kind} {plain:?}");
        let mut changed = fills(kind);
        changed["id"] = plain.json["id"].clone();
        lacks(&send(&narrow, "/AlertRules/update_api", &changed).await);
        let answer = send(&both, "/AlertRules/update_api", &changed).await;
        assert_eq!(answer.status, 200, "{kind} {answer:?}");
    }
}

#[tokio::test]
async fn nobody_gives_a_role_more_than_they_have() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let personnel = [
        ("setting", "useraccess.*", "write"),
        ("setting", "roleaccess.*", "write"),
        ("logs", "*", "read"),
    ];
    given(&site, &admin, "personnel", &personnel).await;
    let signed = key(&site, "personnel user").await;
    for (privilege, lacking) in [
        (("logs", "*", "write"), "search:write"),
        (("logs", "logs", "write"), "logs:write"),
        (("logs", "incidents", "ack"), "incidents:ack"),
    ] {
        let body = json!({"name": "more", "privileges": privileges(&[privilege])});
        let answer = call(&site, &signed, "3", "POST", ROLES, &body.to_string()).await;
        let text = refused(&answer, "3", 403, 1041, lacking);
        assert!(text.contains(lacking), "{text}");
    }
    let body = json!({"name": "same", "privileges": privileges(&[personnel[2]])});
    good(&site, &signed, "POST", ROLES, &body).await;
}

#[tokio::test]
async fn a_token_is_no_wider_than_the_role() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    given(&site, &admin, "sender", &[("logs", "logs", "write")]).await;
    let every: Vec<&str> = Scope::ALL.map(Scope::as_str).to_vec();
    let token = site.token("sender user", &every.join(" "));
    let event = json!({"msg": "hello"}).to_string();
    let ingest = request("POST", "/api/v1/ingest", Some(&token), JSON, event);
    assert_eq!(site.send(ingest).await.status, 200);
    let repos = request("GET", "/api/v1/repos", Some(&token), JSON, "");
    assert_eq!(site.send(repos).await.status, 403);
    assert!(
        Ability::Scope(Scope::LogsWrite).of_roles(
            &site
                .catalog
                .roles_of(site.add_user("second", "sender").await)
                .await
                .unwrap()
        )
    );
}
