//! `cresset normalize`: what lines become, and why.

use super::ingest::Lines;
use super::told::plain;
use crate::cli::{InputFormat, NormalizeArgs, NormalizeForm};
use crate::config::{Sources, render_problems};
use crate::serve::{ingest_settings, load_checked};
use crate::system::SystemClock;
use anyhow::{Context, bail};
use cresset_ingest::{Explanation, IngestSettings, Input, Normaliser, Origin, Step, ndjson};
use cresset_model::{Clock, Event, FieldName, Timestamp, Value};
use serde_json::{Map, json};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

/// The sender of lines that nobody sent.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Values in the text form are cut here; the JSON form has them whole.
const SHOWN: usize = 200;

pub(crate) fn run(args: &NormalizeArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(args)?;
    let normaliser = Normaliser::new(&settings)?;
    let mut lines = Lines::open(&args.file)?;
    let (as_json, as_xml) = match args.input {
        InputFormat::Auto => {
            let guess = lines.guess()?;
            (guess == "ndjson", guess == "xml")
        }
        InputFormat::Ndjson => (true, false),
        InputFormat::Xml => (false, true),
        InputFormat::Syslog | InputFormat::Raw => (false, false),
    };
    if as_xml {
        lines = lines.of_xml();
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut show = Shown {
        args,
        normaliser: &normaliser,
        now: SystemClock.now(),
        refused: 0,
        out: &mut out,
    };
    let shown_name = args.file.display().to_string();
    while let Some(chunk) = lines.next_chunk()? {
        let before = chunk.first_line;
        if as_json {
            for item in ndjson::items(&chunk.body) {
                let number = before + item.line;
                match item.text {
                    Ok(text) => show.one(number, text, Input::Json)?,
                    Err(reason) => bail!("{shown_name}:{number}: {reason}"),
                }
            }
        } else {
            for (number, line) in (before + 1..).zip(chunk.body.split(|b| *b == b'\n')) {
                if !line.trim_ascii().is_empty() {
                    show.one(number, line, Input::Line)?;
                }
            }
        }
    }
    let refused = show.refused;
    out.flush()?;
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The server's settings, as far as they decide what becomes of a line.
fn settings(args: &NormalizeArgs) -> anyhow::Result<IngestSettings> {
    let flags = args.signatures.iter();
    let flags = flags.map(|folder| ("ingest.signatures", folder.display().to_string()));
    let config = load_checked(&Sources::from_process(args.config.clone(), flags.collect()))
        .map_err(|problems| anyhow::anyhow!("{}", render_problems(&problems).trim_end()))?;
    ingest_settings(&config).context("ingest.signatures")
}

/// Prints one input after the other.
struct Shown<'a, W> {
    args: &'a NormalizeArgs,
    normaliser: &'a Normaliser,
    now: Timestamp,
    refused: u64,
    out: &'a mut W,
}

impl<W: Write> Shown<'_, W> {
    fn one(&mut self, number: u64, text: &[u8], input: Input) -> anyhow::Result<()> {
        let origin = Origin {
            repo: &self.args.repo,
            peer: Some(PEER),
            col_type: match input {
                Input::Json => "http",
                Input::Line => "syslog",
            },
            received: self.now,
        };
        let told = self.normaliser.explain(text, input, &origin);
        self.refused += u64::from(told.event.is_err());
        match self.args.format {
            NormalizeForm::Json => writeln!(self.out, "{}", as_json(number, &told))?,
            NormalizeForm::Text => {
                let text = String::from_utf8_lossy(text);
                writeln!(self.out, "{number}: {}", shown(text.trim_end()))?;
                self.text(&told)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, told: &Explanation) -> anyhow::Result<()> {
        let event = match &told.event {
            Ok(event) => event,
            Err(reason) => {
                writeln!(self.out, "  refused: {}\n", plain(reason))?;
                return Ok(());
            }
        };
        writeln!(self.out, "  {:<28} {}", "log_ts", event.log_ts.to_rfc3339())?;
        for step in &told.steps {
            let sign = if step.refused { "refused: " } else { "" };
            writeln!(self.out, "  # {sign}{}", plain(&step.what))?;
            self.fields(event, &step.fields)?;
        }
        let of_steps = |name: &FieldName| told.steps.iter().any(|s| s.fields.contains(name));
        let other: Vec<FieldName> = event
            .fields
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| !of_steps(name) && name != "msg" && name != "label")
            .collect();
        writeln!(self.out, "  # every event")?;
        self.fields(event, &other)?;
        if let Some(labels) = event.get("label") {
            writeln!(
                self.out,
                "  # labels\n  {:<28} {}",
                "label",
                plain(&labels.text())
            )?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    fn fields(&mut self, event: &Event, names: &[FieldName]) -> anyhow::Result<()> {
        for name in names {
            if let Some(value) = event.get(name) {
                writeln!(self.out, "  {:<28} {}", plain(name), shown(&value.text()))?;
            }
        }
        Ok(())
    }
}

/// One line for a terminal.
fn shown(text: &str) -> String {
    let line: String = text.chars().take(SHOWN).collect();
    let rest = if line.len() < text.len() { "…" } else { "" };
    format!("{}{rest}", plain(&line))
}

/// One line of JSON.
fn as_json(number: u64, told: &Explanation) -> serde_json::Value {
    let steps: Vec<_> = told.steps.iter().map(step).collect();
    match &told.event {
        Ok(event) => {
            let fields: Map<String, serde_json::Value> = event
                .fields
                .iter()
                .map(|(name, value)| (name.to_string(), json_of(value)))
                .collect();
            json!({"line": number, "log_ts": event.log_ts.to_rfc3339(), "fields": fields, "steps": steps})
        }
        Err(reason) => json!({"line": number, "refused": reason, "steps": steps}),
    }
}

fn step(step: &Step) -> serde_json::Value {
    let fields: Vec<&str> = step.fields.iter().map(FieldName::as_str).collect();
    json!({"what": step.what, "fields": fields, "refused": step.refused})
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Str(text) => json!(text.as_str()),
        Value::Int(n) => json!(n),
        Value::Float(n) => json!(n),
        Value::Bool(b) => json!(b),
        Value::List(items) => json!(items),
    }
}
