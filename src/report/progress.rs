//! How far a job is: a bar of one line on a terminal, a plain line now and then elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{error_line, lock};
use crate::sync::threads;

/// The bar's length: it shows a fraction, whatever the units are.
const FINENESS: u64 = 1000;
/// Plain lines are at least this far apart.
const PAUSE: Duration = Duration::from_secs(10);
/// After this long there is a line even if less than a tenth was done since the last one.
const PATIENCE: Duration = Duration::from_secs(30);
/// An estimate from less time than this would be a guess.
const LEAST: Duration = Duration::from_secs(1);

/// Shows the progress of one job; a bar is removed from the screen when this is dropped.
#[derive(Debug)]
pub struct Progress {
    show: Show,
    /// Units of the whole job, if that is known.
    total: Option<u64>,
    unit: String,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
enum Show {
    /// Standard error is a terminal.
    Bar(ProgressBar),
    /// It is a file or a pipe.
    Lines(Mutex<Lines>),
    /// `--quiet`
    Nothing,
}

impl Progress {
    /// Progress over `total` units, called `unit` in the plural; unknown without.
    pub(super) fn new(total: Option<u64>, unit: &str, quiet: bool) -> Self {
        let show = if quiet {
            Show::Nothing
        } else if super::on_terminal() {
            Show::Bar(bar(total))
        } else {
            Show::Lines(Mutex::new(Lines::new(Instant::now())))
        };
        let unit = if total == Some(1) { unit.trim_end_matches('s') } else { unit };
        Self { show, total, unit: unit.to_owned(), pace: Mutex::new(Pace { begun: Instant::now(), before: 0 }) }
    }

    /// The bar, while it is on the screen.
    pub(super) fn bar(&self) -> Option<&ProgressBar> {
        match &self.show {
            Show::Bar(bar) => Some(bar),
            Show::Lines(_) | Show::Nothing => None,
        }
    }

    /// Says that `done` units were there before this run: the estimate leaves them out.
    pub fn resume(&self, done: u64) {
        *lock(&self.pace) = Pace { begun: Instant::now(), before: done };
    }

    /// Sets how many units are done, with a remark.
    pub fn set(&self, done: u64, remark: String) {
        let (unit, now) = (&self.unit, Instant::now());
        let total = kept_total(self.total, done);
        let (rate, left) = lock(&self.pace).at(now, done, total);
        let rate = rate.map_or_else(String::new, |rate| format!(", {rate:.1}/s"));
        let left = left.map_or_else(String::new, |left| format!(", {} left", spoken(left)));
        let remark = if remark.is_empty() { remark } else { format!("  {remark}") };
        match total {
            Some(total) => {
                let fraction = done as f64 / total.max(1) as f64;
                self.tell(now, Some(fraction), &format!("{done} of {total} {unit}{rate}{left}{remark}"));
            }
            None => self.tell(now, None, &format!("{done} {unit}{rate}{remark}")),
        }
    }

    /// Sets the fraction of the work that is done, for jobs whose units differ in cost, with all that is to be said.
    pub fn set_fraction(&self, fraction: f64, words: &str) {
        self.tell(Instant::now(), Some(fraction), words);
    }

