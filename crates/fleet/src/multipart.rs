//! A form with one file, as `UserDefinedList/import_api` wants it.

/// Content type and body of a form with texts and one file.
pub(crate) fn form(
    texts: &[(&str, &str)],
    file: (&str, &str, &str),
    bytes: &[u8],
) -> (String, Vec<u8>) {
    let boundary = boundary(bytes);
    let mut body = Vec::with_capacity(bytes.len() + 512);
    for (name, text) in texts {
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            )
            .as_bytes(),
        );
    }
    let (name, filename, kind) = file;
    body.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; \
             filename=\"{filename}\"\r\nContent-Type: {kind}\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A line that the file does not hold.
fn boundary(bytes: &[u8]) -> String {
    let mut number = 0_u32;
    loop {
        let candidate = format!("cresset-part-{number:08x}");
        let mut windows = bytes.windows(candidate.len());
        if !windows.any(|w| w == candidate.as_bytes()) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_not_in_the_file() {
        let file = b"a\ncresset-part-00000000\nb";
        let (kind, body) = form(&[("n", "X")], ("f", "X.txt", "text/plain"), file);
        assert!(kind.ends_with("boundary=cresset-part-00000001"), "{kind}");
        let text = String::from_utf8(body).unwrap();
        assert!(text.starts_with("--cresset-part-00000001\r\n"), "{text}");
        assert!(text.contains("name=\"n\"\r\n\r\nX\r\n"), "{text}");
        assert!(
            text.contains("filename=\"X.txt\"\r\nContent-Type: text/plain\r\n\r\na\n"),
            "{text}"
        );
        assert!(
            text.ends_with("b\r\n--cresset-part-00000001--\r\n"),
            "{text}"
        );
    }
}
