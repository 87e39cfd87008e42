//! The output of one execution: what the reader has not had yet, and a bounded tail of what it had, for a reader that
//! comes back. Positions are absolute and count both streams together.
use std::collections::VecDeque;

/// Unread output beyond which the pipes are no longer read; the program then blocks.
const AHEAD_BYTES: u64 = 256 << 10;
/// Read output kept for another reader; more than can be in flight on a connection.
const BEHIND_BYTES: u64 = 1 << 20;
/// Small writes are gathered into segments of this size.
const SEGMENT_BYTES: usize = 16 << 10;
/// Bounds the cost of output that alternates between the streams byte by byte.
const MAX_SEGMENTS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stream {
    Stdout,
    Stderr,
}

struct Segment {
    start: u64,
    stream: Stream,
    data: Vec<u8>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

/// A piece of output on its way to the reader.
#[derive(Debug, PartialEq)]
pub struct Piece {
    pub offset: u64,
    pub stream: Stream,
    pub data: Vec<u8>,
}

#[derive(Default)]
pub struct OutputLog {
    segments: VecDeque<Segment>,
    /// Position behind the last byte.
    end: u64,
    /// Position of the next byte to read.
    cursor: u64,
}

impl OutputLog {
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes held in memory.
    pub fn kept(&self) -> u64 {
        self.end - self.start()
    }

    pub fn has_room(&self) -> bool {
        self.end - self.cursor < AHEAD_BYTES && self.segments.len() < MAX_SEGMENTS
    }

    pub fn push(&mut self, stream: Stream, data: Vec<u8>) {
        let start = self.end;
        self.end += data.len() as u64;
        if let Some(last) = self.segments.back_mut()
            && last.stream == stream
            && last.data.len() + data.len() <= SEGMENT_BYTES
        {
            last.data.extend_from_slice(&data);
            return;
        }
        self.segments.push_back(Segment { start, stream, data });
    }

    /// Moves the reader. False where the output at this position is gone or not there yet.
    pub fn seek(&mut self, offset: u64) -> bool {
        let valid = (self.start()..=self.end).contains(&offset);
        if valid {
            self.cursor = offset;
        }
        valid
    }

    /// Gives the next unread piece and moves on; forgets what lies too far behind.
    pub fn read(&mut self) -> Option<Piece> {
        let index = self.segments.partition_point(|segment| segment.end() <= self.cursor);
        let segment = self.segments.get(index)?;
        let data = segment.data[(self.cursor - segment.start) as usize..].to_vec();
        let piece = Piece { offset: self.cursor, stream: segment.stream, data };
        self.cursor = segment.end();
        self.trim();
        Some(piece)
    }

    fn start(&self) -> u64 {
        self.segments.front().map_or(self.end, |segment| segment.start)
    }

    fn trim(&mut self) {
        while let Some(front) = self.segments.front() {
            let read = front.end() <= self.cursor;
            let far_behind = front.end() + BEHIND_BYTES <= self.cursor || self.segments.len() > MAX_SEGMENTS / 2;
            if !(read && far_behind) {
                return;
            }
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: u64, stream: Stream, data: &[u8]) -> Option<Piece> {
        Some(Piece { offset, stream, data: data.to_vec() })
    }

    #[test]
    fn gives_both_streams_in_order_with_their_positions() {
        let mut log = OutputLog::default();
        log.push(Stream::Stdout, b"ab".to_vec());
        log.push(Stream::Stdout, b"c".to_vec());
        log.push(Stream::Stderr, b"d".to_vec());
        assert_eq!(log.read(), piece(0, Stream::Stdout, b"abc"));
        assert_eq!(log.read(), piece(3, Stream::Stderr, b"d"));
        assert_eq!(log.read(), None);
    }

    #[test]
    fn reads_on_in_a_segment_that_has_grown() {
        let mut log = OutputLog::default();
        log.push(Stream::Stdout, b"ab".to_vec());
        log.read();
        log.push(Stream::Stdout, b"cd".to_vec());
        assert_eq!(log.read(), piece(2, Stream::Stdout, b"cd"));
    }

    #[test]
    fn goes_back_to_any_kept_position() {
        let mut log = OutputLog::default();
        log.push(Stream::Stdout, b"abcdef".to_vec());
        log.read();
        assert!(log.seek(4));
        assert_eq!(log.read(), piece(4, Stream::Stdout, b"ef"));
        assert!(!log.seek(7));
    }

    #[test]
    fn has_no_room_while_much_is_unread() {
        let mut log = OutputLog::default();
        log.push(Stream::Stdout, vec![0; AHEAD_BYTES as usize]);
        assert!(!log.has_room());
        log.read();
        assert!(log.has_room());
    }

    #[test]
    fn keeps_a_bounded_tail() {
        let mut log = OutputLog::default();
        for _ in 0..100 {
            log.push(Stream::Stdout, vec![0; 64 << 10]);
            log.read();
        }
        assert!(log.kept() <= BEHIND_BYTES + (64 << 10));
        assert!(!log.seek(0));
        assert!(log.seek(log.end() - BEHIND_BYTES));
    }

    #[test]
    fn bounds_the_segments_of_alternating_output() {
        let mut log = OutputLog::default();
        for index in 0..100_000 {
            log.push(if index % 2 == 0 { Stream::Stdout } else { Stream::Stderr }, vec![0]);
            log.read();
        }
        assert!(log.segments.len() <= MAX_SEGMENTS);
    }
}
