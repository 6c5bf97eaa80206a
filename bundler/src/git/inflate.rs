//! A look at each object of a pack as it passes: how large it will be in memory.
//!
//! A megabyte of pack can hold an object of a gigabyte, and libgit2 builds an object whole where it is the base or the
//! result of a difference. Here the sizes are read on the way, in constant memory, so that the cap holds before that.
//! It judges nothing else: whether the pack is sound is the indexer's business.

use flate2::{Decompress, FlushDecompress, Status};

/// Where in the pack we are.
#[derive(Debug)]
enum State {
    /// Bytes of the pack's own header still to come.
    Header(usize),
    /// The type and size of an object; its shift.
    Size { size: u64, shift: u32, kind: u8 },
    /// Where its base is in this pack.
    Offset,
    /// Bytes of its base's id still to come.
    Base(usize),
    /// Its compressed content.
    Content,
}

/// Scans one pack.
pub(super) struct Scan {
    state: State,
    is_delta: bool,
    inflate: Decompress,
    /// The first bytes of a difference: the sizes of base and result.
    delta_head: Vec<u8>,
    max_object_bytes: u64,
    buffer: Vec<u8>,
    remaining: Option<u32>,
    count: Vec<u8>,
}

/// An object is larger than the cap, or the pack is malformed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScanError {
    TooLarge,
    Malformed,
}

/// Two sizes of up to ten bytes each.
const DELTA_HEAD: usize = 20;

impl Scan {
    pub(super) fn new(max_object_bytes: u64) -> Self {
        Self {
            state: State::Header(12),
            is_delta: false,
            inflate: Decompress::new(true),
            delta_head: Vec::new(),
            max_object_bytes,
            buffer: vec![0; 16 * 1024],
            remaining: None,
            count: Vec::new(),
        }
    }

    /// Looks at the next piece.
    pub(super) fn feed(&mut self, mut data: &[u8]) -> Result<(), ScanError> {
        while !data.is_empty() && self.remaining != Some(0) {
            if matches!(self.state, State::Content) {
                data = self.content(data)?;
            } else {
                self.byte(data[0])?;
                data = &data[1..];
            }
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), ScanError> {
        self.state = match self.state {
            State::Header(left) => {
                self.count.push(byte);
                if left > 1 {
                    State::Header(left - 1)
                } else {
                    let count = self.count.last_chunk().copied().unwrap_or_default();
                    self.remaining = Some(u32::from_be_bytes(count));
                    START
                }
            }
            State::Size { size, shift, kind } => self.size(byte, size, shift, kind)?,
            State::Offset if byte & 0x80 == 0 => State::Content,
            State::Offset => State::Offset,
            State::Base(1) => State::Content,
            State::Base(left) => State::Base(left - 1),
            State::Content => State::Content,
        };
        Ok(())
    }

    fn size(&mut self, byte: u8, size: u64, shift: u32, kind: u8) -> Result<State, ScanError> {
        let (bits, width, kind) = if shift == 0 { (byte & 0x0f, 4, (byte >> 4) & 7) } else { (byte & 0x7f, 7, kind) };
        if shift > 60 {
            return Err(ScanError::Malformed);
        }
        let size = size | (u64::from(bits) << shift);
        if size > self.max_object_bytes {
            return Err(ScanError::TooLarge);
        }
        if byte & 0x80 != 0 {
            return Ok(State::Size { size, shift: shift + width, kind });
        }
        self.is_delta = matches!(kind, 6 | 7);
        self.delta_head.clear();
        self.inflate.reset(true);
        match kind {
            1..=4 => Ok(State::Content),
            6 => Ok(State::Offset),
            7 => Ok(State::Base(20)),
            _ => Err(ScanError::Malformed),
        }
    }

    fn content<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], ScanError> {
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status =
            self.inflate.decompress(data, &mut self.buffer, FlushDecompress::None).map_err(|_| ScanError::Malformed)?;
        let (read, written) = (self.inflate.total_in() - read, self.inflate.total_out() - written);
        let (read, written) = (usize::try_from(read).unwrap_or(0), usize::try_from(written).unwrap_or(0));
        if self.inflate.total_out() > self.max_object_bytes {
            return Err(ScanError::TooLarge);
        }
        if self.is_delta && self.delta_head.len() < DELTA_HEAD {
            let take = written.min(DELTA_HEAD - self.delta_head.len());
            self.delta_head.extend_from_slice(&self.buffer[..take]);
        }
        if status == Status::StreamEnd {
            if self.is_delta {
                let sizes = self.delta_sizes().ok_or(ScanError::Malformed)?;
                if sizes.iter().any(|size| *size > self.max_object_bytes) {
                    return Err(ScanError::TooLarge);
                }
            }
            self.remaining = self.remaining.map(|left| left.saturating_sub(1));
            self.state = START;
        } else if read == 0 && written == 0 {
            return Err(ScanError::Malformed);
        }
        Ok(&data[read..])
    }

    /// Bytes of the base and of the result.
    fn delta_sizes(&self) -> Option<[u64; 2]> {
        let mut bytes = self.delta_head.iter();
        let mut next = || {
            let (mut size, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes.next()?;
                size |= u64::from(byte & 0x7f).checked_shl(shift)?;
                shift += 7;
                if byte & 0x80 == 0 {
                    return Some(size);
                }
            }
        };
        Some([next()?, next()?])
    }
}

const START: State = State::Size { size: 0, shift: 0, kind: 0 };
