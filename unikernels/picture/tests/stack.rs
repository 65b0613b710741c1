//! How much stack encoding takes: who calls it in a qube has to have set so much aside, and finds out by its end otherwise.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use unikernels_picture::{Limits, PIXEL_LEN, Picture, STACK_LEN_MAX, to_png};

const SIDE: usize = 200;

#[test]
fn encoding_takes_no_more_stack_than_it_says() {
    // Neither flat nor regular, so that the compressor has something to do.
    let byte = |at: u32| at.wrapping_mul(0x9e37_79b1).to_be_bytes()[at as usize % 2];
    let pixels = (0..).map(byte).take(SIDE * SIDE * PIXEL_LEN).collect();
    let picture = Picture::new(SIDE, SIDE, pixels, &Limits::default()).unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK_LEN_MAX);
    let file = thread.spawn(move || to_png(&picture)).unwrap().join().unwrap();
    assert!(file.len() > SIDE * SIDE / 2, "{}", file.len());
}
