//! What a newcomer reads when the server is ready.

use crate::cmd::INITIAL;
use crate::config::Config;

/// Prints the address, where the credentials are, and three things to try.
pub(super) fn print(config: &Config, url: &str) {
    let exe = std::env::args()
        .next()
        .unwrap_or_else(|| "cresset".to_owned());
    let dir = config.data_dir.display();
    let credentials = config.data_dir.join(INITIAL);
    let at = if config.data_dir.as_os_str() == "data" {
        String::new()
    } else {
        format!(" --data-dir {dir}")
    };
    println!("\nCresset is ready at {url}");
    if credentials.exists() {
        println!(
            "  user admin; password and keys are in {}",
            credentials.display()
        );
    }
    println!("\nSend a log, search it, make an alert rule:\n");
    println!(
        "  echo 'sshd[7]: Failed password for root from 203.0.113.9 port 4711 ssh2' | {exe} ingest - --format syslog{at}"
    );
    println!("  {exe} search 'label=Login label=Fail' --last 1h{at}");
    println!(
        "  curl -H \"Authorization: Bearer $({exe} token --user admin --scope alertrules:write{at})\" -H 'Content-Type: application/json' {url}/AlertRules/create_api -d '{{\"name\":\"Failed logins\",\"search_params\":{{\"query\":\"label=Login label=Fail | chart count() as cnt by source_address | search cnt>=5\",\"timerange_minute\":10,\"search_interval_minute\":1,\"repos\":[]}},\"incident_condition\":{{\"condition_option\":\"greaterthan\",\"condition_value\":0,\"risk\":\"high\",\"aggregate\":\"max\"}},\"taxonomy\":{{}},\"incident_ownership\":{{\"assignee\":\"admin\"}},\"incident_display_data\":{{}}}}'\n"
    );
}
