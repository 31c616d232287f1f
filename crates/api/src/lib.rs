//! The HTTP interface: Logpoint's API, LogicMonitor's, and what is Cresset's own.
//!
//! [`router()`] is the table of contents: every endpoint is one line there and one file
//! below [`logpoint`], `logicmonitor` or [`native`]. Handlers return [`error::Error`], and the only
//! place that knows which status and which body shape a client sees is
//! [`error::render`]. Handlers reach the rest of the system through the ports in
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
mod state;
pub mod target;

pub use messages::{CheckLogo, CheckTemplate, IncidentView, Messages};
pub use router::{openapi, router};
pub use state::{ApiSettings, AppState, Pace, Readiness, RuleMode, V1AuthFailure};
