//! End to end: the real binary, real sinks, real files.

mod alert;
mod bad_input;
mod cli;
mod crash;
mod delivery;
mod dev_script;
#[path = "../../src/proc_memory.rs"]
mod proc_memory;
mod start;
mod tutorial;
mod world;
