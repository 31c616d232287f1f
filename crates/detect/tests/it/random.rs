//! Random rules and events.

use crate::rules::{Happening, spec};
use cresset_model::rule::{ConditionOption, RuleSpec};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn term() -> impl Strategy<Value = String> {
    let term = select(vec![
        "user=ann",
        "user=BOB",
        "user=c*",
        "user=*",
        "-user=bob",
        "user!=ann",
        "host=web?",
        "-host=*",
        "size>=3",
        "size<2",
        "size=2",
        "user IN [ann, cat]",
        "host IN [\"web*\", db]",
        "-(user=ann size>1)",
        "user=JÜRGEN",
        "(user=ann or user=bob host=db)",
    ]);
    term.prop_map(str::to_owned)
}

fn filter() -> impl Strategy<Value = String> {
    let join = (vec(term(), 1..4), select(vec![" ", " or ", " and "]));
    prop_oneof![4 => join.prop_map(|(terms, by)| terms.join(by)), 1 => Just("user=*".to_owned())]
}

/// What follows the filter; the number of each is inserted for `N`.
const TAILS: [&str; 21] = [
    "",
    "",
    "| chart count() as cnt by user | search cnt>=N",
    "| chart count() as cnt by user | search cnt>=N",
    "| chart count() as cnt by user, host | search cnt>N",
    "| chart count() as cnt | search cnt>N",
    "| chart count() as cnt by user",
    "| chart distinct_count(host) as d by user | search d>=N",
    "| chart distinct_count(user) as d | search d>N",
    "| chart distinct_count(user) as d by host | search d>=N",
    "| chart distinct_count(host) as d by user | search d>=N | search user=*",
    "| chart max(size) as m by user | search m>N",
    "| chart count() as cnt by user | search cnt>=N user=a*",
    "| chart count() as cnt by user | search cnt>=N | order by cnt desc",
    "| search size>=N",
    "| fields user, host",
    "| chart count() as cnt by user | search cnt<N",
    "| chart avg(size) as a by user | search a>N",
    "| chart sum(size) as s by host | search s>=N",
    "| chart min(size) as m by user | search m<N",
    "| chart count() as cnt by user | search cnt=N",
];

fn condition() -> impl Strategy<Value = (ConditionOption, u64)> {
    use ConditionOption::{
        Equals, EqualsTo, GreaterThan, LessEqual, LessThan, MoreEqual, NotEqual,
    };
    let any = (
        select(vec![
            EqualsTo, Equals, LessEqual, LessThan, NotEqual, MoreEqual,
        ]),
        0..3_u64,
    );
    prop_oneof![
        3 => Just((GreaterThan, 0)),
        2 => (Just(GreaterThan), 0..4_u64),
        1 => (Just(MoreEqual), 1..4_u64),
        2 => any,
    ]
}

pub(crate) fn rule_text() -> impl Strategy<Value = RuleSpec> {
    let shape = (filter(), select(TAILS.to_vec()), 0..5_u32, condition());
    let times = (1..4_u32, 1..4_u32, 0..2_u32, prop::bool::weighted(0.25));
    let throttling = option::weighted(
        0.35,
        (select(vec!["user", "host", "cnt", "none"]), 0..9_u32),
    );
    (shape, times, throttling, prop::bool::ANY).prop_map(|(shape, times, throttling, one_repo)| {
        let (filter, tail, n, (option, value)) = shape;
        let (interval, ranges, delay, flush) = times;
        let query = format!("{filter} {}", tail.replace('N', &n.to_string()));
        let mut spec = spec(query.trim(), interval, interval * ranges);
        spec.incident_condition.condition_option = option;
        spec.incident_condition.condition_value = value;
        spec.search_params.delay_interval_minute = delay;
        spec.search_params.flush_on_trigger = flush;
        if one_repo {
            spec.search_params.repos = vec!["127.0.0.1:5504/main".into()];
        }
        if let Some((field, minutes)) = throttling {
            spec.search_params.throttling_enabled = true;
            spec.search_params.throttling_field = field.into();
            spec.search_params.throttling_time_range = minutes;
        }
        spec
    })
}

/// Log time in seconds within 15 minutes, delay of arrival, and what the event says. Some are
/// dated a little ahead of their arrival, some far.
fn happening() -> impl Strategy<Value = Happening> {
    let users = select(vec!["ann", "Ann", "bob", "cat", "JÜRGEN", "jürgen"]);
    let hosts = select(vec!["web1", "web2", "db", "Größe", "GRÖßE"]);
    let risks = select(vec!["low", "critical", "odd"]);
    let fields = (
        option::weighted(0.9, users),
        option::weighted(0.8, hosts),
        option::weighted(0.8, 0..6_i64),
        option::weighted(0.2, risks),
        select(vec!["main", "main", "main", "other"]),
    );
    let delay = prop_oneof![
        20 => -3..70_i64,
        1 => -61..-3_i64,
        1 => -800..-61_i64,
    ];
    (-300..600_i64, delay, fields).prop_map(|(log, delay, (user, host, size, risk, repo))| {
        Happening {
            log,
            arrival: log + delay,
            user,
            host,
            size,
            risk,
            repo,
        }
    })
}

/// Bursts as well as scattered events.
pub(crate) fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let burst = (vec(happening(), 1..25), -300..600_i64).prop_map(|(mut events, at)| {
        for event in &mut events {
            let delay = event.arrival - event.log;
            event.log = at + event.log.rem_euclid(50);
            event.arrival = event.log + delay;
        }
        events
    });
    let bursts = vec(burst, 0..3).prop_map(|b| b.concat());
    // Dense events often have a late one that decides.
    let density = select(vec![1, 3, 8]);
    (vec(happening(), 0..40), bursts, density).prop_map(|(mut events, burst, density)| {
        events.extend(burst);
        for event in &mut events {
            let delay = event.arrival - event.log;
            event.log /= density;
            event.arrival = event.log + delay;
        }
        events
    })
}
