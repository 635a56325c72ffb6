//! Pictures that impasto cannot read, by name, so that nobody has to guess what a file is.

/// The kind of an ISO media file that begins with these bytes.
pub fn brand(start: &[u8]) -> Option<&[u8]> {
    start.get(4..12).filter(|name| name.starts_with(b"ftyp")).map(|name| &name[4..])
}

/// What kind of picture file begins with these bytes, and what to do about it. `None` if nothing here knows it.
pub fn kind(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const CONVERT: &str = "convert it to JPEG or PNG first";
    if brand(start) == Some(b"crx ") {
        return Some(("raw (CR3)", "develop it to JPEG or TIFF first"));
    }
    let known: [(&[u8], &str, &str); 9] = [
        (b"\0\0\0\x0CjP  ", "JPEG 2000", CONVERT),
        (b"\xFF\x4F\xFF\x51", "JPEG 2000", CONVERT),
        (b"GIF8", "GIF", "use `impasto video`, or convert it to PNG first"),
        (b"8BPS", "Photoshop", "export it as TIFF or PNG first"),
        (b"%PDF", "PDF", "export its pages as PNG first"),
        (b"\x76\x2F\x31\x01", "OpenEXR", CONVERT),
        (b"#?RADIANCE", "Radiance HDR", CONVERT),
        (b"FUJIFILMCCD-RAW", "raw (RAF)", "develop it to JPEG or TIFF first"),
        (b"gimp xcf", "GIMP", "export it as PNG first"),
    ];
    known.into_iter().find(|(magic, ..)| start.starts_with(magic)).map(|(_, kind, cure)| (kind, cure))
}
