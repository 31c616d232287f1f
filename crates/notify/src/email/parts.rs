//! The parts of a message: text, HTML and, if there is one, the logo inside the HTML.

use super::Email;
use crate::{logo, plain_text};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};

/// The body of `email`; `domain` makes the name of the image unique.
pub(super) fn of(email: &Email, domain: &str) -> Result<MultiPart, String> {
    let text = plain_text::from_html(&email.html);
    let Some(image) = &email.logo else {
        return Ok(MultiPart::alternative_plain_html(text, email.html.clone()));
    };
    let cid = format!("logo.{}@{domain}", email.delivery);
    let html = logo::on_top(&email.html, image, &cid);
    let media = ContentType::parse(image.format.media_type()).map_err(|e| e.to_string())?;
    let image = Attachment::new_inline_with_name(cid, image.format.file_name().to_owned())
        .body(image.bytes.clone(), media);
    let related = MultiPart::related()
        .singlepart(SinglePart::html(html))
        .singlepart(image);
    Ok(MultiPart::alternative()
        .singlepart(SinglePart::plain(text))
        .multipart(related))
}
