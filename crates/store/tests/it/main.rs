//! The event store over a real catalog, in a real folder and on a real S3 server.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod compact;
mod delete;
mod far_apart;
mod faults;
mod full_disk;
mod home;
mod quarantine;
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
        what_is_stored_is_told_not_what_was_copied,
        what_is_renamed_takes_the_place_of_what_was_there,
        a_file_without_a_name_leaves_nothing,
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
    far_apart:
        files_of_the_same_weeks_become_one;
    retention:
        files_expire_when_all_their_events_have,
        who_reads_a_file_that_expires_goes_on;
    delete:
        what_is_deleted_is_gone_and_the_rest_is_as_it_was,
        large_files_are_written_in_pieces,
        no_byte_of_it_is_left,
        text_under_two_names_goes_under_both,
        a_file_of_which_nothing_is_left_goes,
        a_reader_finds_all_as_it_was_and_a_crash_leaves_one_of_both,
        a_damaged_file_is_left_to_the_quarantine;
    quarantine:
        every_flipped_bit_is_found_by_the_check,
        missing_and_short_files_are_named_with_what_was_lost,
        a_reader_that_meets_damage_sets_the_file_aside,
        a_reader_that_meets_the_end_too_early_sets_the_file_aside,
        restored_from_a_backup_or_given_up,
        a_crash_between_the_steps_is_made_up_for,
        what_is_too_old_leaves_the_quarantine;
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
        event: event.into(),
    }
}
