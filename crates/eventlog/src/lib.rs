//! The event log: the durable order of arrival of all events.
//!
//! An append that returned is on stable storage. Consumers (the detector, the
//! store's flusher, searches) read the *tail*: every event that some consumer
//! still needs, held in memory and rebuilt from disk at start.
//!
//! [`EventLog`] is the port; [`LocalLog`] keeps it in a directory of this machine.

mod disk;
mod local;
mod port;
mod tail;

pub use disk::{Disk, DiskFile, RealDisk};
pub use local::{Cause, Damage, LocalLog, LocalLogConfig, Recovery, Resume};
pub use port::{Appended, Batch, Error, EventLog, Result};
