//! `cresset audit`: the audit log, straight from the data directory.

use super::credentials::open_catalog;
use super::told::{plain, plain_lines};
use crate::cli::DataDir;
use crate::config::parse_duration;
use crate::system::SystemClock;
use anyhow::bail;
use clap::{Args, Subcommand};
use cresset_catalog::audit_chain::{BlockHash, Misfit, Verdict};
use cresset_catalog::port::{AuditChain, AuditFilter, AuditRecord};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Clock, Timestamp};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: AuditAction,
}

#[derive(Debug, Subcommand)]
enum AuditAction {
    /// Show entries, oldest first.
    List {
        /// Only entries since then: a span such as 10m, 1h or 7d, or a time such as
        /// 2026-01-31T08:00:00Z.
        #[arg(long, value_name = "SPAN|TIME")]
        since: Option<String>,
        /// Only what this user, access id or `command line` did.
        #[arg(long)]
        actor: Option<String>,
        /// Only this action; `*` stands for any letters.
        #[arg(long)]
        action: Option<String>,
        /// Most entries, the newest.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Compute the whole chain anew and report the first entry that does not fit.
    Verify {
        /// A head that was kept: the log must still have the block with this hash.
        #[arg(long, value_name = "HASH")]
        head: Option<BlockHash>,
    },
    /// Print the hash of the last block, to be kept elsewhere.
    Head,
}

pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let catalog = open_catalog(&args.data).await?;
    match args.action {
        AuditAction::List {
            since,
            actor,
            action,
            limit,
        } => {
            let now = SystemClock.now();
            let filter = AuditFilter {
                since: since.map(|since| moment(&since, now)).transpose()?,
                actor,
                action,
                most: limit,
            };
            let mut records = catalog.audit_records(&filter).await?;
            records.reverse();
            print_records(&records, args.json)?;
        }
        AuditAction::Verify { head } => return verify(&catalog, head, args.json).await,
        AuditAction::Head => return head(&catalog, args.json).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// A span before now, or a time.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Some(span) = parse_duration(text) {
        return Ok(now - span);
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(Timestamp(time.as_microsecond())),
        Err(_) => bail!(
            "{text:?} is no time; give a span such as 10m, 1h or 7d, or a time with its zone such as 2026-01-31T08:00:00Z"
        ),
    }
}

async fn verify(
    catalog: &SqliteCatalog,
    known: Option<BlockHash>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let verdict = catalog.verify_audit(known).await?;
    if json {
        println!("{}", as_json(&verdict));
    } else {
        println!("{}", in_words(&verdict));
    }
    Ok(if verdict.fits() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn as_json(verdict: &Verdict) -> Value {
    let misfit = verdict.misfit.as_ref();
    json!({
        "fits": verdict.fits(),
        "misfit": misfit.map(ToString::to_string),
        "entry": misfit.and_then(Misfit::entry),
        "misfits": verdict.misfits,
        "entries": verdict.entries,
        "blocks": verdict.blocks,
        "waiting": verdict.waiting,
        "head": verdict.head.map(|head| head.to_string()),
        "known_to": verdict.known_to,
    })
}

fn in_words(verdict: &Verdict) -> String {
    let Verdict {
        entries,
        blocks,
        waiting,
        misfits,
        ..
    } = verdict;
    let mut words = match &verdict.misfit {
        None => format!("the audit log fits: {entries} entries in {blocks} blocks"),
        Some(misfit) => format!(
            "the audit log does not fit: {misfit}\nfindings: {misfits}; {entries} entries in {blocks} blocks"
        ),
    };
    if *waiting > 0 {
        words += &format!(
            "\n{waiting} newer entries are in no block yet; a running server closes one each second"
        );
    }
    if let Some(known_to) = verdict.known_to {
        words +=
            &format!("\nthe head that was given is of the block that ends with entry {known_to}");
    }
    if let Some(head) = &verdict.head {
        words += &format!("\nhead {head}");
    }
    words
}

async fn head(catalog: &SqliteCatalog, json: bool) -> anyhow::Result<ExitCode> {
    let Some(head) = catalog.audit_head().await? else {
        bail!("the audit log has no block yet; a running server closes one each second");
    };
    if json {
        println!(
            "{}",
            json!({"head": head.hash.to_string(), "first_id": head.first_id, "last_id": head.last_id})
        );
    } else {
        println!("{}", head.hash);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_records(records: &[AuditRecord], json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        return records
            .iter()
            .try_for_each(|record| writeln!(out, "{}", record_json(record)));
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["ID", "TIME", "ACTOR", "ADDRESS", "ACTION", "DETAIL"]);
    for AuditRecord { id, entry, request } in records {
        let detail = match request.method.as_str() {
            "" => entry.detail.clone(),
            method => format!("{} ({method} {})", entry.detail, request.path),
        };
        table.add_row([
            id.to_string(),
            entry.at.to_rfc3339(),
            plain(&entry.actor),
            plain(&entry.address),
            plain(&entry.action),
            plain_lines(&detail),
        ]);
    }
    writeln!(out, "{table}")
}

fn record_json(record: &AuditRecord) -> Value {
    let AuditRecord { id, entry, request } = record;
    let mut shown = json!({
        "id": id,
        "time": entry.at.to_rfc3339(),
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "detail": entry.detail,
    });
    if !request.method.is_empty() {
        shown["method"] = json!(request.method);
        shown["path"] = json!(request.path);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spans_or_rfc_3339() {
        let now = Timestamp::from_secs(1_000_000);
        let check = |text: &str, expected: i64| {
            let found = moment(text, now).unwrap();
            assert_eq!(found, Timestamp::from_secs(expected), "{text}");
        };
        check("1h", 996_400);
        check("1970-01-01T00:01:00Z", 60);
        check("1970-01-01T01:01:00+01:00", 60);
        for wrong in ["", "yesterday", "2026-01-31", "-1h"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_verdict_in_words() {
        let hash = BlockHash([0xab; 32]);
        let mut verdict = Verdict {
            entries: 12,
            blocks: 3,
            waiting: 0,
            head: Some(hash),
            misfit: None,
            misfits: 0,
            known_to: Some(7),
        };
        let expected = format!(
            "the audit log fits: 12 entries in 3 blocks\n\
             the head that was given is of the block that ends with entry 7\nhead {hash}"
        );
        assert_eq!(in_words(&verdict), expected);
        verdict.misfit = Some(Misfit::Removed(5));
        verdict.misfits = 2;
        verdict.waiting = 1;
        let words = in_words(&verdict);
        assert!(words.starts_with("the audit log does not fit: entry 5 was removed\nfindings: 2;"));
        assert!(
            words.contains("1 newer entries are in no block yet"),
            "{words}"
        );
        let shown = as_json(&verdict);
        assert_eq!(
            (&shown["fits"], &shown["entry"]),
            (&json!(false), &json!(5))
        );
    }
}
