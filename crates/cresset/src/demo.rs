//! `cresset serve --demo`: the whole product in a minute, on sample logs of our own.

use crate::client::Client;
use crate::cmd::InitialCredentials;
use crate::sinks::Sink;
use crate::system::SystemClock;
use anyhow::{Context, bail};
use cresset_model::{Clock, Timestamp};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Half an hour of four hosts' logs with a password-guessing attack at its end.
const SAMPLE: &str = include_str!("../samples/auth.log");
/// Longest that the demo waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sinks that the demo's notifications go to.
pub(crate) struct Demo {
    mail: Sink,
    http: Sink,
}

impl Demo {
    /// Starts the sinks.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            mail: Sink::smtp().await?,
            http: Sink::http().await?,
        })
    }

    /// Settings that let the server's notifications reach the sinks.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("smtp.host", self.mail.addr.ip().to_string()),
            ("smtp.port", self.mail.addr.port().to_string()),
            ("smtp.mode", "plain".to_owned()),
            ("egress.allow", "127.0.0.0/8".to_owned()),
        ]
    }

    /// Plays the demo against the running server and prints what happens.
    pub(crate) async fn play(&self, data_dir: &Path) -> anyhow::Result<()> {
        let initial = InitialCredentials::read(data_dir)?
            .context("the demo needs initial-credentials.json")?;
        let client = Client::with_credentials(&initial)?;
        println!("\n── Demo ─────────────────────────────────────────────────────────────");
        self.make_list(&client).await?;
        self.make_rules(&client).await?;
        let lines = shifted_to(SAMPLE, SystemClock.now())?;
        let reply = client
            .request(
                reqwest::Method::POST,
                "/api/v1/ingest?repo=default&format=syslog",
                "logs:write",
            )
            .body(lines)
            .send()
            .await?;
        let reply = crate::client::read_reply(reply).await?;
        println!(
            "3. sent half an hour of sshd, sudo and cron logs: {} events stored",
            reply["accepted"]
        );
        let incidents = self.wait_for_incidents(&client).await?;
        for incident in &incidents {
            println!(
                "4. incident: {} ({} risk)",
                incident["name"].as_str().unwrap_or(""),
                incident["risk_level"].as_str().unwrap_or("")
            );
            println!("   query: {}", incident["query"].as_str().unwrap_or(""));
        }
        self.show_notifications().await
    }

    async fn make_list(&self, client: &Client) -> anyhow::Result<()> {
        let path = "/api/v1/lists/TRUSTED_ADDRESSES";
        let values = json!(["192.0.2.14", "198.51.100.*"]);
        let reply = client
            .request(reqwest::Method::PUT, path, "search:write")
            .json(&values)
            .send()
            .await?;
        crate::client::read_reply(reply).await?;
        println!("1. list TRUSTED_ADDRESSES: 192.0.2.14, 198.51.100.*");
        Ok(())
    }

    async fn make_rules(&self, client: &Client) -> anyhow::Result<()> {
        let rules = [
            (
                "Password guessing over ssh",
                "high",
                "label=Login label=Fail -source_address IN TRUSTED_ADDRESSES | chart count() as cnt, distinct_count(user) as users by source_address | search cnt>=20",
            ),
            (
                "Login from an untrusted address",
                "critical",
                "label=Login label=Successful source_address=* -source_address IN TRUSTED_ADDRESSES",
            ),
        ];
        for (name, risk, query) in rules {
            let id = ensure_rule(client, name, risk, query).await?;
            let email = [
                ("ids", json!([id]).to_string()),
                ("type", "email".to_owned()),
                ("notify_email", "true".to_owned()),
                ("email_emails", json!(["soc@example.com"]).to_string()),
                ("subject", "[{{ risk }}] {{ alert_name }}".to_owned()),
                ("email_template", "<p>{{ rows_count }} row(s):</p><ul>{% for row in rows %}<li>{{ row.source_address }} {% if row.cnt %}failed {{ row.cnt }} times as {{ row.users }} users{% else %}logged in as {{ row.user }} on {{ row.device_name }}{% endif %}</li>{% endfor %}</ul>".to_owned()),
                ("simple_view", "on".to_owned()),
                ("dispatch_option", "auto".to_owned()),
            ];
            let reply = client
                .request(
                    reqwest::Method::POST,
                    "/pluggables/Notification/EmailNotification/create_api",
                    "alertrules:write",
                )
                .form(&email)
                .send()
                .await?;
            crate::client::read_reply(reply).await?;
            let http = json!({
                "ids": [id], "type": "http", "http_url": format!("http://{}/hook", self.http.addr),
                "http_request_type": "POST", "http_querystring": "", "notify_http": true, "protocol": "HTTP",
                "http_body": "{\"alert\": \"{{ alert_name }}\", \"risk\": \"{{ risk }}\", \"rows\": {{ rows | tojson }}}",
                "dispatch_option": "auto",
            });
            client
                .post_json(
                    "/pluggables/Notification/HTTPNotification/create_api",
                    "alertrules:write",
                    &http,
                )
                .await?;
            println!("2. rule: {name}\n   {query}");
        }
        Ok(())
    }

    async fn wait_for_incidents(&self, client: &Client) -> anyhow::Result<Vec<Value>> {
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < PATIENCE {
            let now = SystemClock.now().secs();
            let range = json!({"version": "0.1", "ts_from": now - 3600, "ts_to": now + 60});
            let reply = client.get_with_credentials("/incidents", &range).await?;
            let incidents = reply["incidents"].as_array().cloned().unwrap_or_default();
            if incidents.len() >= 2 {
                return Ok(incidents);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "no incident came within {} seconds; the log above says why",
            PATIENCE.as_secs()
        )
    }

    async fn show_notifications(&self) -> anyhow::Result<()> {
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < PATIENCE {
            let (mails, posts) = (self.mail.received(), self.http.received());
            if !mails.is_empty() && !posts.is_empty() {
                tokio::time::sleep(Duration::from_millis(300)).await;
                show(
                    "5. e-mail received by the built-in mail server (its text part)",
                    &readable_mail(&mails[0].text),
                );
                show(
                    "6. HTTP notification received by the built-in web server",
                    &posts[0].text,
                );
                println!("──────────────────────────────────────────────────────────────────────");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the incident is there but no notification came; `cresset outbox list` says why")
    }
}

/// The headers that people look at and the text part, decoded from quoted-printable.
fn readable_mail(mail: &str) -> String {
    let wanted = ["From:", "To:", "Subject:", "Date:"];
    let mut out: String = mail
        .lines()
        .filter(|l| wanted.iter().any(|w| l.starts_with(w)))
        .map(|l| format!("{l}\n"))
        .collect();
    out.push('\n');
    let part = mail
        .split("Content-Type: text/plain")
        .nth(1)
        .unwrap_or_default();
    let body = part.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body
        .split("\n--")
        .next()
        .unwrap_or_default()
        .replace("=\n", "");
    let mut pieces = body.split('=');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(byte) => {
                out.push(char::from(byte));
                out.push_str(&piece[2..]);
            }
            None => out.push_str(piece),
        }
    }
    out
}

