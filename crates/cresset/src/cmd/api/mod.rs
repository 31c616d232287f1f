//! `cresset api`: one request to the LogicMonitor API, signed.

mod answer;
mod args;
pub(super) mod credential;
mod server;
pub(super) mod target;

pub(crate) use args::{ApiArgs, SignArgs};

use super::told::plain_lines;
use crate::client::{http_to_instance, trust};
use crate::system::SystemClock;
use answer::Answer;
use anyhow::Context;
use cresset_model::Clock;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use server::Server;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use target::Target;

pub(crate) async fn run(args: &ApiArgs) -> anyhow::Result<ExitCode> {
    let server = Server::find(args).await?;
    let target = Target::parse(&server.url, &args.request.path)?;
    if target.is_readable_on_the_way() {
        eprintln!("cresset: note: over http:// request and answer travel readable by anybody");
    }
    let answer = send(args, &server, &target).await?;
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        writeln!(out, "{}", plain_lines(&answer.indented()))?;
    } else if !answer.is_empty() {
        writeln!(out, "{}", answer.text())?;
    }
    out.flush()?;
    let Some(error) = answer.error() else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("cresset: {}", plain_lines(&error));
    Ok(ExitCode::FAILURE)
}

async fn send(args: &ApiArgs, server: &Server, target: &Target) -> anyhow::Result<Answer> {
    let request = &args.request;
    let body = request.body()?;
    let epoch = SystemClock.now().0.div_euclid(1000);
    let header = (server.credential).header(&request.method, target.signed(), &body, epoch);
    let mut header = HeaderValue::from_str(header.expose())
        .context("the credentials hold what no header can hold, such as a line end")?;
    header.set_sensitive(true);
    let http = http_to_instance(&trust(server.insecure, server.ca_file.as_deref())?)?;
    let mut sent = http
        .request(request.method.parse()?, target.url().clone())
        .header(AUTHORIZATION, header)
        .header("X-Version", args.version.to_string());
    if !body.is_empty() {
        sent = sent.header(CONTENT_TYPE, "application/json").body(body);
    }
    let reply = sent.send().await;
    Answer::read(reply.with_context(|| format!("cannot reach {}", server.url))?).await
}
