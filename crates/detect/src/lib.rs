//! Detection: alert rules over events, in three ways with one meaning.
//!
//! A rule's query runs over a window of event time. A rule whose result can only
//! grow with more events runs *live*: event by event, and it fires at the moment
//! its condition becomes true. All others run on *schedule*: once per search
//! interval, over stored events. A *backtest* runs either kind over history. All
//! three share the decision ([`decide`](mod@decide)), and the same events give the same
//! incidents.
//!
//! - Pure: [`rule`] (compiled rules), [`slots`] (event time in intervals),
//!   [`decide`](mod@decide) (condition, throttling, risk), [`live`] and [`engine`] (windows),
//!   [`schedule`], [`backtest`].
//! - With I/O: [`Detector`], which consumes the event log and runs the schedule, and
//!   [`history`], backtests over stored events.

pub mod backtest;
mod commit;
mod consumer;
pub mod decide;
mod detector;
pub mod engine;
mod groups;
pub mod history;
mod job;
pub mod live;
mod probe;
mod records;
pub mod rule;
mod rulebook;
mod ruleset;
pub mod schedule;
mod scheduler;
mod seeding;
pub mod slots;
#[cfg(test)]
mod testing;
mod window;

pub use detector::{
    DETECT_CURSOR, DetectHealth, DetectSettings, Detector, DetectorDeps, DetectorHandle,
};
pub use rule::{CompileError, CompiledRule, Mode, classify, told_mode};
