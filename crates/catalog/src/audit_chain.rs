//! The chain of the audit log: what the hash of a block covers, and what does not fit.
//!
//! Entries are written on busy paths, by statements and by triggers, so none of them waits for
//! a hash. Instead those that have come are closed into a *block*, about once a second:
//!
//! ```text
//! hash of a block = SHA-256( hash of the block before it, or 32 zero bytes
//!                          ‖ for each entry, by id: length (u64) ‖ bytes of the entry )
//! bytes of an entry = id (i64) ‖ time in microseconds (i64)
//!                   ‖ for actor, address, action, detail, method, path: length (u32) ‖ UTF-8
//! ```
//!
//! Numbers are big-endian. A block covers every entry after the block before it up to its last
//! id, so that an entry that was put in between does not fit either.
//!
//! A block also keeps a *mark* of each of its entries, 16 bytes: the id and the beginning of the
//! SHA-256 of the entry's bytes. Marks prove nothing; they tell which entry does not fit.

use ring::digest::{Context, SHA256, digest};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Bytes of a mark.
const MARK: usize = 16;

/// The hash of a block; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockHash(pub [u8; 32]);

impl BlockHash {
    /// What stands for the block before the first one.
    pub const BEGIN: Self = Self([0; 32]);
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct NoHash;

impl FromStr for BlockHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoHash)?;
        }
        Ok(Self(hash))
    }
}

/// An entry as the database holds it, which need not be text after somebody was at it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Its id.
    pub id: i64,
    /// Its time in microseconds since 1970.
    pub at: i64,
    /// Actor, address, action, detail, method and path.
    pub texts: [&'a [u8]; 6],
}

impl Told<'_> {
    /// What is hashed of an entry.
    fn bytes(&self) -> Vec<u8> {
        let texts: usize = self.texts.iter().map(|text| 4 + text.len()).sum();
        let mut bytes = Vec::with_capacity(16 + texts);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.at.to_be_bytes());
        for text in self.texts {
            // SQLite holds no text of 4 GiB.
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text);
        }
        bytes
    }
}

/// A block as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// Id of its first entry.
    pub first_id: i64,
    /// Id of its last entry.
    pub last_id: i64,
    /// Its hash.
    pub hash: BlockHash,
    /// The marks of its entries, one after the other.
    pub marks: Vec<u8>,
}

impl Block {
    /// How many entries it has.
    pub const fn len(&self) -> usize {
        self.marks.len() / MARK
    }

    /// True without entries, which no block is that was closed here.
    pub const fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Block {}..={} {}",
            self.first_id, self.last_id, self.hash
        )
    }
}

/// A block in the making.
pub struct Link {
    context: Context,
    marks: Vec<u8>,
    ids: Option<(i64, i64)>,
}

impl Link {
    /// The block that follows the one with this hash.
    pub fn after(before: &BlockHash) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&before.0);
        Self {
            context,
            marks: Vec::new(),
            ids: None,
        }
    }

    /// Takes the next entry.
    pub fn push(&mut self, told: &Told<'_>) {
        let bytes = told.bytes();
        self.context.update(&(bytes.len() as u64).to_be_bytes());
        self.context.update(&bytes);
        self.marks.extend(told.id.to_be_bytes());
        self.marks.extend(&digest(&SHA256, &bytes).as_ref()[..8]);
        let first = self.ids.map_or(told.id, |(first, _)| first);
        self.ids = Some((first, told.id));
    }

    /// How many entries it has.
    pub const fn len(&self) -> usize {
        self.marks.len() / MARK
    }

    /// True without entries.
    pub const fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The block; `None` without entries.
    pub fn close(self) -> Option<Block> {
        let (first_id, last_id) = self.ids?;
        let mut hash = [0; 32];
        hash.copy_from_slice(self.context.finish().as_ref());
        Some(Block {
            first_id,
            last_id,
            hash: BlockHash(hash),
            marks: self.marks,
        })
    }
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// An entry is not what it was, or another one has its place.
    Changed(i64),
    /// An entry is not there any more.
    Removed(i64),
    /// An entry was put in.
    Inserted(i64),
    /// A block before the one that begins with this entry is not there any more.
    BlockRemoved(i64),
    /// A block is not what it was: first and last id.
    Block(i64, i64),
    /// No block has the hash that was known.
    Head(BlockHash),
}

impl Misfit {
    /// The first entry that it is about, if it is about entries.
    pub const fn entry(&self) -> Option<i64> {
        match self {
            Self::Changed(id)
            | Self::Removed(id)
            | Self::Inserted(id)
            | Self::BlockRemoved(id)
            | Self::Block(id, _) => Some(*id),
            Self::Head(_) => None,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(id) => write!(f, "entry {id} was changed, or another has its place"),
            Self::Removed(id) => write!(f, "entry {id} was removed"),
            Self::Inserted(id) => write!(f, "entry {id} was put in later"),
            Self::BlockRemoved(id) => write!(f, "a block before entry {id} was removed"),
            Self::Block(first, last) => write!(
                f,
                "the block of the entries {first} to {last} was changed, or all of them with their marks"
            ),
            Self::Head(hash) => write!(
                f,
                "no block has the hash {hash}: the log was cut off, or written anew, since that was its head"
            ),
        }
    }
}

