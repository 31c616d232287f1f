//! End to end: the real binary, real sinks, real files.

mod alert;
mod api_command;
mod audit;
mod bad_input;
mod canary;
mod cli;
mod conformance;
mod conformance_g6;
mod conformance_logicmonitor;
mod conformance_search;
mod conformance_shippers;
mod corpus;
mod crash;
mod delivery;
mod dev_script;
mod fleet;
mod group;
mod hostile_server;
mod instance;
mod lists;
mod normalize;
mod object_storage;
mod plain_parquet;
mod preferences;
#[path = "../../src/proc_memory.rs"]
mod proc_memory;
mod request_target;
mod rules_as_code;
mod sealing_keys;
mod shippers;
mod start;
mod syslog_tls;
mod tables;
mod token_care;
mod tutorial;
mod world;
