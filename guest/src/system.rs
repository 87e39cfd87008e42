//! The machine itself: how it does, and who it is after a restore.
use std::ffi::c_int;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::statvfs;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};
use tonic::Status;

use crate::proto::{InfoResponse, MetricsResponse, RenewRequest, RenewResponse};
use crate::{execution, memory};

/// Uptime at the first greeting, and connections since.
pub static READY_AFTER_MS: AtomicU64 = AtomicU64::new(0);
pub static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

const MACHINE_ID: &str = "/etc/machine-id";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const OWN_BOOT_ID: &str = "/run/boot-id";
const MIN_ENTROPY: usize = 32;
const MAX_ENTROPY: usize = 512;

/// Since the kernel started.
pub fn uptime_ms() -> u64 {
    let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap_or(TimeSpec::new(0, 0));
    Duration::from(uptime).as_millis() as u64
}

pub fn info() -> InfoResponse {
    InfoResponse {
        agent_version: env!("CARGO_PKG_VERSION").into(),
        kernel: read_line("/proc/sys/kernel/osrelease"),
        hostname: read_line("/proc/sys/kernel/hostname"),
        machine_id: read_line(MACHINE_ID),
        uptime_ms: uptime_ms(),
        ready_after_ms: READY_AFTER_MS.load(Ordering::Relaxed),
        connections: CONNECTIONS.load(Ordering::Relaxed),
    }
}

/// Takes what the table of executions counts: running, in all, bytes of output.
pub fn metrics((running, kept, output): (u32, u32, u64)) -> MetricsResponse {
    let load: Vec<f64> =
        read_line("/proc/loadavg").split(' ').take(3).map(|number| number.parse().unwrap_or(0.0)).collect();
    let load = |index: usize| load.get(index).copied().unwrap_or(0.0);
    let disk = statvfs("/").ok();
    let disk_bytes = |blocks: u64| disk.map_or(0, |disk| blocks * disk.fragment_size());
    MetricsResponse {
        memory_total_bytes: memory::total_bytes(),
        memory_available_bytes: memory::available_bytes(),
        load_1: load(0),
        load_5: load(1),
        load_15: load(2),
        disk_total_bytes: disk_bytes(disk.map_or(0, |disk| disk.blocks())),
        disk_available_bytes: disk_bytes(disk.map_or(0, |disk| disk.blocks_available())),
        processes: execution::count_processes(),
        running_executions: running,
        kept_executions: kept,
        kept_output_bytes: output,
        agent_resident_bytes: memory::agent_resident_bytes(),
        uptime_ms: uptime_ms(),
        orphans_reaped: execution::orphans_reaped(),
    }
}

/// Sets what the request names and answers with what the kernel then says.
pub fn renew(request: &RenewRequest) -> Result<RenewResponse, Status> {
    if request.unix_time_us > 0 {
        let time = TimeSpec::from_duration(Duration::from_micros(request.unix_time_us));
        clock_settime(ClockId::CLOCK_REALTIME, time).map_err(|error| step_failed("clock", error.into()))?;
    }
    if !request.entropy.is_empty() {
        reseed(&request.entropy)?;
    }
    if !request.hostname.is_empty() {
        set_hostname(&request.hostname)?;
    }
    if !request.machine_id.is_empty() {
        set_machine_id(&request.machine_id)?;
        renew_boot_id().map_err(|error| step_failed("boot id", error))?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(RenewResponse {
        unix_time_us: now.as_micros() as u64,
        reseeded: !request.entropy.is_empty(),
        hostname: read_line("/proc/sys/kernel/hostname"),
        machine_id: read_line(MACHINE_ID),
    })
}

#[repr(C)]
struct PoolInfo {
    entropy_bits: c_int,
    size: c_int,
    bytes: [u8; MAX_ENTROPY],
}

nix::ioctl_write_ptr_bad!(add_entropy, nix::request_code_write!(b'R', 0x03, 2 * size_of::<c_int>()), PoolInfo);
nix::ioctl_none!(reseed_generator, b'R', 0x07);

/// Mixes the bytes into the kernel's pool and makes the generator start anew from it.
fn reseed(entropy: &[u8]) -> Result<(), Status> {
    if !(MIN_ENTROPY..=MAX_ENTROPY).contains(&entropy.len()) {
        return Err(Status::invalid_argument(format!("entropy is {MIN_ENTROPY} to {MAX_ENTROPY} bytes")));
    }
    let size = entropy.len() as c_int;
    let mut info = PoolInfo { entropy_bits: size * 8, size, bytes: [0; MAX_ENTROPY] };
    info.bytes[..entropy.len()].copy_from_slice(entropy);
    let device = File::open("/dev/urandom").map_err(|error| step_failed("entropy", error))?;
    // SAFETY: both requests are the kernel's, and `info` has the layout that the first one reads.
    unsafe {
        add_entropy(device.as_raw_fd(), &info).map_err(|error| step_failed("entropy", error.into()))?;
        reseed_generator(device.as_raw_fd()).map_err(|error| step_failed("reseed", error.into()))?;
    }
    Ok(())
}

fn set_hostname(name: &str) -> Result<(), Status> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.len() > 63 || !name.bytes().all(valid) || name.starts_with('-') {
        return Err(Status::invalid_argument(format!("{name:?} is not a hostname")));
    }
    nix::unistd::sethostname(name).map_err(|error| step_failed("hostname", error.into()))?;
    fs::write("/etc/hostname", format!("{name}\n"))
        .and_then(|()| fs::write("/etc/hosts", format!("127.0.0.1 localhost {name}\n::1 localhost\n")))
        .map_err(|error| step_failed("hostname", error))
}

fn set_machine_id(id: &str) -> Result<(), Status> {
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Status::invalid_argument(format!("{id:?} is not a machine id")));
    }
    fs::write(MACHINE_ID, format!("{id}\n")).map_err(|error| step_failed("machine id", error))
}

/// The kernel draws its id once, and clones of one boot would share it: each shows one of its own in its place.
fn renew_boot_id() -> io::Result<()> {
    let is_covered = Path::new(OWN_BOOT_ID).exists();
    fs::write(OWN_BOOT_ID, fs::read("/proc/sys/kernel/random/uuid")?)?;
    if is_covered {
        return Ok(());
    }
    Ok(mount(Some(OWN_BOOT_ID), BOOT_ID, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

fn step_failed(step: &str, error: io::Error) -> Status {
    Status::internal(format!("{step}: {error}"))
}

fn read_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
