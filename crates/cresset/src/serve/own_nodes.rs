//! Where this very server answers, so that it is not registered as another instance.

use crate::config::Config;
use cresset_catalog::port::Instances;
use cresset_model::instance::BaseUrl;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// `host:port` of every name of this server that can be known without asking anybody. They
/// are kept for `cresset instance add`, which sees the catalog and not the configuration.
pub(super) async fn keep(
    catalog: &dyn Instances,
    config: &Config,
    bound: SocketAddr,
) -> anyhow::Result<Vec<String>> {
    let public = config.url(bound).parse::<BaseUrl>();
    let mut nodes: BTreeSet<String> = listened_at(bound, &config.node_ip).into_iter().collect();
    nodes.extend(public.ok().map(|base| base.node().to_owned()));
    // What stands before the slash in the addresses of the repos here.
    let node_ip = config.node_ip.to_ascii_lowercase();
    nodes.insert(format!("{node_ip}:{}", config.node_port));
    catalog.keep_own_nodes(&nodes).await?;
    Ok(nodes.into_iter().collect())
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
