//! Memory of a process, as Linux tells it.

/// Resident memory of the process `pid` now and at its peak, in MiB.
pub(crate) fn of(pid: u32) -> std::io::Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name))?;
        let kib = line.trim().trim_end_matches("kB").trim();
        Some(kib.parse::<f64>().ok()? / 1024.0)
    };
    field("VmRSS:")
        .zip(field("VmHWM:"))
        .ok_or_else(|| std::io::Error::other("/proc has no memory sizes"))
}
