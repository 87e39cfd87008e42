//! The greeting below HTTP/2. A virtio-serial port has no connections: bytes that one host left behind reach the next.
//! So both sides drop everything until they have seen the other's fresh nonce:
//!
//! ```text
//! agent -> host   \nGREET <agent nonce>\n
//! host  -> agent  HELLO <agent nonce> <host nonce>\n      (the host is silent before)
//! agent -> host   \nREADY <host nonce>\n                  (the host drops everything before)
//! ```
//! Nonces are 32 hexadecimal digits.
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const NONCE: usize = 32;

pub type Nonce = [u8; NONCE];

/// Draws a nonce. Never blocks: two hosts only need different ones.
pub fn random_nonce() -> Nonce {
    let mut random = [0u8; NONCE / 2];
    // SAFETY: the pointer and the length describe `random`.
    unsafe { libc::getrandom(random.as_mut_ptr().cast(), random.len(), libc::GRND_NONBLOCK) };
    let mut nonce = [0u8; NONCE];
    for (index, byte) in random.iter().enumerate() {
        nonce[2 * index] = b"0123456789abcdef"[usize::from(byte >> 4)];
        nonce[2 * index + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    nonce
}

/// Finds the answer to one greeting in a stream that may start with anything.
pub struct HelloFinder {
    expected: Vec<u8>,
    window: Vec<u8>,
}

impl HelloFinder {
    pub fn new(agent: &Nonce) -> HelloFinder {
        let expected = [b"HELLO ".as_slice(), agent, b" "].concat();
        HelloFinder { window: Vec::with_capacity(expected.len() + NONCE + 1), expected }
    }

    /// Takes the next byte; gives the host's nonce once the answer is complete.
    pub fn push(&mut self, byte: u8) -> Option<Nonce> {
        let whole = self.expected.len() + NONCE + 1;
        if self.window.len() == whole {
            self.window.remove(0);
        }
        self.window.push(byte);
        if byte != b'\n' || self.window.len() < whole || !self.window.starts_with(&self.expected) {
            return None;
        }
        self.window[self.expected.len()..whole - 1].try_into().ok()
    }
}

/// Greets the host on an open port and returns when it has answered. Fails when it goes away before.
pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let nonce = random_nonce();
    stream.write_all(&[b"\nGREET ".as_slice(), &nonce, b"\n"].concat()).await?;
    let mut finder = HelloFinder::new(&nonce);
    // One byte at a time: what follows the answer belongs to HTTP/2.
    let host = loop {
        if let Some(host) = finder.push(stream.read_u8().await?) {
            break host;
        }
    };
    stream.write_all(&[b"\nREADY ".as_slice(), &host, b"\n"].concat()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: Nonce = *b"0123456789abcdef0123456789abcdef";
    const HOST: Nonce = *b"fedcba9876543210fedcba9876543210";

    fn feed(bytes: &[u8]) -> Vec<Nonce> {
        let mut finder = HelloFinder::new(&AGENT);
        bytes.iter().filter_map(|byte| finder.push(*byte)).collect()
    }

    fn hello(agent: &Nonce) -> Vec<u8> {
        [b"HELLO ".as_slice(), agent, b" ", &HOST, b"\n"].concat()
    }

    #[test]
    fn finds_the_answer_at_once() {
        assert_eq!(feed(&hello(&AGENT)), [HOST]);
    }

    #[test]
    fn finds_the_answer_behind_stale_bytes() {
        let stale =
            [b"PRI * HTTP/2.0\r\n\r\nHELLO 0123".as_slice(), &[0xff; 300], &hello(&HOST), &hello(&AGENT)].concat();
        assert_eq!(feed(&stale), [HOST]);
    }

    #[test]
    fn ignores_the_answer_to_an_older_greeting() {
        assert_eq!(feed(&hello(&HOST)), [] as [Nonce; 0]);
    }

    #[test]
    fn draws_different_nonces() {
        assert_ne!(random_nonce(), random_nonce());
    }

    #[tokio::test]
    async fn greets_and_leaves_the_rest_of_the_stream_alone() {
        let (mut agent, mut host) = tokio::io::duplex(1024);
        let talk = tokio::spawn(async move {
            greet(&mut agent).await.unwrap();
            agent.read_u8().await.unwrap()
        });
        let mut greeting = [0u8; 40];
        host.read_exact(&mut greeting).await.unwrap();
        assert!(greeting.starts_with(b"\nGREET "));
        let nonce: Nonce = greeting[7..39].try_into().unwrap();
        host.write_all(&[b"stale".as_slice(), &hello(&nonce), b"P"].concat()).await.unwrap();
        let mut ready = [0u8; 40];
        host.read_exact(&mut ready).await.unwrap();
        assert_eq!(ready.to_vec(), [b"\nREADY ".as_slice(), &HOST, b"\n"].concat());
        assert_eq!(talk.await.unwrap(), b'P');
    }
}
