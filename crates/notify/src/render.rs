//! From an incident and a rule's notification to the message that goes out.
//!
//! A template that fails never stops a message: the built-in one goes out instead and
//! says why.

use crate::builtin;
use crate::logo::{self, Logo};
use crate::template::{self, Escape, Link, Variables};
use cresset_catalog::port::RuleWithOwner;
use cresset_model::html::escape;
use cresset_model::incident::Incident;
use cresset_model::notification::{EmailNotification, HttpNotification};

/// A rendered e-mail, before it is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// The subject, on one line.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The image to put on top of it.
    pub logo: Option<Logo>,
    /// Why a template was not used, if one was not.
    pub error: Option<String>,
}

/// A rendered HTTP notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedHttp {
    /// The query string, empty if there is none.
    pub query: String,
    /// The body, empty for methods without one.
    pub body: String,
    /// Why a template was not used, if one was not.
    pub error: Option<String>,
}

/// Renders an e-mail. Blocks for up to about a second per template.
pub fn email(
    notification: &EmailNotification,
    incident: &Incident,
    rule: Option<&RuleWithOwner>,
    link: &Link,
) -> RenderedEmail {
    let mut variables = Variables::new(incident, rule, link);
    if notification.disable_search_link {
        variables = variables.without_link();
    }
    let mut failures = Failures::default();
    let subject = match notification.subject.trim() {
        "" => builtin::subject(incident),
        source => failures
            .keep(
                "subject",
                template::render(source, Escape::Plain, &variables),
            )
            .unwrap_or_else(|| builtin::subject(incident)),
    };
    let body = match notification.template.trim() {
        "" => None,
        source => failures.keep(
            "email_template",
            template::render(source, Escape::Html, &variables),
        ),
    };
    let error = failures.text();
    let html = match body {
        // The body is as it should be; only the subject needs a word.
        Some(html) => match &error {
            Some(error) => format!("<p>{}</p>{html}", escape(error)),
            None => html,
        },
        None => builtin::html(incident, &builtin::time_range(&variables), error.as_deref()),
    };
    let html = builtin::with_link(html, &variables.text("search_link"));
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let logo = logo::of(notification).unwrap_or_else(|problem| {
        tracing::warn!(problem, "a notification's logo cannot be shown");
        None
    });
    RenderedEmail {
        subject,
        html,
        logo,
        error,
    }
}

/// Renders an HTTP notification. Blocks for up to about a second per template.
pub fn http(
    notification: &HttpNotification,
    incident: &Incident,
    rule: Option<&RuleWithOwner>,
    link: &Link,
) -> RenderedHttp {
    let variables = Variables::new(incident, rule, link);
    let mut failures = Failures::default();
    let source = match notification.query_string.trim() {
        "" => notification.format_query.trim(),
        source => source,
    };
    let query = match source {
        "" => Some(String::new()),
        source => failures.keep(
            "http_querystring",
            template::render(source, Escape::Query, &variables),
        ),
    };
    let mut body = None;
    if notification.method.has_body() && !notification.body.trim().is_empty() {
        let escape = Escape::for_http_body(&notification.body);
        body = failures.keep(
            "http_body",
            template::render(&notification.body, escape, &variables),
        );
    }
    let error = failures.text();
    let query =
        query.unwrap_or_else(|| builtin::query(incident, error.as_deref().unwrap_or_default()));
    let body = match body {
        Some(body) => body,
        None if notification.method.has_body() => builtin::json(incident, link, error.as_deref()),
        None => String::new(),
    };
    RenderedHttp { query, body, error }
}

/// Renders a rule's own view of an incident as HTML; `None` if it has none.
///
/// A template that fails gives the built-in view, which says so.
pub fn incident_view(incident: &Incident, rule: &RuleWithOwner, link: &Link) -> Option<String> {
    let display = &rule.rule.spec.incident_display_data;
    let source = display
        .jinja_template
        .as_deref()
        .filter(|source| display.apply_jinja_template && !source.trim().is_empty())?;
    let variables = Variables::new(incident, Some(rule), link);
    let mut failures = Failures::default();
    let html = failures.keep(
        "jinja_template",
        template::render(source, Escape::Html, &variables),
    );
    Some(html.unwrap_or_else(|| {
        builtin::html(
            incident,
            &builtin::time_range(&variables),
            failures.text().as_deref(),
        )
    }))
}

