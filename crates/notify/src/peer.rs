//! The way to another instance: a guarded HTTP client for one registered server.

use crate::egress::{Cidr, EgressError, EgressGuard};
use crate::http::{guarded_builder, judge};
use crate::tls::TlsError;
use cresset_model::instance::{Instance, Trust};
use reqwest::{Client, Url};
use std::sync::Arc;
use std::time::Duration;

/// Longest time to connect, with name resolution and TLS.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no client for an instance.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its URL is none.
    #[error("the URL {0:?} cannot be read")]
    Url(String),
    /// The egress guard says no.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refused the settings.
    #[error("HTTP client: {0}")]
    Build(#[from] reqwest::Error),
}

/// A client for `instance`. What was registered at the command line of this machine may be
/// at any address but a cloud metadata service; anything else obeys `guard`.
pub fn peer_client(guard: &Arc<EgressGuard>, instance: &Instance) -> Result<Client, PeerError> {
    let url = Url::parse(&instance.url).map_err(|_| PeerError::Url(instance.url.clone()))?;
    let guard = if instance.by_operator {
        Arc::new(EgressGuard::new(everywhere()))
    } else {
        Arc::clone(guard)
    };
    judge(&guard, &url)?;
    let builder = guarded_builder(&guard).connect_timeout(CONNECT);
    let builder = match &instance.trust {
        Trust::System => builder.tls_backend_preconfigured(crate::tls::client_config(None)?),
        Trust::Authorities(pem) => {
            builder.tls_backend_preconfigured(crate::tls::client_config_for(pem)?)
        }
        Trust::Anything => builder.tls_danger_accept_invalid_certs(true),
    };
    Ok(builder.build()?)
}

/// Every network. The guard refuses metadata services all the same.
pub(crate) fn everywhere() -> Vec<Cidr> {
    ["0.0.0.0/0", "::/0"]
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::{ObjectId, Timestamp};

    fn instance(url: &str, by_operator: bool) -> Instance {
        Instance {
            id: ObjectId::from_bytes([1; 12]),
            name: "b".to_owned(),
            url: url.to_owned(),
            node: String::new(),
            user: "reader".to_owned(),
            trust: Trust::System,
            by_operator,
            created_at: Timestamp(0),
            health: cresset_model::instance::InstanceHealth::default(),
        }
    }

    #[test]
    fn only_the_operator_reaches_private_addresses() {
        let check = |url: &str, by_operator: bool, allow: &[&str], expected: Option<&str>| {
            let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
            let guard = Arc::new(EgressGuard::new(allow));
            let found = peer_client(&guard, &instance(url, by_operator));
            match (found, expected) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{url}: {error}");
                }
                (found, _) => panic!("{url} {by_operator}: {:?}", found.map(drop)),
            }
        };
        check("http://10.0.0.7:7077", true, &[], None);
        check("http://10.0.0.7:7077", false, &[], Some("egress guard"));
        check("http://10.0.0.7:7077", false, &["10.0.0.0/8"], None);
        check("https://93.184.216.34", false, &[], None);
        check("http://169.254.169.254", true, &[], Some("metadata"));
        check("ftp://10.0.0.7", true, &[], Some("scheme"));
        check("//", true, &[], Some("cannot be read"));
    }
}
