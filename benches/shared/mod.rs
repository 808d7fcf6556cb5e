//! What benchmarks of the whole program stand on: a camera, the program and its viewers, each of
//! the first two in a process of its own, and the kernel's figures of them.

pub(crate) mod camera;
pub(crate) mod child;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod served;
pub(crate) mod taker;

/// What can go wrong: it ends the benchmark's row with a sentence.
pub(crate) type Fault = Box<dyn std::error::Error>;