#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn keep(
        &mut self,
        part: &'static str,
        result: Result<String, template::TemplateError>,
    ) -> Option<String> {
        result
            .map_err(|error| {
                metrics::counter!("cresset_notify_template_failures_total", "part" => part)
                    .increment(1);
                self.0.push(format!("{part}: {error}"));
            })
            .ok()
    }

    fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::incident;
    use cresset_model::SecretString;
    use cresset_model::notification::{DispatchOption, HttpAuth, HttpMethod};

    fn link() -> Link {
        Link {
            public_url: "https://siem.example".into(),
            server_name: "c1".into(),
        }
    }

    fn mail(subject: &str, template: &str) -> EmailNotification {
        EmailNotification {
            enabled: true,
            recipients: vec!["soc@example.org".into()],
            subject: subject.to_owned(),
            template: template.to_owned(),
            dispatch: DispatchOption::Auto,
            disable_search_link: false,
            simple_view: true,
            logo_enable: false,
            logo_type: String::new(),
            logo: String::new(),
            threshold: None,
        }
    }

    fn hook(method: HttpMethod, query: &str, body: &str) -> HttpNotification {
        HttpNotification {
            enabled: true,
            url: SecretString::new("https://hooks.example/"),
            protocol: "HTTPS".into(),
            method,
            query_string: query.to_owned(),
            format_query: String::new(),
            body: body.to_owned(),
            auth: HttpAuth::None,
            dispatch: DispatchOption::Auto,
            threshold: None,
        }
    }

    #[test]
    fn an_email_is_the_template_with_a_link() {
        let sent = email(
            &mail(
                "{{risk}}:\r\n{{alert_name}}",
                "<i>{{rows_count}}</i></BODY>",
            ),
            &incident(),
            None,
            &link(),
        );
        assert_eq!(sent.subject, "high: Brute \"force\" <b>");
        assert!(
            sent.html
                .starts_with("<i>2</i><p><a href=\"https://siem.example/search?query="),
            "{}",
            sent.html
        );
        assert!(sent.html.ends_with("</p></BODY>"));
        assert_eq!(sent.error, None);
        let own = email(
            &mail("", "<a href='{{search_link}}'>x</a>"),
            &incident(),
            None,
            &link(),
        );
        assert_eq!(own.html.matches("siem.example").count(), 1, "{}", own.html);
        assert_eq!(own.subject, "[high] Brute \"force\" <b>");
        let mut without = mail("s", "<i>b</i>{{search_link}}");
        without.disable_search_link = true;
        assert_eq!(email(&without, &incident(), None, &link()).html, "<i>b</i>");
    }

    #[test]
    fn a_broken_template_still_notifies() {
        let sent = email(&mail("{{", "{% for %}"), &incident(), None, &link());
        assert_eq!(sent.subject, "[high] Brute \"force\" <b>");
        assert!(
            sent.html.contains("template could not be used"),
            "{}",
            sent.html
        );
        assert!(
            sent.html.contains("203.0.113.9") && sent.html.contains("&lt;script&gt;"),
            "{}",
            sent.html
        );
        assert!(!sent.html.contains("<script>"));
        let error = sent.error.unwrap();
        assert!(
            error.contains("subject: syntax error")
                && error.contains("email_template: syntax error"),
            "{error}"
        );

        let sent = http(
            &hook(HttpMethod::Post, "a={{", "{\"x\": {{ 1 + }}}"),
            &incident(),
            None,
            &link(),
        );
        let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body["rows"][0]["source_address"], "203.0.113.9");
        assert!(
            body["template_error"]
                .as_str()
                .unwrap()
                .contains("http_body: ")
        );
        assert!(
            sent.query
                .contains("incident_id=abababababababababababab&rows_count=2&template_error=")
        );
    }

    #[test]
    fn http_parts() {
        let sent = http(
            &hook(HttpMethod::Get, "n={{alert_name}}", "ignored"),
            &incident(),
            None,
            &link(),
        );
        assert_eq!(sent.query, "n=Brute%20%22force%22%20%3Cb%3E");
        assert_eq!(sent.body, "");
        let sent = http(&hook(HttpMethod::Put, "", ""), &incident(), None, &link());
        let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(
            (body["risk"].as_str(), body["rows_count"].as_u64()),
            (Some("high"), Some(2))
        );
        assert!(body.get("template_error").is_none());
    }
}
