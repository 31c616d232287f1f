//! LogicMonitor's API below `/santaba/rest` (spec/logicmonitor-api.md).
//!
//! [`router::routes`] is the table of contents; each endpoint is one file. An endpoint is a
//! handler that takes the state and a [`call::Call`] and returns a [`envelope::Reply`]:
//!
//! ```text
//! pub(crate) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
//!     call.rights.read_users()?;
//!     let number = call.number("adminId")?;
//!     let account = api.catalog.account(number).await?.ok_or_else(|| no_user(number))?;
//!     Ok(call.object(shape::of(&account)))
//! }
//! ```
//!
//! By the time a handler runs, the caller is proven, the body is read, the account's quota is
//! spent and the version is known. [`call::Call`] offers the parts of the path and the
//! query, the body as a JSON object, what the caller may do, and audit entries.
//! What goes wrong is a [`crate::error::Error`] as everywhere else; [`around::around`] gives it
//! the envelope of the version, also where no endpoint was found. Nobody but
//! [`envelope`] knows a status number.

mod access_logs;
mod around;
mod call;
mod company_setting;
mod envelope;
mod extras;
mod given;
mod list_params;
mod quota;
mod rank;
mod rights;
mod roles;
mod router;
mod spelling;
mod tokens;
mod users;
mod version;

pub(crate) use around::around;
pub(crate) use quota::Quotas;
pub(crate) use router::routes;
pub(crate) use spelling::settle;

/// What stands before every path of this API, and is not signed.
pub(crate) const BASE: &str = "/santaba/rest";

/// The part of `path` that clients sign, if it is a path of this API.
pub(crate) fn resource(path: &str) -> Option<&str> {
    path.strip_prefix(BASE)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
