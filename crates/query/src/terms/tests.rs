use super::{Demand, Needs, each_term, line, may_have_terms};
use crate::{Context, compile};
use cresset_model::{Event, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn terms(text: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    each_term(text, |term| {
        terms.insert(String::from_utf8_lossy(term).into_owned());
    });
    terms
}

fn line_of(text: &str) -> String {
    line(terms(text).iter().map(String::as_str))
}

#[test]
fn what_the_terms_of_a_text_are() {
    let check = |text: &str, expect: &str| assert_eq!(line_of(text), expect, "{text}");
    check("", " ");
    check(r"C:\Users\bob17", " bob0 users ");
    check("Login FAILED, login failed", " failed login ");
    check("{3b2e-11dd-BEEF-0000} 2026-11-22T10:00:00 in a bc", " ");
    check("S-1-5-21 x64 abc dead face", " ");
    check("my_powershell_2x 7zip42a", " 0zip0a my_powershell_0x ");
    check("Grüße 東京都 ٣٤abcg", " 0abcg grüße 東京都 ");
    check("\u{212a}erberos uſer", " kerberos user ");
}

/// The filter of a query.
fn demand(query: &str) -> Option<Demand> {
    let plan = compile(query).unwrap_or_else(|e| panic!("{query}: {}", e[0].render(query)));
    Demand::of(plan.filter(), "msg")
}

#[test]
fn what_a_condition_asks_for() {
    let check = |query: &str, parts: &[&str], decides: bool| {
        let demand = demand(query).unwrap_or_else(|| panic!("{query} asks for nothing"));
        let found: Vec<&str> = demand
            .parts()
            .map(|part| std::str::from_utf8(part).unwrap())
            .collect();
        assert_eq!(
            (found.as_slice(), demand.decides()),
            (parts, decides),
            "{query}"
        );
    };
    check("powershell", &[" powershell "], true);
    check("power*", &[" power"], true);
    check(
        "\"Access denied for\"",
        &[" access ", " denied ", " for "],
        false,
    );
    check("msg=*PowerShell*", &["powershell"], true);
    check("msg=*powershell.exe*", &["powershell ", " exe"], false);
    check("msg=power*", &["power"], false);
    check("msg=*shell", &["shell"], false);
    check("msg=*power*shell?core*", &["power", "shell", "core"], false);
    check("msg=*svchost12*", &["svchost0"], false);
    check("msg=*", &[], true);
    for nothing in [
        "msg=*4688*",
        "4688",
        "msg=22",
        "user=*power*",
        "dead",
        "ab",
        "msg=*a?c*",
    ] {
        assert!(demand(nothing).is_none(), "{nothing}");
    }
}

#[test]
fn what_a_filter_needs() {
    let check = |query: &str, vocabulary: &str, expect: bool| {
        let plan = compile(query).unwrap_or_else(|e| panic!("{query}: {}", e[0].render(query)));
        let found = Needs::of(plan.filter()).is_none_or(|needs| needs.met(vocabulary));
        assert_eq!(found, expect, "{query} in {vocabulary}");
    };
    for (query, expect) in [
        ("user=alice", true),
        ("user=carol", false),
        ("carol", false),
        ("-carol", true),
        ("user=alice carol", false),
        ("user=alice or carol", true),
        ("port=22 user=carol", false),
        ("port=22 or user=carol", true),
        ("-user=carol", true),
        ("user in [carol]", true),
        ("user=*lic*", true),
        ("user=*lic*rol", false),
    ] {
        check(query, " alice host0 ", expect);
    }
}

proptest! {
    /// Nothing that meets a condition lacks what is asked for, and what decides does.
    #[test]
    fn the_line_agrees_with_the_text(
        text in r"([a-zA-Z]{0,6}|[0-9]{1,3}|_|\.|-| |powershell|PowerShell|[sſkKßıİ٣東é]){0,12}",
        shape in 0..6_usize,
        needle in r"([a-zA-Zſk]{1,6}|[0-9]{1,2}|_|\.| |powershell){1,3}",
    ) {
        prop_assume!(!needle.trim().is_empty());
        let query = match shape {
            0 => format!("msg=\"*{needle}*\""),
            1 => format!("msg=\"{needle}*\""),
            2 => format!("msg=\"*{needle}\""),
            3 => format!("msg=\"*{needle}*{needle}?\""),
            4 => format!("\"{needle}\""),
            _ => format!("msg=\"{needle}\""),
        };
        let Ok(plan) = compile(&query) else {
            return Ok(());
        };
        let Some(demand) = Demand::of(plan.filter(), "msg") else {
            return Ok(());
        };
        let mut event = Event::new(Timestamp::from_secs(0), Timestamp::from_secs(0));
        event.set("msg", text.as_str());
        let meets = plan.filter().matches(&event, &Context::bare());
        let met = demand.met(&line_of(&text));
        prop_assert!(met || !meets, "{query} on {text:?}");
        prop_assert!(!demand.decides() || met == meets, "{query} on {text:?}");
    }
}

proptest! {
    #[test]
    fn ascii_has_the_terms_of_any_text(
        text in r"([a-zA-Z0-9_ .:{}@`\[/-]{0,60}|[a-f0-9]{20,70}|[a-zA-Z0-9_]{50,80}){0,4}",
    ) {
        let mut of_ascii = Vec::new();
        super::each_of_ascii(text.as_bytes(), |term| of_ascii.push(term.to_vec()));
        let mut of_any = Vec::new();
        super::each_of_any(&super::fold(&text), |term| of_any.push(term.to_vec()));
        prop_assert_eq!(of_ascii, of_any);
    }

    #[test]
    fn what_has_no_terms_is_known_quickly(
        text in r"([a-fA-F0-9_ .:{}@`\[\\/-]{0,40}[g-zG-Zé東ſ]?){0,3}",
    ) {
        prop_assert!(may_have_terms(&text) || terms(&text).is_empty());
        let tells = |c: char| !c.is_ascii() || super::Class::of(c) == super::Class::Letter;
        prop_assert_eq!(may_have_terms(&text), text.contains(tells));
    }
}
