//! What went wrong with object storage, in words that say what to do.

use crate::Error;
use std::path::Path;

/// Most characters of what a server said that are handed on.
const MOST: usize = 200;

/// What is wrong with an object that ends too early.
pub(super) const SHORTER: &str = "it is shorter than it was";

/// What to tell of an error at `path`, which is in the storage at `root`.
pub(super) fn told(error: object_store::Error, root: &Path, path: &Path) -> Error {
    let said = chain(&error);
    let code = element(&said, "Code").unwrap_or_default();
    let reason = match code {
        "NoSuchBucket" => {
            "there is no bucket of that name; create it or correct s3.bucket".to_owned()
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" => format!(
            "the server refuses the credential ({code}); check s3.access_key_id, the secret access key and s3.region"
        ),
        "RequestTimeTooSkewed" => {
            "the server's clock and the one of this machine differ by too much; set them by NTP"
                .to_owned()
        }
        // A range that begins beyond the end.
        "InvalidRange" => {
            return Error::Damaged {
                path: path.to_owned(),
                reason: SHORTER.to_owned(),
            };
        }
        "AccessDenied" => {
            "the credential may not do this (AccessDenied); it needs GetObject, PutObject, DeleteObject and ListBucket"
                .to_owned()
        }
        _ => match error {
            object_store::Error::NotFound { .. } => {
                return Error::Missing {
                    path: path.to_owned(),
                };
            }
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => format!(
                "the server refuses the credential; check s3.access_key_id and the secret access key ({})",
                short(&said)
            ),
            _ => short(&said),
        },
    };
    Error::Storage {
        place: root.display().to_string(),
        reason,
    }
}

/// Everything that an error says, with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !said.contains(&more) {
            said.push_str(": ");
            said.push_str(&more);
        }
        source = cause.source();
    }
    said
}

/// The content of an element of S3's error documents.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = &text[text.find(&format!("<{name}>"))? + name.len() + 2..];
    Some(&rest[..rest.find("</")?])
}

/// The part of an error that says most: what the server's document tells, or what stands
/// behind how often and how long the library tried. Servers say what they like, so it is cut
/// and one line.
fn short(said: &str) -> String {
    let text = match (element(said, "Code"), element(said, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => {
            let end = said.split_once(" - ").map_or(said, |(_, end)| end);
            end.trim_end_matches([':', ' ']).to_owned()
        }
    };
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let length = text.chars().count();
    plain.skip(length.saturating_sub(MOST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: source.into(),
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let check = |error: object_store::Error, expect: &str| {
            let told = told(error, Path::new("s3://b/p"), Path::new("s3://b/p/x"));
            let text = told.to_string();
            assert!(text.contains(expect), "{text}");
            assert!(text.chars().count() < 400 && !text.contains('\n'), "{text}");
        };
        let document = |code: &str| format!("403: <Error><Code>{code}</Code><Message>no</Message>");
        check(generic(&document("NoSuchBucket")), "s3.bucket");
        check(
            generic(&document("SignatureDoesNotMatch")),
            "s3.access_key_id",
        );
        check(generic(&document("SlowDown")), "SlowDown: no");
        check(
            generic("GET http://x in 3s, after 8 retries - HTTP error: connection refused: "),
            "s3://b/p: HTTP error: connection refused",
        );
        check(
            generic(&format!("{}\nconnection refused", "x".repeat(1_000))),
            "connection refused",
        );
        let missing = object_store::Error::NotFound {
            path: "x".to_owned(),
            source: "404".into(),
        };
        check(missing, "s3://b/p/x is missing");
    }
}
