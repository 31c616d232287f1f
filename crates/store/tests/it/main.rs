//! The event store over a real catalog, in a real folder and on a real S3 server.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod compact;
mod faults;
mod home;
mod retention;
mod s3;
mod server;
mod start;
mod storage;
mod write;

use cresset_model::Event;
use cresset_model::Timestamp;
use cresset_model::event::LoggedEvent;
use home::{Home, START};
use std::sync::Arc;

/// Makes a test of each check for each kind of storage. What a storage needs threads for
/// while a test waits runs on those of the test.
macro_rules! on_every_storage {
    ($($module:ident: $($check:ident),+;)+) => {
        mod on_disk {
            $(mod $module {
                $(#[tokio::test]
                async fn $check() {
                    crate::$module::$check(crate::Home::new().await).await;
                })+
            })+
        }
        mod on_s3 {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    if let Some(home) = crate::Home::in_bucket().await {
                        crate::$module::$check(home).await;
                    }
                })+
            })+
        }
    };
}

on_every_storage! {
    storage:
        files_are_written_listed_and_removed,
        a_file_is_never_written_over,
        a_file_that_was_not_filled_is_not_there,
        a_large_file_is_whole,
        any_range_reads,
        what_is_set_aside_is_kept_and_not_listed,
        no_path_leads_out;
    write:
        a_file_per_repo_and_time_with_what_the_catalog_needs,
        scanning_goes_by_time_and_stops_when_told,
        many_files_are_written_in_order,
        missing_and_damaged_files_are_named;
    compact:
        small_files_become_one_and_nothing_is_lost,
        a_crash_before_the_small_files_are_removed_leaves_no_event_twice,
        a_damaged_file_does_not_hold_up_the_others;
    retention:
        files_expire_when_all_their_events_have,
        who_reads_a_file_that_expires_goes_on;
    start:
        what_a_crash_left_unregistered_is_removed,
        with_an_empty_catalog_files_are_kept_aside,
        a_registered_file_that_is_gone_does_not_prevent_the_start;
}

fn event(seq: u64, repo: &str, log_ts: Timestamp) -> LoggedEvent {
    let mut event = Event::new(log_ts, START);
    event.set("msg", format!("line {seq}"));
    LoggedEvent {
        seq,
        repo: repo.into(),
        event: Arc::new(event),
    }
}
