//! Every route that the server has, so that no test can forget one.

use cresset_api::endpoints::ENDPOINTS;
use std::collections::BTreeSet;

/// The table of contents of LogicMonitor's API: its paths stand in no document.
const LOGICMONITOR: &str = include_str!("../../../src/logicmonitor/router.rs");
/// The table of contents for log shippers: their paths stand in no document either.
const SHIPPERS: &str = include_str!("../../../src/shippers/router.rs");
/// The table of contents of the rest, which `routes::the_table_is_what_is_served` holds
/// to `ENDPOINTS`.
const ROUTER: &str = include_str!("../../../src/router.rs");

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

/// A method in upper case and a path with `{name}` for a variable part.
pub(crate) type Route = (String, String);

/// Every route.
pub(crate) fn all() -> BTreeSet<Route> {
    let mut routes = logicmonitor();
    routes.extend(shippers());
    for endpoint in ENDPOINTS {
        for method in endpoint.methods {
            routes.insert(((*method).to_owned(), endpoint.path.to_owned()));
        }
    }
    routes
}

/// The routes of LogicMonitor's API.
pub(crate) fn logicmonitor() -> BTreeSet<Route> {
    assert_no_other_way_in();
    written_in(LOGICMONITOR)
}

/// The routes of log shippers.
pub(crate) fn shippers() -> BTreeSet<Route> {
    assert_no_other_way_in();
    written_in(SHIPPERS)
}

/// The routes of a table of contents.
fn written_in(source: &str) -> BTreeSet<Route> {
    let source = production(source);
    let mut routes = BTreeSet::new();
    for written in source.split(".route(").skip(1) {
        let mut parts = written.splitn(3, '"').skip(1);
        let (Some(path), Some(handlers)) = (parts.next(), parts.next()) else {
            panic!("a route without a path: {written}");
        };
        let mut served = 0;
        for method in METHODS {
            for _ in 0..calls(handlers, method) {
                served += 1;
                let new = routes.insert((method.to_uppercase(), path.to_owned()));
                assert!(new, "{method} {path} stands there twice");
            }
        }
        let opened = handlers.matches("::").count();
        assert!(served > 0 && opened > 0, "no method of {path} reads");
    }
    routes
}

/// How often the function `name` itself is called in `source`.
fn calls(source: &str, name: &str) -> usize {
    let wanted = format!("{name}(");
    let starts = source.match_indices(&wanted);
    let part_of_a_name = |at: usize| {
        let before = source[..at].chars().next_back();
        before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    };
    starts.filter(|(at, _)| !part_of_a_name(*at)).count()
}

/// The source without its tests.
fn production(source: &str) -> &str {
    source
        .split_once("#[cfg(test)]")
        .map_or(source, |(code, _)| code)
}

/// Ways to add a route that are not looked through here must not be used.
fn assert_no_other_way_in() {
    for (source, allowed) in [
        (production(LOGICMONITOR), &[".route("][..]),
        (production(SHIPPERS), &[".route("]),
        (
            production(ROUTER),
            &[".merge(", ".fallback(", ".fallback_service("],
        ),
    ] {
        for way in [
            ".route(",
            ".merge(",
            ".nest(",
            ".nest_service(",
            ".route_service(",
            ".fallback(",
            ".fallback_service(",
            "any(",
            "any_service(",
            "on(",
            "MethodRouter",
            "MethodFilter",
        ] {
            let used = if way.starts_with('.') {
                source.matches(way).count()
            } else {
                calls(source, way.trim_end_matches('('))
            };
            let most = usize::from(allowed.contains(&way));
            let most = if way == ".merge(" { 2 * most } else { most };
            assert!(
                used == 0 || way == ".route(" && most == 1 || used <= most,
                "{way} adds routes that the tests of authorisation do not see"
            );
        }
    }
    assert!(ROUTER.contains(".merge(logicmonitor::routes())"));
    assert!(ROUTER.contains(".merge(shippers::routes())"));
    assert!(ROUTER.contains(".fallback(unknown_path)"));
    assert!(ROUTER.contains(".fallback_service(routed)"));
}
