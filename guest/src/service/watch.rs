//! Tells the host what changes at a path or below it.
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Answers;
use super::files::{absolute, failed};
use crate::proto::*;

/// Each takes memory of the kernel's that cannot be swapped out.
const MAX_DIRECTORIES: usize = 8192;
const MAX_CALLS: usize = 16;
/// Changes in one message.
const BATCH: usize = 256;
/// The kernel writes both halves of a move at once, but a read may end between them.
const PAIR_PATIENCE: Duration = Duration::from_millis(20);

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// One of the calls that may be under way at once.
struct Call;

impl Call {
    fn begin() -> Result<Call, Status> {
        if CALLS.fetch_add(1, Ordering::Relaxed) < MAX_CALLS {
            return Ok(Call);
        }
        CALLS.fetch_sub(1, Ordering::Relaxed);
        Err(Status::resource_exhausted(format!("{MAX_CALLS} paths are watched already")))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::Relaxed);
    }
}

type Sender = mpsc::Sender<Result<WatchResponse, Status>>;

pub async fn watch(request: WatchRequest) -> Result<Answers<WatchResponse>, Status> {
    let root = absolute(&request.path)?;
    let call = Call::begin()?;
    let open = move || Tree::open(root, request.recursive);
    let tree = tokio::task::spawn_blocking(open).await.map_err(|error| Status::internal(error.to_string()))??;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(tree, sender, call));
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

async fn follow(mut tree: Tree, sender: Sender, _call: Call) {
    let mut responses = vec![Ok(WatchResponse::default())];
    loop {
        for response in responses {
            let last = response.is_err();
            if sender.send(response).await.is_err() || last {
                return;
            }
        }
        if tree.is_gone {
            return;
        }
        responses = tokio::select! {
            changes = tree.next() => in_batches(changes, std::mem::take(&mut tree.overflow)),
            () = sender.closed() => return,
        };
    }
}

fn in_batches(changes: Result<Vec<Change>, Status>, overflow: bool) -> Vec<Result<WatchResponse, Status>> {
    let changes = match changes {
        Ok(changes) => changes,
        Err(status) => return vec![Err(status)],
    };
    let lost = overflow.then(|| WatchResponse { changes: Vec::new(), overflow });
    let batches = changes.chunks(BATCH).map(|batch| WatchResponse { changes: batch.to_vec(), overflow: false });
    lost.into_iter().chain(batches).map(Ok).collect()
}

struct Queue(Inotify);

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// The first half of a move.
struct Departure {
    cookie: u32,
    path: PathBuf,
    directory: bool,
}

/// The directories that are watched, by what the kernel calls them.
struct Tree {
    queue: AsyncFd<Queue>,
    root: PathBuf,
    /// The kernel does not say it of the root itself.
    root_is_directory: bool,
    recursive: bool,
    directories: HashMap<WatchDescriptor, PathBuf>,
    /// Told because they were found in a new directory; the kernel may tell of them too.
    found: HashSet<PathBuf>,
    departed: Option<Departure>,
    overflow: bool,
    is_gone: bool,
}

