//! `STANDARD_FIELDS`: the field catalogue of the protocol (contract, section 6; 269/1500, 1047/33520).

use crate::value::{ValueRule, ValueType};
use crate::{StandardTag, Tag};

/// The role of a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The user whose profile it is, or another user ("App" in the cloud's console).
    User,
    /// An App admin.
    Admin,
    /// The operator of the server. Permissions and sensitive words do not apply: they are for callers of `/v4`.
    Operator,
}

/// The roles that may read, or write, a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permission {
    /// Whether users may ("App" in the cloud's console).
    pub user: bool,
    /// Whether App admins may.
    pub admin: bool,
}

impl Permission {
    /// Users and admins.
    pub const EVERYONE: Self = Self { user: true, admin: true };
    /// Admins alone.
    pub const ADMINS: Self = Self { user: false, admin: true };

    /// Whether `role` is among them; an operator always is.
    pub fn allows(self, role: Role) -> bool {
        match role {
            Role::User => self.user,
            Role::Admin => self.admin,
            Role::Operator => true,
        }
    }
}

/// A field as one app has it.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// The field's name.
    pub tag: Tag,
    /// Its type.
    pub value_type: ValueType,
    /// What a value must satisfy beyond its type.
    pub rule: ValueRule,
    /// The roles that may read it.
    pub read: Permission,
    /// The roles that may write it.
    pub write: Permission,
}

/// One row of [`STANDARD_FIELDS`].
#[derive(Debug)]
pub struct StandardField {
    /// Its tag.
    pub tag: StandardTag,
    /// Its tag on the wire.
    pub name: &'static str,
    /// Its type.
    pub value_type: ValueType,
    /// What a value must satisfy beyond its type.
    pub rule: ValueRule,
    /// The roles that may write it. Every role may read every standard field.
    pub write: Permission,
    /// What it holds, in English.
    pub english: &'static str,
    /// What it holds, in Chinese, as the cloud's page names it.
    pub chinese: &'static str,
}

const TEXT: ValueRule = ValueRule::BytesMax(500);
const GENDERS: ValueRule =
    ValueRule::OneOf(&["Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"]);
const ALLOW_TYPES: ValueRule =
    ValueRule::OneOf(&["AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"]);
const FORBID_TYPES: ValueRule = ValueRule::OneOf(&["AdminForbid_Type_None", "AdminForbid_Type_SendOut"]);

macro_rules! standard_fields {
    ($($tag:ident $name:literal $value_type:ident $rule:expr, $write:ident, $english:literal, $chinese:literal;)*) => {
        /// Every standard field, in the order of the public table.
        pub const STANDARD_FIELDS: &[StandardField] = &[
            $(StandardField {
                tag: StandardTag::$tag, name: $name, value_type: ValueType::$value_type, rule: $rule,
                write: Permission::$write, english: $english, chinese: $chinese,
            },)*
        ];

        impl StandardTag {
            /// The tag on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$tag => $name,)* }
            }

            /// Reads a tag of the wire.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($name => Some(Self::$tag),)* _ => None }
            }

            /// Reads the number of the stored form.
            pub fn from_number(number: u8) -> Option<Self> {
                STANDARD_FIELDS.iter().map(|field| field.tag).find(|tag| *tag as u8 == number)
            }
        }
    };
}

standard_fields! {
    Nick            "Tag_Profile_IM_Nick"            String TEXT,         EVERYONE, "nickname", "昵称";
    Gender          "Tag_Profile_IM_Gender"          String GENDERS,      EVERYONE, "gender", "性别";
    BirthDay        "Tag_Profile_IM_BirthDay"        Uint32 ValueRule::Any, EVERYONE, "birthday; 20190419 is the recommended form, not enforced", "生日，推荐格式 20190419，不强制";
    Location        "Tag_Profile_IM_Location"        String TEXT,         EVERYONE, "location; the limit can be set per app", "所在地，长度上限可按应用设置";
    SelfSignature   "Tag_Profile_IM_SelfSignature"   String TEXT,         EVERYONE, "status line", "个性签名";
    AllowType       "Tag_Profile_IM_AllowType"       String ALLOW_TYPES,  EVERYONE, "who may add this user as a friend", "加好友验证方式";
    Language        "Tag_Profile_IM_Language"        Uint32 ValueRule::Any, EVERYONE, "language", "语言";
    Image           "Tag_Profile_IM_Image"           String TEXT,         EVERYONE, "avatar URL", "头像 URL";
    MsgSettings     "Tag_Profile_IM_MsgSettings"     Uint32 ValueRule::Any, EVERYONE, "message settings; bit 0: receive no messages", "消息设置；第 0 位：不接收消息";
    AdminForbidType "Tag_Profile_IM_AdminForbidType" String FORBID_TYPES, ADMINS,   "whether an admin forbids friend requests", "管理员禁止加好友标识";
    Level           "Tag_Profile_IM_Level"           Uint32 ValueRule::Any, EVERYONE, "level", "等级";
    Role            "Tag_Profile_IM_Role"            Uint32 ValueRule::Any, EVERYONE, "role", "角色";
}

/// Returns the whole tag that people write short: the end of a standard tag (`Nick`), or the keyword of a custom field. A
/// whole tag is returned as it is.
pub fn whole_tag(name: &str) -> String {
    let standard =
        STANDARD_FIELDS.iter().find(|field| field.name.strip_prefix("Tag_Profile_IM_") == Some(name));
    match standard {
        Some(field) => field.name.to_owned(),
        None if name.starts_with("Tag_") => name.to_owned(),
        None => format!("Tag_Profile_Custom_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_reads_back_by_name_and_number() {
        for field in STANDARD_FIELDS {
            assert_eq!(StandardTag::parse(field.name), Some(field.tag));
            assert_eq!(StandardTag::from_number(field.tag as u8), Some(field.tag));
            assert_eq!(field.tag.as_str(), field.name);
        }
        assert_eq!(StandardTag::from_number(0), None);
        assert_eq!(StandardTag::from_number(13), None);
    }
}
