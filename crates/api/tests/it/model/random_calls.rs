//! Random scripts.

use super::calls::{
    Act, Assignee, Call, Filter, FilterValue, GroupChange, IncidentRef, Page, Proof, PutDraft,
    RuleRef, Script, Span, User, Who,
};
use super::files::SAMPLES;
use super::random_drafts::{email, file, http, mostly, rule, usually};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const USERS: &[User] = &User::ALL;
const LISTS: &[&str] = &["BAD_HOSTS", "bad_hosts", "Users-1", "seen", "SEEN", "QA"];
const NO_LISTS: &[&str] = &["x", "_a", "a-", "a b", "über", "a/b"];
const GROUPS: &[&str] = &["Night", "Day"];

/// Mostly one of `users`, mostly with proof.
fn who(users: &'static [User]) -> impl Strategy<Value = Who> {
    let proof =
        prop_oneof![40 => Just(Proof::Good), 1 => Just(Proof::Missing), 1 => Just(Proof::Wrong)];
    (mostly(users, USERS), proof).prop_map(|(user, proof)| Who { user, proof })
}

/// Who writes rules.
fn writer() -> impl Strategy<Value = Who> {
    who(&[User::Bob, User::Bob, User::Bob, User::Admin, User::Mia])
}

fn anybody() -> impl Strategy<Value = Who> {
    who(USERS)
}

/// Who works on incidents.
fn analyst() -> impl Strategy<Value = Who> {
    who(&[
        User::Admin,
        User::Admin,
        User::Bob,
        User::Bob,
        User::Mia,
        User::Carol,
    ])
}

fn a_rule() -> impl Strategy<Value = RuleRef> {
    prop_oneof![
        40 => any::<u8>().prop_map(RuleRef::Own),
        2 => any::<u8>().prop_map(RuleRef::Any),
        1 => Just(RuleRef::Unknown),
        1 => Just(RuleRef::Malformed),
    ]
}

fn some_rules() -> impl Strategy<Value = Vec<RuleRef>> {
    prop_oneof![30 => vec(a_rule(), 1..4), 1 => Just(Vec::new())]
}

fn an_incident() -> impl Strategy<Value = IncidentRef> {
    prop_oneof![
        20 => any::<u8>().prop_map(IncidentRef::Theirs),
        10 => any::<u8>().prop_map(IncidentRef::Any),
        1 => Just(IncidentRef::Unknown),
        1 => Just(IncidentRef::Malformed),
    ]
}

fn some_incidents() -> impl Strategy<Value = Vec<IncidentRef>> {
    prop_oneof![
        20 => vec(an_incident(), 1..2),
        10 => vec(an_incident(), 2..4),
        1 => Just(Vec::new()),
    ]
}

fn page() -> BoxedStrategy<Page> {
    let bad = [
        Page {
            limit: Some(0),
            ..Page::default()
        },
        Page {
            page: Some(0),
            ..Page::default()
        },
        Page {
            all: Some("maybe"),
            ..Page::default()
        },
    ];
    let limits: &[Option<usize>] = &[None, Some(1), Some(2), Some(3), Some(5_000)];
    let all: &[Option<&str>] = &[None, None, Some("False"), Some("True"), Some("true")];
    let pages: &[Option<usize>] = &[None, None, Some(1), Some(2), Some(9)];
    let good = (select(limits), select(pages), select(all));
    let good = good.prop_map(|(limit, page, all)| Page { limit, page, all });
    prop_oneof![30 => good, 1 => select(bad.to_vec())].boxed()
}

fn list_rules() -> BoxedStrategy<Call> {
    let parts: &[Option<&str>] = &[
        None,
        None,
        Some(""),
        Some("RULE"),
        Some("Ä"),
        Some("e f"),
        Some("%"),
        Some("_"),
    ];
    let kinds: &[Option<&str>] = &[None, None, Some("my"), Some("vendor"), Some("used")];
    let enabled: &[Option<bool>] = &[None, None, Some(true), Some(false)];
    let filter = (
        select(parts),
        select(enabled),
        mostly(kinds, &[Some("mine")]),
    );
    (writer(), page(), filter)
        .prop_map(|(by, page, (search, enabled, kind))| Call::ListRules {
            by,
            page,
            search,
            enabled,
            kind,
        })
        .boxed()
}

