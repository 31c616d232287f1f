//! The real clock and the real entropy: the only place that asks the system for either.

use cresset_model::{Clock, Entropy, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

/// The wall clock.
#[derive(Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// The operating system's random numbers.
#[derive(Debug)]
pub(crate) struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The system's source.
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buf: &mut [u8]) {
        // Running on without random numbers would hand out guessable credentials.
        if self.0.fill(buf).is_err() {
            eprintln!("cresset: the operating system gives no random numbers");
            std::process::abort();
        }
    }
}
