//! What a server would refuse of a rule's notifications.

use super::validate::Findings;
use cresset_fleet::document::{AuthType, Email, Http, RuleDoc, Threshold};
use cresset_notify::template;

/// Most addresses of one mail.
const MOST_ADDRESSES: usize = 100;
/// Longest address, in bytes.
const LONGEST_ADDRESS: usize = 254;
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
    let bad = email.to.iter().find(|address| !plausible(address.trim()));
    if let Some(bad) = bad {
        findings.say(&path("to"), format!("{bad:?} is not an e-mail address"));
    } else if email.to.len() > MOST_ADDRESSES {
        let message = format!("a mail has at most {MOST_ADDRESSES} addresses");
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

/// Enough to catch a slip; only the mail server knows which addresses exist.
fn plausible(address: &str) -> bool {
    let clean = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,;\"".contains(c);
    address.rsplit_once('@').is_some_and(|(user, domain)| {
        let whole = !user.is_empty() && !domain.is_empty() && !user.contains('@');
        whole && address.len() <= LONGEST_ADDRESS && address.chars().all(clean)
    })
}

fn check_http(http: &Http, findings: &mut Findings<'_>) {
    let path = |key| ["notifications", "http", key];
    if let Err(message) = check_url(http.url.trim(), &http.protocol) {
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

fn check_url(url: &str, protocol: &str) -> Result<(), String> {
    if url.is_empty() {
        return Err("the URL is empty".to_owned());
    }
    let whole = match url.split_once(':') {
        Some((_, rest)) if rest.starts_with("//") => url.to_owned(),
        _ => format!("{}://{url}", protocol.trim().to_ascii_lowercase()),
    };
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if let Some(found) = whole.chars().find(|c| bad(*c)) {
        return Err(format!("a URL has no {found:?}"));
    }
    let parsed = reqwest::Url::parse(&whole).map_err(|e| format!("{url:?} is not a URL: {e}"))?;
    match parsed.scheme() {
        "http" | "https" if !parsed.username().is_empty() || parsed.password().is_some() => {
            Err("a URL holds no user or password; use auth".to_owned())
        }
        "http" | "https" => Ok(()),
        _ => Err("a URL begins with http:// or https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let check = |url: &str, good: bool| {
            let told = check_url(url, "HTTPS");
            assert_eq!(told.is_ok(), good, "{url}: {told:?}");
        };
        check("https://hooks.example.com/a?b=c", true);
        check("hooks.example.com:8080/a", true);
        check("127.0.0.1:9000", true);
        check("", false);
        check("ftp://x y", false);
        check("ftp://x", false);
        check("https://a b/", false);
        check("http://[::1]:99999/", false);
        check("javascript:alert(1)", false);
        check("https://u:p@example.com/", false);
        check("https://", false);
    }
}
