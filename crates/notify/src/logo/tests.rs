use super::*;
use base64::engine::general_purpose::STANDARD;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    // A comment, a fill byte, a table of codes and a frame header.
    let mut bytes = b"\xff\xd8\xff\xfe\0\x04hi\xff\xff\xc4\0\x03x\xff\xc2\0\x11\x08".to_vec();
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes
}

fn uri(media: &str, bytes: &[u8]) -> String {
    format!("data:{media};base64,{}", STANDARD.encode(bytes))
}

#[test]
fn images_are_known_by_their_headers() {
    let check = |text: &str, expect: Result<(Format, u32, u32), &str>| {
        let read = read(text).map(|logo| (logo.format, logo.width, logo.height));
        match (&read, expect) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            _ => assert_eq!(read.as_ref().ok(), expect.ok().as_ref(), "{text}: {read:?}"),
        }
    };
    check(&uri("image/png", &png(160, 75)), Ok((Format::Png, 160, 75)));
    check(
        &uri("image/jpeg", &jpeg(120, 40)),
        Ok((Format::Jpeg, 120, 40)),
    );
    check(
        &uri("application/octet-stream", &jpeg(1, 1)),
        Ok((Format::Jpeg, 1, 1)),
    );
    let unpadded = uri("image/png", &png(9, 9));
    check(unpadded.trim_end_matches('='), Ok((Format::Png, 9, 9)));
    check("x", Err("must be a JPEG or PNG image"));
    check("data:image/png,x", Err("must be a JPEG or PNG image"));
    check("data:image/png;base64,###", Err("must be a JPEG or PNG"));
    check(&uri("image/png", b"GIF89a"), Err("this file is neither"));
    check(&uri("image/png", &png(161, 75)), Err("not 161×75"));
    check(&uri("image/jpeg", &jpeg(160, 76)), Err("not 160×76"));
    check(&uri("image/png", &png(0, 9)), Err("header does not read"));
    for whole in [png(9, 9), jpeg(9, 9)] {
        for cut in 8..whole.len() {
            assert!(judge(whole[..cut].to_vec()).is_err(), "{cut}");
        }
    }
    check(
        &uri("image/jpeg", b"\xff\xd8\xff\xda\0\x02"),
        Err("header does not read"),
    );
    let mut heavy = png(9, 9);
    heavy.resize(MAX_BYTES, 0);
    check(&uri("image/png", &heavy), Ok((Format::Png, 9, 9)));
    heavy.push(0);
    check(&uri("image/png", &heavy), Err("at most 100 KB"));
    heavy.resize(MAX_BYTES * 9, 0);
    check(&uri("image/png", &heavy), Err("at most 100 KB"));
}

#[test]
fn what_is_saved() {
    let image = uri("image/png", &png(9, 9));
    for (enabled, logo_type, logo, fine) in [
        (false, "", "", true),
        (false, "", image.as_str(), true),
        (false, "", "x", false),
        (true, "", "", true),
        (true, "default", "", true),
        (true, "custom", "", false),
        (true, "custom", image.as_str(), true),
        (true, "default", "x", false),
    ] {
        let checked = check(enabled, logo_type, logo);
        assert_eq!(checked.is_ok(), fine, "{enabled} {logo_type} {logo}");
    }
    let own = judge(BUILT_IN.to_vec()).unwrap();
    assert_eq!((own.width, own.height), (120, 40));
}

#[test]
fn the_image_stands_on_top_of_the_body() {
    let logo = judge(png(8, 4)).unwrap();
    let image = "<p><img src=\"cid:l@x\" alt=\"\" width=\"8\" height=\"4\"></p>";
    for (html, before, after) in [
        ("<i>b</i>", "", "<i>b</i>"),
        (
            "<html><BODY class='a'>text</BODY>",
            "<html><BODY class='a'>",
            "text</BODY>",
        ),
        ("<bodyguard>ü", "", "<bodyguard>ü"),
        ("<body", "", "<body"),
    ] {
        let expect = format!("{before}{image}{after}");
        assert_eq!(on_top(html, &logo, "l@x"), expect);
    }
}
