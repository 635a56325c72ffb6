//! Pictures that impasto cannot read, by name, so that nobody has to guess what a file is.

/// What kind of picture file begins with these bytes, and what to do about it. `None` if nothing here knows it.
pub fn kind(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const CONVERT: &str = "convert it to JPEG or PNG first";
    const HEIF: &str = "convert it to JPEG or PNG first, such as with heif-convert";
    let brand = start.get(4..12).filter(|name| name.starts_with(b"ftyp")).map(|name| &name[4..]);
    match brand {
        Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1") => {
            return Some(("HEIC", HEIF));
        }
        Some(b"avif" | b"avis") => return Some(("AVIF", HEIF)),
        Some(b"crx ") => return Some(("raw (CR3)", "develop it to JPEG or TIFF first")),
        _ => {}
    }
    let known: [(&[u8], &str, &str); 13] = [
        (b"\xFF\x0A", "JPEG XL", CONVERT),
        (b"\0\0\0\x0CJXL ", "JPEG XL", CONVERT),
        (b"\0\0\0\x0CjP  ", "JPEG 2000", CONVERT),
        (b"\xFF\x4F\xFF\x51", "JPEG 2000", CONVERT),
        (b"GIF8", "GIF", "use `impasto video`, or convert it to PNG first"),
        (b"8BPS", "Photoshop", "export it as TIFF or PNG first"),
        (b"%PDF", "PDF", "export its pages as PNG first"),
        (b"\x76\x2F\x31\x01", "OpenEXR", CONVERT),
        (b"#?RADIANCE", "Radiance HDR", CONVERT),
        (b"FUJIFILMCCD-RAW", "raw (RAF)", "develop it to JPEG or TIFF first"),
        (b"II+\0", "BigTIFF", "convert it to an ordinary TIFF first"),
        (b"MM\0+", "BigTIFF", "convert it to an ordinary TIFF first"),
        (b"gimp xcf", "GIMP", "export it as PNG first"),
    ];
    known.into_iter().find(|(magic, ..)| start.starts_with(magic)).map(|(_, kind, cure)| (kind, cure))
}
