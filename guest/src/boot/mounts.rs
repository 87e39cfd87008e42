//! What is mounted where.
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};

const NEW_ROOT: &str = "/newroot";
const LOWER: &str = "/lower";
const WRITTEN: &str = "/written";
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// An initramfs has no open console: without this the first files opened would become stdout and stderr.
pub fn prepare_console() -> io::Result<()> {
    mount_at("/dev", "devtmpfs", MsFlags::MS_NOSUID, "mode=0755")?;
    mount_at("/proc", "proc", restricted(), "")?;
    // SAFETY: plain system calls; 0 to 2 belong to nobody else yet.
    unsafe {
        let console = libc::open(c"/dev/console".as_ptr(), libc::O_RDWR | libc::O_NOCTTY);
        if console < 0 {
            return Err(io::Error::last_os_error());
        }
        (0..3).filter(|target| *target != console).for_each(|target| {
            libc::dup2(console, target);
        });
        if console > 2 {
            libc::close(console);
        }
    }
    Ok(())
}

/// Mounts the disk and makes it the root of every process. Where an overlay device is named, the disk is only read, and
/// what is written goes there.
pub fn enter_root(device: &str, overlay: Option<&str>) -> io::Result<()> {
    fs::create_dir_all(NEW_ROOT)?;
    match overlay {
        None => mount_disk(device, NEW_ROOT, MsFlags::MS_NOATIME, None)?,
        Some(overlay) => mount_overlay(device, overlay)?,
    }
    for directory in ["/dev", "/proc"] {
        let target = format!("{NEW_ROOT}{directory}");
        mount(Some(directory), target.as_str(), None::<&str>, MsFlags::MS_MOVE, None::<&str>)
            .map_err(|error| named(&target, error))?;
    }
    // The agent's file stays in memory while it runs, but nobody needs its name.
    let _ = fs::remove_file("/init");
    nix::unistd::chdir(NEW_ROOT)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>).map_err(|error| named("/", error))?;
    nix::unistd::chroot(".")?;
    nix::unistd::chdir("/")?;
    Ok(())
}

/// Mounts the kernel's own file systems in the new root.
pub fn mount_system() -> io::Result<()> {
    mount_at("/sys", "sysfs", restricted(), "")?;
    mount_at("/sys/fs/cgroup", "cgroup2", restricted(), "nsdelegate")?;
    mount_at("/dev/pts", "devpts", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666")?;
    mount_at("/dev/shm", "tmpfs", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777")?;
    mount_at("/run", "tmpfs", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=0755,size=16m")?;
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        std::os::unix::fs::symlink(target, Path::new("/dev").join(link))?;
    }
    Ok(())
}

fn mount_disk(device: &str, target: &str, flags: MsFlags, data: Option<&str>) -> io::Result<()> {
    wait_for(device)?;
    mount(Some(device), target, Some("ext4"), flags, data).map_err(|error| named(device, error))
}

fn mount_overlay(device: &str, overlay: &str) -> io::Result<()> {
    for directory in [LOWER, WRITTEN] {
        fs::create_dir_all(directory)?;
    }
    mount_disk(device, LOWER, MsFlags::MS_NOATIME | MsFlags::MS_RDONLY, Some("noload"))?;
    mount_disk(overlay, WRITTEN, MsFlags::MS_NOATIME, None)?;
    let (upper, work) = (format!("{WRITTEN}/upper"), format!("{WRITTEN}/work"));
    for directory in [&upper, &work] {
        fs::create_dir_all(directory)?;
    }
    let layers = format!("lowerdir={LOWER},upperdir={upper},workdir={work}");
    mount(Some("overlay"), NEW_ROOT, Some("overlay"), MsFlags::MS_NOATIME, Some(layers.as_str()))
        .map_err(|error| named("the overlay", error))
}

fn restricted() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC
}

fn mount_at(target: &str, kind: &str, flags: MsFlags, data: &str) -> io::Result<()> {
    fs::create_dir_all(target)?;
    mount(Some(kind), target, Some(kind), flags, Some(data)).map_err(|error| named(target, error))
}

fn wait_for(device: &str) -> io::Result<()> {
    let since = Instant::now();
    while !Path::new(device).exists() {
        if since.elapsed() > DISK_PATIENCE {
            return Err(io::Error::other(format!("{device} does not appear")));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn named(what: &str, error: nix::Error) -> io::Error {
    io::Error::other(format!("mount {what}: {error}"))
}
