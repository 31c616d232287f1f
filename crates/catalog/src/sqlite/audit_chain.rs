//! The audit log as a chain of blocks.

use super::SqliteCatalog;
use super::columns::Columns;
use crate::Result;
use crate::audit_chain::{Block, BlockHash, Link, Told, Verdict, Verifier};
use crate::port::{AuditChain, AuditEntry, AuditFilter, AuditRecord, RefusedRequest};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// The columns of an entry, in the order in which they are hashed.
macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "SELECT id, at, actor, address, action, detail, method, path FROM audit ",
            $rest
        )
    };
}

/// The columns of a block.
macro_rules! blocks {
    ($rest:literal) => {
        concat!(
            "SELECT first_id, last_id, hash, marks FROM audit_blocks ",
            $rest
        )
    };
}

const LAST_BLOCK: &str = blocks!("ORDER BY last_id DESC LIMIT 1");

/// Nothing is done unless the block before is still the last one.
const CLOSE: &str = "INSERT INTO audit_blocks (last_id, first_id, hash, marks)
    SELECT ?1, ?2, ?3, ?4 WHERE ?5 = (SELECT coalesce(max(last_id), 0) FROM audit_blocks)";

#[async_trait]
impl AuditChain for SqliteCatalog {
    async fn close_audit_block(&self, most: u32) -> Result<Option<Block>> {
        // Nearly always there is nothing, and this sees it without a change of thread.
        let mut newer = false;
        let ask = "SELECT coalesce((SELECT max(id) FROM audit), 0)
            > coalesce((SELECT max(last_id) FROM audit_blocks), 0) AS newer";
        self.points.read(ask, [], |row| {
            newer = row.flag("newer")?;
            Ok(())
        })?;
        if !newer {
            return Ok(None);
        }
        let (before, block) = self.points.view(move |view| next_block(view, most)).await?;
        let Some(block) = block else { return Ok(None) };
        let closed = self.writer.turn().await?.execute(
            CLOSE,
            params![
                block.last_id,
                block.first_id,
                block.hash.0,
                block.marks,
                before
            ],
        )?;
        Ok((closed > 0).then_some(block))
    }

    async fn audit_block_after(&self, id: i64) -> Result<Option<(Block, Vec<AuditRecord>)>> {
        let mut found = None;
        let next = blocks!("WHERE last_id > ?1 ORDER BY last_id LIMIT 1");
        self.points.read(next, [id], |row| {
            found = Some(block(row)?);
            Ok(())
        })?;
        let Some(block) = found else { return Ok(None) };
        // As many as it has marks, so that nobody can make it longer.
        let range = [block.first_id, block.last_id, block.len() as i64];
        let of_block = entries!("WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3");
        let reading = self.points.view(move |view| records(view, of_block, range));
        Ok(Some((block, reading.await?)))
    }

    async fn audit_head(&self) -> Result<Option<Block>> {
        let mut head = None;
        self.points.read(LAST_BLOCK, [], |row| {
            head = Some(block(row)?);
            Ok(())
        })?;
        Ok(head)
    }

    async fn verify_audit(&self, known: Option<BlockHash>) -> Result<Verdict> {
        self.points.view(move |view| verify(view, known)).await
    }

    async fn audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
        let filter = filter.clone();
        let newest = entries!(
            "WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR actor = ?2 COLLATE NOCASE)
             AND (?3 IS NULL OR action GLOB ?3) ORDER BY id DESC LIMIT ?4"
        );
        let reading = self.points.view(move |view| {
            let since = filter.since.map(|since| since.0);
            let asked = (since, filter.actor, filter.action, filter.most);
            records(view, newest, asked)
        });
        reading.await
    }
}

/// The last id in the blocks, and the block that comes next.
fn next_block(view: &Connection, most: u32) -> Result<(i64, Option<Block>)> {
    let mut last = view.prepare_cached(LAST_BLOCK)?;
    let last = last.query([])?.next()?.map(block).transpose()?;
    let before = last.as_ref().map_or(BlockHash::BEGIN, |last| last.hash);
    let mut link = Link::after(&before);
    let mut entries = view.prepare_cached(entries!("WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
    // The first block covers whatever is there before its last entry.
    let after = last.as_ref().map_or(i64::MIN, |last| last.last_id);
    let mut rows = entries.query(params![after, most])?;
    while let Some(row) = rows.next()? {
        push(row, |told| link.push(told))?;
    }
    let before = last.map_or(0, |last| last.last_id);
    Ok((before, link.close()))
}

fn verify(view: &Connection, known: Option<BlockHash>) -> Result<Verdict> {
    let mut verifier = Verifier::new(known);
    let mut entries = view.prepare(entries!("ORDER BY id"))?;
    let mut entries = entries.query([])?;
    let mut blocks = view.prepare(blocks!("ORDER BY last_id"))?;
    let mut blocks = blocks.query([])?;
    let mut next = blocks.next()?.map(block).transpose()?;
    while let Some(row) = entries.next()? {
        let id = row.int("id")?;
        while let Some(before) = next.take_if(|block| block.last_id < id) {
            verifier.block(&before);
            next = blocks.next()?.map(block).transpose()?;
        }
        push(row, |told| verifier.entry(told))?;
    }
    while let Some(last) = next {
        verifier.block(&last);
        next = blocks.next()?.map(block).transpose()?;
    }
    let given = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";
    let given: Option<i64> = view.query_row(given, [], |row| row.get(0)).optional()?;
    Ok(verifier.finish(given.unwrap_or(0)))
}

/// Shows the bytes of an entry.
fn push(row: &Row<'_>, take: impl FnOnce(&Told<'_>)) -> Result<()> {
    let mut texts: [&[u8]; 6] = [&[]; 6];
    for (n, text) in texts.iter_mut().enumerate() {
        // What is no text belongs to no entry that we wrote.
        *text = row.get_ref(n + 2)?.as_bytes().unwrap_or(&[0xff]);
    }
    take(&Told {
        id: row.get(0)?,
        at: row.get(1)?,
        texts,
    });
    Ok(())
}

fn block(row: &Row<'_>) -> Result<Block> {
    Ok(Block {
        first_id: row.get("first_id")?,
        last_id: row.get("last_id")?,
        hash: BlockHash(row.get("hash")?),
        marks: row.get("marks")?,
    })
}

fn records(
    view: &Connection,
    statement: &'static str,
    asked: impl rusqlite::Params,
) -> Result<Vec<AuditRecord>> {
    let mut prepared = view.prepare_cached(statement)?;
    let mut rows = prepared.query(asked)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record(row)?);
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> Result<AuditRecord> {
    Ok(AuditRecord {
        id: row.int("id")?,
        entry: AuditEntry {
            at: row.time("at")?,
            actor: row.text("actor")?,
            address: row.text("address")?,
            action: row.text("action")?,
            detail: row.text("detail")?,
        },
        request: RefusedRequest {
            method: row.text("method")?,
            path: row.text("path")?,
        },
    })
}
