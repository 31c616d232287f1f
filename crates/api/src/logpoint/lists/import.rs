//! `POST /UserDefinedList/import_api`

use super::file::{self, Contents, Format};
use crate::auth::{Authorized, SearchWrite};
use crate::body;
use crate::error::{Error, Result, ValidationErrors};
use crate::logpoint::schemas::lists::{ImportForm, Imported};
use crate::state::Api;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request, State};
use bytes::Bytes;
use cresset_model::Duration;
use cresset_model::list::{ListKind, valid_name};
use hyper::body::Body as _;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

/// Largest body: a million SHA-256 values in quotes.
const MAX_BODY: usize = 80 << 20;

/// Creates a static list from a CSV or TXT file, or replaces the values of one.
///
/// A file that does not read changes nothing.
#[utoipa::path(
    post, path = "/UserDefinedList/import_api", tag = "Lists",
    security(("jwt" = ["search:write"])),
    request_body(content = ImportForm, content_type = "multipart/form-data", description =
        "`package_import_name`: 2 to 100 letters, digits, `_` and `-`, stored in upper case. \
         `package_import`: one CSV or TXT file with a value per line; of a CSV the first column"),
    responses((status = 200, description = "Imported", body = Imported, example = json!({
        "success": true, "summary": "BAD_HOSTS: 2 values",
        "message": "BAD_HOSTS imported successfully"})),
        (status = 422, description = "`validationErrors` by part, with the line of the file"))
)]
pub(crate) async fn import(
    State(api): State<Api>,
    caller: Authorized<SearchWrite>,
    request: Request,
) -> Result<Json<Value>> {
    let (_permit, limit) = room(&api, request.body())?;
    let (parts, body) = request.into_parts();
    let bytes = body::read(&api, body, limit, None).await?;
    let form = read_form(Request::from_parts(parts, Body::from(bytes))).await?;
    let (name, contents) = contents(form).await?;
    let kind = api.catalog.list(&name).await?.map(|list| list.kind);
    if kind == Some(ListKind::DynamicList) {
        let message = format!("{name} is a dynamic list, which only queries fill");
        return Err(Error::field("package_import_name", message));
    }
    let read = contents.values.len() as u64;
    let (id, now) = (api.new_id(), api.now());
    let list = api
        .catalog
        .put_list(id, &name, contents.values, now)
        .await?;
    let detail = format!("{} with {} values", list.name, list.len);
    api.audit(&caller.user.username, caller.peer, "list_imported", detail)
        .await;
    let mut summary = format!("{}: {} values", list.name, list.len);
    if read > list.len {
        summary += &format!(", {} duplicates left out", read - list.len);
    }
    if let Some(header) = contents.header {
        summary += &format!(", first line {header:?} taken as a header");
    }
    Ok(Json(json!({
        "success": true,
        "summary": summary,
        "message": format!("{} imported successfully", list.name),
    })))
}

/// How large the body may be. Of those larger than any other endpoint's, or of unknown
/// size, only one is in memory at a time.
fn room<'a>(api: &'a Api, body: &Body) -> Result<(Option<SemaphorePermit<'a>>, usize)> {
    let usual = api.settings.max_body_bytes;
    if body.size_hint().upper().is_some_and(|n| n <= usual as u64) {
        return Ok((None, usual));
    }
    let permit = api.importing.try_acquire().map_err(|_| Error::Busy {
        message: "another large list is being imported; try again".to_owned(),
        retry_after: Duration::seconds(5),
    })?;
    Ok((Some(permit), MAX_BODY.max(usual)))
}

#[derive(Default)]
struct Form {
    name: Option<String>,
    file: Option<File>,
    more_files: bool,
}

struct File {
    name: String,
    media: String,
    bytes: Bytes,
}

async fn read_form(request: Request) -> Result<Form> {
    let broken = |e: &dyn std::fmt::Display| Error::Malformed(format!("the form is broken: {e}"));
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| {
        Error::UnsupportedMedia("the content type must be multipart/form-data".to_owned())
    })?;
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|e| broken(&e))? {
        match part.name() {
            Some("package_import_name") => {
                let bytes = part.bytes().await.map_err(|e| broken(&e))?;
                form.name = Some(String::from_utf8_lossy(&bytes).trim().to_owned());
            }
            Some("package_import") => {
                form.more_files |= form.file.is_some();
                form.file = Some(File {
                    name: part.file_name().unwrap_or_default().to_owned(),
                    media: part.content_type().unwrap_or_default().to_owned(),
                    bytes: part.bytes().await.map_err(|e| broken(&e))?,
                });
            }
            _ => {}
        }
    }
    Ok(form)
}

/// The list's name in upper case and its values, or everything that is wrong with the form.
async fn contents(form: Form) -> Result<(String, Contents)> {
    let mut errors = ValidationErrors::default();
    match &form.name {
        None => errors.add(&["package_import_name"], "is required"),
        Some(name) if !valid_name(name) => errors.add(
            &["package_import_name"],
            "must be 2 to 100 letters, digits, _ and -, with neither _ nor - at an end",
        ),
        Some(_) => {}
    }
    let name = form.name.unwrap_or_default().to_ascii_uppercase();
    let mut contents = None;
    match form.file {
        None => errors.add(&["package_import"], "is required"),
        Some(_) if form.more_files => {
            errors.add(&["package_import"], "one file is taken per call");
        }
        Some(file) => match Format::of(&file.name, &file.media) {
            None => errors.add(&["package_import"], "must be a .csv or a .txt file"),
            Some(format) => {
                let of = name.clone();
                let read =
                    tokio::task::spawn_blocking(move || file::read(format, &file.bytes, &of))
                        .await
                        .map_err(|e| Error::Internal(format!("a list could not be read: {e}")))?;
                match read {
                    Ok(read) => contents = Some((name, read)),
                    Err(mistake) => errors.add(&["package_import"], mistake),
                }
            }
        },
    }
    errors.into_result(contents)
}
