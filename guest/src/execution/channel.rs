//! The agent's ends of what a program reads and writes: pipes, or one terminal.
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use super::terminal::{END_OF_FILE, Terminal};

pub enum Input {
    Closed,
    Pipe(pipe::Sender),
    Terminal(Arc<Terminal>),
}

impl Input {
    pub async fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Input::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Input::Pipe(pipe) => pipe.write_all(data).await,
            Input::Terminal(terminal) => terminal.write_all(data).await,
        }
    }

    /// A terminal can be written to after its end of file: the program decides what that means.
    pub async fn end(&mut self) -> io::Result<()> {
        match self {
            Input::Terminal(terminal) => terminal.write_all(END_OF_FILE).await,
            _ => {
                *self = Input::Closed;
                Ok(())
            }
        }
    }
}

pub enum Source {
    Pipe(pipe::Receiver),
    Terminal(Arc<Terminal>),
}

impl Source {
    /// 0 at the end.
    pub async fn read(&mut self, data: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Source::Pipe(pipe) => pipe.read_buf(data).await,
            Source::Terminal(terminal) => terminal.read(data).await,
        }
    }
}
