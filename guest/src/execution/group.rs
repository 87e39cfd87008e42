//! One control group (cgroup v2) per execution: its limits, its accounts, and the only sure way to stop a whole tree.
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::memory;

/// All executions together stay inside this group.
const PARENT: &str = "/sys/fs/cgroup/executions";
const DEFAULT_PROCESSES: u32 = 512;
/// Of all executions together; the kernel's own table is larger.
const MAX_PROCESSES: u32 = 4096;
/// Memory that no execution gets. With less, the kernel is busy for a minute with scraping pages together before it
/// finds that a limit is reached.
const MIN_RESERVE: u64 = 48 << 20;
const MAX_RESERVE: u64 = 256 << 20;

pub struct Group {
    path: PathBuf,
}

/// What the kernel counted for a tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_time_us: u64,
    pub memory_peak_bytes: u64,
    pub out_of_memory: bool,
    pub processes_refused: u64,
}

/// Makes the parent group. Leaves a reserve of memory that no execution can take.
pub fn prepare() -> io::Result<()> {
    let controllers = "+memory +pids +cpu";
    fs::write("/sys/fs/cgroup/cgroup.subtree_control", controllers)?;
    fs::create_dir_all(PARENT)?;
    let parent = PathBuf::from(PARENT);
    fs::write(parent.join("cgroup.subtree_control"), controllers)?;
    let reserve = (memory::total_bytes() / 8).clamp(MIN_RESERVE, MAX_RESERVE);
    fs::write(parent.join("memory.max"), (memory::total_bytes() - reserve).to_string())?;
    fs::write(parent.join("pids.max"), MAX_PROCESSES.to_string())
}

/// Processes and threads of all executions.
pub fn count_processes() -> u32 {
    fs::read_to_string(format!("{PARENT}/pids.current")).map_or(0, |text| text.trim().parse().unwrap_or(0))
}

impl Group {
    /// 0 means the default for each limit.
    pub fn create(id: u64, memory_bytes: u64, processes: u32) -> io::Result<Group> {
        let group = Group { path: PathBuf::from(format!("{PARENT}/{id}")) };
        fs::create_dir(&group.path)?;
        group.limit(memory_bytes, processes).inspect_err(|_| drop(fs::remove_dir(&group.path)))?;
        Ok(group)
    }

    fn limit(&self, memory_bytes: u64, processes: u32) -> io::Result<()> {
        fs::write(self.path.join("memory.oom.group"), "1")?;
        if memory_bytes > 0 {
            fs::write(self.path.join("memory.max"), memory_bytes.to_string())?;
        }
        let processes = if processes == 0 { DEFAULT_PROCESSES } else { processes };
        fs::write(self.path.join("pids.max"), processes.to_string())
    }

    /// The directory, in which processes can be born.
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// The processes in the group now.
    pub fn members(&self) -> Vec<i32> {
        let list = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        list.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Sends SIGKILL to every process at once, so that none can fork away.
    pub fn kill(&self) {
        // Fails only where the group is gone, and then there is nobody left to kill.
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
    }

    /// Kills what is left, waits until nothing is, reads the accounts and removes the group.
    pub async fn finish(&self) -> Usage {
        self.kill();
        let mut pause = Duration::from_micros(500);
        while self.counter("cgroup.events", "populated") > 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
            self.kill();
        }
        let usage = Usage {
            cpu_time_us: self.counter("cpu.stat", "usage_usec"),
            memory_peak_bytes: self.read("memory.peak").trim().parse().unwrap_or(0),
            out_of_memory: self.counter("memory.events", "oom_kill") > 0,
            processes_refused: self.counter("pids.events", "max"),
        };
        self.remove();
        usage
    }

    /// Removes a group that nobody entered.
    pub fn remove(&self) {
        if let Err(error) = fs::remove_dir(&self.path) {
            eprintln!("agent: {} stays: {error}", self.path.display());
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap_or_default()
    }

    fn counter(&self, file: &str, name: &str) -> u64 {
        find_counter(&self.read(file), name)
    }
}

/// Reads one line of the form `name number`; 0 where there is none.
fn find_counter(text: &str, name: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(found, _)| *found == name)
        .map_or(0, |(_, value)| value.trim().parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::find_counter;

    #[test]
    fn reads_a_counter_by_its_whole_name() {
        let text = "oom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(find_counter(text, "oom_kill"), 2);
        assert_eq!(find_counter(text, "kill"), 0);
    }
}
