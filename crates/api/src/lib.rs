//! The HTTP interface: Logpoint's API, LogicMonitor's, what is Cresset's own, and the protocols
//! in which log shippers send.
//!
//! [`router()`] is the table of contents: every endpoint is one line there and one file
//! below [`logpoint`], `logicmonitor`, [`native`] or `shippers`. Handlers return [`error::Error`], and the only
//! place that knows which status and which body shape a client sees is
//! [`error::render`], with one module beside it for each foreign protocol. Handlers reach the rest of the system through the ports in
//! [`AppState`]; there is no SQL and no file here.

mod asked;
pub mod auth;
mod body;
mod budget;
pub mod endpoints;
pub mod error;
mod layers;
mod logicmonitor;
pub mod logpoint;
mod messages;
pub mod native;
mod router;
mod shippers;
mod state;
pub mod target;

pub use messages::{CheckLogo, CheckTemplate, IncidentView, Messages};
pub use router::{openapi, router};
pub use state::{ApiSettings, AppState, Pace, Readiness, RuleMode, V1AuthFailure};
