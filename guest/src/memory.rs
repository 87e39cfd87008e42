//! How much memory there is.
use std::fs;

pub fn total_bytes() -> u64 {
    field("/proc/meminfo", "MemTotal:")
}

pub fn available_bytes() -> u64 {
    field("/proc/meminfo", "MemAvailable:")
}

/// Memory of the agent itself that is really there.
pub fn agent_resident_bytes() -> u64 {
    field("/proc/self/status", "VmRSS:")
}

fn field(file: &str, name: &str) -> u64 {
    find_kilobytes(&fs::read_to_string(file).unwrap_or_default(), name) * 1024
}

fn find_kilobytes(text: &str, name: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::find_kilobytes;

    #[test]
    fn reads_a_field_in_kilobytes() {
        let text = "MemTotal:         240000 kB\nMemAvailable:    12 kB\n";
        assert_eq!(find_kilobytes(text, "MemAvailable:"), 12);
        assert_eq!(find_kilobytes(text, "SwapTotal:"), 0);
    }
}
