//! What stands before the macroblocks: segments, filter, steps, probabilities, and where the partitions are.
//! Source: RFC 6386, sections 9 and 19.2.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::bools::Bools;
use super::coefficients::{COEFFICIENTS, Coefficients, UPDATES};
use super::tables::{AC_STEPS, DC_STEPS};
use crate::WebpError;
use crate::container::number;

/// Frame tag, start code and sides.
const FRAME_HEADER_LEN: usize = 10;
/// Segments of a picture.
pub(super) const SEGMENTS: usize = 4;
/// Largest number of a step.
const STEP_MAX: i32 = 127;
/// The same for the first coefficient of chroma.
const CHROMA_STEP_MAX: i32 = 117;
/// Smallest step of the coefficients but the first of the block of first coefficients.
const Y2_STEP_MIN: i32 = 8;
/// Largest level of the filter.
const LEVEL_MAX: i32 = 63;
/// Bytes of the length of a partition.
const LENGTH_LEN: usize = 3;

/// By how much the first coefficient of a block and the others are multiplied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steps {
    pub(super) luma: [i32; 2],
    /// The block of the first coefficients of luma.
    pub(super) luma_first: [i32; 2],
    pub(super) chroma: [i32; 2],
}

/// What is done along the edges of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    Simple,
    Normal,
}

pub(super) struct Header<'a> {
    pub(super) steps: [Steps; SEGMENTS],
    /// Probabilities of the number of a segment, if macroblocks say theirs.
    pub(super) map: Option<[u8; 3]>,
    pub(super) filter: Kind,
    /// From 0 to 7.
    pub(super) sharpness: u8,
    /// Of each segment the level of the filter, from 0 to 63, without and with blocks predicted by themselves.
    pub(super) levels: [[u8; 2]; SEGMENTS],
    /// How likely a macroblock is to have coefficients, if they say so.
    pub(super) skip: Option<u8>,
    pub(super) coefficients: Box<Coefficients>,
    /// The rest of the first partition: the modes of macroblocks.
    pub(super) modes: Bools<'a>,
    /// One, two, four or eight partitions with coefficients, for each row of macroblocks the next.
    pub(super) partitions: Vec<Bools<'a>>,
}

/// What segments change.
struct Segments {
    is_absolute: bool,
    quantizer: [i32; SEGMENTS],
    level: [i32; SEGMENTS],
    map: Option<[u8; 3]>,
}

/// Reads the header of a key frame, whose first bytes the container has checked.
pub(super) fn read(data: &[u8]) -> Result<Header<'_>, WebpError> {
    let (frame, rest) = data.split_first_chunk::<FRAME_HEADER_LEN>().ok_or(WebpError::Truncated)?;
    let [low, mid, high, ..] = *frame;
    let tag = number([low, mid, high]);
    let (profile, is_shown, first_len) = ((tag >> 1) & 7, (tag >> 4) & 1, tag >> 5);
    if profile > 3 || is_shown == 0 {
        return Err(WebpError::Lossy);
    }
    let (first, rest) = rest.split_at_checked(first_len).ok_or(WebpError::Truncated)?;
    let mut bools = Bools::new(first);
    // Colour space and clamping: the first has one value, and clamping is never wrong.
    bools.number(2);
    let segments = bools.flag().then(|| read_segments(&mut bools));
    let is_simple = bools.flag();
    let level = bools.number(6);
    let sharpness = bools.number(3);
    let deltas = read_deltas(&mut bools);
    let filter = match (level, is_simple) {
        (0, _) => Kind::None,
        (_, true) => Kind::Simple,
        (_, false) => Kind::Normal,
    };
    let partitions = partitions(rest, 1 << bools.number(2))?;
    let steps = read_steps(&mut bools, segments.as_ref());
    // Whether probabilities are for later pictures too, of which there is none.
    bools.flag();
    let mut coefficients = Box::new(COEFFICIENTS);
    let places = coefficients.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    let updates = UPDATES.as_flattened().as_flattened().as_flattened();
    for (place, update) in places.iter_mut().zip(updates) {
        if bools.read(*update) {
            *place = bools.number(8);
        }
    }
    let skip = bools.flag().then(|| bools.number(8));
    if bools.is_cut() {
        return Err(WebpError::Truncated);
    }
    let levels = levels(level, segments.as_ref(), deltas);
    let map = segments.and_then(|segments| segments.map);
    Ok(Header { steps, map, filter, sharpness, levels, skip, coefficients, modes: bools, partitions })
}

