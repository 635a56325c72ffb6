//! The main thread of a show: its window, its keys, and its reports while it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::keys::{self, Wish};
use crate::cli::LiveArgs;
use crate::error::{Error, Result};
use crate::picture::{Format, Picture, write as pictures};
use crate::pipeline::live::{Shown, View};
use crate::pipeline::meter::Meter;
use crate::report::Report;
use crate::show::{Show, Statistics};
use crate::sink::recording::free_name;
use crate::sink::window::Window;
use crate::statistics::Percentiles;
use crate::sync::Stop;
use crate::sync::latest::Taken;

/// How long to wait for a frame before the window handles its events.
const WINDOW_POLL: Duration = Duration::from_millis(10);

/// How often the numbers are updated.
const RENEW: Duration = Duration::from_millis(250);

/// Shows the frames and handles keys; without a window, only waits.
pub struct Watcher<'a> {
    args: &'a LiveArgs,
    show: &'a Arc<Show>,
    report: &'a Report,
    window: Option<Window>,
    numbers: bool,
    /// Words that stay for a moment: where a snapshot went.
    remark: Option<(Instant, String)>,
    last: Option<Arc<Shown>>,
    compared: bool,
    /// How many recordings were reported.
    recorded: usize,
    said: Vec<String>,
    /// Ctrl-C.
    interrupt: &'a Stop,
}

/// A line of `--json` while the show runs.
#[derive(Serialize)]
struct Line {
    command: &'static str,
    /// Since the start.
    seconds: f64,
    style: String,
    #[serde(flatten)]
    statistics: Statistics,
}

impl<'a> Watcher<'a> {
    /// Opens the window, unless `--no-window` was given.
    ///
    /// # Errors
    /// There is no display.
    pub fn open(
        args: &'a LiveArgs,
        show: &'a Arc<Show>,
        interrupt: &'a Stop,
        size: (u32, u32),
        report: &'a Report,
    ) -> Result<Self> {
        let window = if args.no_window {
            None
        } else {
            Some(Window::open("impasto", size.0, size.1, "add --no-window to run without one")?)
        };
        Ok(Self {
            args,
            show,
            report,
            window,
            numbers: true,
            remark: None,
            last: None,
            compared: false,
            recorded: 0,
            said: Vec::new(),
            interrupt,
        })
    }

    /// Runs until the window is closed, the time is up, or the show ends by itself.
    ///
    /// # Errors
    /// The window failed.
    pub fn watch(&mut self, view: &View, meter: &Meter) -> Result<()> {
        let (start, mut renewed, mut line) = (Instant::now(), Instant::now(), 1);
        let span = self.args.duration.and_then(|duration| Duration::try_from_secs_f64(duration.0).ok());
        if let Some(end) = span.and_then(|span| start.checked_add(span)) {
            // Every thread of the show sees it, however busy this one is.
            self.show.stop.request_at(end);
        }
        loop {
            match view.frames.take(WINDOW_POLL.min(self.show.stop.left())) {
                Taken::Value(shown) => self.display(&shown, meter)?,
                Taken::Nothing => self.window.as_mut().map_or(Ok(()), Window::poll)?,
                // The source has ended.
                Taken::Closed => return Ok(()),
            }
            let is_over = self.show.stop.left().is_zero() || self.interrupt.requested();
            if is_over || !self.listen()? {
                return Ok(());
            }
            if renewed.elapsed() >= RENEW {
                renewed = Instant::now();
                meter.publish(self.show);
                self.renew();
                if start.elapsed().as_secs() >= line {
                    line = start.elapsed().as_secs() + 1;
                    self.print_line(start.elapsed());
                }
            }
        }
    }