impl Tree {
    fn open(root: PathBuf, recursive: bool) -> Result<Tree, Status> {
        let queue = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
        let queue = Queue(queue.map_err(|error| failed(&root, &error.into()))?);
        // SAFETY: the descriptor is open, and nothing replaces or closes it while it is owned here.
        let queue = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) };
        let queue = queue.map_err(|error| failed(&root, &error.into()))?;
        let mut tree = Tree {
            queue,
            root: root.clone(),
            root_is_directory: root.is_dir(),
            recursive,
            directories: HashMap::new(),
            found: HashSet::new(),
            departed: None,
            overflow: false,
            is_gone: false,
        };
        tree.add(root)?;
        Ok(tree)
    }

    /// Watches a path and where that is wanted the directories below it; gives what is in them.
    fn add(&mut self, path: PathBuf) -> Result<Vec<(PathBuf, bool)>, Status> {
        let mut entries = Vec::new();
        let mut waiting = vec![path];
        while let Some(path) = waiting.pop() {
            if self.directories.len() >= MAX_DIRECTORIES {
                return Err(Status::resource_exhausted(format!("there are more than {MAX_DIRECTORIES} directories")));
            }
            let is_root = path == self.root;
            match self.queue.get_ref().0.add_watch(&path, flags(is_root)) {
                Ok(watch) => self.directories.insert(watch, path.clone()),
                // It was removed or replaced meanwhile, which the kernel tells too.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) if !is_root => continue,
                Err(error) => return Err(failed(&path, &error.into())),
            };
            if !self.recursive {
                continue;
            }
            for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if directory {
                    waiting.push(entry.path());
                }
                entries.push((entry.path(), directory));
            }
        }
        Ok(entries)
    }

    /// Waits until something has changed, or more than could be kept.
    async fn next(&mut self) -> Result<Vec<Change>, Status> {
        let mut changes = Vec::new();
        while changes.is_empty() && !self.overflow && !self.is_gone {
            let events = match &self.departed {
                None => self.read().await,
                Some(_) => tokio::time::timeout(PAIR_PATIENCE, self.read()).await.unwrap_or(Ok(Vec::new())),
            };
            let events = events.map_err(|error| failed(&self.root, &error))?;
            if events.is_empty() {
                self.depart(&mut changes);
            }
            for event in events {
                self.take(event, &mut changes)?;
            }
        }
        Ok(changes)
    }

    async fn read(&mut self) -> io::Result<Vec<InotifyEvent>> {
        loop {
            let mut ready = self.queue.readable().await?;
            match ready.try_io(|queue| queue.get_ref().0.read_events().map_err(io::Error::from)) {
                Ok(events) => return events,
                // All that happened before the last directory was looked into has been read.
                Err(_) => self.found.clear(),
            }
        }
    }

    fn take(&mut self, event: InotifyEvent, changes: &mut Vec<Change>) -> Result<(), Status> {
        let is = |flags| event.mask.intersects(flags);
        if is(AddWatchFlags::IN_Q_OVERFLOW) {
            self.overflow = true;
            // Directories may have come unseen.
            return self.add(self.root.clone()).map(|_| ());
        }
        let Some(directory) = self.directories.get(&event.wd).cloned() else { return Ok(()) };
        let is_root = directory == self.root;
        if is(AddWatchFlags::IN_IGNORED) {
            self.directories.remove(&event.wd);
        }
        if is(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF) {
            if is_root && !self.is_gone {
                self.is_gone = true;
                changes.push(change(ChangeKind::Removed, &directory, self.root_is_directory));
            }
            return Ok(());
        }
        match &event.name {
            Some(name) => self.take_named(&event, directory.join(name), changes),
            // What happens to another directory itself is told by the one above.
            None => {
                if is_root {
                    push_modified(&directory, self.root_is_directory, changes);
                }
                Ok(())
            }
        }
    }

    fn take_named(&mut self, event: &InotifyEvent, path: PathBuf, changes: &mut Vec<Change>) -> Result<(), Status> {
        let is = |flags| event.mask.intersects(flags);
        let directory = is(AddWatchFlags::IN_ISDIR);
        if let Some(departed) = self.departed.take_if(|departed| departed.cookie == event.cookie) {
            self.rename(&departed.path, &path);
            let from = departed.path.to_string_lossy().into_owned();
            changes.push(Change { from, ..change(ChangeKind::Moved, &path, directory) });
            return Ok(());
        }
        self.depart(changes);
        if is(AddWatchFlags::IN_MOVED_FROM) {
            self.departed = Some(Departure { cookie: event.cookie, path, directory });
        } else if is(AddWatchFlags::IN_DELETE) {
            changes.push(change(ChangeKind::Removed, &path, directory));
        } else if is(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO) {
            if !self.found.remove(&path) {
                changes.push(change(ChangeKind::Created, &path, directory));
            }
            if directory && self.recursive {
                for (path, directory) in self.add(path)? {
                    if self.found.insert(path.clone()) {
                        changes.push(change(ChangeKind::Created, &path, directory));
                    }
                }
            }
        } else {
            push_modified(&path, directory, changes);
        }
        Ok(())
    }

    /// What left and arrived nowhere is gone.
    fn depart(&mut self, changes: &mut Vec<Change>) {
        let Some(Departure { path, directory, .. }) = self.departed.take() else { return };
        changes.push(change(ChangeKind::Removed, &path, directory));
        let queue = &self.queue.get_ref().0;
        self.directories.retain(|watch, watched| {
            let keep = !watched.starts_with(&path);
            if !keep {
                // It fails where the kernel has ended the watch by itself.
                let _ = queue.rm_watch(*watch);
            }
            keep
        });
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        for path in self.directories.values_mut() {
            if let Ok(rest) = path.strip_prefix(from) {
                *path = if rest.as_os_str().is_empty() { to.into() } else { to.join(rest) };
            }
        }
    }
}

fn flags(is_root: bool) -> AddWatchFlags {
    let changes = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_ATTRIB
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF;
    if is_root { changes } else { changes | AddWatchFlags::IN_ONLYDIR | AddWatchFlags::IN_DONT_FOLLOW }
}

fn push_modified(path: &Path, directory: bool, changes: &mut Vec<Change>) {
    let modified = change(ChangeKind::Modified, path, directory);
    if changes.last() != Some(&modified) {
        changes.push(modified);
    }
}

