//! `GET /search`: where the links in e-mails lead.

use crate::body::Params;
use crate::native::docs::{PageHeaders, hash, page_headers};
use crate::state::Api;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Html;
use cresset_model::html::escape;
use cresset_model::{Duration, Timestamp};
use serde_json::json;
use std::sync::OnceLock;

/// The page without what it shows; nothing in it is from elsewhere.
const PAGE: &str = include_str!("search_page/page.html");
/// The page's own style, and nothing else.
const STYLE: &str = "style";
const MINUTE: Duration = Duration::minutes(1);

/// Shows a search, and how to run it; open it from the link in an e-mail.
///
/// It shows what the address says and nothing that is stored, so it asks for no credentials.
#[utoipa::path(
    get, path = "/search", tag = "Notifications",
    params(
        ("query" = Option<String>, Query, description = "The query"),
        ("from" = Option<String>, Query, description = "Start of the time range, RFC 3339"),
        ("to" = Option<String>, Query, description = "End of the time range, RFC 3339"),
        ("repos" = Option<String>, Query, description =
            "Addresses of the repos, separated by commas; all here if not given"),
    ),
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn page(
    State(api): State<Api>,
    params: Params,
) -> (PageHeaders, [(HeaderName, HeaderValue); 1], Html<String>) {
    let text = |name: &str| params.0.get(name).map_or("", |text| text.trim());
    let uncached = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let repos = text("repos").split(',').map(str::trim);
    let repos: Vec<&str> = repos.filter(|repo| !repo.is_empty()).collect();
    let content = content(text("query"), text("from"), text("to"), &repos, api.now());
    let page = Html(PAGE.replace("<!--content-->", &content));
    (page_headers(policy()), uncached, page)
}

fn content(query: &str, from: &str, to: &str, repos: &[&str], now: Timestamp) -> String {
    if query.is_empty() {
        return "<p>This page shows the search behind a notification. Open it from the link in \
                an e-mail, which names the query and its time range.</p>"
            .to_owned();
    }
    let shown = |text: &str| escape(if text.is_empty() { "not given" } else { text });
    let mut page = format!(
        "<h2>Query</h2><pre>{}</pre><h2>Time range</h2><p>{} – {}</p>",
        escape(query),
        shown(from),
        shown(to)
    );
    let (Some(from), Some(to)) = (moment(from), moment(to)) else {
        page.push_str(
            "<p>The time range does not read; a time is written as in 2026-01-31T23:59:59Z.</p>",
        );
        return page;
    };
    let minutes = now.since(from).0.max(1).div_euclid(MINUTE.0) + 1;
    let named = repos.iter().map(|repo| format!(" --repo={}", quoted(repo)));
    // The query comes behind `--`, for one may begin with a `-`.
    let command = format!(
        "cresset search --last {minutes}m{} -- {}",
        named.collect::<String>(),
        quoted(query)
    );
    // Whole seconds, so at either end up to a second more than the rule has seen.
    let range = [from.secs(), (to + Duration(999_999)).secs()];
    let start = json!({"query": query, "time_range": range, "limit": 100, "repos": repos});
    let call = format!(
        "curl \"$CRESSET_URL/getsearchlogs\" --data-urlencode username=NAME \\\n  \
         --data-urlencode secret_key=KEY \\\n  --data-urlencode requestData={}",
        quoted(&start.to_string())
    );
    for part in [
        "<h2>On the command line</h2><p>From the start of the time range until now:</p><pre>",
        &escape(&command),
        "</pre><h2>Through the API</h2><p>Exactly this time range. <code>CRESSET_URL</code> is this \
         server's address, <code>KEY</code> your API access key:</p><pre>",
        &escape(&call),
        "</pre><p>The answer holds a <code>search_id</code>; the same call with \
         <code>requestData={\"search_id\": \"…\"}</code> gives the rows, until <code>final</code> is \
         true.</p>",
    ] {
        page.push_str(part);
    }
    page
}

fn policy() -> &'static HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    POLICY.get_or_init(|| {
        let text = format!(
            "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            hash(PAGE, STYLE)
        );
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(parsed.as_microsecond()))
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