fn rule_calls() -> BoxedStrategy<Call> {
    prop_oneof![
        10 => create(),
        5 => (writer(), a_rule(), rule()).prop_map(|(by, id, rule)| Call::UpdateRule(by, id, rule)),
        5 => (writer(), some_rules(), any::<bool>())
            .prop_map(|(by, ids, on)| Call::SwitchRules(by, ids, on)),
        3 => (writer(), some_rules()).prop_map(|(by, ids)| Call::DeleteRules(by, ids)),
        3 => (writer(), a_rule(), any::<bool>())
            .prop_map(|(by, id, post)| Call::ReadRule(by, id, post)),
        4 => list_rules(),
        6 => (writer(), some_rules(), email())
            .prop_map(|(by, ids, mail)| Call::SetEmail(by, ids, mail)),
        2 => (writer(), a_rule()).prop_map(|(by, id)| Call::ReadEmail(by, id)),
        6 => set_http(),
        2 => (writer(), a_rule()).prop_map(|(by, id)| Call::ReadHttp(by, id)),
    ]
    .boxed()
}

fn set_http() -> BoxedStrategy<Call> {
    (writer(), some_rules(), http())
        .prop_map(|(by, ids, http)| Call::SetHttp(by, ids, http))
        .boxed()
}

fn create() -> BoxedStrategy<Call> {
    (writer(), rule())
        .prop_map(|(by, rule)| Call::CreateRule(by, rule))
        .boxed()
}

fn put() -> BoxedStrategy<PutDraft> {
    let texts = || (0..SAMPLES.len()).prop_map(|at| SAMPLES[at].text);
    prop_oneof![
        4 => vec(texts(), 0..8).prop_map(PutDraft::Values),
        1 => vec(-2_i64..3, 1..5).prop_map(PutDraft::Numbers),
        8 => select(vec![1, 3, 60]).prop_map(|age_limit| PutDraft::Dynamic { age_limit }),
        1 => select(vec![PutDraft::Dynamic { age_limit: 0 }, PutDraft::WrongItem, PutDraft::WrongKind]),
    ]
        .boxed()
}

fn list_calls() -> BoxedStrategy<Call> {
    let name = || mostly(LISTS, NO_LISTS);
    let texts = (0..SAMPLES.len()).prop_map(|at| SAMPLES[at].text);
    prop_oneof![
        5 => (writer(), usually(name()), usually(file()))
            .prop_map(|(by, name, file)| Call::ImportList(by, name, file)),
        1 => (anybody(), page()).prop_map(|(by, page)| Call::ListLists(by, page)),
        4 => (writer(), name(), put()).prop_map(|(by, name, put)| Call::PutList(by, name, put)),
        3 => (anybody(), name(), page())
            .prop_map(|(by, name, page)| Call::ReadList(by, name, page)),
        2 => (anybody(), page()).prop_map(|(by, page)| Call::AllLists(by, page)),
        4 => (writer(), name()).prop_map(|(by, name)| Call::DeleteList(by, name)),
        4 => (select(LISTS), vec(texts, 0..5)).prop_map(|(name, values)| Call::Feed(name, values)),
    ]
    .boxed()
}

fn filter() -> BoxedStrategy<Filter> {
    let texts =
        |texts: &'static [&'static str]| vec(select(texts).prop_map(FilterValue::Text), 1..3);
    let names: &[&str] = &["BRUTE force", "port scan, inbound", "ärger IM netz", "Rule"];
    let name = prop_oneof![
        3 => select(names).prop_map(FilterValue::Text),
        1 => any::<u8>().prop_map(FilterValue::Rule),
        1 => any::<u8>().prop_map(FilterValue::Incident),
    ];
    let of = |key: &'static str, values| (Just(key), values);
    prop_oneof![
        of("name", vec(name, 1..3).boxed()),
        of(
            "status",
            texts(&["unresolved", "Resolved", "closed", "closed"]).boxed()
        ),
        of("status", texts(&["open", "closed", ""]).boxed()),
        of("type", texts(&["Alert", "search", "ueba"]).boxed()),
        of(
            "risk",
            texts(&["HIGH", "low", "medium", "critical"]).boxed()
        ),
        of("log_source", texts(&["windows", "Solaris"]).boxed()),
        of(
            "attack_tag",
            texts(&[
                "phishing",
                "active scanning",
                "T1595",
                "0123456789ABCDEF0123456789ABCDEF"
            ])
            .boxed()
        ),
        of(
            "attack_category",
            texts(&[
                "Impact",
                "reconnaissance",
                "94711E5D399C28939C688F086B7FAF85"
            ])
            .boxed()
        ),
        of("attack_id", texts(&["t1595", "T1"]).boxed()),
        of("author", texts(&["ME", "you"]).boxed()),
        of("team", texts(&["north, south", "north", ""]).boxed()),
    ]
    .prop_map(|(key, values)| Filter { key, values })
    .boxed()
}

