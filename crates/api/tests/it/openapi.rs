//! The OpenAPI document, locked: a change of the interface shows in review.

#[test]
fn document() {
    let mut document = serde_json::to_value(cresset_api::openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    // The version changes with every release, the interface need not.
    document["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = serde_json::to_value(cresset_api::openapi()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(
                ids.insert(id.to_owned()),
                "{method} {path}: {id} occurs twice"
            );
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says nothing"
            );
        }
    }
}
