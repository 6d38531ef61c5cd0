//! Fuzz targets: everything that reads bytes from outside, each as a function of bytes. libFuzzer runs them (`fuzz/`),
//! and so does `tests/targets.rs` on a stable compiler. A target must not panic; besides that, each asserts what must
//! hold of what it read. `benches/steps.rs` measures the steps of a call in the same environment.

mod admin;
mod calls;
mod environment;
mod files;
mod fixtures;
mod journal;
mod shadow;
mod stored;
mod text;

pub use environment::FuzzEnvironment;

/// Every target. The names of the calls come first: their input is a request body.
pub const TARGETS: &[&str] = &[
    "portrait_set",
    "portrait_get",
    "account_import",
    "multiaccount_import",
    "account_check",
    "account_delete",
    "kick",
    "query",
    "usersig",
    "usersig_document",
    "number",
    "words",
    "profile_record",
    "event_record",
    "journal_file",
    "settings",
    "config",
    "import_line",
    "import_lines",
    "import_csv",
    "webhook_answer",
    "admin_json",
    "app_file",
    "named_users",
    "server_url",
    "shadow_answers",
];
