//! Files of the guest, for the host. The host is this machine's owner, so access is root's; what is made belongs to the
//! user that is named.
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Answers;
use crate::proto::write_file_request::Part;
use crate::proto::*;
use crate::users::{self, User};

const CHUNK: usize = 64 << 10;
const LIST_BATCH: usize = 256;

pub fn stat(request: StatRequest) -> Result<Entry, Status> {
    let path = absolute(&request.path)?;
    let metadata = if request.follow { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
    Ok(entry(&path, &metadata.map_err(|error| failed(&path, &error))?))
}

pub async fn list(request: ListRequest) -> Result<Answers<ListResponse>, Status> {
    let path = absolute(&request.path)?;
    fs::read_dir(&path).map_err(|error| failed(&path, &error))?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let mut entries = Walk::new(path, request.depth.max(1)).peekable();
        while entries.peek().is_some() {
            let batch = ListResponse { entries: entries.by_ref().take(LIST_BATCH).collect() };
            if sender.blocking_send(Ok(batch)).is_err() {
                return;
            }
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

/// What is below a directory, to a depth. An entry that is removed meanwhile, or may not be read, is left out.
struct Walk {
    root: PathBuf,
    depth: u32,
    /// The directory that is read, and those that wait, with their depths.
    reading: Option<(fs::ReadDir, u32)>,
    waiting: Vec<(PathBuf, u32)>,
}

impl Walk {
    fn new(root: PathBuf, depth: u32) -> Walk {
        Walk { waiting: vec![(root.clone(), 1)], root, depth, reading: None }
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let Some((directory, depth)) = &mut self.reading else {
                let (path, depth) = self.waiting.pop()?;
                self.reading = fs::read_dir(path).ok().map(|directory| (directory, depth));
                continue;
            };
            let Some(found) = directory.next() else {
                self.reading = None;
                continue;
            };
            let Some((path, metadata)) = found.ok().and_then(|found| Some((found.path(), found.metadata().ok()?)))
            else {
                continue;
            };
            if metadata.is_dir() && *depth < self.depth {
                self.waiting.push((path.clone(), *depth + 1));
            }
            let name = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy().into_owned();
            return Some(Entry { name, ..entry(&path, &metadata) });
        }
    }
}

pub async fn read(request: ReadFileRequest) -> Result<Answers<ReadFileResponse>, Status> {
    let path = absolute(&request.path)?;
    let mut file = open_regular(&path).await?;
    file.seek(io::SeekFrom::Start(request.offset)).await.map_err(|error| failed(&path, &error))?;
    let mut rest = file.take(if request.length == 0 { u64::MAX } else { request.length });
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let mut data = Vec::with_capacity(CHUNK);
            let message = match rest.read_buf(&mut data).await {
                Ok(0) => return,
                Ok(_) => Ok(ReadFileResponse { data: data.into() }),
                Err(error) => Err(failed(&path, &error)),
            };
            let last = message.is_err();
            if sender.send(message).await.is_err() || last {
                return;
            }
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

/// Writes beside the target and renames, so that the file appears whole or not at all.
pub async fn write(mut parts: Streaming<WriteFileRequest>) -> Result<u64, Status> {
    let Some(Part::Header(header)) = parts.next().await.transpose()?.and_then(|first| first.part) else {
        return Err(Status::invalid_argument("the first message is not a header"));
    };
    let path = absolute(&header.path)?;
    let owner = owner(&header.user)?;
    let target = resolve_target(&path)?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    if header.make_parents {
        make_directories(parent, 0o755, &owner)?;
    }
    let mode = if header.mode == 0 { 0o644 } else { header.mode & 0o7777 };
    if header.append {
        let file = open_to_append(&target, mode, &owner).map_err(|error| failed(&path, &error))?;
        let bytes = write_parts(&mut parts, file).await.map_err(|error| error.into_status(&path))?;
        return check_size(&header, bytes);
    }
    let temporary = Temporary::beside(&target);
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode & 0o700).open(&temporary.0);
    let file = tokio::fs::File::from_std(file.map_err(|error| failed(&path, &error))?);
    let written = write_parts(&mut parts, file).await;
    let bytes = check_size(&header, written.map_err(|error| error.into_status(&path))?)?;
    chown(&temporary.0, Some(owner.uid), Some(owner.gid))
        .and_then(|()| fs::set_permissions(&temporary.0, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&temporary.0, &target))
        .map_err(|error| failed(&path, &error))?;
    Ok(bytes)
}

fn check_size(header: &WriteFileHeader, bytes: u64) -> Result<u64, Status> {
    match header.size {
        Some(size) if size != bytes => Err(Status::data_loss(format!("{bytes} bytes came instead of {size}"))),
        _ => Ok(bytes),
    }
}

/// Only a file that is made here gets an owner and permissions.
fn open_to_append(path: &Path, mode: u32, owner: &User) -> io::Result<tokio::fs::File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).mode(mode).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
        made => {
            let file = made?;
            chown(path, Some(owner.uid), Some(owner.gid))?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file
        }
    };
    Ok(tokio::fs::File::from_std(file))
}

pub fn rename(request: &MoveRequest) -> Result<(), Status> {
    let (from, to) = (absolute(&request.from)?, absolute(&request.to)?);
    let flags = if request.overwrite { 0 } else { libc::RENAME_NOREPLACE };
    let (old, new) = (c_path(&from)?, c_path(&to)?);
    let at = libc::AT_FDCWD;
    // SAFETY: a plain system call that reads two strings.
    match unsafe { libc::syscall(libc::SYS_renameat2, at, old.as_ptr(), at, new.as_ptr(), flags) } {
        0 => Ok(()),
        _ => Err(failed(&from, &io::Error::last_os_error())),
    }
}

