//! Names of commands in fault rules and filters: `friend_add`, or with its service `sns/friend_add`.

use crate::suggestion::{nearest_name, shown};
use portraitd_model::{Bilingual, Command, OtherCommand, bilingual};

/// What `portraitd dev` answers to the cloud's commands that it does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Others {
    /// Success, in the cloud's shape, after the usual checks of the UserSig
    Ok,
    /// 60009
    #[default]
    Refuse,
}

/// Returns the name of the command at a path of the tables.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a text names the command at this path.
pub(crate) fn names(text: &str, path: &str) -> bool {
    let path = path.trim_start_matches('/');
    path.strip_prefix("v4/") == Some(text) || name_of(path) == text
}

/// Checks that a command exists. An error suggests one.
pub(crate) fn check_command(command: &str) -> Result<(), Bilingual> {
    let own = || Command::all().map(Command::name);
    let paths = || {
        Command::all()
            .map(|command| command.row().path)
            .chain(OtherCommand::all().iter().map(OtherCommand::path))
    };
    if paths().any(|path| names(command, path)) {
        return Ok(());
    }
    let others = || OtherCommand::all().iter().map(|other| other.command);
    let nearest = nearest_name(command, own()).or_else(|| nearest_name(command, others()));
    let command = shown(command);
    if let Some(nearest) = nearest {
        return Err(bilingual!(
            "command: there is no command `{command}`; did you mean {nearest}?",
            "command：没有接口 `{command}`；您是否想写 {nearest}？"
        ));
    }
    Err(bilingual!(
        "command: there is no command `{command}`; there are {}",
        "command：没有接口 `{command}`；可用的有 {}",
        own().collect::<Vec<_>>().join(", ")
    ))
}

/// Whether a name of a command is only that of a command of the cloud's that portraitd does not have.
pub(crate) fn is_other(command: &str) -> bool {
    !Command::all().any(|own| names(command, own.row().path))
        && OtherCommand::all().iter().any(|other| names(command, other.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_with_its_service_or_without() {
        for text in
            ["sns/friend_add", "friend_add", "portrait_set", "profile/portrait_set", "ConfigSvc/GetIPList"]
        {
            assert_eq!(check_command(text), Ok(()), "{text}");
        }
        assert!(names("friend_add", "/v4/sns/friend_add") && names("sns/friend_add", "//v4/sns/friend_add"));
        assert!(!names("openim/friend_add", "/v4/sns/friend_add") && !names("", "/v4/sns/friend_add"));
        assert!(check_command("openim/friend_add").is_err() && check_command("v4/sns/friend_add").is_err());
        assert!(check_command("create_grupo").unwrap_err().english().ends_with("did you mean create_group?"));
        assert!(check_command("").unwrap_err().english().contains("there are portrait_set, "));
        let endless = check_command(&"portrait_se".repeat(80_000)).unwrap_err();
        assert!(endless.english().len() < 500, "it is neither compared nor repeated");
    }
}
