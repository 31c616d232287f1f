//! What events keep, and what they must not keep.

use super::*;

#[test]
fn a_message_that_is_no_text_is_kept() {
    let check = |text: &str, msg: &str, kept: Option<Value>| {
        let event = json(text);
        assert_eq!(event.msg(), msg, "{text}");
        assert_eq!(event.get("_msg"), kept.as_ref(), "{text}");
        assert_eq!(event.get("message"), Some(&Value::str("b")), "{text}");
        fields(&event);
    };
    let five = Some(Value::Int(5));
    check(r#"{"msg":5,"message":"b"}"#, "b", five.clone());
    check(r#"{"message":"b","msg":5}"#, "b", five);
    check(r#"{"msg":["x"],"message":"b"}"#, "b", Some(list(&["x"])));
    check(r#"{"msg":"a","message":"b"}"#, "a", None);
    // Where that name is taken, the whole text is the message.
    let taken = r#"{"msg":5,"_msg":"a","message":"b"}"#;
    check(taken, taken, Some(Value::str("a")));
}

#[test]
fn events_keep_no_room_that_they_do_not_use() {
    let check = |event: Event| {
        let (len, capacity) = (event.fields.len(), event.fields.capacity());
        assert!(capacity <= len + len / 4, "{capacity} for {len}");
    };
    let line = |text: &str| normaliser().line(text.as_bytes(), &origin("syslog"));
    check(line("x"));
    check(line("<13>May  4 10:11:12 web1 a: hi"));
    check(line("a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9 j=10 k=11 l=12"));
    check(json("{}"));
    check(json(r#"{"log_ts":5,"a":1,"msg":"x=1"}"#));
}