fn c_path(path: &Path) -> Result<std::ffi::CString, Status> {
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|error| Status::invalid_argument(error.to_string()))
}

pub fn change_mode(request: &ChangeModeRequest) -> Result<(), Status> {
    let path = absolute(&request.path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(request.mode & 0o7777)).map_err(|error| failed(&path, &error))
}

pub async fn remove(request: RemoveRequest) -> Result<(), Status> {
    let path = absolute(&request.path)?;
    let run = move || {
        let kind = fs::symlink_metadata(&path).map_err(|error| failed(&path, &error))?.file_type();
        let removed = match (kind.is_dir(), request.recursive) {
            (true, true) => fs::remove_dir_all(&path),
            (true, false) => fs::remove_dir(&path),
            (false, _) => fs::remove_file(&path),
        };
        removed.map_err(|error| failed(&path, &error))
    };
    tokio::task::spawn_blocking(run).await.map_err(|error| Status::internal(error.to_string()))?
}

pub fn make_directory(request: MakeDirectoryRequest) -> Result<(), Status> {
    let mode = if request.mode == 0 { 0o755 } else { request.mode & 0o7777 };
    make_directories(&absolute(&request.path)?, mode, &owner(&request.user)?)
}

fn make_directories(path: &Path, mode: u32, owner: &User) -> Result<(), Status> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(Status::already_exists(format!("{} is not a directory", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(path, &error)),
    }
    if let Some(parent) = path.parent() {
        make_directories(parent, 0o755, owner)?;
    }
    fs::DirBuilder::new()
        .mode(mode)
        .create(path)
        .and_then(|()| chown(path, Some(owner.uid), Some(owner.gid)))
        .map_err(|error| failed(path, &error))
}

/// A file that vanishes unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(target: &Path) -> Temporary {
        let nonce = String::from_utf8_lossy(&crate::link::random_nonce()).into_owned();
        Temporary(target.with_file_name(format!(".{nonce}.part")))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

enum WriteError {
    Host(Status),
    File(io::Error),
}

impl WriteError {
    fn into_status(self, path: &Path) -> Status {
        match self {
            WriteError::Host(status) => status,
            WriteError::File(error) => failed(path, &error),
        }
    }
}

async fn write_parts(parts: &mut Streaming<WriteFileRequest>, mut file: tokio::fs::File) -> Result<u64, WriteError> {
    let mut bytes = 0;
    while let Some(part) = parts.next().await {
        if let Some(Part::Data(data)) = part.map_err(WriteError::Host)?.part {
            file.write_all(&data).await.map_err(WriteError::File)?;
            bytes += data.len() as u64;
        }
    }
    file.flush().await.map_err(WriteError::File)?;
    Ok(bytes)
}

/// Follows a link, so that writing through it replaces what it names; refuses what is not a regular file.
fn resolve_target(path: &Path) -> Result<PathBuf, Status> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(not_regular(path)),
        Ok(_) => fs::canonicalize(path).map_err(|error| failed(path, &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Without blocking on a pipe or a device that happens to have this name.
async fn open_regular(path: &Path) -> Result<tokio::fs::File, Status> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| failed(path, &error))?;
    let metadata = file.metadata().map_err(|error| failed(path, &error))?;
    if metadata.is_file() { Ok(tokio::fs::File::from_std(file)) } else { Err(not_regular(path)) }
}

fn entry(path: &Path, metadata: &Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Symlink,
        _ => FileKind::Other,
    };
    let target = if kind == FileKind::Symlink { fs::read_link(path).unwrap_or_default() } else { PathBuf::new() };
    Entry {
        name: path.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned()),
        kind: kind.into(),
        size: metadata.size(),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        modified_ms: metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000,
        link_target: target.to_string_lossy().into_owned(),
    }
}

pub fn absolute(path: &str) -> Result<PathBuf, Status> {
    if path.starts_with('/') && !path.contains('\0') {
        return Ok(PathBuf::from(path));
    }
    Err(Status::invalid_argument(format!("{path:?} is not an absolute path")))
}

fn owner(name: &str) -> Result<User, Status> {
    users::find(name).ok_or_else(|| Status::invalid_argument(format!("there is no user {name:?}")))
}

fn not_regular(path: &Path) -> Status {
    Status::failed_precondition(format!("{} is not a regular file", path.display()))
}

pub fn failed(path: &Path, error: &io::Error) -> Status {
    use io::ErrorKind::*;
    let code = match error.kind() {
        NotFound => tonic::Code::NotFound,
        PermissionDenied | ReadOnlyFilesystem => tonic::Code::PermissionDenied,
        AlreadyExists => tonic::Code::AlreadyExists,
        NotADirectory | IsADirectory | DirectoryNotEmpty | ResourceBusy | CrossesDevices => {
            tonic::Code::FailedPrecondition
        }
        StorageFull | QuotaExceeded | FileTooLarge => tonic::Code::ResourceExhausted,
        InvalidInput | InvalidFilename => tonic::Code::InvalidArgument,
        _ => tonic::Code::Internal,
    };
    Status::new(code, format!("{}: {error}", path.display()))
}
