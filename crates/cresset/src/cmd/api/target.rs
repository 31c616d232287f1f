//! Where a request goes, and the path that is signed.

use anyhow::{Context, bail};
use reqwest::Url;
use std::fmt::Write as _;

/// The path in front of every resource, which is not signed.
const BASE: &str = "/santaba/rest";
/// Begins the paths of Cresset's own API, which are signed whole.
const OWN: &str = "/api/";

/// The target of a request.
#[derive(Debug)]
pub(crate) struct Target {
    url: Url,
    signed: String,
}

impl Target {
    /// The target that `path` names at the server of the URL `base`.
    pub(crate) fn parse(base: &str, path: &str) -> anyhow::Result<Self> {
        if !path.starts_with('/') {
            bail!("the path {path:?} must begin with a slash, as in /setting/admins");
        }
        let resource = path.strip_prefix(BASE).unwrap_or(path);
        let below = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?']);
        let (front, path) = match resource {
            own if own.starts_with(OWN) => ("", own),
            resource if below(resource) => (BASE, resource),
            _ => (BASE, path),
        };
        let base = Url::parse(base).with_context(|| format!("{base:?} is no URL"))?;
        if base.query().is_some() || base.fragment().is_some() {
            bail!("the URL {base} must end before ? and #");
        }
        if !base.username().is_empty() || base.password().is_some() {
            bail!("the URL holds credentials, which belong into a file or the environment");
        }
        let base = base.as_str().trim_end_matches('/').to_owned() + front;
        // As the server will see it: `..` resolved, and written in one way.
        let front = Url::parse(&base)?.path().trim_end_matches('/').len();
        let url = Url::parse(&format!("{base}{}", encoded(path)))?;
        let path = url.path().get(front..).unwrap_or_default();
        let Some(signed) = decoded(path).filter(|signed| signed.starts_with('/')) else {
            bail!("the path {path:?} leads out of {BASE}, or is not UTF-8");
        };
        Ok(Self { url, signed })
    }

    /// The whole URL.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The path as clients sign it: behind `/santaba/rest`, before `?`, percent-decoded.
    pub(crate) fn signed(&self) -> &str {
        &self.signed
    }

    /// Whether others on the network can read the request.
    pub(crate) fn is_readable_on_the_way(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        let near = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        self.url.scheme() == "http" && !near
    }
}

/// The path with what cannot stand in an URL encoded, so that filters can be typed as the
/// manual prints them.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'#' | b'\\' | ..=b' ' | 127.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            byte => out.push(byte.into()),
        }
    }
    out
}

/// The path with `%41` as `A`; what is no such code stays. `None` if that is not UTF-8.
fn decoded(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_stand_behind_the_base_and_are_signed_without_it() {
        let check = |base: &str, path: &str, url: &str, signed: &str| {
            let target = Target::parse(base, path).unwrap();
            assert_eq!((target.url().as_str(), target.signed()), (url, signed));
        };
        let at = "https://a.example";
        let list = "https://a.example/santaba/rest/setting/admins/apitokens";
        let tokens = "/setting/admins/apitokens";
        check(at, tokens, list, tokens);
        check(at, "/santaba/rest/setting/admins/apitokens", list, tokens);
        check(
            "http://h:1/cresset/",
            "/setting/roles?size=5&sort=+id&v=2",
            "http://h:1/cresset/santaba/rest/setting/roles?size=5&sort=+id&v=2",
            "/setting/roles",
        );
        check(
            at,
            "/setting/admins?filter=username:\"a b\",id>:5#",
            "https://a.example/santaba/rest/setting/admins?filter=username:%22a%20b%22,id%3E:5%23",
            "/setting/admins",
        );
        check(
            at,
            "/device/a%20b/é \"%zz",
            "https://a.example/santaba/rest/device/a%20b/%C3%A9%20%22%zz",
            "/device/a b/é \"%zz",
        );
        check(
            at,
            "/santaba/restful",
            "https://a.example/santaba/rest/santaba/restful",
            "/santaba/restful",
        );
        check(
            at,
            "/api/v1/instances",
            "https://a.example/api/v1/instances",
            "/api/v1/instances",
        );
        check(at, "/a/../b", "https://a.example/santaba/rest/b", "/b");
    }

    #[test]
    fn what_is_no_target_is_refused() {
        let refused = |base: &str, path: &str, reason: &str| {
            let error = Target::parse(base, path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        };
        let at = "https://a.example";
        refused(at, "setting/admins", "must begin with a slash");
        refused(at, "https://b.example/x", "must begin with a slash");
        refused(at, "/../../x", "leads out of");
        refused(at, "/santaba/rest", "leads out of");
        refused(at, "/a%FF", "not UTF-8");
        refused("https://u:p@a.example", "/a", "holds credentials");
        refused("https://a.example/?x", "/a", "must end before");
        refused("https://", "/a", "is no URL");
    }

    #[test]
    fn plain_http_is_readable_unless_it_stays_here() {
        let check = |base: &str, readable: bool| {
            let target = Target::parse(base, "/a").unwrap();
            assert_eq!(target.is_readable_on_the_way(), readable, "{base}");
        };
        check("http://127.0.0.1:7070", false);
        check("http://localhost", false);
        check("http://[::1]:7070", false);
        check("http://10.0.0.7", true);
        check("https://10.0.0.7", false);
    }
}
