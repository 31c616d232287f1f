use super::*;
use cresset_model::Timestamp;
use std::sync::Arc;

fn request(query: &str) -> SearchRequest {
    SearchRequest {
        plan: Arc::new(cresset_query::compile(query).unwrap()),
        repos: Vec::new(),
        from: Timestamp::from_secs(0),
        to: Timestamp::from_secs(1),
        part_of: None,
        timezone: "UTC".to_owned(),
        limit: 1,
        up_to_seq: None,
        timeout: Duration::seconds(1),
    }
}

#[test]
fn a_running_poll_has_the_keys_of_a_final_one() {
    let check = |query: &str, names: &[&str]| {
        let reply = running("id", &request(query));
        assert_eq!(
            (&reply["final"], &reply["rows"]),
            (&json!(false), &json!([]))
        );
        for name in names {
            assert!(!reply[*name].is_null(), "{query}: {name}");
        }
    };
    check("user=*", &["estim_count"]);
    let chart = [
        "num_aggregated",
        "columns",
        "aliases",
        "grouping",
        "extra_fields",
    ];
    check("| chart count() by user", &chart);
}
