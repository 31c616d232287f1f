//! Built-in messages: where a rule has no template, and where its template fails.

use crate::template::{Link, Variables, percent_encode};
use cresset_model::html::escape;
use cresset_model::incident::{Incident, Row};
use std::fmt::Write as _;

/// Most rows listed in a built-in message.
const ROWS: usize = 50;
/// Most characters of one value in it.
const VALUE: usize = 500;

/// The subject of a built-in e-mail.
pub(crate) fn subject(incident: &Incident) -> String {
    format!("[{}] {}", incident.risk.as_str(), incident.name)
}

/// The HTML body of a built-in e-mail. `error` says why the rule's template was not used.
pub(crate) fn html(incident: &Incident, time_range: &str, error: Option<&str>) -> String {
    let mut text = String::from("<div style=\"font-family:sans-serif\">");
    if let Some(error) = error {
        let _ = write!(
            text,
            "<p><b>This rule's template could not be used, so this is a built-in message.</b> {}</p>",
            escape(error)
        );
    }
    let _ = write!(
        text,
        "<h2>{}</h2><p>{}</p><table><tr><td>Risk</td><td>{}</td></tr><tr><td>Rows</td><td>{}</td></tr>\
         <tr><td>Time range</td><td>{}</td></tr><tr><td>Query</td><td>{}</td></tr>\
         <tr><td>Incident</td><td>{}</td></tr></table>",
        escape(&incident.name),
        escape(&incident.description),
        incident.risk.as_str(),
        incident.rows_count,
        escape(time_range),
        escape(&incident.query),
        incident.id,
    );
    rows_table(&mut text, incident);
    text.push_str("</div>");
    text
}

fn rows_table(text: &mut String, incident: &Incident) {
    let columns = columns(&incident.rows);
    if columns.is_empty() {
        return;
    }
    text.push_str("<table border=\"1\" cellpadding=\"4\" cellspacing=\"0\"><tr>");
    for column in &columns {
        let _ = write!(text, "<th>{}</th>", escape(column));
    }
    text.push_str("</tr>");
    for row in incident.rows.iter().take(ROWS) {
        text.push_str("<tr>");
        for column in &columns {
            let value = row.get(*column).map(shown).unwrap_or_default();
            let _ = write!(text, "<td>{}</td>", escape(&value));
        }
        text.push_str("</tr>");
    }
    text.push_str("</table>");
    if incident.rows_count > ROWS.min(incident.rows.len()) as u64 {
        let listed = ROWS.min(incident.rows.len());
        let _ = write!(
            text,
            "<p>The first {listed} of {} rows are listed.</p>",
            incident.rows_count
        );
    }
}

/// Columns in order of appearance, at most 20.
fn columns(rows: &[Row]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for name in rows.iter().take(ROWS).flat_map(|row| row.keys()) {
        if columns.len() < 20 && !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns
}

fn shown(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    match text.char_indices().nth(VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Adds the link to the search to an HTML body, unless the body shows it already.
pub(crate) fn with_link(mut html: String, link: &str) -> String {
    let escaped = escape(link);
    if link.is_empty() || html.contains(link) || html.contains(&escaped) {
        return html;
    }
    let paragraph = format!("<p><a href=\"{escaped}\">Show the events of this incident</a></p>");
    let at = html
        .to_ascii_lowercase()
        .rfind("</body>")
        .unwrap_or(html.len());
    html.insert_str(at, &paragraph);
    html
}

/// The JSON body of a built-in HTTP notification.
pub(crate) fn json(incident: &Incident, link: &Link, error: Option<&str>) -> String {
    let mut document = serde_json::json!({
        "alert_name": incident.name,
        "description": incident.description,
        "risk": incident.risk.as_str(),
        "incident_id": incident.id.to_string(),
        "detection_timestamp": incident.detected_at.secs(),
        "time_range_from": incident.window_from.to_rfc3339(),
        "time_range_to": incident.window_to.to_rfc3339(),
        "query": incident.query,
        "rows_count": incident.rows_count,
        "rows": &incident.rows[..incident.rows.len().min(ROWS)],
        "search_link": link.search(incident),
    });
    if let Some(error) = error {
        document["template_error"] = error.into();
    }
    document.to_string()
}

/// The query string of an HTTP notification whose template fails.
pub(crate) fn query(incident: &Incident, error: &str) -> String {
    format!(
        "alert_name={}&risk={}&incident_id={}&rows_count={}&template_error={}",
        percent_encode(&incident.name),
        incident.risk.as_str(),
        incident.id,
        incident.rows_count,
        percent_encode(error),
    )
}

/// The time range of an incident as templates see it.
pub(crate) fn time_range(variables: &Variables) -> String {
    variables.text("time_range")
}
