//! `impasto styles sheet`: photos in every style, on one contact sheet.

mod grid;

use serde::Serialize;

use super::device::say_device;
use crate::cli::{SharedArgs, SheetArgs};
use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::picture::read as source;
use crate::picture::write as sink;
use crate::picture::{Format, Picture};
use crate::report::{Report, counted};
use crate::studio::{PaintSettings, Studio, Style};
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;

const QUALITY: u8 = 92;
/// Photos are painted larger than they are shown, so that strokes look as fine as they do on a screen.
const PAINTED_AT: u32 = 2;

#[derive(Serialize)]
struct SheetReport {
    command: &'static str,
    output: String,
    device: String,
    width: u32,
    height: u32,
    photos: Vec<String>,
    /// The styles in their order on the sheet; each photo comes before its styles.
    styles: Vec<String>,
    warnings: Vec<String>,
}

/// Paints the sheet: each photo, then the photo in each style.
pub fn sheet(args: &SheetArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let format = sink::format_for(&args.output, None)?.unwrap_or(Format::Png);
    sink::probe(&args.output)?;
    let studio = Studio::open(args.run.machine(shared))?;
    let columns = columns(&studio, args)?;
    let styles: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    // The device is chosen for the first style.
    if let Some((_, style)) = columns.first() {
        studio.painter(&PaintSettings { style: style.clone(), ..PaintSettings::default() })?;
    }
    let device = studio.engine(None)?.provider.device.to_string();
    say_device(&studio, report);
    let mut resizer = Resizer::default();
    let width = grid::cell(args.cell, args.width);
    let mut rows = Vec::new();
    for path in &args.photos {
        let photo = source::load(path, shared.max_pixels)?;
        let shown = fit(&mut resizer, &photo.frame, width)?;
        let large = fit(&mut resizer, &photo.frame, (width * PAINTED_AT).min(photo.frame.width.max(width)))?;
        rows.push(Row { large, cells: vec![shown] });
    }
    let progress = report.progress(Some((styles.len() * rows.len()) as u64), "paintings");
    let mut done = 0;
    for (name, style) in &columns {
        let settings = PaintSettings { style: style.clone(), ..PaintSettings::default() };
        let painter = studio.painter(&settings)?;
        let mut stylizer = painter.all_cores(0.0)?;
        let mut painted = Frame::default();
        for row in &mut rows {
            let grain = stylizer.still_grain(painter.field(), row.large.size());
            stylizer.stylize(&row.large, &grain, &mut painted)?;
            row.cells.push(fit(&mut resizer, &painted, width)?);
            done += 1;
            progress.set(done, name.clone());
        }
    }
    drop(progress);
    let rows: Vec<Vec<Frame>> = rows.into_iter().map(|row| row.cells).collect();
    let sheet = grid::lay_out(&rows, &styles, args.width, format.max_side())?;
    let (width, height) = (sheet.width, sheet.height);
    sink::save(&Picture::new(sheet), &args.output, format, QUALITY)?;
    let output = args.output.display().to_string();
    let (photos, named) = (counted(rows.len(), "photo"), counted(styles.len(), "style"));
    report.print(format!("{output}: {photos} in {named}, {width}x{height}"));
    let photos = args.photos.iter().map(|path| path.display().to_string()).collect();
    let warnings = report.warnings();
    report.print_json(&SheetReport {
        command: "styles sheet",
        output,
        device,
        width,
        height,
        photos,
        styles,
        warnings,
    });
    Ok(())
}

/// One photo on its way onto the sheet.
struct Row {
    /// The photo at the size that it is painted at.
    large: Frame,
    /// The photo and its paintings at the size that is shown.
    cells: Vec<Frame>,
}

/// The name of each style and how it is painted: the styles, then the pictures that are styles.
fn columns(studio: &Studio, args: &SheetArgs) -> Result<Vec<(String, Style)>> {
    let all = || studio.styles().into_iter().filter(|style| !style.unstyled).map(|style| style.name).collect();
    let names: Vec<String> = if args.style.is_empty() { all() } else { args.style.clone() };
    let mut columns = Vec::new();
    for name in names {
        let style = Expression::single(&name);
        // Here, so that an unknown name is reported before anything is painted.
        studio.catalog().resolve(&style)?;
        columns.push((name, Style::Named(style)));
    }
    for path in &args.style_image {
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        columns.push((name, Style::Pictures(Paintings::single(path))));
    }
    Ok(columns)
}

/// `frame` scaled to `width` columns, its shape kept.
fn fit(resizer: &mut Resizer, frame: &Frame, width: u32) -> Result<Frame> {
    let height = (f64::from(frame.height) * f64::from(width) / f64::from(frame.width)).round();
    let mut fitted = Frame::new(width, (height as u32).clamp(1, width * 8));
    resizer.resize(frame.image(), fitted.width, fitted.height, &mut fitted.pixels)?;
    Ok(fitted)
}
