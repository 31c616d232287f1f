//! The few messages that are answered, in protobuf.

use crate::error::Error;
use cresset_model::Duration;

/// The code of gRPC for an error.
pub(super) const fn code(error: &Error) -> u8 {
    match error {
        Error::Unauthenticated(_) | Error::ClockSkew { .. } | Error::Credentials => 16,
        Error::Forbidden(_) => 7,
        Error::NotFound(_) => 5,
        // RESOURCE_EXHAUSTED without a time to wait is not sent again.
        Error::TooLarge { .. } | Error::TooMany { .. } => 8,
        Error::UnknownPath(_) | Error::WrongMethod(_) | Error::UnsupportedMedia(_) => 12,
        Error::Busy { .. }
        | Error::Throttled(_)
        | Error::OverQuota
        | Error::TooSlow { .. }
        | Error::Timeout
        | Error::Internal(_) => 14,
        _ => 3,
    }
}

/// `google.rpc.Status{1 code, 2 message, 3 details}`, whose details say when to try again.
pub(super) fn message(code: u8, text: &str, wait: Option<Duration>) -> Vec<u8> {
    let mut status = Vec::new();
    put_number(1, code.into(), &mut status);
    put_bytes(2, text.as_bytes(), &mut status);
    if let Some(wait) = wait {
        let seconds = u64::try_from(wait.0)
            .unwrap_or(0)
            .div_ceil(1_000_000)
            .max(1);
        let (mut duration, mut info, mut any) = (Vec::new(), Vec::new(), Vec::new());
        put_number(1, seconds, &mut duration);
        put_bytes(1, &duration, &mut info);
        put_bytes(1, b"type.googleapis.com/google.rpc.RetryInfo", &mut any);
        put_bytes(2, &info, &mut any);
        put_bytes(3, &any, &mut status);
    }
    status
}

/// `ExportLogsServiceResponse{1 partial_success{1 rejected_log_records, 2 error_message}}`;
/// empty if all was taken.
pub(super) fn response(refused: Option<(u64, &str)>) -> Vec<u8> {
    let mut response = Vec::new();
    if let Some((count, reason)) = refused {
        let mut partial = Vec::new();
        put_number(1, count, &mut partial);
        put_bytes(2, reason.as_bytes(), &mut partial);
        put_bytes(1, &partial, &mut response);
    }
    response
}

fn put_number(field: u8, n: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    put_varint(n, out);
}

fn put_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_protobuf() {
        assert_eq!(response(None), b"");
        assert_eq!(response(Some((2, "no"))), b"\x0a\x06\x08\x02\x12\x02no");
        assert_eq!(message(3, "bad", None), b"\x08\x03\x12\x03bad");
        let long = "x".repeat(300);
        assert_eq!(message(3, &long, None)[..5], *b"\x08\x03\x12\xac\x02");
        let told = message(14, "busy", Some(Duration::seconds(5)));
        let info = b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x05";
        let expected = [&b"\x08\x0e\x12\x04busy\x1a\x30"[..], info].concat();
        assert_eq!(told, expected);
    }
}
