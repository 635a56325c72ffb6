//! An encoder together with the file that it fills.

use ffmpeg_next::Packet;

use super::container::Container;
use super::destination::Destination;
use super::encoder::Encoder;
use super::muxer::Muxer;
use crate::error::Result;
use crate::frame::{Frame, Stamp};
use crate::media::info::VideoInfo;
use crate::warning::Warning;
use crate::whole::Unfinished;

/// A file that contains only the painted pictures. Dropped unfinished, it leaves nothing behind.
pub struct EncodedFile {
    encoder: Encoder,
    muxer: Muxer,
    packet: Packet,
    /// The time of the first frame, which is 0 in the file: a container may refuse negative times.
    origin: Option<i64>,
    /// Times of the packets so far, in the order of the file.
    order: Vec<i64>,
}

impl EncodedFile {
    /// Begins `file`.
    ///
    /// # Errors
    /// The file is not writable, or the container refuses the stream.
    pub fn create(file: Unfinished, container: Container, info: &VideoInfo, encoder: Encoder) -> Result<Self> {
        let mut muxer = Muxer::open(Destination::Whole(file), container)?;
        muxer.add_painted(info, &encoder, None)?;
        muxer.begin()?;
        Ok(Self { encoder, muxer, packet: Packet::empty(), origin: None, order: Vec::new() })
    }

    /// Warnings about the output.
    pub fn warnings(&self) -> Vec<Warning> {
        self.encoder.warnings().to_vec()
    }

    /// Encodes one frame, shown at `stamp`, later than those before.
    ///
    /// # Errors
    /// The encoder failed, or the disk is full.
    pub fn put(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        self.origin.get_or_insert(stamp.time);
        self.encoder.send(frame, stamp)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<()> {
        let origin = self.origin.unwrap_or(0);
        while self.encoder.receive(&mut self.packet)? {
            let (pts, dts) = (self.packet.pts(), self.packet.dts());
            self.order.extend(pts);
            self.packet.set_pts(pts.map(|time| time - origin));
            self.packet.set_dts(dts.map(|time| time - origin));
            self.muxer.put_painted(&mut self.packet)?;
        }
        Ok(())
    }

    /// Writes what the encoder still holds and gives the file its name. Returns by how many places a picture is stored
    /// later than it is shown, at most: 0 without B-frames.
    ///
    /// # Errors
    /// The encoder failed, or the disk is full; the file is then gone.
    pub fn finish(mut self) -> Result<usize> {
        self.encoder.end()?;
        self.drain()?;
        self.muxer.close()?;
        self.muxer.commit(None)?;
        Ok(delay(&self.order))
    }
}

/// The largest difference between a packet's place in the file and its place on the screen.
fn delay(order: &[i64]) -> usize {
    let mut shown: Vec<usize> = (0..order.len()).collect();
    shown.sort_by_key(|&stored| order[stored]);
    let late = shown.iter().enumerate().map(|(place, &stored)| stored.saturating_sub(place));
    late.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::delay;

    #[test]
    fn pictures_between_two_others_are_stored_late() {
        assert_eq!(delay(&[]), 0);
        assert_eq!(delay(&[0, 1, 2, 3]), 0);
        assert_eq!(delay(&[0, 3, 1, 2, 5, 4]), 1);
        assert_eq!(delay(&[0, 4, 2, 1, 3]), 2);
    }
}
