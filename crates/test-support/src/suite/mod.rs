//! What every engine must do, as functions that each engine's own tests run: [`crate::store_suite`].

pub mod accounts;
pub mod admin;
pub mod outbox;
mod random_accounts;
mod random_outbox;

pub use random_accounts::accounts_do_what_the_reference_does;
pub use random_outbox::both_engines_tell_the_same;

use crate::fixtures::block_on;
use portraitd_store::Store;
use std::path::Path;

/// Makes a test of every function of the suite, each on a fresh store that `$open` gives for an empty directory.
#[macro_export]
macro_rules! store_suite {
    ($open:expr) => {
        $crate::store_suite!(
            @tests $open,
            accounts::[a_change_needs_an_account_and_leaves_other_fields, imports_create_and_update, deletion_takes_the_profile_along, who_was_deleted_lately_is_left_out, an_operator_imports_who_was_deleted_and_names_an_admin, deletions_are_forgotten_up_to_a_moment, deletions_are_forgotten_in_units, a_kick_never_moves_back, accounts_are_listed_page_by_page, settings_change_by_revision_and_admins_are_accounts, a_closed_store_says_so],
            outbox::[a_change_and_its_event_are_one, what_changes_nothing_is_not_told, verdicts_are_kept, parked_events_are_replayed_behind_the_others_or_discarded, events_that_lie_far_apart_are_found],
            admin::[what_happened_is_written_down_and_what_was_refused_is_not, tokens_have_one_name_each_and_a_bound, accounts_and_values_are_counted],
        );
    };
    (@tests $open:expr, $($module:ident::[$($case:ident),* $(,)?]),* $(,)?) => {
        $($(
            #[test]
            fn $case() {
                $crate::suite::run($open, $crate::suite::$module::$case);
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
    /// A function that no engine runs proves nothing.
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