fn filters() -> impl Strategy<Value = Vec<Filter>> {
    vec(filter(), 0..3).prop_map(|mut filters| {
        filters.sort_by_key(|filter| filter.key);
        filters.dedup_by_key(|filter| filter.key);
        filters
    })
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        20 => Just(Span::All),
        5 => (0_u16..90, 0_u16..10).prop_map(|(from, to)| Span::Between(from, to)),
        1 => Just(Span::WithoutEnd),
    ]
}

const ACTS: &[Act] = &[Act::Resolve, Act::Resolve, Act::Close, Act::Reopen];

/// One incident in the hands of one person.
fn life() -> BoxedStrategy<Vec<Call>> {
    (analyst(), any::<u8>(), vec(select(ACTS), 2..6))
        .prop_map(|(by, n, acts)| {
            let act = |act| Call::Act(by, vec![IncidentRef::Theirs(n)], act);
            acts.into_iter().map(act).collect()
        })
        .boxed()
}

fn incident_calls() -> BoxedStrategy<Call> {
    let said: &[&str] = &["looked at it", "\u{fc}ber \"alles\"", "Resolved"];
    let texts = || prop_oneof![30 => vec(mostly(said, &["", " "]), 1..3), 1 => Just(Vec::new())];
    let to = prop_oneof![
        20 => select(USERS).prop_map(Assignee::User),
        1 => Just(Assignee::Unknown),
        1 => Just(Assignee::Malformed),
    ];
    prop_oneof![
        6 => (anybody(), filters(), span())
            .prop_map(|(by, filters, span)| Call::ListIncidents(by, filters, span)),
        2 => (anybody(), filters(), span())
            .prop_map(|(by, filters, span)| Call::ListStates(by, filters, span)),
        4 => (analyst(), vec((an_incident(), texts()), 1..3))
            .prop_map(|(by, comments)| Call::Comment(by, comments)),
        5 => (analyst(), some_incidents(), to).prop_map(|(by, ids, to)| Call::Assign(by, ids, to)),
        14 => (analyst(), some_incidents(), select(ACTS))
            .prop_map(|(by, ids, act)| Call::Act(by, ids, act)),
        3 => (analyst(), an_incident()).prop_map(|(by, id)| Call::IncidentRows(by, id)),
        6 => (writer(), an_incident()).prop_map(|(by, id)| Call::Notify(by, id)),
        2 => anybody().prop_map(Call::GetUsers),
        10 => fire(),
    ]
    .boxed()
}

fn group_change() -> impl Strategy<Value = GroupChange> {
    prop_oneof![
        2 => Just(GroupChange::Create),
        1 => Just(GroupChange::Delete),
        4 => select(USERS).prop_map(GroupChange::Add),
        1 => select(USERS).prop_map(GroupChange::Remove),
    ]
}

fn other_calls() -> BoxedStrategy<Call> {
    let to_disable: &[User] = &[User::Carol, User::Mia];
    prop_oneof![
        3 => (select(GROUPS), group_change()).prop_map(|(name, change)| Call::Group(name, change)),
        1 => (select(to_disable), any::<bool>()).prop_map(|(user, off)| Call::Disable(user, off)),
        3 => (1_u8..5).prop_map(|minutes| Call::Wait { minutes }),
    ]
    .boxed()
}

fn fire() -> BoxedStrategy<Call> {
    (any::<u8>(), 0_u8..8, any::<bool>())
        .prop_map(|(rule, slot, unassigned)| Call::Fire(rule, slot, unassigned))
        .boxed()
}

/// Rules, groups and incidents, then anything.
pub(super) fn script() -> BoxedStrategy<Script> {
    let group = select(GROUPS).prop_map(|name| Call::Group(name, GroupChange::Create));
    let first = prop_oneof![6 => create(), 2 => group, 4 => set_http(), 4 => fire()];
    let one = prop_oneof![
        42 => rule_calls(),
        19 => list_calls(),
        45 => incident_calls(),
        7 => other_calls(),
    ];
    let then = prop_oneof![20 => one.prop_map(|call| vec![call]), 1 => life()];
    (vec(first, 6..14), vec(then, 40..80))
        .prop_map(|(mut calls, then)| {
            calls.extend(then.into_iter().flatten());
            Script(calls)
        })
        .boxed()
}
