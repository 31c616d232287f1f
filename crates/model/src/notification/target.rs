//! Where notifications may go: what the addresses of mails and of HTTP requests look like.

use url::{ParseError, Url};

/// Most addresses of one mail; the mail sender refuses more in one message.
pub const MAX_RECIPIENTS: usize = 100;
/// Longest e-mail address, in bytes.
const MAX_ADDRESS: usize = 254;

/// Why a text is not the URL of an HTTP notification, in words that follow the name of the
/// field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// It does not read.
    #[error("does not read: {0}; write one such as https://hooks.example.com/path")]
    Unreadable(ParseError),
    /// Another scheme than those of the web.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// Credentials in it, which every reader of the settings would see.
    #[error("must not hold a user or password")]
    Credentials,
    /// A template, which is rendered in the query string and the body only.
    #[error("is no template")]
    Template,
    /// Nowhere to connect to.
    #[error("must name a host")]
    NoHost,
}

/// Whether a text may be an e-mail address. Enough to catch a slip and to keep header lines
/// whole; only the mail server knows which addresses exist.
///
/// ```
/// use cresset_model::notification::is_mail_address;
/// assert!(is_mail_address("soc@example.com"));
/// assert!(!is_mail_address("soc@example.com\r\nBcc: a@b"));
/// ```
pub fn is_mail_address(text: &str) -> bool {
    let clean = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,;\"".contains(c);
    text.rsplit_once('@').is_some_and(|(user, domain)| {
        let whole = !user.is_empty() && !domain.is_empty() && !user.contains('@');
        whole && text.len() <= MAX_ADDRESS && text.chars().all(clean)
    })
}

/// The URL of an HTTP notification, with the protocol (`HTTP` or `HTTPS`) in front if it has
/// no scheme.
///
/// # Errors
/// If it does not read.
pub fn request_url(url: &str, protocol: &str) -> Result<Url, ParseError> {
    let (url, protocol) = (url.trim(), protocol.trim());
    if has_scheme(url) {
        return url.parse();
    }
    format!("{}://{url}", protocol.to_ascii_lowercase()).parse()
}

/// Whether a URL begins with a scheme; `://` may also stand in its query.
fn has_scheme(url: &str) -> bool {
    let of_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+.-".contains(&b);
    url.split_once("://")
        .is_some_and(|(scheme, _)| scheme.bytes().all(of_scheme))
}

/// Whether [`request_url`] could be reached at all; whether it may be is decided at each
/// attempt.
///
/// # Errors
/// Why it cannot.
pub fn check_url(url: &str, protocol: &str) -> Result<(), UrlProblem> {
    if ["{{", "{%", "{#"].iter().any(|open| url.contains(open)) {
        return Err(UrlProblem::Template);
    }
    let parsed = request_url(url, protocol).map_err(UrlProblem::Unreadable)?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(UrlProblem::Scheme);
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(UrlProblem::Credentials);
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(UrlProblem::NoHost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses() {
        for good in ["a@b", "soc+1@example.com", "o'neil@example.com"] {
            assert!(is_mail_address(good), "{good}");
        }
        let long = format!("{}@example.com", "x".repeat(MAX_ADDRESS));
        for bad in [
            "", "nobody", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "<a@b>", "a@b,c", &long,
        ] {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }

    #[test]
    fn urls() {
        let check = |url: &str, expected: Result<(), UrlProblem>| {
            assert_eq!(check_url(url, "HTTPS"), expected, "{url}");
        };
        for good in [
            "https://hooks.example.com/a?b=c",
            " hooks.example.com:8080/a ",
            "127.0.0.1:9000",
            "h.example:9000?to=ftp://x",
            "http://[::1]:9000/",
        ] {
            check(good, Ok(()));
        }
        for bad in [
            "",
            "https://",
            "https://a b/",
            "ftp://x y",
            "http://[::1]:99999/",
            "javascript:alert(1)",
        ] {
            let told = check_url(bad, "HTTPS");
            assert!(
                matches!(told, Err(UrlProblem::Unreadable(_))),
                "{bad}: {told:?}"
            );
        }
        check("ftp://x", Err(UrlProblem::Scheme));
        check("file:///etc/passwd", Err(UrlProblem::Scheme));
        check("https://u:p@example.com/", Err(UrlProblem::Credentials));
        check("https://u@example.com/", Err(UrlProblem::Credentials));
        check("https://h.example/{{ x }}", Err(UrlProblem::Template));
        check("https://h.example/{% if x %}", Err(UrlProblem::Template));
    }

    #[test]
    fn the_protocol_is_for_urls_without_a_scheme() {
        let check = |url: &str, protocol: &str, expected: &str| {
            let whole = request_url(url, protocol).unwrap();
            assert_eq!(whole.as_str(), expected, "{url} {protocol}");
        };
        check("h.example/a", "HTTP", "http://h.example/a");
        check("h.example/a", " https ", "https://h.example/a");
        let within = "h.example/r?to=https://x.example/";
        check(within, "HTTPS", &format!("https://{within}"));
        check("http://h.example/a", "HTTPS", "http://h.example/a");
    }
}
