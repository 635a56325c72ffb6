//! Paints every frame, in order. Source, workers, stabiliser and sink each have their own threads.
//!
//! ```text
//! source ──jobs──▶ worker 0..W ──done──▶ stabilize (restores the order, then the size) ──steadied──▶ sink
//!    ▲                                      │   ▲                                                    │
//!    └──────────── spare frames ────────────┘   └────────────────── spare paintings ─────────────────┘
//! ```
//!
//! The spares are all the memory that a job has. A frame is always in one place, so no queue can grow, and no channel
//! can block a worker forever. Workers paint complete frames in parallel, each on its share of the cores: for a file, two
//! cores on two frames are faster than two cores on one.
//!
//! The grain of a frame depends on the frames before it, so the source's thread finds it, in order. The stabiliser remembers
//! earlier frames, so it cannot run in parallel. It has its own thread and adds nothing to the
//! time that the sink's encoder takes. It sees all frames in order, so the output does not depend on the number of workers.
//! Workers and stabiliser work at the size that the networks see. Only then is the painting brought to the frame's size, so
//! that no more than `PAINTINGS` full paintings exist.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::grain::Grain;
use crate::sink::Sink;
use crate::source::Source;
use crate::statistics::{Histogram, Percentiles};
use crate::stylize::{FullSize, Small, Stylizer};
use crate::sync::Stop;
use crate::sync::threads::{join_scoped, panicked, spawn_scoped};

/// The progress of a running job.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Frames that the sink has taken.
    pub frames: u64,
    /// Fraction of the workers' time so far that went into painting, 0 to 1.
    pub inference_share: f64,
    /// The painting that it took last.
    pub painting: &'a Frame,
}

/// How fast a finished job was.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Frames that the sink took.
    pub frames: u64,
    /// From the first read to the closed output.
    pub elapsed: Duration,
    /// Time to paint one frame.
    pub inference_ms: Percentiles,
    /// Fraction of the workers' time that went into painting, 0 to 1.
    pub inference_share: f64,
}

