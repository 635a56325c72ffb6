//! One copied stream on its way to the output: its times and where it is cut.

use ffmpeg_next::Packet;

use crate::frame::Rational;

/// Where a stream goes, and how its times change.
#[derive(Debug)]
pub struct Route {
    /// Index of the output stream.
    pub output: usize,
    /// The input stream's unit.
    pub from: Rational,
    /// The output stream's unit; known once the header is written.
    pub to: Rational,
    /// The input's time that becomes 0, in `from`.
    pub origin: i64,
    /// Packets from this time of the input on are dropped, in `from`.
    pub end: Option<i64>,
    /// Largest decoding time so far, in `to`.
    pub last: Option<i64>,
    /// A cover picture: written once, with the header.
    pub cover: bool,
    /// Subtitles may overlap, and last into a cut.
    pub subtitles: bool,
    /// Everything that is wanted is copied.
    pub done: bool,
}

impl Route {
    /// Whether `packet` comes later than `seconds` of the output.
    pub fn is_later(&self, packet: &Packet, seconds: f64) -> bool {
        let time = packet.dts().or(packet.pts()).unwrap_or(self.origin);
        (time - self.origin) as f64 * self.from.as_f64() > seconds
    }

    /// Moves a packet from the input's time to the output's; false if it is cut away.
    pub fn take(&mut self, packet: &mut Packet) -> bool {
        let cut_start = self.origin != 0;
        let time = packet.pts().or(packet.dts());
        if let (Some(time), Some(end)) = (time, self.end)
            && time >= end
        {
            // Pictures are stored out of order: later packets may be wanted until the decoding time is past the end.
            self.done = packet.dts().is_none_or(|dts| dts >= end);
            return false;
        }
        if let Some(time) = time
            && cut_start
            && time < self.origin
        {
            let late = time + packet.duration() - self.origin;
            if !self.subtitles || late <= 0 {
                return false;
            }
            // A line that is still on screen when the cut begins.
            packet.set_pts(Some(self.origin));
            packet.set_dts(Some(self.origin));
            packet.set_duration(late);
        }
        packet.set_pts(packet.pts().map(|time| time - self.origin));
        packet.set_dts(packet.dts().map(|time| time - self.origin));
        packet.rescale_ts(ffmpeg_next::Rational::from(self.from), ffmpeg_next::Rational::from(self.to));
        if let (Some(dts), Some(last)) = (packet.dts(), self.last)
            && dts <= last
            && !(self.subtitles && dts == last)
        {
            // Containers refuse times that repeat or run backwards, as they do in damaged and joined files.
            let pts = packet.pts().map(|pts| pts.max(last + 1));
            packet.set_dts(Some(last + 1));
            packet.set_pts(pts);
        }
        self.last = packet.dts().or(self.last);
        packet.set_stream(self.output);
        packet.set_position(-1);
        true
    }
}
