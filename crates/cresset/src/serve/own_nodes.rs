//! Where this very server answers, so that it is not registered as another instance.

use crate::config::Config;
use cresset_model::instance::BaseUrl;
use std::net::{IpAddr, SocketAddr};

/// `host:port` of every name of this server that can be known without asking anybody.
pub(super) fn own_nodes(config: &Config) -> Vec<String> {
    let public = config.url(config.listen).parse::<BaseUrl>();
    let public = public.ok().map(|base| base.node().to_owned());
    let mut nodes = listened_at(config.listen, &config.node_ip);
    nodes.extend(public);
    nodes
}

fn listened_at(listen: SocketAddr, node_ip: &str) -> Vec<String> {
    let (ip, port) = (listen.ip(), listen.port());
    let mut hosts = Vec::new();
    if ip.is_unspecified() || ip.is_loopback() {
        hosts.extend(["127.0.0.1".to_owned(), "localhost".to_owned()]);
    }
    if ip.is_unspecified() {
        hosts.push(node_ip.to_ascii_lowercase());
    } else if let IpAddr::V4(ip) = ip {
        hosts.push(ip.to_string());
    }
    let nodes = hosts.into_iter().map(|host| format!("{host}:{port}"));
    nodes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_listened_at() {
        let check = |listen: &str, expected: &[&str]| {
            let found = listened_at(listen.parse().unwrap(), "Logs.example");
            let has = |node: &&str| found.iter().any(|f| f == node);
            assert!(expected.iter().all(has), "{listen}: {found:?}");
            assert!(
                found.iter().all(|f| expected.contains(&f.as_str())),
                "{listen}: {found:?}"
            );
        };
        check(
            "0.0.0.0:7070",
            &["127.0.0.1:7070", "localhost:7070", "logs.example:7070"],
        );
        check(
            "[::]:7070",
            &["127.0.0.1:7070", "localhost:7070", "logs.example:7070"],
        );
        check("127.0.0.1:7070", &["127.0.0.1:7070", "localhost:7070"]);
        check("[::1]:7070", &["127.0.0.1:7070", "localhost:7070"]);
        check("10.0.0.7:7070", &["10.0.0.7:7070"]);
    }
}
