use super::*;

fn sample() -> Sample {
    let text = |text: &str| Cell::Text(text.to_owned());
    Sample(vec![
        ("id", Cell::Number(5)),
        ("accessId", text("48v2wRzfK94y53sq5EuF")),
        ("note", text("Übung 100% for Ops* (x)")),
        ("lastAuthIp", text("")),
        ("lastUsedOn", Cell::Null),
        ("apionly", Cell::Bool(true)),
        (
            "roles",
            Cell::Texts(vec!["administrator".into(), "Ops".into()]),
        ),
        ("contact.name", Cell::Null),
        ("status", Cell::Number(-2)),
    ])
}

#[track_caller]
fn check(input: &str, expect: bool) {
    let filter = parse(input).unwrap();
    filter.check(COLUMNS).unwrap();
    assert_eq!(filter.matches(&sample()), expect, "{input}");
}

#[test]
fn text() {
    for input in [
        "accessId:48V2WRZFK94Y53SQ5EUF",
        "note<:zzz|ÿ",
        "note:übung*",
        "note:ÜBUNG 100%*",
        "note:*(X)",
        "note:*",
        "note:*100*ops*",
        r#"note:"*ops\* (x)""#,
        r#"note~"OPS\*""#,
        "note~bung",
        "note~100% FOR",
        "note~u*g|zzz",
        "note~\"\"",
        "note:a|übung*",
        "note!:a",
        "note!:a|b",
        "note!~zzz|yyy",
        "note>a",
        "accessId>47",
        "accessId<49",
        "accessId>:48v2wrzfk94y53sq5euf",
        "accessId<:48v2wrzfk94y53sq5euf",
        "lastAuthIp:\"\"",
        "lastAuthIp:*",
        "lastAuthIp<a",
        "NOTE:*",
    ] {
        check(input, true);
    }
    for input in [
        "note:übung",
        "note:ubung*",
        "note:*ops",
        "note:*ops*100*",
        r#"note:"*ops\*""#,
        "note:\"\"",
        "note~xyz",
        "note~_bung",
        "note!:*",
        "note>über",
        "note<:zzz",
        "note!:a|übung*",
        "note!~zzz|OPS",
        "accessId>48v2wrzfk94y53sq5euf",
        "accessId<48v2wrzfk94y53sq5euf",
        "lastAuthIp>\"\"",
        "lastAuthIp!:\"\"",
    ] {
        check(input, false);
    }
}

#[test]
fn numbers_and_truth() {
    for (input, expect) in [
        ("id:5", true),
        ("id:\"5\"", true),
        ("id:5.0", true),
        ("id:005", true),
        ("id:+5", true),
        ("id:5.5", false),
        ("id:6|5", true),
        ("id!:6|5", false),
        ("id!:6", true),
        ("id:*", true),
        ("id:5*", true),
        ("id:*6", false),
        ("id~5", true),
        ("id~55", false),
        ("id>4", true),
        ("id>5", false),
        ("id>4.5", true),
        ("id<5.5", true),
        ("id<5", false),
        ("id>:5", true),
        ("id>=5", true),
        ("id<:5", true),
        ("id<=4", false),
        ("id>10|3", true),
        // As numbers, not as texts.
        ("id<10", true),
        ("id>10", false),
        ("id<99999999999999999999999", true),
        ("id>-99999999999999999999999", true),
        ("id:99999999999999999999999", false),
        ("status:-2", true),
        ("status<-1.5", true),
        ("status>-2.5", true),
        ("status~-", true),
        ("apionly:true", true),
        ("apionly:1", true),
        ("apionly:\"TRUE\"", true),
        ("apionly:false", false),
        ("apionly!:false", true),
        ("apionly:*", true),
        ("apionly:false|true", true),
    ] {
        check(input, expect);
    }
}

#[test]
fn what_is_missing() {
    for (input, expect) in [
        ("lastUsedOn:0", false),
        ("lastUsedOn!:0", true),
        ("lastUsedOn<5", false),
        ("lastUsedOn>-5", false),
        ("lastUsedOn:*", false),
        ("lastUsedOn!:*", true),
        ("lastUsedOn~1", false),
        ("lastUsedOn!~1", true),
        ("lastUsedOn:::null", true),
        ("lastUsedOn:::empty", true),
        ("lastUsedOn!::empty", false),
        ("contact.name:\"\"", false),
        ("contact.name~\"\"", false),
        ("contact.name:*", false),
        ("contact.name!~x", true),
        ("contact.name:::null", true),
        ("contact.name!::null", false),
        ("lastAuthIp:::empty", true),
        ("lastAuthIp:::null", false),
        ("lastAuthIp!::null", true),
        ("lastAuthIp!::empty", false),
        ("note!::empty", true),
        ("id:::empty", false),
        ("apionly!::null", true),
        ("roles:::empty", false),
        ("roles!::null", true),
    ] {
        check(input, expect);
    }
}

#[test]
fn lists_and_all_columns() {
    for (input, expect) in [
        ("roles:\"administrator\"", true),
        ("roles:OPS", true),
        ("roles:op", false),
        ("roles~ADMIN", true),
        ("roles!:ops", false),
        ("roles!~zzz", true),
        ("roles!:administrator|zzz", false),
        ("roles>b", true),
        ("roles>p", false),
        ("roles:*", true),
        ("_all~eUf", true),
        ("_all~ops", true),
        ("_all:ops", true),
        ("_all~5", true),
        ("_all:5", false),
        ("_all:-2", false),
        ("_all!~zzz", true),
        ("_all!~ops", false),
        ("_all!:ops", false),
        ("_all~true", false),
    ] {
        check(input, expect);
    }
    let nobody = Sample(vec![("roles", Cell::Texts(Vec::new()))]);
    for (input, expect) in [
        ("roles:::empty", true),
        ("roles:::null", true),
        ("roles!::empty", false),
        ("roles:*", false),
        ("roles!:*", true),
        ("roles!:x", true),
        ("_all:*", false),
        ("_all!~x", true),
    ] {
        assert_eq!(parse(input).unwrap().matches(&nobody), expect, "{input}");
    }
}

#[test]
fn and_binds_tighter_than_or() {
    for (input, expect) in [
        ("id:5,status:-2", true),
        ("id:5,status:2", false),
        ("id:6||status:-2", true),
        ("id:5||id:6,status:2", true),
        ("id:6,status:2||id:5", true),
        ("id:6||id:7,status:-2", false),
        ("id:6|5,status:1|-2||id:9", true),
    ] {
        check(input, expect);
    }
}
