//! Tests of the local event log on a disk that can fail, and on the real one.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod appends;
mod damage;
mod faults;
mod faulty_disk;
mod kept;
mod model;
mod power_loss;
mod support;
