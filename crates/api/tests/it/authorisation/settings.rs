//! Requests of LogicMonitor's routes.

use super::callers::{Caller, NOTHING, token, told};
use super::policy::{Line, Thing, Whose};
use super::things::{Pair, Sent, World};
use cresset_catalog::port::{AuditLog as _, NewRole, Roles as _};
use cresset_model::filter::{ListQuery, Sort};
use cresset_model::token::TokenKind;
use serde_json::{Map, json};

impl World {
    /// Fills in the target and the body.
    pub(super) async fn of_settings(
        &self,
        line: &Line,
        pair: &Pair,
        owner: &Caller,
        whose: Whose,
        sent: &mut Sent,
    ) {
        let (site, n) = (&self.site, self.next());
        let mut put = |part: &str, number: i64| {
            sent.target = sent.target.replace(part, &number.to_string());
        };
        let mut body = json!({ "note": format!("note {n}") });
        match line.thing {
            Thing::Token | Thing::LoneToken => {
                let key = token(site, &owner.name, TokenKind::Lmv1, |_| {}).await;
                let by = match whose {
                    Whose::Mixed => pair.caller.number,
                    _ => owner.number,
                };
                put("{adminId}", by);
                put("{tokenId}", key.id);
                if line.path.ends_with("/revoke") {
                    body = json!({ "filter": format!("id:{}", key.id) });
                }
            }
            Thing::Tokens => put("{adminId}", owner.number),
            Thing::User => {
                let (name, number) = match whose {
                    Whose::Own => (owner.name.clone(), owner.number),
                    _ => {
                        let name = format!("user{n}");
                        let made = Caller::new(site, &name, owner.role).await;
                        (name, made.number)
                    }
                };
                put("{adminId}", number);
                if line.method == "PUT" {
                    body = json!({"username": name, "email": "a@example.com",
                        "roles": [{"name": owner.role}]});
                }
            }
            Thing::Role => {
                let id = match whose {
                    Whose::Own => site.catalog.roles_of(owner.id).await.unwrap()[0].id,
                    _ => self.spare_role(n).await,
                };
                put("{roleId}", id);
                body = json!({"description": format!("text {n}")});
                if line.method == "PUT" {
                    body = json!({"name": format!("put {n}"), "privileges": []});
                }
            }
            Thing::Nothing => {
                put("{logId}", self.newest_line().await);
                if line.path.ends_with("/roles") {
                    body = json!({"name": format!("new {n}"), "privileges": []});
                } else if line.path.ends_with("/admins") {
                    body = json!({"username": format!("new{n}"), "apionly": true,
                        "roles": [{"name": NOTHING}]});
                }
            }
            other => panic!("{other:?} is no thing of these routes"),
        }
        if !matches!(line.method.as_str(), "GET" | "DELETE") {
            sent.body = body.to_string().into_bytes();
        }
    }

    async fn spare_role(&self, n: u32) -> i64 {
        let new = NewRole {
            name: format!("spare {n}"),
            description: String::new(),
            privileges: Vec::new(),
            extra: Map::new(),
        };
        let made = self.site.catalog.create_role(new, &told(&self.site)).await;
        made.unwrap().id
    }

    async fn newest_line(&self) -> i64 {
        let query = ListQuery {
            sort: vec![Sort {
                column: "id".to_owned(),
                descending: true,
            }],
            size: 1,
            ..ListQuery::default()
        };
        let page = self.site.catalog.audit_lines(&query).await.unwrap();
        page.items[0].id
    }
}
