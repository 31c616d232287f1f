//! Ports for servers that a test starts.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of 127.0.0.1 on which nobody listens at this moment.
///
/// The system hands such ports out in turn, so another process is unlikely to
/// take it before the caller does; it is not reserved.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