impl Throughput {
    /// Frames per second, from the first read to the closed output.
    pub fn fps(&self) -> f64 {
        self.frames as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// A frame on its way through a worker.
struct InFlight {
    /// Position in the order of the source, from 0.
    place: u64,
    input: Frame,
    grain: Grain,
    /// Receives the painting; its old content is meaningless.
    small: Small,
}

/// A painting at the size of its frame.
struct Finished {
    painting: Frame,
    /// Time to paint it.
    inference: Duration,
}

/// Paintings at full size: one is made or waits, and one is in the sink.
const PAINTINGS: usize = 2;

/// A worker's result. A failure is sent the same way, so that the receiver ends the job; otherwise the others would wait
/// forever for the frame that failed.
type WorkerResult = Result<(InFlight, Duration)>;

/// The step that finds the grain of each frame: it gets the frames in order, before they are painted.
pub type Carry<'a> = &'a mut (dyn FnMut(&Frame) -> Grain + Send);

/// The step that remembers earlier frames: it gets each input with its painting, in order and at the size that the networks
/// see, and may change the painting.
pub type Steady<'a> = &'a mut (dyn FnMut(&Frame, &mut Frame) + Send);

/// Passes frames from `source` through `carry`, `workers` and `steady` to `sink` until the source ends or `stop` is requested, then
/// closes the sink. `observe` is called after each finished frame, on the sink's thread.
///
/// # Errors
/// The root cause of the failure, in whichever thread it happened. The sink is then dropped unfinished.
pub fn run(
    source: &mut dyn Source,
    carry: Carry<'_>,
    workers: &mut [Stylizer],
    steady: Steady<'_>,
    mut sink: Box<dyn Sink + '_>,
    stop: &Stop,
    observe: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Throughput> {
    let start = Instant::now();
    let count = workers.len();
    // Two frames per worker, one in work and one waiting, and one in the stabiliser. The source fills one that would wait: it is
    // much faster than the workers.
    let pool = 2 * count + 1;
    let (give_spare, spares) = bounded::<(Frame, Small)>(pool);
    let (give_painting, paintings) = bounded::<Frame>(PAINTINGS);
    let (give_job, jobs) = bounded::<InFlight>(count);
    let (give_done, done) = bounded::<WorkerResult>(pool);
    let (give_steadied, steadied) = bounded::<Finished>(1);
    for _ in 0..pool {
        give_spare.send((Frame::default(), Small::default())).map_err(|_| Error::Disconnected)?;
    }
    for _ in 0..PAINTINGS {
        give_painting.send(Frame::default()).map_err(|_| Error::Disconnected)?;
    }
    let (histogram, frames) = thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<()>>> = Vec::new();
        threads.push(spawn_scoped(scope, "source", move || read(source, carry, &spares, &give_job, stop))?);
        for worker in workers {
            let (jobs, give_done) = (jobs.clone(), give_done.clone());
            threads.push(spawn_scoped(scope, "stylize", move || paint(worker, &jobs, &give_done))?);
        }
        // Now only the workers hold these ends: when they finish, the channels close and the other threads end.
        drop((jobs, give_done));
        let finishing = Finishing { give_spare, paintings, give_steadied };
        threads.push(spawn_scoped(scope, "stabilize", move || steady_all(steady, &done, &finishing))?);
        let shares = count as f64;
        let writer = spawn_scoped(scope, "sink", {
            let sink = sink.as_mut();
            move || {
                write(sink, &steadied, &give_painting, &|histogram: &Histogram, painting: &Frame| {
                    let share = histogram.total().as_secs_f64() / (start.elapsed().as_secs_f64() * shares);
                    observe(Progress { frames: histogram.count(), inference_share: share.min(1.0), painting });
                })
            }
        })?;
        let written = join_scoped(writer);
        let others = threads.into_iter().map(|thread| join_scoped(thread).err());
        let cause = others.flatten().reduce(Error::root);
        match (written, cause) {
            (Ok(histogram), None) => Ok((histogram.clone(), histogram.count())),
            (Ok(_), Some(cause)) => Err(cause),
            (Err(error), cause) => Err(cause.into_iter().fold(error, Error::root)),
        }
    })?;
    sink.finish()?;
    let elapsed = start.elapsed();
    let share = histogram.total().as_secs_f64() / (elapsed.as_secs_f64() * count as f64);
    let inference_ms = histogram.percentiles();
    Ok(Throughput { frames, elapsed, inference_ms, inference_share: share.min(1.0) })
}

fn read(
    source: &mut dyn Source,
    carry: Carry<'_>,
    spares: &Receiver<(Frame, Small)>,
    jobs: &Sender<InFlight>,
    stop: &Stop,
) -> Result<()> {
    for place in 0.. {
        let (mut input, small) = spares.recv().map_err(|_| Error::Disconnected)?;
        if stop.requested() {
            break;
        }
        match source.next(&mut input) {
            Ok(true) => {}
            // The wait for a pipe was ended; what came before is kept.
            Ok(false) | Err(Error::Interrupted(_)) => break,
            Err(error) => return Err(error),
        }
        let grain = carry(&input);
        jobs.send(InFlight { place, input, grain, small }).map_err(|_| Error::Disconnected)?;
    }
    Ok(())
}

fn paint(worker: &mut Stylizer, jobs: &Receiver<InFlight>, done: &Sender<WorkerResult>) -> Result<()> {
    for mut job in jobs {
        let start = Instant::now();
        let painted = catch_unwind(AssertUnwindSafe(|| worker.sketch(&job.input, &job.grain, &mut job.small)))
            .unwrap_or_else(|_| Err(panicked("stylize")));
        let result = match painted {
            Ok(()) => Ok((job, start.elapsed())),
            Err(error) => Err(Error::failed(format!("frame {}: {error}", job.input.index))),
        };
        done.send(result).map_err(|_| Error::Disconnected)?;
    }
    Ok(())
}

/// Where the stabiliser's thread takes empty paintings from, and where it gives things to.
struct Finishing {
    give_spare: Sender<(Frame, Small)>,
    paintings: Receiver<Frame>,
    give_steadied: Sender<Finished>,
}

fn steady_all(steady: Steady<'_>, done: &Receiver<WorkerResult>, finishing: &Finishing) -> Result<()> {
    let mut full_size = FullSize::default();
    let mut early = BTreeMap::new();
    let mut next = 0;
    for result in done {
        let (job, inference) = result?;
        early.insert(job.place, (job, inference));
        while let Some((mut job, inference)) = early.remove(&next) {
            let mut styled = std::mem::take(&mut job.small.painted);
            steady(job.small.seen(&job.input), &mut styled);
            job.small.painted = styled;
            let mut painting = finishing.paintings.recv().map_err(|_| Error::Disconnected)?;
            full_size.restore(&job.input, &mut job.small, &mut painting)?;
            finishing.give_steadied.send(Finished { painting, inference }).map_err(|_| Error::Disconnected)?;
            // Sending fails when the source has ended and no longer needs spare frames.
            let _ = finishing.give_spare.send((job.input, job.small));
            next += 1;
        }
    }
    Ok(())
}

fn write(
    sink: &mut dyn Sink,
    steadied: &Receiver<Finished>,
    spares: &Sender<Frame>,
    observe: &dyn Fn(&Histogram, &Frame),
) -> Result<Histogram> {
    let mut histogram = Histogram::default();
    for Finished { painting, inference } in steadied {
        sink.put(&painting)?;
        histogram.add(inference);
        observe(&histogram, &painting);
        // Sending fails when the stabiliser has finished its last frame.
        let _ = spares.send(painting);
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::frame::Image;
    use crate::kernel::grain::Field;
    use crate::network::{Identity, Network};
    use crate::source::synthetic::SyntheticSource;
    use crate::stylize::{Look, WeightedNetwork};

    /// Records the positions it saw; fails at `fail_at`.
    struct Places<'a> {
        seen: &'a Mutex<Vec<u64>>,
        finished: &'a Mutex<bool>,
        fail_at: Option<u64>,
    }

    impl Sink for Places<'_> {
        fn put_at(&mut self, frame: &Frame, _stamp: crate::frame::Stamp) -> Result<()> {
            if self.fail_at == Some(frame.index) {
                return Err(Error::failed("disk full"));
            }
            self.seen.lock().unwrap().push(frame.index);
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            *self.finished.lock().unwrap() = true;
            Ok(())
        }
    }

