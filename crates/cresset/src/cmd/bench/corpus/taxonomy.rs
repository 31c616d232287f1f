//! The names that converted Sigma rules look for, beside those that Windows gives.
//!
//! The queries of a corpus name fields as the converter does, the events as Windows does; most
//! queries would find nothing, and agree about that. So events get copies under the other names
//! before they are sent, and the labels that go with them. No meaning is lost if one is missing.

use serde_json::{Map, Value};

/// A field as Windows names it, and as the converter does.
const FIELDS: [(&str, &str); 52] = [
    ("AccessMask", "access"),
    ("AttributeValue", "attribute_value"),
    ("CallTrace", "call_trace"),
    ("Channel", "channel"),
    ("CommandLine", "command"),
    ("ContextInfo", "context_info"),
    ("Contents", "contents"),
    ("Data", "data"),
    ("Description", "description"),
    ("DestinationHostname", "destination_host"),
    ("DestinationIp", "destination_address"),
    ("DestinationPort", "destination_port"),
    ("Details", "detail"),
    ("EventType", "event_type"),
    ("GrantedAccess", "access"),
    ("Image", "process"),
    ("ImageLoaded", "image"),
    ("ImagePath", "file"),
    ("Imphash", "hash_import"),
    ("Initiated", "is_initiated"),
    ("IntegrityLevel", "integrity_level"),
    ("IpAddress", "source_address"),
    ("LogonProcessName", "logon_process"),
    ("LogonType", "logon_type"),
    ("Message", "message"),
    ("NewName", "new_name"),
    ("NewProcessName", "process"),
    ("ObjectName", "object_name"),
    ("ObjectServer", "object_server"),
    ("ObjectType", "object_type"),
    ("OriginalFileName", "file"),
    ("ParentCommandLine", "parent_command"),
    ("ParentImage", "parent_process"),
    ("ParentProcessName", "parent_process"),
    ("Payload", "payload"),
    ("PipeName", "pipe"),
    ("Product", "application"),
    ("Provider_Name", "event_source"),
    ("QueryName", "query"),
    ("RelativeTargetName", "relative_target"),
    ("ScriptBlockText", "script_block"),
    ("ServiceName", "service"),
    ("ShareName", "share_name"),
    ("Signed", "is_signed"),
    ("SourceImage", "source_image"),
    ("SourceName", "event_source"),
    ("SourcePort", "source_port"),
    ("Status", "status"),
    ("TargetFilename", "target_file"),
    ("TargetImage", "image"),
    ("TargetObject", "target_object"),
    ("Company", "vendor"),
];

/// Labels of Sysmon's events that the server does not give, by the number of the event.
const LABELS: [(i64, &[&str]); 8] = [
    (3, &["Detect"]),
    (9, &["Access"]),
    (11, &["Overwrite"]),
    (12, &["Map", "Key"]),
    (13, &["Map"]),
    (14, &["Map", "Key"]),
    (15, &["Hash"]),
    (22, &["Execute"]),
];

/// Adds the other names and labels to an event.
pub(super) fn add(event: &mut Map<String, Value>) {
    for (from, to) in FIELDS {
        if !event.contains_key(to)
            && let Some(value) = event.get(from).filter(|v| **v != "-").cloned()
        {
            event.insert(to.to_owned(), value);
        }
    }
    let sysmon = event
        .get("Channel")
        .and_then(Value::as_str)
        .is_some_and(|channel| channel.contains("Sysmon"));
    let id = event.get("EventID").and_then(Value::as_i64);
    let labels = LABELS.iter().find(|(of, _)| sysmon && id == Some(*of));
    if let Some((_, labels)) = labels
        && !event.contains_key("label")
    {
        event.insert("label".to_owned(), labels.iter().copied().collect());
    }
}
