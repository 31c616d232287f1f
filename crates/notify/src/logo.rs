//! The logo of an e-mail: a small JPEG or PNG above the message.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use cresset_model::notification::EmailNotification;

/// Largest logo, in bytes.
pub const MAX_BYTES: usize = 100 * 1024;
/// Widest logo, in pixels.
pub const MAX_WIDTH: u32 = 160;
/// Highest logo, in pixels.
pub const MAX_HEIGHT: u32 = 75;

/// Our own, for notifications that want a logo and bring none.
const BUILT_IN: &[u8] = include_bytes!("../assets/logo.png");
/// The word for it in `logo_type`.
const DEFAULT: &str = "default";
/// Clients pad Base64 or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An image that may stand above a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// What it is.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The kinds of images that mail programs show everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
}

impl Format {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// A name for the file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Png => "logo.png",
            Self::Jpeg => "logo.jpg",
        }
    }
}

/// The logo that a notification asks for, if it asks for one. The error says what is
/// wrong with it.
pub fn of(notification: &EmailNotification) -> Result<Option<Logo>, String> {
    if !notification.logo_enable {
        return Ok(None);
    }
    match notification.logo.trim() {
        "" => built_in(&notification.logo_type).map(Some),
        text => read(text).map(Some),
    }
}

/// Checks what is saved: `logo` must be an image, and one that is to be shown must be
/// there, unless `logo_type` is `default`.
pub fn check(enabled: bool, logo_type: &str, logo: &str) -> Result<(), String> {
    match logo.trim() {
        "" if enabled => built_in(logo_type).map(drop),
        "" => Ok(()),
        text => read(text).map(drop),
    }
}

fn built_in(logo_type: &str) -> Result<Logo, String> {
    let wanted = logo_type.trim();
    if !wanted.is_empty() && !wanted.eq_ignore_ascii_case(DEFAULT) {
        return Err(format!(
            "is required; logo_type {DEFAULT} takes the built-in one"
        ));
    }
    judge(BUILT_IN.to_vec())
}

/// Reads a data URI. What the image is, its content says: uploads name odd types.
fn read(text: &str) -> Result<Logo, String> {
    let what = "must be a JPEG or PNG image, as data:image/png;base64,… or an uploaded file";
    let data = text
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(kind, data)| kind.ends_with(";base64").then_some(data))
        .ok_or(what)?;
    // Four letters carry three bytes; what is far too long is not decoded at all.
    if data.len() > MAX_BYTES * 2 {
        return Err(too_large());
    }
    let data: String = data.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(&data).map_err(|_| what)?;
    judge(bytes)
}

fn too_large() -> String {
    format!("must have at most {} KB", MAX_BYTES / 1024)
}

fn judge(bytes: Vec<u8>) -> Result<Logo, String> {
    let (format, size) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        (Format::Png, png_size(&bytes))
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        (Format::Jpeg, jpeg_size(&bytes))
    } else {
        return Err("must be a JPEG or PNG image; this file is neither".to_owned());
    };
    let (width, height) = size
        .filter(|(width, height)| *width > 0 && *height > 0)
        .ok_or("must be a whole image; this one's header does not read")?;
    if width > MAX_WIDTH || height > MAX_HEIGHT {
        return Err(format!(
            "must be at most {MAX_WIDTH}×{MAX_HEIGHT} pixels, not {width}×{height}"
        ));
    }
    if bytes.len() > MAX_BYTES {
        return Err(too_large());
    }
    Ok(Logo {
        bytes,
        format,
        width,
        height,
    })
}

/// Width and height, from the first chunk.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((number(16)?, number(20)?))
}

/// Width and height, from the first frame header.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            // Fill bytes before a marker.
            0xff => at += 1,
            // Markers without content.
            0x01 | 0xd0..=0xd7 => at += 2,
            // The pixels, or the end: no frame was described before.
            0xd9 | 0xda => return None,
            // Frame headers; the three left out define tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((number(at + 7)?.into(), number(at + 5)?.into()));
            }
            _ => at += 2 + usize::from(number(at + 2)?.max(2)),
        }
    }
}

/// Puts the image `cid` on top of an HTML body.
pub(crate) fn on_top(html: &str, logo: &Logo, cid: &str) -> String {
    let image = format!(
        "<p><img src=\"cid:{cid}\" alt=\"\" width=\"{}\" height=\"{}\"></p>",
        logo.width, logo.height
    );
    let lower = html.to_ascii_lowercase();
    let opened = lower.find("<body").and_then(|open| {
        let after = lower[open + 5..].chars().next()?;
        (after == '>' || after.is_ascii_whitespace()).then_some(open)
    });
    let at = opened
        .and_then(|open| lower[open..].find('>').map(|end| open + end + 1))
        .unwrap_or(0);
    format!("{}{image}{}", &html[..at], &html[at..])
}

#[cfg(test)]
mod tests;
