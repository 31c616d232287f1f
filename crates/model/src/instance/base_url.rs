//! The URL under which an instance is registered.

use url::{Host, Url};

/// Longest URL of an instance, in bytes.
const MAX_URL: usize = 1_024;

/// A URL that an instance can be registered under.
///
/// ```
/// use cresset_model::instance::BaseUrl;
/// let base: BaseUrl = "https://Logs.Example.com/siem/".parse().unwrap();
/// assert_eq!(base.url(), "https://logs.example.com/siem");
/// assert_eq!(base.node(), "logs.example.com:443");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: String,
    node: String,
    secure: bool,
}

/// Why a text is no such URL, in words that follow the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not read.
    #[error("is not a URL: {0}; write one such as https://10.0.0.7:7070")]
    Unreadable(String),
    /// It is absurdly long.
    #[error("is longer than {MAX_URL} bytes")]
    TooLong,
    /// Another scheme than those of the web.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// Credentials in it, which every reader of the settings would see.
    #[error("must not hold a user or password; they have fields of their own")]
    Credentials,
    /// A query or fragment: endpoints are appended to the URL.
    #[error("must end with the host, the port or a path, without ? and #")]
    Tail,
    /// A host whose address would hold more than one colon.
    #[error("must name the host or give its IPv4 address: clients expect one colon in host:port")]
    Ipv6,
}

impl BaseUrl {
    /// The URL without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`, the port written out.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Whether what is sent there is encrypted.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        let parsed = Url::parse(text).map_err(|e| UrlError::Unreadable(e.to_string()))?;
        let secure = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(UrlError::Tail);
        }
        let host = match parsed.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(_)) => return Err(UrlError::Ipv6),
            None => return Err(UrlError::Scheme),
        };
        let port = parsed.port_or_known_default().ok_or(UrlError::Scheme)?;
        Ok(Self {
            url: parsed.as_str().trim_end_matches('/').to_owned(),
            node: format!("{host}:{port}"),
            secure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_one_spelling_and_a_node() {
        let check = |text: &str, url: &str, node: &str| {
            let base: BaseUrl = text.parse().unwrap();
            assert_eq!((base.url(), base.node()), (url, node), "{text}");
            assert_eq!(base.is_secure(), url.starts_with("https"), "{text}");
            let again: BaseUrl = base.url().parse().unwrap();
            assert_eq!(again, base, "{text}");
        };
        let plain = "http://10.0.0.7:7070";
        for text in [
            "http://10.0.0.7:7070",
            " http://10.0.0.7:7070/ ",
            "HTTP://10.0.0.7:07070",
        ] {
            check(text, plain, "10.0.0.7:7070");
        }
        check(
            "https://Berlin.Example",
            "https://berlin.example",
            "berlin.example:443",
        );
        check(
            "https://b.example:443/",
            "https://b.example",
            "b.example:443",
        );
        check("http://b.example", "http://b.example", "b.example:80");
        check(
            "https://b.example/a/b//",
            "https://b.example/a/b",
            "b.example:443",
        );
        check("http://0x7f.1:81", "http://127.0.0.1:81", "127.0.0.1:81");
        check(
            "http://bücher.example",
            "http://xn--bcher-kva.example",
            "xn--bcher-kva.example:80",
        );
    }

    #[test]
    fn what_is_no_such_url() {
        let check = |text: &str, expected: &UrlError| {
            assert_eq!(&text.parse::<BaseUrl>().unwrap_err(), expected, "{text}");
        };
        for text in [
            "",
            "10.0.0.7",
            "https://",
            "http://a b",
            "http://h:99999",
            "//h",
            "http://[::1",
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err();
            assert!(matches!(error, UrlError::Unreadable(_)), "{text}: {error}");
        }
        for text in [
            "ftp://h",
            "file:///etc",
            "10.0.0.7:80/x".replace("10.0.0.7", "h").as_str(),
        ] {
            check(text, &UrlError::Scheme);
        }
        for text in ["http://u@h", "http://u:p@h", "http://:p@h"] {
            check(text, &UrlError::Credentials);
        }
        for text in ["http://h?a=1", "http://h/x#y", "http://h/?"] {
            check(text, &UrlError::Tail);
        }
        check("http://[::1]:7070", &UrlError::Ipv6);
        check(
            &format!("http://h/{}", "x".repeat(MAX_URL)),
            &UrlError::TooLong,
        );
    }
}
