//! The smallest qube: says hello and ends.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

unikernels_rt::main!(main);

fn main(qube: unikernels_rt::Qube) -> i32 {
    unikernels_rt::log!("hello from {}", qube.name());
    0
}
