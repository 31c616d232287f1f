//! What rules' owners asked to be told.

use super::columns::{Columns, expect_row, from_json, to_json, to_word};
use super::told::tell_untold;
use super::{SqliteCatalog, bump};
use crate::seal::Place;
use crate::{Error, Result};
use cresset_model::notification::{
    Channel, DispatchOption, EmailNotification, HttpAuth, HttpMethod, HttpNotification, Threshold,
};
use cresset_model::{ObjectId, SecretString, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use zeroize::Zeroizing;

/// Largest e-mail notification as JSON, in bytes; a logo may be in it.
const MAX_EMAIL: usize = 8 << 20;

const fn http_place(rule: &str) -> Place<'_> {
    Place {
        table: "http_notifications",
        column: "settings",
        row: rule,
    }
}

impl SqliteCatalog {
    pub(super) async fn put_email(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &EmailNotification,
        now: Timestamp,
    ) -> Result<()> {
        let settings = to_json("e-mail notification", notification)?;
        if settings.len() > MAX_EMAIL {
            return Err(Error::Refused(format!(
                "an e-mail notification has at most {MAX_EMAIL} bytes, this one {}",
                settings.len()
            )));
        }
        let mut tx = self.begin().await?;
        for id in ids {
            let row = NotificationRow {
                rule: id.to_string(),
                owner,
                enabled: notification.enabled,
                dispatch: notification.dispatch,
                settings: settings.clone(),
                channel: Channel::Email,
            };
            row.upsert(
                &mut tx,
                now,
                "INSERT INTO email_notifications (rule_id, enabled, dispatch, settings)
                 SELECT id, $3, $4, $5 FROM rules WHERE id = $1 AND owner = $2
                 ON CONFLICT (rule_id) DO UPDATE SET enabled = excluded.enabled,
                   dispatch = excluded.dispatch, settings = excluded.settings",
            )
            .await?;
        }
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn put_http(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &HttpNotification,
        now: Timestamp,
    ) -> Result<()> {
        let document = HttpDocument::of(notification).to_secret()?;
        let (mut tx, sealing) = self.begin_sealing().await?;
        for id in ids {
            let rule = id.to_string();
            let settings = sealing.seal(http_place(&rule), &document)?;
            let (enabled, dispatch) = (notification.enabled, notification.dispatch);
            let row = NotificationRow {
                rule,
                owner,
                enabled,
                dispatch,
                settings,
                channel: Channel::Http,
            };
            row.upsert(
                &mut tx,
                now,
                "INSERT INTO http_notifications (rule_id, enabled, dispatch, settings)
                 SELECT id, $3, $4, $5 FROM rules WHERE id = $1 AND owner = $2
                 ON CONFLICT (rule_id) DO UPDATE SET enabled = excluded.enabled,
                   dispatch = excluded.dispatch, settings = excluded.settings",
            )
            .await?;
        }
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn email_of(&self, rule: ObjectId) -> Result<Option<EmailNotification>> {
        sqlx::query("SELECT settings FROM email_notifications WHERE rule_id = $1")
            .bind(rule.to_string())
            .fetch_optional(&self.reader)
            .await?
            .map(|row| row.json("settings"))
            .transpose()
    }

    pub(super) async fn http_of(&self, rule: ObjectId) -> Result<Option<HttpNotification>> {
        let rule = rule.to_string();
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT settings FROM http_notifications WHERE rule_id = $1")
                .bind(&rule)
                .fetch_optional(&self.reader)
                .await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let document = self.sealer.open(http_place(&rule), &sealed)?;
        let document: StoredHttp = from_json("HTTP notification", document.expose())?;
        Ok(Some(document.into()))
    }
}

struct NotificationRow {
    rule: String,
    owner: ObjectId,
    enabled: bool,
    dispatch: DispatchOption,
    settings: String,
    channel: Channel,
}

impl NotificationRow {
    async fn upsert(
        self,
        connection: &mut SqliteConnection,
        now: Timestamp,
        statement: &'static str,
    ) -> Result<()> {
        let met = sqlx::query(statement)
            .bind(&self.rule)
            .bind(self.owner.to_string())
            .bind(i64::from(self.enabled))
            .bind(to_word("dispatch option", &self.dispatch)?)
            .bind(self.settings)
            .execute(&mut *connection)
            .await?;
        expect_row(&met, "alert rule", &self.rule)?;
        if self.enabled && self.dispatch == DispatchOption::Auto {
            tell_untold(connection, &self.rule, self.channel, now).await?;
        }
        Ok(())
    }
}

/// An HTTP notification with its secrets bare, on its way to the sealer.
#[derive(Serialize)]
struct HttpDocument<'a> {
    enabled: bool,
    url: &'a str,
    protocol: &'a str,
    method: HttpMethod,
    query_string: &'a str,
    format_query: &'a str,
    body: &'a str,
    auth: AuthDocument<'a>,
    dispatch: DispatchOption,
    threshold: Option<Threshold>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum AuthDocument<'a> {
    None,
    ApiToken { name: &'a str, value: &'a str },
    Basic { user: &'a str, password: &'a str },
    Bearer { token: &'a str },
}

impl<'a> HttpDocument<'a> {
    fn of(n: &'a HttpNotification) -> Self {
        Self {
            enabled: n.enabled,
            url: n.url.expose(),
            protocol: &n.protocol,
            method: n.method,
            query_string: &n.query_string,
            format_query: &n.format_query,
            body: &n.body,
            auth: match &n.auth {
                HttpAuth::None => AuthDocument::None,
                HttpAuth::ApiToken { name, value } => AuthDocument::ApiToken {
                    name,
                    value: value.expose(),
                },
                HttpAuth::Basic { user, password } => AuthDocument::Basic {
                    user,
                    password: password.expose(),
                },
                HttpAuth::Bearer { token } => AuthDocument::Bearer {
                    token: token.expose(),
                },
            },
            dispatch: n.dispatch,
            threshold: n.threshold,
        }
    }

    fn to_secret(&self) -> Result<SecretString> {
        let text = Zeroizing::new(to_json("HTTP notification", self)?);
        Ok(SecretString::new(text.as_str()))
    }
}

/// The same document on its way back.
#[derive(Deserialize)]
struct StoredHttp {
    enabled: bool,
    url: SecretString,
    protocol: String,
    method: HttpMethod,
    query_string: String,
    format_query: String,
    body: String,
    auth: StoredAuth,
    dispatch: DispatchOption,
    threshold: Option<Threshold>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredAuth {
    None,
    ApiToken {
        name: String,
        value: SecretString,
    },
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer {
        token: SecretString,
    },
}

impl From<StoredHttp> for HttpNotification {
    fn from(s: StoredHttp) -> Self {
        Self {
            enabled: s.enabled,
            url: s.url,
            protocol: s.protocol,
            method: s.method,
            query_string: s.query_string,
            format_query: s.format_query,
            body: s.body,
            auth: match s.auth {
                StoredAuth::None => HttpAuth::None,
                StoredAuth::ApiToken { name, value } => HttpAuth::ApiToken { name, value },
                StoredAuth::Basic { user, password } => HttpAuth::Basic { user, password },
                StoredAuth::Bearer { token } => HttpAuth::Bearer { token },
            },
            dispatch: s.dispatch,
            threshold: s.threshold,
        }
    }
}
