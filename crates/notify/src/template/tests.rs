use super::*;
use crate::test_support::incident;
use std::time::{Duration, Instant};

fn variables() -> Variables {
    let link = Link {
        public_url: "https://siem.example/".into(),
        server_name: "cresset-1".into(),
    };
    Variables::new(&incident(), None, &link)
}

fn check(escape: Escape, source: &str, expect: &str) {
    match render(source, escape, &variables()) {
        Ok(text) => assert_eq!(text, expect, "{source}"),
        Err(error) => panic!("{source}: {error}"),
    }
}

#[test]
fn variables_of_the_specification() {
    let plain = |source: &str, expect: &str| check(Escape::Plain, source, expect);
    plain(
        "{{ alert_name }}|{{ rule_name }}",
        "Brute \"force\" <b>|Brute \"force\" <b>",
    );
    plain(
        "{{ rows_count }} {{ risk }} {{ incident_risk_level }}",
        "2 high high",
    );
    plain("{{ description }}", "Many failures");
    plain("{{ extra_info.query == query }}", "True");
    plain(
        "{{ incident_id == _id }} {{ _id }}",
        "True abababababababababababab",
    );
    plain(
        "{{ incident_log_source }} {{ author }} [{{ reference }}]",
        "sshd Ada []",
    );
    plain(
        "{{ threat_actor }} {{ attack_id|join(', ') }} {{ attack_id|length }}",
        "APT 0 T1595 1",
    );
    plain(
        "{{ attack_tag|join(', ') }} | {{ attack_category }}",
        "0123, Active Scanning | Reconnaissance",
    );
    plain("{{ detection_timestamp|datetime }}", "2023/11/14 22:13:20");
    plain(
        "{{ time_range }}",
        "2023/11/14 22:03:20 - 2023/11/14 22:13:20",
    );
    plain("{{ logpoint_name }}", "cresset-1");
    plain(
        "{{ search_link }}",
        "https://siem.example/search?query=label%3DFail%20%7C%20chart%20count%28%29%20as%20cnt%20by%20source_address&from=2023-11-14T22%3A03%3A20Z&to=2023-11-14T22%3A13%3A20Z",
    );
    plain("{{ nothing }}{{ nothing is defined }}", "False");
    plain(
        "{{ rows[0].source_address }} {{ rows[0].log_ts|datetime }}",
        "203.0.113.9 2023/11/14 22:13:20",
    );
    plain(
        "{{ rows[1].log_ts|date('%d.%m.%Y %H:%M', 'Asia/Kathmandu') }}",
        "15.11.2023 03:58",
    );
    plain("{{ rows[0].source_address|date('%Y') }}", "203.0.113.9");
    plain("{{ rows[0].log_ts|date('%Y/%m/%d') }}", "2023/11/14");
    plain(
        "{{ rows[0]|readable }}",
        "cnt: 7\nlog_ts: 1700000000\nsource_address: 203.0.113.9\n",
    );
}

