//! `impasto styles sheet`: photos in every style, on one contact sheet.

use serde::Serialize;

use super::say_device;
use crate::cli::{SharedArgs, SheetArgs};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::label;
use crate::kernel::resize::Resizer;
use crate::picture::read as source;
use crate::picture::write as sink;
use crate::picture::{Format, Picture};
use crate::report::Report;
use crate::studio::{PaintSettings, Studio, Style};
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;

/// White between the pictures, in pixels.
const GAP: u32 = 6;
const QUALITY: u8 = 92;
/// Photos are painted larger than they are shown, as in life: strokes on the sheet are as fine as on a screen.
const PAINTED_AT: u32 = 2;

#[derive(Serialize)]
struct Summary {
    command: &'static str,
    output: String,
    device: String,
    width: u32,
    height: u32,
    photos: Vec<String>,
    /// The columns, from the second on; the first is the photo.
    styles: Vec<String>,
    warnings: Vec<String>,
}

/// Paints the sheet: a row a photo, a column a style, the photo itself first.
pub fn sheet(args: &SheetArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let format = sink::format_for(&args.output, None)?.unwrap_or(Format::Png);
    let studio = Studio::open(args.run.machine(shared))?;
    let columns = columns(&studio, args)?;
    let styles: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let device = studio.engine()?.provider.device.to_string();
    say_device(&studio, report);
    let mut resizer = Resizer::default();
    let width = args.width;
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
        let mut stylizer = studio.painter(&settings)?.whole_machine(0.0)?;
        let mut painted = Frame::default();
        for row in &mut rows {
            stylizer.stylize(&row.large, &mut painted)?;
            row.cells.push(fit(&mut resizer, &painted, width)?);
            done += 1;
            progress.set(done, name.clone());
        }
    }
    drop(progress);
    let sheet = lay_out(&rows, &styles, width, format)?;
    let (width, height) = (sheet.width, sheet.height);
    sink::save(&Picture::new(sheet), &args.output, format, QUALITY)?;
    let output = args.output.display().to_string();
    report.print(format!("{output}: {} photos in {} styles, {width}x{height}", rows.len(), styles.len()));
    let photos = args.photos.iter().map(|path| path.display().to_string()).collect();
    let warnings = report.warnings();
    report.print_json(&Summary { command: "styles sheet", output, device, width, height, photos, styles, warnings });
    Ok(())
}

/// One photo on its way onto the sheet.
struct Row {
    /// The photo at the size that it is painted at.
    large: Frame,
    /// The photo and its paintings at the size that is shown.
    cells: Vec<Frame>,
}

/// What is over each column of paintings, and how they are painted: the styles, then the pictures that are styles.
fn columns(studio: &Studio, args: &SheetArgs) -> Result<Vec<(String, Style)>> {
    let all = || studio.styles().into_iter().map(|style| style.name).collect();
    let names: Vec<String> = if args.style.is_empty() { all() } else { args.style.clone() };
    let mut columns = Vec::new();
    for name in names {
        let style = Expression::single(&name);
        // Before anything is painted: an unknown name is said at once.
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

fn lay_out(rows: &[Row], styles: &[String], cell: u32, format: Format) -> Result<Frame> {
    let columns = styles.len() as u32 + 1;
    let heading = label::LINE_HEIGHT + 2 * GAP;
    let width = columns * (cell + GAP) + GAP;
    let height = heading + rows.iter().map(|row| row.cells[0].height + GAP).sum::<u32>();
    if width.max(height) > format.max_side() {
        let most = format.max_side();
        return Err(Error::usage(format!(
            "the sheet would be {width}x{height}, and {format} holds sides up to {most}; give a smaller --width or fewer photos"
        )));
    }
    let mut sheet = Frame::new(width, height);
    sheet.pixels.fill(255);
    let left = |column: u32| GAP + column * (cell + GAP);
    for (column, heading) in (0..).zip(std::iter::once("photo").chain(styles.iter().map(String::as_str))) {
        label::draw(&mut sheet, (left(column), GAP), cell, heading, [30; 3]);
    }
    let mut top = heading;
    for row in rows {
        for (column, picture) in (0..).zip(&row.cells) {
            paste(&mut sheet, (left(column), top), picture);
        }
        top += row.cells[0].height + GAP;
    }
    Ok(sheet)
}

fn paste(sheet: &mut Frame, (left, top): (u32, u32), picture: &Frame) {
    let stride = picture.width as usize * 3;
    for (y, row) in (top as usize..).zip(picture.pixels.chunks_exact(stride)) {
        let start = (y * sheet.width as usize + left as usize) * 3;
        sheet.pixels[start..start + stride].copy_from_slice(row);
    }
}
