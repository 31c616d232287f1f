//! What a server would refuse of a rule's notifications.

use super::validate::Findings;
use cresset_fleet::document::{AuthType, Email, Http, RuleDoc, Threshold};
use cresset_model::notification::{MAX_RECIPIENTS, UrlProblem, check_url, is_mail_address};
use cresset_notify::template;

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
const UNITS: [&str; 3] = ["minute", "hour", "day"];

/// Notes every mistake, that of the incident's template too.
pub(super) fn check(rule: &RuleDoc, findings: &mut Findings<'_>) {
    if rule.display.apply_template {
        check_template(&["display", "template"], &rule.display.template, findings);
    }
    if let Some(email) = &rule.notifications.email {
        check_email(email, findings);
    }
    if let Some(http) = &rule.notifications.http {
        check_http(http, findings);
    }
}

fn check_template(path: &[&str], text: &str, findings: &mut Findings<'_>) {
    if let Err(error) = template::check(text) {
        findings.say(path, format!("the template does not read: {error}"));
    }
}

fn check_threshold(path: &[&str], threshold: Option<&Threshold>, findings: &mut Findings<'_>) {
    let Some(threshold) = threshold else { return };
    if threshold.value == 0 || !UNITS.contains(&threshold.unit.as_str()) {
        let message = "a threshold has a value of at least 1 and a unit: minute, hour or day";
        findings.say(path, message);
    }
}

fn check_email(email: &Email, findings: &mut Findings<'_>) {
    let path = |key| ["notifications", "email", key];
    let mut to = email.to.iter();
    if let Some(bad) = to.find(|address| !is_mail_address(address.trim())) {
        findings.say(&path("to"), format!("{bad:?} is not an e-mail address"));
    } else if email.to.len() > MAX_RECIPIENTS {
        let message = format!("a mail has at most {MAX_RECIPIENTS} addresses");
        findings.say(&path("to"), message);
    } else if email.enabled && email.to.is_empty() {
        findings.say(&path("to"), "a mail that is enabled needs an address");
    }
    if email.subject.contains(['\r', '\n']) {
        findings.say(&path("subject"), "a subject is one line");
    }
    check_template(&path("subject"), &email.subject, findings);
    check_template(&path("body"), &email.body, findings);
    check_threshold(&path("threshold"), email.threshold.as_ref(), findings);
}

fn check_http(http: &Http, findings: &mut Findings<'_>) {
    let path = |key| ["notifications", "http", key];
    if let Some(message) = url_mistake(&http.url, &http.protocol) {
        findings.say(&path("url"), message);
    }
    if !METHODS.contains(&http.method.as_str()) {
        let message = format!("the method is one of {}", METHODS.join(", "));
        findings.say(&path("method"), message);
    }
    if !["HTTP", "HTTPS"].contains(&http.protocol.trim().to_ascii_uppercase().as_str()) {
        findings.say(&path("protocol"), "the protocol is HTTP or HTTPS");
    }
    for (key, text) in [
        ("query_string", &http.query_string),
        ("format_query", &http.format_query),
        ("body", &http.body),
    ] {
        check_template(&path(key), text, findings);
    }
    check_threshold(&path("threshold"), http.threshold.as_ref(), findings);
    let Some(auth) = &http.auth else { return };
    let header = reqwest::header::HeaderName::try_from(auth.name.as_str());
    let problem = match auth.kind {
        AuthType::ApiToken if header.is_err() => "name must be the name of a header",
        AuthType::Basic if auth.name.is_empty() || auth.name.contains(':') => {
            "name must be a user, without a colon"
        }
        _ => return,
    };
    findings.say(&path("auth"), problem);
}

/// What is wrong with a URL, and which field has a place for it.
fn url_mistake(url: &str, protocol: &str) -> Option<String> {
    if url.trim().is_empty() {
        return Some("the URL is empty".to_owned());
    }
    let problem = check_url(url, protocol).err()?;
    let advice = match problem {
        UrlProblem::Template => "; put what varies into query_string or body",
        UrlProblem::Credentials => "; use auth",
        _ => "",
    };
    Some(format!("the URL {problem}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::url_mistake;

    #[test]
    fn mistakes_in_urls_come_with_advice() {
        assert_eq!(url_mistake("hooks.example.com:8080/a", "HTTPS"), None);
        for (url, part) in [
            (" ", "the URL is empty"),
            ("ftp://x", "the URL must begin with http:// or https://"),
            ("https://u:p@example.com/", "; use auth"),
            (
                "https://example.com/{{ alert_name }}",
                "query_string or body",
            ),
        ] {
            let told = url_mistake(url, "HTTPS").unwrap_or_default();
            assert!(told.contains(part), "{url}: {told}");
        }
    }
}
