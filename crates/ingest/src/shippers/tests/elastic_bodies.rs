//! `_bulk`.

use super::{bulk, reads};

#[test]
fn bulk_bodies() {
    let check =
        |body: &str, expect: &[&str]| reads(bulk(body.as_bytes(), Some("path")), expect, body);
    check("", &[]);
    check("\n \r\n", &[]);
    // The last line may end with the body, lines may end in CRLF, and blank ones stand anywhere.
    check(
        "{\"create\":{\"_index\":\"a\"}}\r\n\r\n{\"n\":1}\r\n\n{\"index\":{}}\n{\"n\":2}",
        &["[a] {\"n\":1} index=a", "[path] {\"n\":2} index=path"],
    );
    check(
        "{\"index\":{\"_index\": \"a\",\"_id\":null,\"routing\":null,\"_type\":\"_doc\",\"pipeline\":\"p\"}}\n{\"n\":1}\n",
        &["[a] {\"n\":1} index=a"],
    );
    check(
        "{\"index\":{\"_index\":\"q\\\"\",\"_id\":\"7\"}}\n{}\n",
        &["[q\"] {} index=q\" _id=7"],
    );
    check(
        "{\"delete\":{\"_id\":\"7\"}}\n{\"update\":{}}\n{\"doc\":{\"n\":1},\"doc_as_upsert\":true}\n",
        &["deleted", "[path] {\"n\":1} index=path"],
    );
    check(
        "{\"update\":{}}\n{\"script\":\"x\"}\n{\"update\":{}}\n{}\n{\"index\":{}}\n",
        &[
            "refused: Unreadable",
            "refused: Unreadable",
            "refused: Unreadable",
        ],
    );
    // What stands where an action should is one refusal, however long; then it goes on.
    check(
        "{\"index\":{}}\n{\"n\":1}\n{\"n\":\n2}\nx\n{\"index\":{}}\n{\"n\":3}\n",
        &[
            "[path] {\"n\":1} index=path",
            "refused: Unreadable",
            "[path] {\"n\":3} index=path",
        ],
    );
    for none in [
        "{}",
        "[]",
        "x",
        "{\"message\":\"a\"}\n{\"message\":\"b\"}",
        "{\"index\":{},\"create\":{}}",
        "{\"index\":7}",
    ] {
        let said = bulk(none.as_bytes(), None);
        assert!(
            said.items.is_empty() && said.broken.is_some(),
            "{none}: {said:?}"
        );
    }
}