    /// Takes longer for some frames than for others; fails at run `fail_at`.
    struct Uneven {
        runs: u64,
        fail_at: Option<u64>,
    }

    impl Network for Uneven {
        fn style_count(&self) -> usize {
            1
        }

        fn run(&mut self, image: Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
            self.runs += 1;
            thread::sleep(Duration::from_micros(self.runs * 7919 % 1500));
            if self.fail_at == Some(self.runs) {
                return Err(Error::failed("the network gave values that are not numbers"));
            }
            out.copy_from_slice(image.pixels);
            Ok(())
        }
    }

    fn worker(network: impl Network + 'static) -> Stylizer {
        Stylizer::new(
            vec![WeightedNetwork { network: Box::new(network), weights: vec![1.0], share: 1.0, side: None }],
            Look::default(),
        )
    }

    struct Outcome {
        seen: Vec<u64>,
        finished: bool,
        result: Result<Throughput>,
    }

    fn run_job(mut workers: Vec<Stylizer>, frames: Option<u64>, fail_at: Option<u64>, stop_at: Option<u64>) -> Outcome {
        let (seen, finished) = (Mutex::default(), Mutex::default());
        let (stop, field) = (Stop::default(), Arc::new(Field::new(1)));
        let mut source = SyntheticSource::new(16, 9, frames);
        let observe = |progress: Progress| {
            if stop_at == Some(progress.frames) {
                stop.request();
            }
        };
        let sink = Box::new(Places { seen: &seen, finished: &finished, fail_at });
        let carry = &mut |frame: &Frame| Grain::still(Arc::clone(&field), frame.size());
        let result = run(&mut source, carry, &mut workers, &mut |_, _| {}, sink, &stop, &observe);
        Outcome { seen: seen.into_inner().unwrap(), finished: finished.into_inner().unwrap(), result }
    }

    #[test]
    fn order_is_kept_although_workers_overtake_each_other() {
        let workers = (0..4).map(|runs| worker(Uneven { runs, fail_at: None })).collect();
        let outcome = run_job(workers, Some(200), None, None);
        assert_eq!(outcome.seen, (0..200).collect::<Vec<_>>());
        assert!(outcome.finished);
        assert_eq!(outcome.result.unwrap().frames, 200);
    }

    #[test]
    fn a_full_disk_is_the_root_cause_and_the_output_is_not_finished() {
        let workers = vec![worker(Identity), worker(Identity)];
        let outcome = run_job(workers, None, Some(20), None);
        assert_eq!(outcome.result.unwrap_err().to_string(), "disk full");
        assert!(!outcome.finished);
    }

    #[test]
    fn a_failing_network_is_reported_with_its_frame() {
        let workers = vec![worker(Uneven { runs: 0, fail_at: Some(5) }), worker(Uneven { runs: 0, fail_at: None })];
        let outcome = run_job(workers, None, None, None);
        let message = outcome.result.unwrap_err().to_string();
        assert!(message.ends_with(": the network gave values that are not numbers"), "{message}");
        assert!(message.starts_with("frame "), "{message}");
        assert!(!outcome.finished);
    }

    #[test]
    fn a_stop_finishes_the_output_with_the_frames_so_far() {
        let outcome = run_job(vec![worker(Identity)], None, None, Some(10));
        assert!(outcome.finished);
        assert!(outcome.seen.len() >= 10);
        assert_eq!(outcome.result.unwrap().frames, outcome.seen.len() as u64);
    }

    #[test]
    fn an_empty_source_gives_a_finished_empty_output() {
        let outcome = run_job(vec![worker(Identity)], Some(0), None, None);
        assert!(outcome.finished);
        assert!(outcome.seen.is_empty());
    }
}
