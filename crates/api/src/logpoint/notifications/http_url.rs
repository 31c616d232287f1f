//! The address of an HTTP notification.

use url::Url;

/// Whether the address could be reached at all; whether it may be is decided at each attempt.
pub(super) fn check_url(url: &str, protocol: &str) -> Result<(), String> {
    if url.is_empty() {
        return Ok(());
    }
    if ["{{", "{%", "{#"].iter().any(|open| url.contains(open)) {
        let message = "is no template; put what varies into http_querystring or http_body";
        return Err(message.to_owned());
    }
    let whole = match url.split_once("://") {
        Some(_) => url.to_owned(),
        None => format!("{}://{url}", protocol.to_ascii_lowercase()),
    };
    // By the parser that the sender uses.
    let parsed: Url = whole
        .parse()
        .map_err(|error| format!("is not a URL that begins with http:// or https:// ({error})"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    // A reader of the settings would see it; http_header has a place for it.
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("must not hold a user or password; use http_header".to_owned());
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err("must name a host".to_owned());
    }
    Ok(())
}