#[test]
fn ordinary_jinja_works() {
    let plain = |source: &str, expect: &str| check(Escape::Plain, source, expect);
    plain(
        "{%- for row in rows %}{{ loop.index }}={{ row.cnt }};{% endfor -%}",
        "1=7;2=5;",
    );
    plain(
        "{% for row in rows %}{{ loop.cycle('even','odd') }} {% endfor %}",
        "even odd ",
    );
    plain(
        "{% for r in rows if r.cnt > 5 %}{{ r.cnt }}{% else %}none{% endfor %}",
        "7",
    );
    plain("{{ rows|map(attribute='cnt')|join(', ') }}", "7, 5");
    plain(
        "{{ rows|map(attribute='cnt')|sum }} {{ rows|length }}",
        "12 2",
    );
    plain(
        "{{ 'a' ~ 1 ~ 'b' }} {{ 1 + 2 * 3 }} {{ 'ab' * 2 }} {{ 1.5 + 1 }}",
        "a1b 7 abab 2.5",
    );
    plain(
        "{{ [1] + [2] }} {{ 'x' in 'xyz' }} {{ 2 in [1, 2] }} {{ 3 not in [1] }}",
        "[1, 2] True True True",
    );
    plain(
        "{{ 'hello'[1:3] }} {{ 'hello'[0] }} {{ [1,2,3][1:]|length }}",
        "el h 2",
    );
    plain("{{ 'x' if 1 < 2 and 3 >= 3 and 'a' != 'b' else 'y' }}", "x");
    plain(
        "{% set ns = namespace(n=0) %}{% for r in rows %}{% set ns.n = ns.n + r.cnt %}{% endfor %}{{ ns.n }}",
        "12",
    );
    plain(
        "{% macro cell(x) %}<{{ x }}>{% endmacro %}{{ cell(1) }}{{ cell('b') }}",
        "<1><b>",
    );
    plain(
        "{% set x %}{% for r in rows %}{{ r.cnt }} {% endfor %}{% endset %}[{{ x|trim }}]",
        "[7 5]",
    );
    plain(
        "{{ 'a-b'|replace('-', '+')|upper }} {{ ''|default('none', true) }}",
        "A+B none",
    );
    plain("{{ 'a\nb'|indent(2) }}", "a\n  b");
    plain("{{ rows|selectattr('cnt', 'gt', 5)|list|length }}", "1");
    plain(
        "{{ rows|selectattr('cnt', 'equalto', 5)|map(attribute='cnt')|first }}",
        "5",
    );
    plain(
        "{% if rows_count is even %}even{% endif %} {{ 3 is odd }} {{ 'abc' is startingwith 'a' }}",
        "even True True",
    );
    plain(
        "{{ '-' * 40.0 ~ '=' * 3 }}",
        &format!("{}===", "-".repeat(40)),
    );
    plain("{{ (5 / 8 * 100) ~ '%' }} {{ 2**8 ~ 'x' }}", "62.5% 256x");
    plain(
        "{% for r in rows %}{{ loop.changed(r.cnt) }}{% endfor %}{{ 1 if loop is undefined }}",
        "TrueTrue1",
    );
    plain(
        "{{ '<b>'|safe }} {{ [[1]]|map('tojson')|first }}",
        "<b> [1]",
    );
    plain("{% raw %}{{ x }}{% endraw %}{# gone #}", "{{ x }}");
    plain(
        "{{ [1, 2]|tojson }} {{ {'a': 'b'}|tojson }}",
        "[1, 2] {\"a\": \"b\"}",
    );
    plain(
        "{% for a in [1,2] %}{% if a == 2 %}two{% elif a == 1 %}one{% endif %}{% endfor %}",
        "onetwo",
    );
    plain(
        "{% for g in rows|groupby('cnt') %}{{ g[0] }}:{{ g[1]|length }} {% endfor %}",
        "5:1 7:1 ",
    );
}

#[test]
fn log_text_is_inert() {
    check(
        Escape::Html,
        "<p>{{ rows[1].source_address }}</p>",
        "<p>&lt;script&gt;&quot;\\\n</p>",
    );
    check(
        Escape::Html,
        "{{ rows[1].source_address ~ '' }}",
        "&lt;script&gt;&quot;\\\n",
    );
    check(
        Escape::Html,
        "{{ [rows[1].source_address]|join }}",
        "&lt;script&gt;&quot;\\\n",
    );
    check(
        Escape::Html,
        "{{ {'a':'<b>'}|readable }}",
        "<table><tr><th align=\"left\">a</th><td>&lt;b&gt;</td></tr></table>",
    );
    check(
        Escape::Query,
        "a={{ alert_name }}&b={{ 'x y'|urlencode }}",
        "a=Brute%20%22force%22%20%3Cb%3E&b=x%20y",
    );
    check(Escape::Plain, "{{ alert_name }}", "Brute \"force\" <b>");
}