fn show(title: &str, text: &str) {
    println!("{title}:");
    for line in text.lines().take(40) {
        let clean: String = line.chars().filter(|c| !c.is_control()).take(160).collect();
        println!("   │ {clean}");
    }
}

/// The id of the rule, created unless an earlier demo did.
async fn ensure_rule(
    client: &Client,
    name: &str,
    risk: &str,
    query: &str,
) -> anyhow::Result<String> {
    let rule = json!({
        "name": name,
        "description": "made by the demo",
        "search_params": {
            "query": query, "timerange_minute": 10, "repos": [], "limit": 100, "search_interval_minute": 1,
        },
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0, "risk": risk, "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
        "incident_ownership": {"assignee": client.user, "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": false, "simple_view": true},
    });
    match client
        .post_json("/AlertRules/create_api", "alertrules:write", &rule)
        .await
    {
        Ok(reply) => Ok(reply["id"].as_str().unwrap_or_default().to_owned()),
        Err(e) if e.to_string().contains("already exists") => {
            let reply = client
                .request(
                    reqwest::Method::GET,
                    "/AlertRules/lists_api?limit=5000",
                    "alertrules:read",
                )
                .send()
                .await?;
            let reply = crate::client::read_reply(reply).await?;
            let rows = reply["rows"].as_array().into_iter().flatten();
            let id = rows
                .filter(|r| r["name"] == name)
                .find_map(|r| r["id"].as_str());
            Ok(id.context("the rule exists but is not listed")?.to_owned())
        }
        Err(e) => Err(e),
    }
}

/// The sample with its stamps moved so that the last line is `now`, in UTC.
pub(crate) fn shifted_to(sample: &str, now: Timestamp) -> anyhow::Result<String> {
    let stamp = |line: &str| -> anyhow::Result<i64> {
        let text = line.get(..15).context("a line without a stamp")?;
        // The year only has to be the same for all lines, and a leap year takes 29 February.
        let civil = jiff::civil::DateTime::strptime("%Y %b %e %H:%M:%S", format!("2024 {text}"))?;
        Ok(civil
            .to_zoned(jiff::tz::TimeZone::UTC)?
            .timestamp()
            .as_second())
    };
    let last = sample.lines().last().context("an empty sample")?;
    let shift = now.secs() - stamp(last)?;
    let mut out = String::with_capacity(sample.len());
    for line in sample.lines() {
        let moved = jiff::Timestamp::from_second(stamp(line)? + shift)?;
        out.push_str(
            &moved
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%b %e %H:%M:%S")
                .to_string(),
        );
        out.push_str(&line[15..]);
        out.push('\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_now_and_the_text_is_kept() {
        let now = Timestamp::from_secs(1_800_000_000);
        let moved = shifted_to(SAMPLE, now).unwrap();
        assert!(
            moved
                .lines()
                .last()
                .unwrap()
                .starts_with("Jan 15 08:00:00 bastion sudo")
        );
        assert_eq!(moved.lines().count(), SAMPLE.lines().count());
    }
}
