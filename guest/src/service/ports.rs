//! TCP ports inside the machine: which are open, and a way to them for the host.
use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Answers;
use crate::proto::dial_request::Part;
use crate::proto::*;

const CHUNK: usize = 64 << 10;
/// What the loopback interface needs is microseconds; a listener whose queue is full never answers.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The state of a socket in the kernel's tables.
const LISTENING: &str = "0A";

/// Sorted by port.
pub fn listening() -> Vec<ListeningPort> {
    let mut found: Vec<(ListeningPort, u64)> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| parse_table(&fs::read_to_string(table).unwrap_or_default()))
        .collect();
    let owners = owners_of_sockets(&found.iter().map(|(_, inode)| *inode).collect::<Vec<_>>());
    for (port, inode) in &mut found {
        if let Some(pid) = owners.get(inode) {
            port.pid = *pid;
            port.program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().into();
        }
    }
    let mut ports: Vec<ListeningPort> = found.into_iter().map(|(port, _)| port).collect();
    ports.sort_by(|left, right| (left.port, &left.address).cmp(&(right.port, &right.address)));
    ports
}

fn parse_table(table: &str) -> Vec<(ListeningPort, u64)> {
    table.lines().skip(1).filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(ListeningPort, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != LISTENING {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    let port = u32::from_str_radix(port, 16).ok()?;
    let address = parse_address(address)?.to_string();
    Some((ListeningPort { port, address, ..Default::default() }, fields.get(9)?.parse().ok()?))
}

/// The kernel writes addresses as words in the order of this machine's bytes.
fn parse_address(text: &str) -> Option<IpAddr> {
    let words: Option<Vec<u32>> =
        (0..text.len() / 8).map(|index| u32::from_str_radix(text.get(index * 8..index * 8 + 8)?, 16).ok()).collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(short) => Some(Ipv4Addr::from(short).into()),
        Err(_) => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?).into()),
    }
}

fn owners_of_sockets(inodes: &[u64]) -> HashMap<u64, u32> {
    let mut owners = HashMap::new();
    for pid in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(number) = pid.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        for descriptor in fs::read_dir(pid.path().join("fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                owners.entry(inode).or_insert(number);
            }
        }
    }
    owners
}

/// Connects, then carries bytes in both directions until both are closed, one breaks, or the host gives up.
pub async fn dial(mut requests: Streaming<DialRequest>) -> Result<Answers<DialResponse>, Status> {
    let Some(Part::Port(port)) = requests.next().await.transpose()?.and_then(|first| first.part) else {
        return Err(Status::invalid_argument("the first message names no port"));
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| Status::invalid_argument("a port is a number from 1 to 65535"))?;
    let stream = connect(port).await.map_err(|error| Status::unavailable(format!("port {port}: {error}")))?;
    let _ = stream.set_nodelay(true);
    let (from_program, to_program) = stream.into_split();
    let (sender, receiver) = mpsc::channel(1);
    let _ = sender.try_send(Ok(DialResponse { data: Bytes::new() }));
    tokio::spawn(async move {
        // Kept until the program has ended its direction: then the answers end, whatever the host still means to send.
        let host_left = sender.clone();
        let broken = async {
            if send(requests, to_program).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = receive(from_program, sender) => {}
            () = broken => {}
            () = host_left.closed() => {}
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    let both = async {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Ok(stream) => Ok(stream),
            // Some programs listen on one of the two only.
            Err(error) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| error),
        }
    };
    tokio::time::timeout(CONNECT_PATIENCE, both).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The end of the requests is passed on; a program that no longer reads may still write.
async fn send(mut requests: Streaming<DialRequest>, mut to_program: OwnedWriteHalf) -> Result<(), ()> {
    while let Some(request) = requests.next().await {
        let Some(Part::Data(data)) = request.map_err(drop)?.part else { return Err(()) };
        if to_program.write_all(&data).await.is_err() {
            return Ok(());
        }
    }
    let _ = to_program.shutdown().await;
    Ok(())
}

async fn receive(
    mut from_program: OwnedReadHalf,
    sender: mpsc::Sender<Result<DialResponse, Status>>,
) -> Result<(), ()> {
    loop {
        let mut data = Vec::with_capacity(CHUNK);
        match from_program.read_buf(&mut data).await {
            Ok(0) => return Ok(()),
            Ok(_) => sender.send(Ok(DialResponse { data: data.into() })).await.map_err(drop)?,
            Err(error) => {
                let _ = sender.send(Err(Status::aborted(error.to_string()))).await;
                return Err(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_table;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4711 1 0 100 0 0 10 0\n\
        1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000 0 4712 1 0 100 0 0 10 0\n";
    const TABLE6: &str = "header\n\
        0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 9 1 0\n";

    #[test]
    fn finds_listeners_only() {
        let ports = parse_table(TABLE);
        assert_eq!(ports.len(), 1);
        assert_eq!((ports[0].0.port, ports[0].0.address.as_str(), ports[0].1), (8080, "127.0.0.1", 4711));
        let ports = parse_table(TABLE6);
        assert_eq!((ports[0].0.port, ports[0].0.address.as_str(), ports[0].1), (80, "::1", 9));
    }
}
