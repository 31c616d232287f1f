//! Helpers of the unit tests.

use cresset_model::Entropy;

/// Entropy that always gives the same byte.
pub(crate) struct Fixed(pub(crate) u8);

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(self.0);
    }
}

/// An incident with two rows, one of them hostile.
pub(crate) fn incident() -> cresset_model::incident::Incident {
    use cresset_model::rule::{MetadataField, Risk, Taxonomy};
    use cresset_model::{ObjectId, Timestamp};
    let row = |json: serde_json::Value| json.as_object().cloned().unwrap_or_default();
    cresset_model::incident::Incident {
        id: ObjectId::from_bytes([0xab; 12]),
        rule_id: ObjectId::from_bytes([1; 12]),
        slot_end: Timestamp::from_secs(1_700_000_400),
        name: "Brute \"force\" <b>".to_owned(),
        description: "Many failures".to_owned(),
        owner: ObjectId::from_bytes([2; 12]),
        assignee: None,
        risk: Risk::High,
        status: cresset_model::incident::IncidentStatus::Unresolved,
        query: "label=Fail | chart count() as cnt by source_address".to_owned(),
        repos: Vec::new(),
        window_from: Timestamp::from_secs(1_699_999_400),
        window_to: Timestamp::from_secs(1_700_000_000),
        detected_at: Timestamp::from_secs(1_700_000_000),
        rows_count: 2,
        rows: vec![
            row(
                serde_json::json!({"source_address": "203.0.113.9", "cnt": 7, "log_ts": 1_700_000_000}),
            ),
            row(
                serde_json::json!({"source_address": "<script>\"\\\n", "cnt": 5, "log_ts": "1700000000"}),
            ),
        ],
        comments: Vec::new(),
        throttle_enabled: false,
        taxonomy: Taxonomy {
            attack_tag_hashes: vec![
                "0123".to_owned(),
                "94711e5d399c28939c688f086b7faf85".to_owned(),
            ],
            logsources: vec![String::new(), "sshd".to_owned()],
            metadata: vec![
                MetadataField {
                    field: "author".to_owned(),
                    value: "Ada".to_owned(),
                },
                MetadataField {
                    field: "threat_actor".to_owned(),
                    value: "APT 0".to_owned(),
                },
                MetadataField {
                    field: "risk".to_owned(),
                    value: "forged".to_owned(),
                },
            ],
        },
    }
}
