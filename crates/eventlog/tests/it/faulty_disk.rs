//! A disk in memory that fills up, fails, and forgets what was not synced.

use cresset_eventlog::{Disk, DiskFile};
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default, Clone)]
struct Inode {
    /// What a reader sees.
    cached: Vec<u8>,
    /// What is on the platter.
    durable: Vec<u8>,
    /// Ranges that a failed sync has dropped: later syncs do not bring them back.
    dropped: Vec<(usize, usize)>,
}

/// What is to go wrong.
#[derive(Default, Clone)]
pub(crate) struct Faults {
    /// Bytes that can still be written.
    pub(crate) space: Option<usize>,
    /// So many syncs of files fail from now on.
    pub(crate) syncs: usize,
    /// So many cuts of files fail from now on.
    pub(crate) truncates: usize,
    /// Names cannot be made durable.
    pub(crate) dirs: bool,
    /// Files whose name contains this cannot be read.
    pub(crate) unreadable: Option<String>,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    faults: Faults,
    syncs: usize,
    /// How long a sync takes.
    sync_time: std::time::Duration,
}

/// See the module's documentation. Clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk {
    state: Arc<Mutex<State>>,
    locked: Arc<AtomicBool>,
}

/// Numbers that look random and depend on a salt only.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

impl FaultyDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fail(&self, faults: Faults) {
        self.state().faults = faults;
    }

    pub(crate) fn set_sync_time(&self, time: std::time::Duration) {
        self.state().sync_time = time;
    }

    /// Syncs of files so far.
    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Paths and contents of the files below `dir` whose names end with `ending`.
    pub(crate) fn files(&self, dir: &str, ending: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        let wanted = |p: &Path| p.starts_with(dir) && p.to_string_lossy().ends_with(ending);
        let names = state.names.iter().filter(|(p, _)| wanted(p));
        names
            .map(|(p, &i)| (p.clone(), state.inodes[i].cached.clone()))
            .collect()
    }

    /// Replaces the content of a file, as damage would.
    pub(crate) fn put(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.state();
        let inode = state.names[path];
        state.inodes[inode] = Inode {
            durable: content.clone(),
            cached: content,
            dropped: Vec::new(),
        };
    }

    /// The disk as it is found after the power failed now: of what was not
    /// synced, any part may be there, zeroed or missing.
    pub(crate) fn after_power_loss(&self, salt: u64) -> Self {
        let mut chance = Chance(salt);
        let state = self.state();
        let mut lost = State::default();
        for (path, &inode) in &state.names {
            let known = state.durable_names.get(path) == Some(&inode);
            if !known && chance.below(2) == 0 {
                continue;
            }
            lost.names.insert(path.clone(), lost.inodes.len());
            lost.inodes
                .push(survivor(&state.inodes[inode], &mut chance));
        }
        // A removal that was not synced may not have happened.
        for (path, &inode) in &state.durable_names {
            if !state.names.contains_key(path) && chance.below(2) == 0 {
                lost.names.insert(path.clone(), lost.inodes.len());
                lost.inodes
                    .push(survivor(&state.inodes[inode], &mut chance));
            }
        }
        lost.durable_names = lost.names.clone();
        Self {
            state: Arc::new(Mutex::new(lost)),
            locked: Arc::default(),
        }
    }
}

fn survivor(inode: &Inode, chance: &mut Chance) -> Inode {
    let mut content = inode.durable.clone();
    if inode.cached.len() > content.len() {
        let synced = content.len();
        let kept = synced + chance.below(inode.cached.len() - synced + 1);
        content.extend_from_slice(&inode.cached[synced..kept]);
        if chance.below(2) == 0 && kept > synced {
            let hole = synced + chance.below(kept - synced);
            content[synced..hole].fill(0);
        }
    }
    Inode {
        durable: content.clone(),
        cached: content,
        dropped: Vec::new(),
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Disk for FaultyDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send>> {
        if self.locked.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Unlock(self.locked.clone())))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let state = self.state();
        let here = state
            .names
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir));
        let file = |(path, &inode): (&PathBuf, &usize)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((name, state.inodes[inode].cached.len() as u64))
        };
        Ok(here.filter_map(file).collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        if let Some(part) = &state.faults.unreadable
            && path.to_string_lossy().contains(part)
        {
            return Err(io::Error::other("input/output error"));
        }
        let inode = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.inodes[*inode].cached.clone())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        if state.faults.space == Some(0) {
            return Err(full());
        }
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(path.to_owned(), inode);
        Ok(Box::new(FaultyFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state()
            .names
            .remove(path)
            .map(drop)
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.faults.dirs {
            return Err(io::Error::other("input/output error"));
        }
        let inside = |path: &Path| path.parent() == Some(dir);
        state.durable_names.retain(|path, _| !inside(path));
        let State {
            names,
            durable_names,
            ..
        } = &mut *state;
        durable_names.extend(
            names
                .iter()
                .filter(|n| inside(n.0))
                .map(|(p, i)| (p.clone(), *i)),
        );
        Ok(())
    }
}

struct Unlock(Arc<AtomicBool>);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: usize,
}

impl DiskFile for FaultyFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let fits = state
            .faults
            .space
            .map_or(bytes.len(), |space| space.min(bytes.len()));
        if let Some(space) = &mut state.faults.space {
            *space -= fits;
        }
        state.inodes[self.inode]
            .cached
            .extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            Err(full())
        } else {
            Ok(())
        }
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let time = self.disk.state().sync_time;
        std::thread::sleep(time);
        let mut state = self.disk.state();
        state.syncs += 1;
        let fails = state.faults.syncs > 0;
        state.faults.syncs = state.faults.syncs.saturating_sub(1);
        let inode = &mut state.inodes[self.inode];
        if fails {
            inode
                .dropped
                .push((inode.durable.len(), inode.cached.len()));
            return Err(io::Error::other("input/output error"));
        }
        inode.durable.clone_from(&inode.cached);
        for &(from, to) in &inode.dropped {
            let end = to.min(inode.durable.len());
            inode.durable[from.min(end)..end].fill(0);
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.faults.truncates > 0 {
            state.faults.truncates -= 1;
            return Err(io::Error::other("input/output error"));
        }
        state.inodes[self.inode].cached.truncate(len as usize);
        Ok(())
    }
}
