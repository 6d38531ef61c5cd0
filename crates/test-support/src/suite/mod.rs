//! The common suite of all engines: functions that each engine's own tests run ([`crate::store_suite`]).

pub mod accounts;
pub mod admin;
pub mod outbox;
mod random_accounts;
mod random_outbox;

pub use random_accounts::accounts_behave_as_in_memory;
pub use random_outbox::both_engines_read_the_same;

use crate::fixtures::block_on;
use portraitd_store::Store;
use std::path::Path;

/// Makes a test of every function of the suite, each on a fresh store that `$open` gives for an empty directory. With
/// `when`, they run only if it is true.
#[macro_export]
macro_rules! store_suite {
    ($open:expr) => {
        $crate::store_suite!($open, when || true);
    };
    ($open:expr, when $is_there:expr) => {
        $crate::store_suite!(
            @tests $open, $is_there,
            accounts::[a_change_needs_an_account_and_leaves_other_fields, imports_create_and_update, deletion_takes_the_profile_along, recently_deleted_accounts_are_left_out, an_operator_imports_deleted_accounts_and_names_an_admin, notes_of_deletions_are_removed_up_to_a_moment, notes_of_deletions_are_removed_in_units, a_kick_never_moves_back, accounts_are_listed_page_by_page, settings_change_by_revision_and_admins_are_accounts, a_closed_store_is_unavailable],
            outbox::[a_change_and_its_event_are_one, a_change_to_the_same_value_makes_no_event, delivery_outcomes_are_stored, parked_events_are_replayed_behind_the_others_or_discarded, events_in_distant_segments_are_found],
            admin::[done_writes_are_audited_and_refused_ones_are_not, a_removed_app_leaves_nothing_to_a_new_one_of_its_number, tokens_have_one_name_each_and_a_bound, accounts_and_values_are_counted],
        );
    };
    (@tests $open:expr, $is_there:expr, $($module:ident::[$($case:ident),* $(,)?]),* $(,)?) => {
        $($(
            #[test]
            fn $case() {
                let is_there = $is_there;
                if is_there() {
                    $crate::suite::run($open, $crate::suite::$module::$case);
                }
            }
        )*)*
    };
}

/// Runs one function of the suite on a fresh store.
pub fn run<S: Store>(open: impl FnOnce(&Path) -> S, case: impl AsyncFnOnce(&dyn Store)) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    block_on(case(&store));
}

#[cfg(test)]
mod tests {
    /// A function that is missing in the macro would never run.
    #[test]
    fn every_function_is_in_the_macro() {
        let modules = [
            ("accounts", include_str!("accounts.rs")),
            ("admin", include_str!("admin.rs")),
            ("outbox", include_str!("outbox.rs")),
        ];
        let listed = include_str!("mod.rs").split("@tests").nth(1).unwrap();
        for (name, text) in modules {
            let (_, cases) = listed.split_once(&format!("{name}::[")).unwrap();
            let cases: Vec<&str> = cases.split(']').next().unwrap().split(',').map(str::trim).collect();
            let written = text.split("\npub async fn ").skip(1).map(|rest| rest.split('(').next().unwrap());
            let written: Vec<&str> = written.collect();
            assert!(!written.is_empty());
            assert_eq!(written, cases, "{name}.rs, and what store_suite! lists of it");
        }
    }
}
