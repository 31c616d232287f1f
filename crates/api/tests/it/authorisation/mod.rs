//! Who may do what: every route with every role, every kind of credential, and one's own and
//! somebody else's things, against the table in `policy.txt`. A route that the table does not
//! name fails.

mod callers;
mod faults;
mod matrix;
mod policy;
mod routes;
mod settings;
mod things;

use policy::Family;
use std::collections::BTreeSet;
use things::World;

/// Runs the lines of one family, all of them, and shows everything that is wrong.
async fn holds(family: Family) {
    let world = World::new().await;
    let lines = policy::lines();
    let mut findings = Vec::new();
    for line in lines.iter().filter(|line| line.family == family) {
        findings.extend(matrix::findings(&world, line).await);
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[tokio::test]
async fn logpoints_routes_with_a_token() {
    holds(Family::Logpoint).await;
}

#[tokio::test]
async fn logpoints_routes_with_a_secret_key() {
    holds(Family::Body).await;
}

#[tokio::test]
async fn our_own_routes() {
    holds(Family::Native).await;
    holds(Family::Open).await;
}

#[tokio::test]
async fn logicmonitors_routes() {
    holds(Family::LogicMonitor).await;
}

#[tokio::test]
async fn routes_of_log_shippers() {
    holds(Family::Shipper).await;
}

#[test]
fn every_route_has_its_line() {
    let served = routes::all();
    let written = policy::routes(&policy::lines());
    let differing: BTreeSet<_> = served.symmetric_difference(&written).collect();
    assert!(
        differing.is_empty(),
        "policy.txt and the routers disagree about {differing:?}"
    );
    assert!(
        routes::logicmonitor().len() >= 25 && routes::shippers().len() >= 35,
        "the routers were not read whole"
    );
}

/// A method that no line names is none, whoever asks.
#[tokio::test]
async fn other_methods_are_refused() {
    let world = World::new().await;
    let known = routes::all();
    let paths: BTreeSet<&String> = known.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let route = (method.to_owned(), path.clone());
            if !known.contains(&route) {
                let status = matrix::status_of_an_administrator(&world, &route).await;
                assert_eq!(status, 405, "{method} {path}");
            }
        }
    }
}
