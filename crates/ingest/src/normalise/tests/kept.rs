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
