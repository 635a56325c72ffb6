//! Reads what a client sends as `multipart/form-data`: one picture or film, style pictures, and fields.

use std::path::{Path, PathBuf};

use axum::extract::Multipart;
use axum::extract::multipart::Field;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::wishes::Wishes;
use crate::error::Error;
use crate::web::answer::Refusal;

/// Style pictures that can be mixed.
const STYLE_PICTURES: usize = 4;
/// The longest text of a field, in bytes.
const TEXT: usize = 4 << 10;
/// Fields of one form.
const FIELDS: usize = 40;

/// Where the picture or film goes, and how many bytes it may have.
pub enum Target<'a> {
    /// Into memory.
    Memory(u64),
    /// Into a file.
    File(&'a Path, u64),
}

/// What a client sent.
#[derive(Default)]
pub struct Form {
    /// The name that the client gave the picture or film; only ever shown.
    pub name: Option<String>,
    /// Its bytes, if they are in memory.
    pub bytes: Bytes,
    /// How many there are.
    pub size: u64,
    /// The style pictures, as files of the service's own names.
    pub styles: Vec<PathBuf>,
    /// The fields about painting.
    pub wishes: Wishes,
    /// Others, by name.
    pub others: Vec<(String, String)>,
}

impl Form {
    /// Reads a form. The picture or film is the field `field`; style pictures are written to `folder`, of `most` bytes each.
    ///
    /// # Errors
    /// It is no form, too large, or has a field that nobody knows; the client stopped sending; the disk is full.
    pub async fn read(
        mut multipart: Multipart,
        field: &str,
        target: Target<'_>,
        folder: &Path,
        most: u64,
    ) -> Result<Self, Refusal> {
        let mut form = Self::default();
        for _ in 0..FIELDS {
            let next = multipart.next_field().await.map_err(|error| unreadable(&error))?;
            let Some(mut part) = next else { return Ok(form) };
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(shown);
            match (name.as_str(), file) {
                (name, Some(file)) if name == field => {
                    form.name = Some(file);
                    match target {
                        Target::Memory(most) => form.bytes = in_memory(&mut part, most).await?,
                        Target::File(path, most) => form.size = to_file(&mut part, path, most).await?,
                    }
                    form.size = form.size.max(form.bytes.len() as u64);
                }
                ("style_image", Some(_)) => {
                    if form.styles.len() >= STYLE_PICTURES {
                        return Err(Refusal::bad(format!(
                            "{STYLE_PICTURES} style pictures can be mixed; leave out the others"
                        )));
                    }
                    let path = folder.join(format!("style-{}", form.styles.len()));
                    // A form without a chosen file sends an empty one.
                    if to_file(&mut part, &path, most).await? > 0 {
                        form.styles.push(path);
                    }
                }
                (name, None) => {
                    let bytes = in_memory(&mut part, TEXT as u64).await?;
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if !form.wishes.set(name, &text)? {
                        form.others.push((name.chars().take(60).collect(), text));
                    }
                }
                (name, Some(_)) => {
                    return Err(Refusal::bad(format!("no file field is called '{}'; send '{field}'", shown(name))));
                }
            }
        }
        Err(Refusal::bad(format!("the form has more than {FIELDS} fields")))
    }
}

/// A name that a client gave, fit to be shown: without folders and control characters.
pub fn shown(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(120).collect();
    if plain.trim().is_empty() { "unnamed".to_owned() } else { plain.trim().to_owned() }
}

async fn in_memory(part: &mut Field<'_>, most: u64) -> Result<Bytes, Refusal> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
        if (bytes.len() + chunk.len()) as u64 > most {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn to_file(part: &mut Field<'_>, path: &Path, most: u64) -> Result<u64, Refusal> {
    let failed = |error: std::io::Error| Refusal::from(Error::writing(path, &error));
    let mut file = File::create(path).await.map_err(failed)?;
    let mut size = 0;
    while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
        size += chunk.len() as u64;
        if size > most {
            return Err(too_large(most));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok(size)
}

/// The refusal of something with more than `most` bytes.
pub fn too_large(most: u64) -> Refusal {
    let words = if most < 1 << 20 { format!("{} KiB", most >> 10) } else { format!("{} MiB", most >> 20) };
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "it is larger than the limit of {words}; send a smaller one, or start the server with a higher --max-upload"
        ),
    )
}

fn unreadable(error: &axum::extract::multipart::MultipartError) -> Refusal {
    let status = error.status();
    let words = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            "the request is larger than the server's limit; send a smaller file".to_owned()
        }
        _ => format!("the form cannot be read: {}", error.body_text()),
    };
    Refusal::new(status, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_folders_and_control_characters() {
        for (given, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\cat.jpg", "cat.jpg"),
            ("a\r\nb.jpg", "ab.jpg"),
            ("", "unnamed"),
            ("../", "unnamed"),
        ] {
            assert_eq!(shown(given), expected, "{given}");
        }
        assert_eq!(shown(&"ä".repeat(500)).chars().count(), 120);
    }
}
