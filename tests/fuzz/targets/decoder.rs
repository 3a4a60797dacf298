//! Any bytes: the outcome does not depend on how they are cut, memory is bounded by their number, and what was
//! accepted can be used.
//!
//! Input: a byte for the limits, a flag to repair checksums, the sizes of the pieces, the stream.

#![no_main]

use bytes::BytesMut;
use libfast_fuzz::{Outcome, Script, feed, repair};
use libfast_protocol::{Body, Frame, Limits, encode};
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fuzz_target!(|script: Script<'_>| run(script));

fn run(mut script: Script<'_>) {
    let limits = script.limits();
    let repaired = script.flag();
    let sizes = script.bytes();
    let mut stream = script.rest().to_vec();
    if repaired {
        repair(&mut stream);
    }
    let whole = feed_bounded(limits, &stream, &[]);
    let cut = feed_bounded(limits, &stream, sizes);
    assert_eq!(cut, whole, "cut by {sizes:?}");
    if stream.len() < 256 {
        assert_eq!(feed_bounded(limits, &stream, &[1]), whole, "byte by byte");
    }
    for frame in &whole.0 {
        use_frame(limits, frame);
    }
}

/// Feeds the stream in pieces of these sizes, over and over; as a whole if there are none.
fn feed_bounded(limits: Limits, stream: &[u8], sizes: &[u8]) -> Outcome {
    let mut rest = stream;
    let mut sizes = sizes.iter().map(|size| usize::from(*size).max(1)).cycle();
    let pieces = std::iter::from_fn(|| {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        let piece;
        (piece, rest) = rest.split_at(size);
        (!piece.is_empty()).then_some(piece)
    });
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let outcome = feed(limits, pieces);
    let used = MEMORY.peak_usage() - before;
    // An empty frame is 15 bytes here and some hundred there.
    assert!(used <= 64 * stream.len() + 4096, "{} bytes took {used} of memory", stream.len());
    outcome
}

fn use_frame(limits: Limits, frame: &Frame) {
    let _ = frame.method();
    if let Body::Values(values) = &frame.body {
        let elements: Vec<_> = values.iter().collect();
        assert_eq!(elements.len(), values.len());
        assert_eq!(elements.iter().any(|element| element == "null"), values.has_nulls());
    }
    // Replacing what is no UTF-8 can make a payload longer than it was allowed to be.
    let limits = Limits { max_frame_bytes: limits.max_frame_bytes.max(frame.payload.len()), ..limits };
    let mut again = BytesMut::new();
    encode(&mut again, frame.version, frame.status, frame.msgid, &frame.payload);
    assert_eq!(feed(limits, [&again[..]]), (vec![frame.clone()], Ok(())), "encoding undoes decoding");
}
