//! Sends a show to an address as MPEG-TS, whenever somebody receives there.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::write::{Destination, PROTOCOLS, StreamFormat, StreamWriter};
use crate::show::Show;
use crate::sync::threads;
use crate::warning::Warning;

/// Pause between attempts to connect.
const RETRY: Duration = Duration::from_secs(2);

/// Connects by itself, and reconnects when the other end comes back.
pub struct SendSink {
    show: Arc<Show>,
    address: String,
    format: StreamFormat,
    writer: Option<StreamWriter>,
    /// [`Stamp::time`] of the connection's first frame.
    start: i64,
    connecting: Option<JoinHandle<Result<StreamWriter>>>,
    failed: Option<Instant>,
}

impl SendSink {
    /// Will send frames of `format` to `address`.
    ///
    /// # Errors
    /// `address` begins with none of [`PROTOCOLS`].
    pub fn new(address: &str, format: StreamFormat, show: Arc<Show>) -> Result<Self> {
        if !PROTOCOLS.iter().any(|protocol| address.starts_with(protocol)) {
            return Err(Error::usage(format!(
                "cannot send to '{address}'; write udp://HOST:PORT, srt://HOST:PORT or tcp://HOST:PORT"
            )));
        }
        let address = address.to_owned();
        Ok(Self { show, address, format, writer: None, start: 0, connecting: None, failed: None })
    }

    fn fail(&mut self, error: &Error) {
        self.show.notice("sending", Some(Warning::SendingFailed { reason: error.to_string() }));
        (self.writer, self.failed) = (None, Some(Instant::now()));
    }

    /// Advances the connection attempt without waiting for it.
    fn connect(&mut self) -> Result<()> {
        match self.connecting.take() {
            Some(thread) if thread.is_finished() => {
                let writer = threads::join(thread);
                self.writer = Some(writer?);
                self.show.notice("sending", None);
            }
            Some(thread) => self.connecting = Some(thread),
            None if self.failed.is_none_or(|when| when.elapsed() >= RETRY) => {
                // A show that ends does not wait for a connection.
                let (address, interrupt) = (self.address.clone(), self.show.stop.flag());
                let (destination, format) = (Destination::Address { address, interrupt }, self.format);
                self.connecting = Some(threads::spawn("connect", move || StreamWriter::open(destination, format))?);
            }
            None => {}
        }
        Ok(())
    }
}

impl Sink for SendSink {
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        let outcome = match &mut self.writer {
            Some(writer) => writer.put(frame, Stamp { time: stamp.time - self.start, ..stamp }),
            None => {
                self.start = stamp.time + 1;
                self.connect()
            }
        };
        if let Err(error) = outcome {
            self.fail(&error);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.show.stop.request();
        if let Some(thread) = self.connecting.take() {
            // It was told to end; its result no longer matters.
            let _ = thread.join();
        }
        self.writer.take().map_or(Ok(()), StreamWriter::finish)
    }
}
