//! The words of Cresset: events, repos, alert rules, incidents, notifications,
//! users and lists, and the clock and entropy that everything else borrows.
//!
//! Nothing here does I/O, reads the time or draws randomness; the two traits
//! [`Clock`] and [`Entropy`] are implemented by the binary and by tests.

pub mod account;
pub mod attack;
pub mod clock;
pub mod event;
pub mod filter;
pub mod grants;
pub mod group;
pub mod html;
pub mod id;
pub mod incident;
pub mod instance;
pub mod list;
pub mod macros;
pub mod notification;
pub mod packed;
pub mod repo;
pub mod role;
pub mod rule;
pub mod scope;
pub mod secret;
pub mod shared;
pub mod token;
pub mod user;

pub use clock::{Clock, Duration, Entropy, ManualClock, Timestamp};
pub use event::{Event, FieldName, Value};
pub use id::ObjectId;
pub use packed::{Packed, Packer};
pub use secret::SecretString;
pub use shared::SharedEvent;