#[test]
fn json_bodies_stay_json() {
    let value = |source: &str| {
        assert_eq!(Escape::for_http_body(source), Escape::Json, "{source}");
        let text = render(source, Escape::Json, &variables()).unwrap();
        serde_json::from_str::<serde_json::Value>(&text)
            .unwrap_or_else(|error| panic!("{source} gave {text}: {error}"))
    };
    assert_eq!(
        value(r#"{"text": "{{ alert_name }}"}"#)["text"],
        "Brute \"force\" <b>"
    );
    assert_eq!(
        value(r#"{"t": "{{ rows[1].source_address }}!"}"#)["t"],
        "<script>\"\\\n!"
    );
    assert_eq!(
        value(r#"{"t": {{ alert_name }}, "n": {{ rows_count }}}"#)["t"],
        "Brute \"force\" <b>"
    );
    assert_eq!(value(r#"{"rows": {{ rows|tojson }}}"#)["rows"][0]["cnt"], 7);
    assert_eq!(
        value(r#"{"rows": {{ rows }}}"#)["rows"][1]["source_address"],
        "<script>\"\\\n"
    );
    assert_eq!(
        value(r#"{"rows": "{{ rows[0] }}"}"#)["rows"]
            .as_str()
            .map(|t| t.contains("\"cnt\"")),
        Some(true)
    );
    assert_eq!(value(r#"{"n": {{ rows[1].log_ts }}}"#)["n"], 1_700_000_000);
    assert_eq!(
        value(r#"{"q": "a\"{{ alert_name }}\\"}"#)["q"],
        "a\"Brute \"force\" <b>\\"
    );
    assert_eq!(
        value(
            r#"{# c #}{% set x = 1 %} [{% for r in rows %}{{ r.cnt }}{{ ", " if not loop.last }}{% endfor %}]"#
        )[1],
        5
    );
    assert_eq!(Escape::for_http_body("{{ rows|tojson }}"), Escape::Plain);
    assert_eq!(
        Escape::for_http_body("alert: {{ alert_name }}"),
        Escape::Plain
    );
    assert_eq!(Escape::for_http_body("{% unclosed"), Escape::Plain);
}

/// Templates that try to take the process down, or just do not work.
fn hostile() -> Vec<(&'static str, String)> {
    let nest = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    let for_range = |n: usize| format!("{{% for a in range({n}) %}}");
    vec![
        ("endless range", "{% for a in range(10**9) %}x{% endfor %}".into()),
        ("nested loops", format!("{}x{}", for_range(99_999).repeat(4), "{% endfor %}".repeat(4))),
        ("macro recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".into()),
        ("mutual recursion", "{% macro f() %}{{ g() }}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}".into()),
        ("recursive loop", "{% for x in [[1]] recursive %}{{ loop(loop.nextitem or [[1]]) }}{% endfor %}".into()),
        ("huge output", format!("{}{}{}", for_range(90_000), "x".repeat(60_000), "{% endfor %}")),
        ("captured output", format!("{{% set x %}}{}{}{}{{% endset %}}", for_range(90_000), "x".repeat(60_000), "{% endfor %}")),
        ("deep parentheses", format!("{{{{ {} }}}}", nest("(", ")", 20_000))),
        ("deep lists", format!("{{{{ {} }}}}", nest("[", "]", 20_000))),
        ("deep ifs", format!("{}{}", "{% if true %}".repeat(1500), "{% endif %}".repeat(1500))),
        ("bad syntax", "{% for %}{{".into()),
        ("unknown filter", "{{ rows|nosuch }}".into()),
        ("unknown function", "{{ open('/etc/passwd') }}".into()),
        ("include", "{% include '/etc/passwd' %}".into()),
        ("attribute of nothing", "{{ nothing.here.deep }}".into()),
        ("constant doubling", format!("{{{{ {} }}}}", vec!["'a'*100000000"; 300].join("~"))),
        ("many constants", "{{ 'a'*90000000 }}".repeat(3000)),
        ("constant list", "{{ ([0]*90000000)|length }}".into()),
        ("constant power", "{{ 'a' * 10**8 }}".into()),
        ("many float constants", "{{'a'*1e8}}".repeat(5_900)),
        ("constant of ones", format!("{{{{ 'a'*{} }}}}", vec![format!("({})", vec!["1"; 90].join("+")); 5].join("*"))),
        ("constant of a quotient", "{{ 'a' * (1/0.00000001) }}{{ 'a' * (1 - -99999999) }}".into()),
        ("constant of truth", format!("{{{{ 'a' * ({}) }}}}", vec!["(1 < 2)"; 50].join("+") + "+90000000")),
        ("repeated list as text", format!("{{{{ (['{}'] * 90000) ~ '' }}}}", "y".repeat(50_000))),
        ("constant in a test", "{% if x is eq('a' * 1e8) %}{% endif %}".repeat(900)),
        ("constant in a block", "{% block b %}{{ f('a' * 1e8, k=['a' * 1e8]) }}{% endblock %}".into()),
        ("mapped json indent", "{{ [[[1]]]|map('tojson', 99999999999)|list }}".into()),
        ("json indent by a fraction", "{{ [[1]]|tojson(1e9) }}".into()),
        ("indented deep list", format!("{{% set a = [1] * 90000 %}}{}{{{{ a|tojson(16) }}}}", "{% set a = [a] %}".repeat(50))),
        ("printed deep list", format!("{{% set n = 300000 %}}{{% set a = [1] * n %}}{}{{{{ [a]|map('pprint')|list }}}}", "{% set a = [a] %}".repeat(50))),
        ("marking as safe", "{% set n=40000000 %}{% set a='x'*n %}{% for i in range(99999) %}{% set b=a|safe %}{% endfor %}".into()),
        ("dates kept", format!("{{% set ns = namespace(x=0) %}}{{% for i in range(99999) %}}{{% set ns.x = [ns.x, 0|date('{}')] %}}{{% endfor %}}", "%255Y".repeat(40))),
        ("padded dates", format!("{{% for i in range(99999) %}}{{% set x = 0|date('{}') %}}{{% endfor %}}", "%240Y".repeat(4))),
        ("dates of long texts", "{% set a = ' ' * 9999999 %}{% for i in range(99999) %}{% set b = a|date %}{% endfor %}".into()),
        ("changes of long texts", "{% set a = 'x' * 9999999 %}{% for i in range(99999) %}{% set b = loop.changed(a) %}{% endfor %}".into()),
        ("string doubling", format!("{{% set a = 'x' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(60))),
        ("string adding", format!("{{% set a = alert_name %}}{}{{{{ a }}}}", "{% set a = a + a %}".repeat(60))),
        ("doubling in a loop", "{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}{{ ns.a }}".into()),
        ("list doubling", format!("{{% set a = [1] %}}{}{{{{ a|length }}}}", "{% set a = a + a %}".repeat(60))),
        ("shared lists", format!("{{% set a = [1] %}}{}{{{{ a }}}}", "{% set a = [a, a] %}".repeat(60))),
        ("comparing shared lists", format!("{{% set a = [1] %}}{{% set b = [1] %}}{}{{{{ a == b }}}}", "{% set a = [a, a] %}{% set b = [b, b] %}".repeat(60))),
        ("searching shared lists", format!("{{% set a = [1] %}}{}{{{{ 7 in a }}}}{{{{ [a]|select('eq', a)|list }}}}", "{% set a = [a, a] %}".repeat(60))),
        ("deep value", "{% set ns = namespace(a=1) %}{% for i in range(99999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}".into()),
        ("repeating by variable", "{% set n = 99999999 %}{% for i in range(50) %}{% set x = alert_name * n %}{% endfor %}x".into()),
        ("replace", "{% set a = 'x' * 9999 %}{{ a|replace('x', a)|replace('x', a)|length }}".into()),
        ("mapped replace", "{% set a = 'x' * 9999 %}{{ [a, a]|map('replace', 'x', a)|list|length }}".into()),
        ("join", "{% set a = 'x' * 99999 %}{{ range(99999)|join(a)|length }}".into()),
        ("indent", "{{ ('\n' * 99999)|indent(99999999) }}".into()),
        ("format", "{{ '%999999999d'|format(1) }}".into()),
        ("batch", "{{ [1]|batch(999999999, 0)|list|length }}".into()),
        ("json indent", "{{ [[1]]|tojson(indent=999999999) }}".into()),
        ("sum of strings", "{{ (['x'] * 9999)|sum }}".into()),
        ("slices", "{% set a = 'x' * 999999 %}{% for i in range(99999) %}{% set b = a[1:] %}{% endfor %}x".into()),
        ("indexing", "{% set a = 'x' * 999999 %}{% for i in range(99999) %}{% set b = a[999998] %}{% endfor %}x".into()),
        ("prefixes", "{% set a = 'x' * 999999 %}{% for i in range(99999) %}{% set b = a is startingwith a %}{% endfor %}x".into()),
        ("dict splat", "{{ namespace(**rows[0]) }}".into()),
        ("long expression", format!("{{{{ rows_count{} }}}}", "+1".repeat(30_000))),
        ("date format", format!("{{{{ 0|date('{}') }}}}", "%Y".repeat(20_000))),
        ("unknown zone", "{{ 0|date('%Y', 'Mars/Olympus') }}".into()),
        ("too long", "x".repeat(MAX_SOURCE + 1)),
    ]
}

#[test]
fn hostile_templates_end_quickly_in_an_error() {
    let variables = variables();
    for (name, source) in hostile() {
        let started = Instant::now();
        let result = render(&source, Escape::Html, &variables);
        let taken = started.elapsed();
        assert!(result.is_err(), "{name}: {:?}", result.map(|t| t.len()));
        let error = result.unwrap_err().to_string();
        assert!(error.len() <= 1000 && !error.is_empty(), "{name}: {error}");
        // More than the promise, because this build is not optimised and shares the machine.
        assert!(
            taken < MAX_TIME + Duration::from_secs(1),
            "{name} took {taken:?}: {error}"
        );
    }
}

#[test]
fn time_is_limited_whatever_takes_it() {
    let variables = variables();
    let within = |source: &str, limit| render_here(source, Escape::Plain, &variables, limit);
    for source in [
        "{% for i in range(9) %}{% endfor %}",
        "{% if 1 is odd %}{% endif %}",
        "{% macro f() %}{% endmacro %}{% set x = f() %}",
        "{{ rows|length }}",
        "x",
    ] {
        let error = within(source, Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("takes too long"), "{source}: {error}");
        assert!(within(source, MAX_TIME).is_ok(), "{source}");
    }
}

#[test]
fn saving_checks_what_can_be_known_early() {
    assert_eq!(check_saved("{{ rows|length }}"), "");
    assert!(check_saved("{% for %}").starts_with("syntax error"));
    for (source, expect) in [
        ("{{ x", "(line 1)"),
        ("a\n{% if", "(line 2)"),
        ("{{ a|nosuch }}", "there is no filter \"nosuch\" (line 1)"),
        (
            "\n{% macro m(x) %}{{ x|tojsno }}{% endmacro %}{{ m(1) }}",
            "there is no filter \"tojsno\" (line 2)",
        ),
        (
            "{% block b %}{{ 1 is nosuch }}{% endblock %}",
            "there is no test \"nosuch\" (line 1)",
        ),
        ("{{ a|format(1) }}", "there is no filter \"format\""),
        ("{{ 1 < x < 3 }}", "chained comparison"),
    ] {
        let error = check_saved(source);
        assert!(error.contains(expect), "{source}: {error}");
    }
    for source in [
        "{{ rows[0].col_ts|datetime }} {{ rows[0]|readable }} {{ x|date('%Y')|urlencode }}",
        "{{ rows|map(attribute='a')|join(', ')|default('x')|upper }} {{ 1 is odd }}",
        "{% for r in rows %}{{ loop.cycle('a', 'b') }}{% endfor %} {{ x is defined }}",
    ] {
        assert_eq!(check_saved(source), "", "{source}");
    }
    assert!(check_saved("{{ 'a'*99999999 }}").contains("repeats constants"));
    for (name, source) in hostile() {
        let started = Instant::now();
        let _ = super::check(&source);
        assert!(started.elapsed() < Duration::from_secs(2), "{name}");
    }
}

fn check_saved(source: &str) -> String {
    super::check(source)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}
