//! From the kernel's hand-over to a Debian root with everything mounted, and back to off.
mod modules;
mod mounts;

use std::fs;
use std::io;
use std::time::Duration;

use nix::sys::reboot::{RebootMode, reboot, set_cad_enabled};

const PROCESS_GRACE: Duration = Duration::from_millis(50);

/// Turns the initramfs into the running root. Fails where the machine lacks what it needs.
pub fn start() -> io::Result<()> {
    mounts::prepare_console()?;
    modules::load("/modules")?;
    mounts::enter_root(&root_device(), argument("overlay").as_deref())?;
    mounts::mount_system()?;
    set_cad_enabled(false)?;
    nix::unistd::sethostname(fs::read_to_string("/etc/hostname").unwrap_or_default().trim())?;
    protect_agent()?;
    // A kernel that tells the console about every kill stops the machine for seconds under emulation.
    fs::write("/proc/sys/kernel/printk", "1")?;
    bring_up_loopback()
}

/// Stops everything and switches the machine off; returns only where that fails.
pub fn power_off(restart: bool) {
    // SAFETY: plain system calls.
    unsafe { libc::kill(-1, libc::SIGTERM) };
    std::thread::sleep(PROCESS_GRACE);
    unsafe { libc::kill(-1, libc::SIGKILL) };
    nix::unistd::sync();
    // A VMM without ACPI ends its machine on a reset only.
    let restart = restart || argument("agent.vsock").is_some();
    let mode = if restart { RebootMode::RB_AUTOBOOT } else { RebootMode::RB_POWER_OFF };
    let Err(error) = reboot(mode);
    eprintln!("agent: cannot power off: {error}");
}

/// The value of one word `name=value` of the kernel's command line.
pub fn argument(name: &str) -> Option<String> {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    find_argument(&line, name).map(str::to_owned)
}

fn find_argument<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn root_device() -> String {
    argument("root").unwrap_or_else(|| "/dev/vda".into())
}

/// The kernel's last choice for a kill, and first in line for the processor.
fn protect_agent() -> io::Result<()> {
    fs::write("/proc/self/oom_score_adj", "-1000")?;
    // SAFETY: a plain system call.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -10) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn bring_up_loopback() -> io::Result<()> {
    // SAFETY: zeroed is a valid `ifreq`, and the descriptor is ours.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = libc::ioctl(socket, libc::SIOCSIFFLAGS, &request);
        let error = io::Error::last_os_error();
        libc::close(socket);
        if result == 0 { Ok(()) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::find_argument;

    #[test]
    fn finds_a_whole_name_only() {
        let line = "console=ttyS0 quiet xroot=/dev/a root=/dev/vdb";
        assert_eq!(find_argument(line, "root"), Some("/dev/vdb"));
        assert_eq!(find_argument(line, "quiet"), None);
    }
}
