//! One set of fields, however a Windows event comes.

use super::*;

/// A process start as the four ways in nest it.
const FLAT: &str = r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WS1","Provider_Name":"Microsoft-Windows-Sysmon","UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}"#;
const WINLOGBEAT: &str = r#"{"@timestamp":"2024-05-04T10:11:12.345Z","event":{"code":"1","provider":"Microsoft-Windows-Sysmon"},"message":"Process Create:\nImage: x","host":{"name":"collector"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","computer_name":"WS1","provider_name":"Microsoft-Windows-Sysmon","event_id":"1","record_id":485,"process":{"pid":776,"thread":{"id":540}},"event_data":{"UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}}}"#;
const NXLOG: &str = r#"{"EventTime":"2024-05-04 12:11:12","Hostname":"WS1","Keywords":-9223372036854775808,"EventType":"INFO","EventID":1,"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Message":"Process Create","UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob","SourceModuleType":"im_msvistalog"}"#;
const EVTX: &str = r##"{"Event":{"#attributes":{"xmlns":"http://schemas.microsoft.com/win/2004/08/events/event"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon","Guid":"5770385F"}},"EventID":{"#attributes":{"Qualifiers":0},"#text":1},"TimeCreated":{"#attributes":{"SystemTime":"2024-05-04T10:11:12.400Z"}},"EventRecordID":24322,"Correlation":null,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WS1"},"EventData":{"UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}}}"##;
const EVTX_SEPARATE: &str = r#"{"Event":{"System":{"Provider_attributes":{"Name":"Microsoft-Windows-Sysmon"},"EventID":1,"TimeCreated_attributes":{"SystemTime":"2024-05-04T10:11:12.400Z"},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WS1"},"EventData":{"UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}}}"#;
const OPEN_TELEMETRY: &str = r#"{"channel":"Microsoft-Windows-Sysmon/Operational","computer":"WS1","event_id":{"id":1,"qualifiers":0},"provider":{"name":"Microsoft-Windows-Sysmon"},"system_time":"2024-05-04T10:11:12.400Z","event_data":{"UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}}"#;
const WINLOGBEAT_6: &str = r#"{"@timestamp":"2024-05-04T10:11:12.345Z","beat":{"name":"collector"},"host":{"name":"collector"},"type":"wineventlog","message":"Process Create:\nImage: x","log_name":"Microsoft-Windows-Sysmon/Operational","computer_name":"WS1","source_name":"Microsoft-Windows-Sysmon","event_id":1,"record_number":"485","process_id":1900,"event_data":{"UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe","CommandLine":"cmd /c \"echo <a> & b\"","User":"CORP\\bob"}}"#;
const XML: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F}'/><EventID>1</EventID><TimeCreated SystemTime='2024-05-04T10:11:12.400000000Z'/><EventRecordID>24322</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>WS1</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='UtcTime'>2024-05-04 10:11:12.345</Data><Data Name='Image'>C:\\Windows\\System32\\cmd.exe</Data><Data Name='CommandLine'>cmd /c \"echo &lt;a&gt; &amp; b\"</Data><Data Name='User'>CORP\\bob</Data></EventData></Event>";

#[test]
fn one_set_of_fields() {
    let s = |text: &str| Value::str(text);
    let check = |event: &Event, from: &str| {
        let found = fields(event);
        for (name, value) in [
            ("EventID", Value::Int(1)),
            ("event_id", Value::Int(1)),
            ("Channel", s("Microsoft-Windows-Sysmon/Operational")),
            ("Provider_Name", s("Microsoft-Windows-Sysmon")),
            ("Image", s("C:\\Windows\\System32\\cmd.exe")),
            ("CommandLine", s("cmd /c \"echo <a> & b\"")),
            ("User", s("CORP\\bob")),
            ("norm_id", s("WindowsSysmon")),
            ("label", list(&["Process", "Create"])),
            ("device_name", s("WS1")),
        ] {
            assert_eq!(found.get(name), Some(&value), "{name} of {from}");
        }
        let nested = found.keys().find(|name| {
            name.starts_with("winlog.")
                || name.starts_with("event_data.")
                || name.starts_with("Event.")
                || name.contains('#')
        });
        assert_eq!(nested, None, "{from}");
        let off = event.log_ts.0 - utc("2024-05-04T10:11:12.345Z").0;
        assert!(
            (0..60_000).contains(&off),
            "{from}: {}",
            event.log_ts.to_rfc3339()
        );
    };
    let nested = [
        WINLOGBEAT,
        WINLOGBEAT_6,
        NXLOG,
        EVTX,
        EVTX_SEPARATE,
        OPEN_TELEMETRY,
    ];
    for text in [FLAT].into_iter().chain(nested) {
        check(&json(text), text);
        // The same through syslog, from a relay whose name says nothing.
        let line = format!("<14>1 2024-05-05T00:00:00Z relay - - - - {text}");
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        check(&event, &line);
        assert_eq!(event.msg(), line);
    }
    for line in [
        XML.to_owned(),
        format!("<13>May  5 00:00:00 relay nxlog: {XML}"),
    ] {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        check(&event, &line);
        assert_eq!(event.msg(), line);
    }
    let event = json(&serde_json::json!({"message": XML, "agent": "x"}).to_string());
    check(&event, "XML in a message");
}

/// The taxonomy has an `event_id` as well, and so have the events of many programs.
#[test]
fn an_event_id_alone_is_none_of_windows() {
    let event = json(r#"{"event_id":4625,"log_name":"x","message":"CEF:0|v|p|1|2|n|3|"}"#);
    let found = own(&event);
    assert_eq!(found["event_id"], Value::Int(4625));
    assert_eq!(found["norm_id"], Value::str("CEF"));
    assert!(!found.contains_key("EventID"));
}

#[test]
fn what_a_flat_event_says_stays() {
    let event = json(
        r#"{"EventID":104,"Channel":"System","winlog":{"channel":"x","event_data":{"Channel":"y"}}}"#,
    );
    let found = fields(&event);
    assert_eq!(found["Channel"], Value::str("System"));
    assert_eq!(found["winlog.event_data.Channel"], Value::str("y"));
}

#[test]
fn data_of_other_kinds() {
    let line = "<Event><System><EventID Qualifiers='16384'>7036</EventID><Channel>System</Channel></System><EventData><Data>Print Spooler</Data><Data>running</Data><Binary>53</Binary></EventData><RenderingInfo Culture='en-US'><Message>The service entered.\nMore</Message></RenderingInfo></Event>";
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    let found = fields(&event);
    let check = |name: &str, expect: &str| assert_eq!(found[name].text(), expect, "{name}");
    check("EventID", "7036");
    check("Qualifiers", "16384");
    check("param1", "Print Spooler");
    check("param2", "running");
    check("Binary", "53");
    check("Message", "The service entered.\nMore");
    let line = "<Event><System><EventID>1102</EventID><Channel>Security</Channel></System><UserData><LogFileCleared xmlns='n'><SubjectUserName>bob</SubjectUserName></LogFileCleared></UserData></Event>";
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    assert_eq!(event.get("SubjectUserName"), Some(&Value::str("bob")));
    assert_eq!(event.get("label"), Some(&list(&["Audit", "Log", "Clear"])));
}

#[test]
fn broken_xml_is_text_that_says_so() {
    let event = SHARED.line(b"<Event><System><EventID>1", &origin("syslog"));
    assert_eq!(event.msg(), "<Event><System><EventID>1");
    let told = event.get("_parse_error").unwrap().text().into_owned();
    assert!(told.starts_with("no Windows event in XML: "), "{told}");
}
