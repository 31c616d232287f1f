//! Requests to one instance, some at the same time.

use crate::member::Error;
use futures::stream::{FuturesUnordered, StreamExt};

/// Requests that one instance is sent at the same time. Few: it has its own work to do.
const ABREAST: usize = 4;

/// Runs jobs, some at the same time. `seen` is given each result as it comes and says
/// whether more jobs may begin; those under way are awaited in any case. Returns how many
/// never began.
pub(crate) async fn abreast<T>(
    jobs: Vec<impl Future<Output = T>>,
    mut seen: impl FnMut(T) -> bool,
) -> usize {
    let mut waiting = jobs.into_iter();
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(ABREAST).collect();
    let mut going = true;
    while let Some(result) = running.next().await {
        going &= seen(result);
        if going {
            running.extend(waiting.next());
        }
    }
    waiting.len()
}

/// Runs jobs that read, some at the same time, up to the first failure. The results are in
/// the order of the jobs. `progress` is called with how many of how many are done.
pub(crate) async fn read_all<T>(
    jobs: Vec<impl Future<Output = Result<T, Error>>>,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Vec<T>, Error> {
    let total = jobs.len();
    progress(0, total);
    let numbered = jobs.into_iter().enumerate();
    let numbered = numbered
        .map(|(number, job)| async move { (number, job.await) })
        .collect();
    let mut found = Vec::with_capacity(total);
    let mut failed = None;
    abreast(numbered, |(number, result)| match result {
        Ok(value) => {
            found.push((number, value));
            progress(found.len(), total);
            true
        }
        Err(error) => {
            failed.get_or_insert(error);
            false
        }
    })
    .await;
    if let Some(error) = failed {
        return Err(error);
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn some_at_the_same_time_and_none_after_a_failure() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let job = |number: usize| {
            let (now, most) = (&now, &most);
            async move {
                let running = now.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(running, Ordering::Relaxed);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::Relaxed);
                number
            }
        };
        let mut seen = Vec::new();
        let left = abreast((0..100).map(job).collect(), |number| {
            seen.push(number);
            number != 20
        })
        .await;
        assert_eq!(most.load(Ordering::Relaxed), ABREAST);
        assert_eq!(seen.len() + left, 100);
        // The one that failed, and those that had begun by then.
        assert!((21..21 + 2 * ABREAST).contains(&seen.len()), "{seen:?}");
    }

    #[tokio::test]
    async fn results_keep_the_order_of_the_jobs() {
        let job = |number: usize| async move {
            for _ in 0..(number * 7) % 5 {
                tokio::task::yield_now().await;
            }
            Ok(number)
        };
        let found = read_all((0..50).map(job).collect(), &|_, _| {}).await;
        assert_eq!(found.unwrap(), (0..50).collect::<Vec<_>>());
    }
}
