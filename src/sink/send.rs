//! Sends a show as MPEG-TS to an address, for as long as somebody is there.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::media::write::{Destination, PROTOCOLS, StreamFormat, StreamWriter};
use crate::show::Show;
use crate::sync::threads;

/// How long to wait before an address that did not answer is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Connects by itself, and again when the other end was gone.
pub struct SendSink {
    show: Arc<Show>,
    address: String,
    format: StreamFormat,
    writer: Option<StreamWriter>,
    /// [`Frame::time`] of the connection's first frame.
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
                "'{address}' is no address to send to; write udp://HOST:PORT, srt://HOST:PORT or tcp://HOST:PORT"
            )));
        }
        let address = address.to_owned();
        Ok(Self { show, address, format, writer: None, start: 0, connecting: None, failed: None })
    }

    fn fail(&mut self, error: &Error) {
        self.show.notice("sending", Some(format!("{error}; it is tried again")));
        (self.writer, self.failed) = (None, Some(Instant::now()));
    }

    /// Gets a little further towards a connection; never waits for one.
    fn connect(&mut self) -> Result<()> {
        match self.connecting.take() {
            Some(thread) if thread.is_finished() => {
                let writer = threads::join(thread);
                self.writer = Some(writer?);
                self.show.notice("sending", None);
            }
            Some(thread) => self.connecting = Some(thread),
            None if self.failed.is_none_or(|when| when.elapsed() >= RETRY) => {
                // A show that ends waits for nobody.
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
    fn put(&mut self, frame: &Frame) -> Result<()> {
        let outcome = match &mut self.writer {
            Some(writer) => writer.put(&Frame { time: frame.time - self.start, ..frame.clone() }),
            None => {
                self.start = frame.time + 1;
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
            // It ends soon, for it was told to; what it has to say is of no interest any more.
            let _ = thread.join();
        }
        self.writer.take().map_or(Ok(()), StreamWriter::finish)
    }
}
