//! Where byte streams from the host come from, one connection at a time: a named virtio-serial port, or a vsock port.
mod greeting;
mod port;
mod vsock;

use std::fs;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use greeting::random_nonce;
use port::Port;
use vsock::Listener;

/// How long to wait before looking again for something that appears by itself.
const RETRY: Duration = Duration::from_millis(3);
/// A host that connected over vsock and says nothing must not keep others out.
const GREETING_PATIENCE: Duration = Duration::from_secs(5);

/// A stream to the host after the greeting.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub enum Link {
    /// The device of a virtio-serial port.
    Serial(String),
    Vsock(Listener),
}

impl Link {
    /// Opens the vsock port where one is named, else the virtio-serial port with this name, waiting for its driver.
    pub async fn open(vsock_port: Option<u32>, serial_name: &str) -> io::Result<Link> {
        match vsock_port {
            Some(port) => Ok(Link::Vsock(Listener::open(port)?)),
            None => Ok(Link::Serial(find_port(serial_name).await)),
        }
    }

    /// Waits for a host, greets it and hands over the stream. A host that leaves during the greeting is forgotten.
    pub async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Link::Serial(path) => accept_serial(path).await,
            Link::Vsock(listener) => accept_vsock(listener).await,
        }
    }
}

async fn accept_vsock(listener: &Listener) -> io::Result<Box<dyn Stream>> {
    loop {
        let Ok(mut stream) = listener.accept().await else {
            // A connection that was reset before it was taken is told as an error here; the listener goes on.
            tokio::time::sleep(RETRY).await;
            continue;
        };
        if let Ok(Ok(())) = tokio::time::timeout(GREETING_PATIENCE, greeting::greet(&mut stream)).await {
            return Ok(Box::new(stream));
        }
    }
}

async fn accept_serial(path: &str) -> io::Result<Box<dyn Stream>> {
    // The kernel throws away what it had buffered when the last stream was dropped, so each connection opens anew.
    let mut port = open_serial(path).await;
    loop {
        port.wait_for_host().await?;
        if greeting::greet(&mut port).await.is_ok() {
            return Ok(Box::new(port));
        }
    }
}

async fn find_port(name: &str) -> String {
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

async fn open_serial(path: &str) -> Port {
    loop {
        match Port::open(path) {
            Ok(port) => return port,
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}