    fn tell(&self, now: Instant, fraction: Option<f64>, words: &str) {
        match &self.show {
            Show::Bar(bar) => {
                if let Some(fraction) = fraction {
                    bar.set_position((fraction * FINENESS as f64) as u64);
                }
                bar.set_message(words.to_owned());
            }
            Show::Lines(lines) => {
                if lock(lines).is_due(now, fraction) {
                    let percent = fraction.map_or_else(String::new, |fraction| format!("{:.0} %: ", fraction * 100.0));
                    error_line(&format!("{percent}{words}"));
                }
            }
            Show::Nothing => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

/// The total, unless more is done already: then it was a wrong guess, and nothing is said of it any more.
fn kept_total(total: Option<u64>, done: u64) -> Option<u64> {
    total.filter(|&total| done <= total)
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total.map(|_| FINENESS), ProgressDrawTarget::stderr());
    // A wide message is cut where the line ends, so the bar never takes two.
    let template = if total.is_some() { "{bar:16} {percent:>3} %  {wide_msg}" } else { "{spinner} {wide_msg}" };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is fixed"));
    // The bar's own thread would panic where none can be started; without it, the bar moves with the work alone.
    if threads::spawn("trial", || ()).is_ok() {
        bar.enable_steady_tick(Duration::from_millis(250));
    }
    bar
}

/// How fast this run is.
#[derive(Debug)]
struct Pace {
    begun: Instant,
    /// Units that were done when it began.
    before: u64,
}

impl Pace {
    /// Units per second and the time that is left, as soon as there is something to judge by.
    fn at(&self, now: Instant, done: u64, total: Option<u64>) -> (Option<f64>, Option<Duration>) {
        let elapsed = now.saturating_duration_since(self.begun);
        let own = done.saturating_sub(self.before);
        if own == 0 || elapsed < LEAST {
            return (None, None);
        }
        let rate = own as f64 / elapsed.as_secs_f64();
        let left = total.map(|total| Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate));
        (Some(rate), left)
    }
}

/// When the next plain line is due.
#[derive(Debug)]
struct Lines {
    last: Instant,
    /// Tenths that were done then.
    tenths: u64,
}

impl Lines {
    fn new(now: Instant) -> Self {
        Self { last: now, tenths: 0 }
    }

    fn is_due(&mut self, now: Instant, fraction: Option<f64>) -> bool {
        let since = now.saturating_duration_since(self.last);
        let tenths = (fraction.unwrap_or(0.0) * 10.0) as u64;
        let due = since >= PATIENCE || since >= PAUSE && tenths > self.tenths;
        if due {
            *self = Self { last: now, tenths };
        }
        due
    }
}

/// A length of time as one says it: `45 s`, `3 min 20 s`, `25 min`, `2 h 10 min`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) if minutes < 10 && seconds > 0 => format!("{minutes} min {seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_estimated_before_there_is_something_to_judge_by() {
        let begun = Instant::now();
        let pace = Pace { begun, before: 0 };
        assert_eq!(pace.at(begun, 0, Some(10)), (None, None));
        assert_eq!(pace.at(begun + SECOND / 2, 5, Some(10)), (None, None));
        assert_eq!(pace.at(begun + 2 * SECOND, 5, Some(10)), (Some(2.5), Some(2 * SECOND)));
        assert_eq!(pace.at(begun + 2 * SECOND, 5, None), (Some(2.5), None));
    }

    #[test]
    fn a_total_that_is_exceeded_is_forgotten() {
        assert_eq!([0, 10, 11].map(|done| kept_total(Some(10), done)), [Some(10), Some(10), None]);
        assert_eq!(kept_total(None, 5), None);
    }

    #[test]
    fn what_an_earlier_run_did_does_not_make_this_one_faster() {
        let begun = Instant::now();
        let pace = Pace { begun, before: 80 };
        assert_eq!(pace.at(begun + 10 * SECOND, 90, Some(100)), (Some(1.0), Some(10 * SECOND)));
    }

    #[test]
    fn plain_lines_come_at_tenths_or_twice_a_minute_and_never_in_a_flood() {
        let begun = Instant::now();
        let mut lines = Lines::new(begun);
        let said: Vec<u32> = (1..=200)
            .filter(|&second| lines.is_due(begun + second * SECOND, Some(f64::from(second) / 200.0)))
            .collect();
        assert_eq!(said, [20, 40, 60, 80, 100, 120, 140, 160, 180, 200]);
        let mut lines = Lines::new(begun);
        let fast = (1..=30).filter(|&second| lines.is_due(begun + second * SECOND, Some(f64::from(second) / 30.0)));
        assert_eq!(fast.collect::<Vec<u32>>(), [10, 20, 30]);
        let mut lines = Lines::new(begun);
        let slow = (1..=90).filter(|&second| lines.is_due(begun + second * SECOND, None));
        assert_eq!(slow.collect::<Vec<u32>>(), [30, 60, 90]);
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (seconds, words) in
            [(0, "0 s"), (59, "59 s"), (120, "2 min"), (200, "3 min 20 s"), (1530, "25 min"), (7800, "2 h 10 min")]
        {
            assert_eq!(spoken(Duration::from_secs(seconds)), words);
        }
    }
}