fn change(kind: ChangeKind, path: &Path, directory: bool) -> Change {
    Change { kind: kind.into(), path: path.to_string_lossy().into_owned(), from: String::new(), directory }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn make(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("agent-watch-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What is told until a path is named, with paths below the root.
    async fn told(tree: &mut Tree, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            for change in tree.next().await.unwrap() {
                let short = |path: &str| path.replace(tree.root.to_str().unwrap(), "");
                let kind = change.kind().as_str_name().replace("CHANGE_KIND_", "").to_lowercase();
                let from =
                    if change.from.is_empty() { String::new() } else { format!(" from {}", short(&change.from)) };
                lines.push(format!("{kind} {}{from}", short(&change.path)));
                if short(&change.path) == last {
                    return lines;
                }
            }
        }
    }

    #[tokio::test]
    async fn tells_each_change_once_also_in_directories_that_come_later() {
        let folder = Folder::make("later");
        let at = |name: &str| folder.0.join(name);
        let mut tree = Tree::open(folder.0.clone(), true).unwrap();
        fs::create_dir_all(at("a/b/c")).unwrap();
        fs::write(at("a/b/file"), "1").unwrap();
        fs::create_dir(at("mark")).unwrap();
        let mut lines = told(&mut tree, "/mark").await;
        lines.retain(|line| !line.starts_with("modified"));
        lines.sort();
        assert_eq!(lines, ["created /a", "created /a/b", "created /a/b/c", "created /a/b/file", "created /mark"]);
        fs::write(at("a/b/c/deep"), "1").unwrap();
        assert_eq!(told(&mut tree, "/a/b/c/deep").await, ["created /a/b/c/deep"]);
    }

    #[tokio::test]
    async fn follows_directories_that_are_moved_and_forgets_those_that_leave() {
        let (folder, elsewhere) = (Folder::make("moved"), Folder::make("elsewhere"));
        let at = |name: &str| folder.0.join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        let mut tree = Tree::open(folder.0.clone(), true).unwrap();
        fs::rename(at("a"), at("z")).unwrap();
        assert_eq!(told(&mut tree, "/z").await, ["moved /z from /a"]);
        fs::create_dir(at("z/b/new")).unwrap();
        assert_eq!(told(&mut tree, "/z/b/new").await, ["created /z/b/new"]);
        fs::rename(at("z"), elsewhere.0.join("z")).unwrap();
        assert_eq!(told(&mut tree, "/z").await, ["removed /z"]);
        assert_eq!(tree.directories.len(), 1);
        fs::remove_dir(&folder.0).unwrap();
        assert_eq!(told(&mut tree, "").await, ["removed "]);
        assert!(tree.is_gone);
    }

    #[tokio::test]
    async fn tells_of_the_directory_alone_where_no_more_is_wanted() {
        let folder = Folder::make("flat");
        let at = |name: &str| folder.0.join(name);
        fs::create_dir(at("below")).unwrap();
        let mut tree = Tree::open(folder.0.clone(), false).unwrap();
        fs::write(at("below/unseen"), "1").unwrap();
        fs::write(at("seen"), "1").unwrap();
        fs::remove_file(at("seen")).unwrap();
        fs::create_dir(at("mark")).unwrap();
        assert_eq!(
            told(&mut tree, "/mark").await,
            ["created /seen", "modified /seen", "removed /seen", "created /mark"]
        );
    }

    #[tokio::test]
    async fn says_that_more_happened_than_could_be_kept_and_goes_on() {
        let folder = Folder::make("overflow");
        let mut tree = Tree::open(folder.0.clone(), true).unwrap();
        let kept: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        // Made and removed are two events each.
        for _ in 0..=kept / 2 {
            fs::create_dir(folder.0.join("short")).unwrap();
            fs::remove_dir(folder.0.join("short")).unwrap();
        }
        fs::create_dir(folder.0.join("unseen")).unwrap();
        while !tree.overflow {
            tree.next().await.unwrap();
        }
        tree.overflow = false;
        fs::create_dir(folder.0.join("unseen/new")).unwrap();
        assert_eq!(told(&mut tree, "/unseen/new").await, ["created /unseen/new"]);
    }

    #[tokio::test]
    async fn refuses_more_directories_than_there_may_be() {
        let folder = Folder::make("many");
        for number in 0..MAX_DIRECTORIES {
            fs::create_dir(folder.0.join(number.to_string())).unwrap();
        }
        let refused = Tree::open(folder.0.clone(), true).err().unwrap();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert!(Tree::open(folder.0.clone(), false).is_ok());
    }
}