    fn display(&mut self, shown: &Arc<Shown>, meter: &Meter) -> Result<()> {
        if let Some(window) = &mut self.window {
            let compare = self.show.read(|settings| settings.compare);
            if self.compared != compare {
                self.compared = compare;
                window.widen(compare);
            }
            if compare {
                window.show_both([shown.original.image(), shown.painted.image()], ["original", "painted"])?;
            } else {
                window.show(shown.painted.image())?;
            }
        }
        let is_new = self.last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, shown) || last.arrived != shown.arrived);
        if is_new {
            meter.shown(shown.arrived);
        }
        self.last = Some(Arc::clone(shown));
        Ok(())
    }

    /// Does what the keys say; false when the window should close.
    ///
    /// # Errors
    /// Its display is gone.
    fn listen(&mut self) -> Result<bool> {
        let Some(window) = &mut self.window else { return Ok(true) };
        if window.is_lost() {
            return Err(Error::failed("the display is gone, so the show ended; its recording is closed"));
        }
        let (keys, open) = (window.keys(), window.is_open());
        for key in keys {
            match keys::press(key, self.show) {
                Some(Wish::Snapshot) => self.snapshot(),
                Some(wish) => {
                    let Some(window) = &mut self.window else { continue };
                    match wish {
                        Wish::FullScreen => {
                            if let Err(error) = window.toggle_full_screen() {
                                self.remark = Some((Instant::now(), error.to_string()));
                            }
                        }
                        Wish::Help => window.turn_help(keys::help(self.show.styles())),
                        _ => self.numbers ^= !window.close_help(),
                    }
                }
                None => {}
            }
            self.renew();
        }
        Ok(open)
    }

    /// Saves the current picture as a PNG under the first free number.
    fn snapshot(&mut self) {
        let Some(shown) = &self.last else {
            self.remark = Some((Instant::now(), "there is no picture to save yet".to_owned()));
            return;
        };
        let path = free_name(&self.args.folder.join("impasto.png"), 1);
        let words = match pictures::save(&Picture::new(shown.painted.clone()), &path, Format::Png, 100) {
            Ok(()) => format!("saved {}", path.display()),
            Err(error) => error.to_string(),
        };
        self.report.say(&words);
        self.remark = Some((Instant::now(), words));
    }

    /// Updates the words in the window and on the terminal.
    fn renew(&mut self) {
        let statistics = self.show.statistics();
        for path in statistics.recorded.iter().skip(self.recorded) {
            let words = format!("recorded {path}");
            self.report.say(&words);
            self.remark = Some((Instant::now(), words));
        }
        self.recorded = statistics.recorded.len();
        for notice in &statistics.notices {
            if !self.said.contains(notice) {
                self.report.warn(notice);
            }
        }
        self.said.clone_from(&statistics.notices);
        self.remark.take_if(|(when, _)| when.elapsed() > Duration::from_secs(3));
        let mut lines = Vec::new();
        if self.numbers {
            lines.extend(numbers(self.show, &statistics));
        }
        lines.extend(self.remark.iter().map(|(_, words)| words.clone()));
        lines.extend(statistics.notices);
        if let Some(window) = &mut self.window {
            window.set_overlay(lines);
        }
    }

    fn print_line(&self, elapsed: Duration) {
        let style = self.show.settings().style.to_string();
        let (seconds, statistics) = (elapsed.as_secs_f64(), self.show.statistics());
        self.report.print_json(&Line { command: "live", seconds, style, statistics });
    }
}

/// The style and what is switched on; frame rate and latency; the network's time and size.
fn numbers(show: &Show, statistics: &Statistics) -> Vec<String> {
    let settings = show.settings();
    let mut style = settings.style.to_string();
    if settings.strength < 1.0 {
        style += &format!("  strength {:.1}", settings.strength);
    }
    if (settings.scale - 1.0).abs() > 0.01 {
        style += &format!("  strokes x{:.2}", settings.scale);
    }
    let marks = [
        (settings.keep_colors, "colours kept"),
        (settings.mirror, "mirrored"),
        (settings.freeze, "frozen"),
        (statistics.recording.is_some(), "RECORDING"),
    ];
    for (_, mark) in marks.iter().filter(|(is_on, _)| *is_on) {
        style += &format!("  {mark}");
    }
    let Statistics { fps, latency_ms, inference_ms, dropped, seen, width, height, .. } = statistics;
    let times = |name: &str, times: &Percentiles| format!("{name} {:.0} ms (p95 {:.0} ms)", times.p50, times.p95);
    let mut speed = format!("{fps:.0} fps  {dropped} dropped");
    // A frozen picture has no latency.
    if !settings.freeze {
        speed += &format!("  {}", times("latency", latency_ms));
    }
    let mut network = times("inference", inference_ms);
    if *seen != (*width, *height) {
        network += &format!("  network sees {}x{}", seen.0, seen.1);
    }
    vec![style, speed, network]
}
