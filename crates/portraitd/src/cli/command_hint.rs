//! Commands that a message tells people to run. They work when they are pasted: with the store that they are for, and each value
//! as one word of a shell.

use portraitd_admin::shell_word::shell_word;
use std::fmt::Display;
use std::path::Path;

/// Returns `portraitd COMMAND --data DIR`.
pub(crate) fn on_directory(command: impl Display, data: &Path) -> String {
    format!("portraitd {command} --data {}", shell_word(&data.to_string_lossy()))
}

/// Returns `portraitd COMMAND` for the server whose admin API is at a URL. The token is never shown: it is named unless the
/// environment has it.
pub(crate) fn on_server(command: impl Display, url: &str, has_token_variable: bool) -> String {
    let token = if has_token_variable { "" } else { " --admin-token TOKEN" };
    format!("portraitd {command} --admin-url {}{token}", shell_word(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_store_that_it_is_for() {
        let data = Path::new("/var/lib/my data");
        assert_eq!(on_directory("app list", data), "portraitd app list --data '/var/lib/my data'");
        let url = "http://127.0.0.1:8081";
        assert_eq!(on_server("app list", url, true), format!("portraitd app list --admin-url {url}"));
        let said = on_server(format_args!("app show {}", 7), url, false);
        assert_eq!(said, format!("portraitd app show 7 --admin-url {url} --admin-token TOKEN"));
    }
}
