//! `cresset ingest`: sends files, shows progress, goes on after an interruption.

mod lines;
pub(super) use lines::Lines;
pub(crate) use lines::expand;
mod resume;
mod xml;

use crate::cli::{IngestArgs, InputFormat};
use crate::client::Client;
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lines::Chunk;
use resume::Progress;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Attempts at one chunk before the command gives up.
const ATTEMPTS: u32 = 8;

#[derive(Default)]
struct Totals {
    accepted: u64,
    rejected: u64,
}

pub(crate) async fn run(args: IngestArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.remote).await?;
    let mut totals = Totals::default();
    for file in &args.files {
        send_file(&client, &args, file, &mut totals)
            .await
            .with_context(|| {
                format!(
                    "{}: stopped; the same command goes on from here",
                    file.display()
                )
            })?;
    }
    println!(
        "{} events stored, {} refused",
        totals.accepted, totals.rejected
    );
    Ok(if totals.rejected == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn send_file(
    client: &Client,
    args: &IngestArgs,
    file: &Path,
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let mut lines = Lines::open(file)?;
    let format = match args.format {
        InputFormat::Auto => lines.guess()?,
        InputFormat::Ndjson => "ndjson",
        InputFormat::Syslog => "syslog",
        InputFormat::Raw => "raw",
        InputFormat::Xml => "xml",
    };
    let format = if format == "xml" {
        lines = lines.of_xml();
        "raw"
    } else {
        format
    };
    let mut progress = Progress::load(file, &client.url, &args.repo, args.restart)?;
    let bar = progress_bar(lines.total_bytes(), file);
    let mut sent = 0_u64;
    let before = progress.lines_done;
    lines.skip(before)?;
    let path = format!("/api/v1/ingest?repo={}&format={format}", args.repo);
    while let Some(chunk) = lines.next_chunk()? {
        let reply = send_chunk(client, &path, &chunk, &progress).await?;
        let count = |name: &str| {
            reply
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0)
        };
        totals.accepted += count("accepted");
        totals.rejected += count("rejected");
        sent += count("accepted");
        for error in reply
            .get("errors")
            .and_then(|e| e.as_array())
            .into_iter()
            .flatten()
            .take(5)
        {
            let index = error
                .get("index")
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0);
            let reason = error
                .get("reason")
                .and_then(|r| r.as_str())
                .unwrap_or("refused");
            bar.println(format!(
                "{}:{}: {reason}",
                file.display(),
                chunk.first_line + index + 1
            ));
        }
        progress.advance(chunk.first_line + chunk.count)?;
        bar.set_position(lines.bytes_read());
        bar.set_message(format!(
            "{sent} events, {:.0}/s",
            sent as f64 / bar.elapsed().as_secs_f64().max(0.001)
        ));
    }
    bar.finish();
    if before > 0 {
        // On standard error, whether there is a bar or not: a new server at the old address
        // has nothing of what is passed over here.
        eprintln!(
            "{}: {before} lines were sent to {} before and are passed over; --restart sends all",
            file.display(),
            client.url
        );
    }
    Ok(())
}

fn progress_bar(total: Option<u64>, file: &Path) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = "{prefix} {bar:30} {bytes}/{total_bytes} {msg} {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(file.display().to_string());
    bar
}

/// Sends one chunk under a key that repeats if the chunk is sent again.
async fn send_chunk(
    client: &Client,
    path: &str,
    chunk: &Chunk,
    progress: &Progress,
) -> anyhow::Result<serde_json::Value> {
    let key = progress.key(chunk);
    let mut pause = Duration::from_millis(250);
    for attempt in 1..=ATTEMPTS {
        let request = client
            .request(reqwest::Method::POST, path, "logs:write")
            .header("Idempotency-Key", &key)
            .header("Content-Type", "application/x-ndjson")
            .body(chunk.body.clone());
        match request.send().await {
            Ok(reply)
                if matches!(reply.status().as_u16(), 429 | 502 | 503 | 504)
                    && attempt < ATTEMPTS =>
            {
                let asked = reply
                    .headers()
                    .get("retry-after")
                    .and_then(|v| v.to_str().ok()?.parse().ok());
                tokio::time::sleep(asked.map_or(pause, Duration::from_secs)).await;
            }
            // A chunk without one good line is answered 400 with the reasons.
            Ok(reply) if reply.status() == 400 => {
                let text = reply.text().await?;
                return match serde_json::from_str::<serde_json::Value>(&text) {
                    Ok(value) if value.get("rejected").is_some() => Ok(value),
                    _ => bail!("the server refuses the chunk: {text}"),
                };
            }
            Ok(reply) => return crate::client::read_reply(reply).await,
            Err(e) if attempt == ATTEMPTS => {
                return Err(e).context(format!("cannot reach {}", client.url));
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(10));
    }
    bail!("the server was busy {ATTEMPTS} times in a row")
}
