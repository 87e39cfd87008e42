//! Where byte streams from the host come from: one named virtio-serial port, one connection at a time.
mod greeting;
mod port;

use std::fs;
use std::io;
use std::time::Duration;

pub use greeting::random_nonce;
pub use port::Port;

/// How long to wait before looking again for something that appears by itself.
const RETRY: Duration = Duration::from_millis(3);

/// Finds the device of the port with this name, waiting for the driver to make it.
pub async fn find_port(name: &str) -> String {
    loop {
        let named = |entry: &fs::DirEntry| {
            fs::read_to_string(entry.path().join("name")).is_ok_and(|found| found.trim() == name)
        };
        let ports = fs::read_dir("/sys/class/virtio-ports").into_iter().flatten().flatten();
        if let Some(entry) = ports.into_iter().find(named) {
            return format!("/dev/{}", entry.file_name().to_string_lossy());
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Waits for a host, greets it and hands over the stream. A host that leaves during the greeting is forgotten.
pub async fn accept(path: &str) -> io::Result<Port> {
    // The kernel throws away what it had buffered when the last stream was dropped, so each connection opens anew.
    let mut port = open(path).await;
    loop {
        port.wait_for_host().await?;
        if greeting::greet(&mut port).await.is_ok() {
            return Ok(port);
        }
    }
}

async fn open(path: &str) -> Port {
    loop {
        match Port::open(path) {
            Ok(port) => return port,
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}
