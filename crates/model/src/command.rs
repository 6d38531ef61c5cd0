//! `COMMANDS`: every call of the protocol, declared once (contract, sections 3 to 7).
//!
//! From this table come the enum, the routes, the default frequency limits, and the labels of metrics, logs and traces. Each
//! row must have a conformance case.

use crate::ErrorCode;

/// The two families of calls: `<servicename>` in `/v4/<servicename>/<command>`. They differ in codes and in
/// `ErrorDisplay`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// `v4/profile`
    Profile,
    /// `v4/im_open_login_svc`
    Account,
}

impl Service {
    /// A member that is missing, too long or of the wrong type.
    pub fn bad_parameter(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::BadParameter,
            Self::Account => ErrorCode::LoginBadParameter,
        }
    }

    /// A failure of the server's own.
    pub fn internal(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::Internal,
            Self::Account => ErrorCode::LoginInternal,
        }
    }

    /// The caller is no App admin.
    pub fn admin_required(self) -> ErrorCode {
        match self {
            Self::Profile => ErrorCode::ProfileAdminRequired,
            Self::Account => ErrorCode::LoginAdminRequired,
        }
    }
}

/// One row of [`COMMANDS`].
#[derive(Debug)]
pub struct CommandRow {
    /// The variant.
    pub command: Command,
    /// `<command>` in the path; also its name in limits, metrics and logs.
    pub name: &'static str,
    /// Its whole path, from `/v4` on.
    pub path: &'static str,
    /// Its family.
    pub service: Service,
    /// Calls a second for each app, unless the app's settings say otherwise (269/32429).
    pub per_second: u32,
    /// What it does, in English.
    pub english: &'static str,
    /// What it does, in Chinese, as the cloud's page names it.
    pub chinese: &'static str,
}

macro_rules! commands {
    ($($variant:ident = $service:ident, $path:literal $name:literal, $per_second:literal, $english:literal, $chinese:literal;)*) => {
        /// A call of the protocol.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Command {
            $(#[doc = concat!("`", $path, $name, "`")] $variant,)*
        }

        /// Every call of the protocol.
        pub const COMMANDS: &[&CommandRow] = &[$(Command::$variant.row(),)*];

        impl Command {
            /// How many there are.
            pub const COUNT: usize = COMMANDS.len();

            /// Its row.
            pub const fn row(self) -> &'static CommandRow {
                match self {
                    $(Self::$variant => &CommandRow {
                        command: Self::$variant,
                        name: $name,
                        path: concat!($path, $name),
                        service: Service::$service,
                        per_second: $per_second,
                        english: $english,
                        chinese: $chinese,
                    },)*
                }
            }
        }
    };
}

commands! {
    PortraitSet        = Profile, "/v4/profile/"           "portrait_set",        200, "Set fields of one user's profile", "设置资料";
    PortraitGet        = Profile, "/v4/profile/"           "portrait_get",        200, "Read fields of up to 100 users' profiles", "拉取资料";
    AccountImport      = Account, "/v4/im_open_login_svc/" "account_import",      200, "Create an account, or update its nickname and avatar", "导入单个账号";
    MultiaccountImport = Account, "/v4/im_open_login_svc/" "multiaccount_import", 100, "Create up to 100 accounts", "导入多个账号";
    AccountCheck       = Account, "/v4/im_open_login_svc/" "account_check",       100, "Tell which of up to 100 accounts exist", "查询账号";
    AccountDelete      = Account, "/v4/im_open_login_svc/" "account_delete",      100, "Delete up to 100 accounts with their profiles", "删除账号";
    Kick               = Account, "/v4/im_open_login_svc/" "kick",                200, "Invalidate every UserSig of an account issued so far", "失效账号登录状态";
}

impl Command {
    /// Its name in paths, limits, metrics and logs.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its family.
    pub fn service(self) -> Service {
        self.row().service
    }

    /// Its place in [`COMMANDS`], for tables with a place for each.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// Every call, in the order of [`COMMANDS`].
    pub fn all() -> impl Iterator<Item = Self> {
        COMMANDS.iter().map(|row| row.command)
    }

    /// The call with this path. Base URLs that end in `/` make paths that start with `//`.
    pub fn at_path(path: &str) -> Option<Self> {
        let path = path.trim_start_matches('/');
        let row = COMMANDS.iter().find(|row| row.path.trim_start_matches('/') == path);
        row.map(|row| row.command)
    }

    /// The call with this name.
    pub fn named(name: &str) -> Option<Self> {
        COMMANDS.iter().find(|row| row.name == name).map(|row| row.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_its_path_and_its_name() {
        for (place, row) in COMMANDS.iter().enumerate() {
            let command = row.command;
            assert_eq!((command.place(), command.name(), command.service()), (place, row.name, row.service));
            assert_eq!(
                (Command::at_path(row.path), Command::named(row.name)),
                (Some(command), Some(command))
            );
            assert_eq!(Command::at_path(&format!("/{}", row.path)), Some(command));
            let service = if row.service == Service::Profile { "profile" } else { "im_open_login_svc" };
            assert_eq!(row.path, format!("/v4/{service}/{}", row.name));
        }
        for wrong in [
            "",
            "/",
            "/v4/profile/",
            "/v4/profile/portrait_sets",
            "/v4/profile/Portrait_set",
            "/v4/profile/kick",
        ] {
            assert_eq!(Command::at_path(wrong), None, "{wrong}");
        }
        assert_eq!((Command::named("total"), Command::all().count()), (None, Command::COUNT));
    }
}
