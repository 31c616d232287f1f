//! `cresset rules plan`, `diff` and `apply`.

use super::args::ChangeArgs;
use super::folder::Contents;
use super::targets::{RuleSecrets, members};
use super::{CHANGES, report};
use crate::cmd::told::plain;
use anyhow::bail;
use cresset_fleet::plan::{Folder, Options, Plan};
use cresset_fleet::rollout::{self, Outcome};
use cresset_fleet::{Error, Member};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Servers that are worked on at the same time.
const AT_ONCE: usize = 5;

/// A server with what is to be done there, or why that is not known.
struct Target {
    member: Arc<Member>,
    plan: Result<Arc<Plan>, Error>,
}

/// A folder and the servers that are to have it.
struct Work {
    folder: Arc<Folder>,
    secrets: PathBuf,
    targets: Vec<Target>,
}

/// Shows what would change, in full if `fields`.
pub(crate) async fn plan(args: &ChangeArgs, fields: bool) -> anyhow::Result<ExitCode> {
    let work = prepare(args).await?;
    let mut code = ExitCode::SUCCESS;
    for target in &work.targets {
        if let Ok(plan) = &target.plan {
            if fields {
                report::diff(&target.member, plan);
            } else {
                report::plan(&target.member, plan, args.all);
            }
            if plan.changes() > 0 {
                code = ExitCode::from(CHANGES);
            }
        }
    }
    Ok(if work.tell_unplanned() {
        ExitCode::FAILURE
    } else {
        code
    })
}

/// Shows what would change, asks, and does it.
pub(crate) async fn apply(args: &ChangeArgs, yes: bool) -> anyhow::Result<ExitCode> {
    let work = prepare(args).await?;
    let mut changes = 0;
    for target in &work.targets {
        if let Ok(plan) = &target.plan {
            report::plan(&target.member, plan, args.all);
            changes += plan.changes();
        }
    }
    let mut failed = work.tell_unplanned();
    if changes > 0 {
        if !yes && !agreed(changes)? {
            println!("nothing was done");
            return Ok(ExitCode::FAILURE);
        }
        for (member, outcome, took) in carry_out(&work).await? {
            report::outcome(&member, &outcome, took, args.all);
            failed |= !outcome.is_complete();
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn agreed(changes: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{changes} change(s) are to be made and nobody is here to ask; add --yes");
    }
    print!("Make {changes} change(s)? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Reads the folder and asks every server what it has.
async fn prepare(args: &ChangeArgs) -> anyhow::Result<Work> {
    let (folder, secrets) = Contents::read(&args.folder)?.into_folder()?;
    let folder = Arc::new(folder);
    let options = Options {
        prune: args.prune,
        update_secrets: args.update_secrets,
        update_lists: args.lists,
    };
    if args.prune && folder.rules.is_empty() {
        bail!(
            "{} holds no rules; --prune would delete every rule of every target",
            args.folder.display()
        );
    }
    let members = members(&args.targets).await?;
    let bars = MultiProgress::new();
    let jobs = members.into_iter().map(|member| {
        let (folder, bar) = (Arc::clone(&folder), bar(&bars, member.name(), 0));
        let secrets = RuleSecrets {
            folder: secrets.clone(),
        };
        async move {
            let progress = |done: usize, total: usize| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            };
            let plan = rollout::present(&member, &folder, &progress)
                .await
                .map(|found| cresset_fleet::plan::plan(&folder, &found, member.user(), options));
            bar.finish_and_clear();
            let plan = plan.map(|mut plan| {
                plan.look_for_secrets(&secrets);
                Arc::new(plan)
            });
            let member = Arc::new(member);
            Target { member, plan }
        }
    });
    Ok(Work {
        targets: side_by_side(jobs).await?,
        folder,
        secrets,
    })
}

async fn carry_out(work: &Work) -> anyhow::Result<Vec<(Arc<Member>, Outcome, Duration)>> {
    let bars = MultiProgress::new();
    let planned = work.targets.iter().filter_map(|target| {
        let plan = target.plan.as_ref().ok()?;
        (plan.changes() > 0).then(|| (Arc::clone(&target.member), Arc::clone(plan)))
    });
    let jobs = planned.map(|(member, plan)| {
        let folder = Arc::clone(&work.folder);
        let bar = bar(&bars, member.name(), plan.changes() as u64);
        let secrets = RuleSecrets {
            folder: work.secrets.clone(),
        };
        async move {
            let progress = |step: &str| {
                bar.set_message(plain(step));
                bar.inc(1);
            };
            let began = Instant::now();
            let outcome = rollout::apply(&member, &folder, &plan, &secrets, &progress).await;
            bar.finish_and_clear();
            (member, outcome, began.elapsed())
        }
    });
    side_by_side(jobs).await
}

/// Runs jobs, some at the same time; the results are in the order of the jobs.
async fn side_by_side<T, F>(jobs: impl Iterator<Item = F>) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, job) in jobs.enumerate() {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            (number, job.await)
        });
    }
    let mut results = Vec::new();
    while let Some(result) = running.join_next().await {
        results.push(result?);
    }
    results.sort_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn bar(bars: &MultiProgress, name: &str, total: u64) -> ProgressBar {
    let bar = bars.add(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar
}

impl Work {
    /// Tells which servers could not be asked, and whether there are any.
    fn tell_unplanned(&self) -> bool {
        let mut any = false;
        for target in &self.targets {
            if let Err(error) = &target.plan {
                report::unplanned(&target.member, error);
                any = true;
            }
        }
        any
    }
}
