use crate::{Context, ListLookup, LookupTable, Place, compile};
use cresset_model::{Duration, Event, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

struct Known {
    assets: Arc<LookupTable>,
}

impl Known {
    fn new() -> Self {
        let rows = [
            r#"{"host":"web1","net":"10.0.0.0/24","owner":"amy","score":7}"#,
            r#"{"host":"WEB2","net":"10.0.1.0/24","owner":"bob"}"#,
        ];
        let assets = Arc::new(LookupTable::new(rows).unwrap());
        Self { assets }
    }
}

impl ListLookup for Known {
    fn contains(&self, _list: &str, _value: &str) -> bool {
        false
    }

    fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        (name == "ASSETS").then(|| Arc::clone(&self.assets))
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        let known = address == IpAddr::from([203, 0, 113, 9]);
        known.then(|| Place {
            country: Some("Netherlands".to_owned()),
            country_code: Some("NL".to_owned()),
            city: Some("Utrecht".to_owned()),
            latitude: Some(52.25),
            asn: Some(64_500),
            organization: Some("Example".to_owned()),
            ..Place::default()
        })
    }
}

fn event(second: i64, host: &str, address: &str) -> Event {
    let at = Timestamp::from_secs(second);
    let mut event = Event::new(at, at);
    event.set("host", host);
    event.set("ip", address);
    event
}

fn run(query: &str) -> Vec<String> {
    let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    let again = compile(&plan.explain()).unwrap();
    assert_eq!(plan.explain(), again.explain(), "{query}");
    let known = Known::new();
    let mut run = plan.executor(Context {
        lists: &known,
        range: Duration::hours(1),
        until: Timestamp::from_secs(5_000),
        ..Context::bare()
    });
    run.push(&event(1, "web1", "10.0.1.7"));
    run.push(&event(2, "web2", "::ffff:203.0.113.9"));
    run.push(&event(3, "pc3", "no address"));
    let shown = |row: &crate::ResultRow| {
        let fields = row.fields.iter().filter(|(n, _)| n != "col_ts");
        let fields = fields.map(|(n, v)| format!("{n}={}", v.text()));
        fields.collect::<Vec<_>>().join(" ")
    };
    run.finish().rows.iter().map(shown).collect()
}

#[test]
fn tables() {
    let check = |query: &str, expect: &[&str]| assert_eq!(run(query), expect, "{query}");
    check(
        "host=* | process lookup(assets, host) | fields host, owner, score",
        &[
            "host=pc3",
            "host=web2 owner=bob",
            "host=web1 owner=amy score=7",
        ],
    );
    check(
        "host=* | fields host, ip | process lookup(ASSETS, host, score) | search score=7",
        &["host=web1 ip=10.0.1.7 score=7"],
    );
    check(
        "host=* | process ip_lookup(ASSETS, net, ip) | search owner=bob | fields host",
        &["host=web1"],
    );
    check(
        "host=* | chart count() as c by host | process lookup(ASSETS, host) | search owner=amy",
        &["host=web1 c=1 net=10.0.0.0/24 owner=amy score=7"],
    );
    check("host=* | process lookup(NONE, host) | search score=*", &[]);
    check(
        "[table ASSETS score=*] as a join [host=*] as e on a.host=e.host | fields e.ip, a.owner",
        &["e.ip=10.0.1.7 a.owner=amy"],
    );
    check(
        "[table ASSETS | rename owner as who] as a left join [host=web1] as e on a.host=e.host \
         | chart count(e.ip=*) as c by a.who order by a.who",
        &["a.who=amy c=1", "a.who=bob c=0"],
    );
    check(
        "[table ASSETS] as a | fields a.host | order by a.host",
        &["a.host=web1", "a.host=WEB2"],
    );
    check("[table NONE] as a | fields a.host", &[]);
    let plan = compile("[table tt] as a join [b=1] as c on a.b=c.b | process lookup(UU, b)");
    let lists = plan.map(|plan| (plan.lists(), plan.portable_filter()));
    assert_eq!(
        lists.ok(),
        None,
        "a column of no stream is a mistake, as elsewhere"
    );
    let plan = compile("[table tt] as a join [b=1] as c on a.b=c.b").unwrap();
    assert_eq!(plan.lists().into_iter().collect::<Vec<_>>(), ["TT"]);
    assert_eq!(plan.portable_filter().as_deref(), Some("(b=1)"));
    let plan = compile("b=1 | process lookup(UU, b) | process ip_lookup(VV, a, b)").unwrap();
    assert_eq!(plan.lists().into_iter().collect::<Vec<_>>(), ["UU", "VV"]);
}

#[test]
fn addresses_and_the_time() {
    let check = |query: &str, expect: &[&str]| assert_eq!(run(query), expect, "{query}");
    check(
        "host=* | process geoip(ip) as land | fields host, land",
        &["host=pc3", "host=web2 land=Netherlands", "host=web1"],
    );
    check(
        "host=* | process geoip(ip) | search country_code=nl | fields city_name, latitude, region",
        &["city_name=Utrecht latitude=52.25"],
    );
    check(
        "host=web2 | process geoip(ip, \"city\") | fields city",
        &["city=Utrecht"],
    );
    check(
        "host=web2 | process ip_lookup(ip) | fields asn, organization",
        &["asn=64500 organization=Example"],
    );
    check(
        "host=web2 | process current_time(a) as now | process eval(\"age=now - log_ts\") \
         | fields age",
        &["age=4998"],
    );
    assert!(compile("a | process geoip(b) as c").unwrap().asks_places());
    assert!(!compile("a | process lookup(TT, b)").unwrap().asks_places());
}

#[test]
fn rows_for_tables_are_gathered() {
    let plan = compile("host=* | process toTable(seen, host, ip, never)").unwrap();
    let mut run = plan.executor(Context::bare());
    run.push(&event(1, "web1", "10.0.0.1"));
    run.push(&event(2, "WEB1", "10.0.0.1"));
    run.push(&event(3, "web2", "10.0.0.1"));
    let result = run.finish();
    assert_eq!(result.rows.len(), 3);
    let added = &result.additions[0];
    assert_eq!(added.list, "SEEN");
    assert_eq!(
        added.values,
        [
            r#"{"host":"web1","ip":"10.0.0.1"}"#,
            r#"{"host":"web2","ip":"10.0.0.1"}"#
        ]
    );
    let table = LookupTable::new(added.values.iter().map(String::as_str)).unwrap();
    assert_eq!(table.rows().len(), 2);
}