/// What looking at the whole chain has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Entries in blocks.
    pub entries: u64,
    /// Blocks.
    pub blocks: u64,
    /// Entries that are not yet in a block, so that nothing protects them.
    pub waiting: u64,
    /// The hash of the last block.
    pub head: Option<BlockHash>,
    /// What does not fit, the earliest of the log first.
    pub misfit: Option<Misfit>,
    /// How many blocks do not fit, and other findings.
    pub misfits: u64,
    /// The last entry of the block whose hash was known.
    pub known_to: Option<i64>,
}

impl Verdict {
    /// Whether everything fits.
    pub const fn fits(&self) -> bool {
        self.misfit.is_none()
    }
}

/// Goes through all entries and blocks in the order of their ids: every entry is pushed before
/// the block that covers it is closed, and those after the last block at the end.
pub struct Verifier {
    link: Link,
    known: Option<BlockHash>,
    last_id: i64,
    verdict: Verdict,
}

impl Verifier {
    /// Looks for the hash `known` on its way.
    pub fn new(known: Option<BlockHash>) -> Self {
        Self {
            link: Link::after(&BlockHash::BEGIN),
            known,
            last_id: 0,
            verdict: Verdict {
                entries: 0,
                blocks: 0,
                waiting: 0,
                head: None,
                misfit: None,
                misfits: 0,
                known_to: None,
            },
        }
    }

    /// The next entry.
    pub fn entry(&mut self, told: &Told<'_>) {
        self.link.push(told);
    }

    /// The block that covers the entries since the one before it.
    pub fn block(&mut self, kept: &Block) {
        let next = Link::after(&kept.hash);
        let made = std::mem::replace(&mut self.link, next);
        self.verdict.entries += made.len() as u64;
        self.verdict.blocks += 1;
        self.verdict.head = Some(kept.hash);
        let made = made.close();
        if made.as_ref() == Some(kept) {
            if self.known == Some(kept.hash) {
                self.verdict.known_to = Some(kept.last_id);
            }
        } else {
            let misfit = difference(made.as_ref(), kept, self.last_id);
            self.found(misfit);
        }
        self.last_id = kept.last_id;
    }

    /// The end; `given` is the greatest id that any entry ever had.
    pub fn finish(mut self, given: i64) -> Verdict {
        self.verdict.waiting = self.link.len() as u64;
        // Ids are given without gaps, which shows the loss of entries that no block protects.
        let mut next = self.last_id.saturating_add(1);
        let marks = std::mem::take(&mut self.link.marks);
        for (id, _) in marked(&marks) {
            match id.cmp(&next) {
                Ordering::Less => {}
                Ordering::Equal => next = next.saturating_add(1),
                Ordering::Greater => break,
            }
        }
        if next <= given {
            self.found(Misfit::Removed(next));
        }
        if let (Some(known), None) = (self.known, self.verdict.known_to) {
            self.found(Misfit::Head(known));
        }
        self.verdict
    }

    fn found(&mut self, misfit: Misfit) {
        self.verdict.misfits += 1;
        self.verdict.misfit.get_or_insert(misfit);
    }
}

/// Why what is there is not the block that is kept; `before` is the last id of the one before.
fn difference(made: Option<&Block>, kept: &Block, before: i64) -> Misfit {
    let whole = Misfit::Block(kept.first_id, kept.last_id);
    let Some(made) = made else {
        return first_id(kept).map_or(whole, Misfit::Removed);
    };
    if made.hash == kept.hash || !kept.marks.len().is_multiple_of(MARK) {
        return whole;
    }
    let marks_begin = first_id(kept).unwrap_or(kept.first_id);
    if made.first_id < marks_begin && marks_begin > before.saturating_add(1) {
        return Misfit::BlockRemoved(marks_begin);
    }
    let mut there = marked(&made.marks);
    for (id, mark) in marked(&kept.marks) {
        match there.next() {
            Some((found, _)) if found < id => return Misfit::Inserted(found),
            Some((found, same)) if found == id => {
                if same != mark {
                    return Misfit::Changed(id);
                }
            }
            _ => return Misfit::Removed(id),
        }
    }
    there.next().map_or(whole, |(id, _)| Misfit::Inserted(id))
}

fn first_id(block: &Block) -> Option<i64> {
    marked(&block.marks).next().map(|(id, _)| id)
}

/// Ids and what is kept of the hashes.
fn marked(marks: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    marks.chunks_exact(MARK).map(|mark| {
        let (id, hash) = mark.split_at(8);
        let id = id.try_into().map_or(0, i64::from_be_bytes);
        (id, hash)
    })
}

#[cfg(test)]
mod tests;