fn read_segments(bools: &mut Bools) -> Segments {
    let has_map = bools.flag();
    let mut segments =
        Segments { is_absolute: true, quantizer: [0; SEGMENTS], level: [0; SEGMENTS], map: None };
    if bools.flag() {
        segments.is_absolute = bools.flag();
        segments.quantizer = [(); SEGMENTS].map(|()| bools.optional(7).unwrap_or(0));
        segments.level = [(); SEGMENTS].map(|()| bools.optional(6).unwrap_or(0));
    }
    if has_map {
        segments.map = Some([(); 3].map(|()| if bools.flag() { bools.number(8) } else { u8::MAX }));
    }
    segments
}

/// What is added to the level of the filter, in any macroblock of a key frame and for those whose blocks are
/// predicted by themselves.
fn read_deltas(bools: &mut Bools) -> [i32; 2] {
    if !bools.flag() || !bools.flag() {
        return [0; 2];
    }
    let [[picture, ..], [blocks, ..]] = [(); 2].map(|()| [(); 4].map(|()| bools.optional(6).unwrap_or(0)));
    [picture, blocks]
}

/// The level of a segment is not below 0 and not above 63 after all that is added to it.
fn levels(level: u8, segments: Option<&Segments>, [picture, blocks]: [i32; 2]) -> [[u8; 2]; SEGMENTS] {
    let base = i32::from(level);
    let of_segments = segments.map_or([base; SEGMENTS], |segments| {
        segments.level.map(|level| if segments.is_absolute { level } else { base + level })
    });
    let bounded = |level: i32| u8::try_from(level.clamp(0, LEVEL_MAX)).unwrap_or(0);
    of_segments.map(|level| [bounded(level + picture), bounded(level + picture + blocks)])
}

fn read_steps(bools: &mut Bools, segments: Option<&Segments>) -> [Steps; SEGMENTS] {
    let base = i32::from(bools.number(7));
    let deltas = [(); 5].map(|()| bools.optional(4).unwrap_or(0));
    let [luma_dc, first_dc, first_ac, chroma_dc, chroma_ac] = deltas;
    let of_segments = segments.map_or([base; SEGMENTS], |segments| {
        segments.quantizer.map(|step| if segments.is_absolute { step } else { base + step })
    });
    let step = |table: &[i16; 128], number: i32, max: i32| {
        usize::try_from(number.clamp(0, max))
            .ok()
            .and_then(|at| table.get(at))
            .map_or(4, |step| i32::from(*step))
    };
    let dc = |number| step(&DC_STEPS, number, STEP_MAX);
    let ac = |number| step(&AC_STEPS, number, STEP_MAX);
    of_segments.map(|base| Steps {
        luma: [dc(base + luma_dc), ac(base)],
        luma_first: [dc(base + first_dc) * 2, (ac(base + first_ac) * 155 / 100).max(Y2_STEP_MIN)],
        chroma: [step(&DC_STEPS, base + chroma_dc, CHROMA_STEP_MAX), ac(base + chroma_ac)],
    })
}

/// The partitions with coefficients: the lengths of all but the last, and then these.
fn partitions(data: &[u8], count: usize) -> Result<Vec<Bools<'_>>, WebpError> {
    let lengths_len = (count - 1) * LENGTH_LEN;
    let (lengths, mut rest) = data.split_at_checked(lengths_len).ok_or(WebpError::Truncated)?;
    let mut partitions = Vec::with_capacity(count);
    let (lengths, _) = lengths.as_chunks::<LENGTH_LEN>();
    for len in lengths {
        let (partition, behind) = rest.split_at_checked(number(*len)).ok_or(WebpError::Truncated)?;
        partitions.push(Bools::new(partition));
        rest = behind;
    }
    partitions.push(Bools::new(rest));
    Ok(partitions)
}
