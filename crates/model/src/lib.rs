//! What a user profile *means*: ids, UserSig, tags, values, permissions, patches, error codes.
//!
//! Not allowed here: sockets, HTTP, SQL, files, the system clock, randomness, logging, an async runtime. Time and randomness
//! are arguments. These types have no wire form: `api` and `admin` have wire structs of their own and convert. Exceptions: the
//! UserSig payload, which is itself a format, and a field with its value, which is the same on every wire ([`TagValue`]).

mod account;
mod app;
mod bilingual;
mod cloud_code;
mod command;
mod error_code;
mod event;
mod field;
mod id;
mod json_type;
mod key_problem;
mod language;
mod other_command;
mod path_suggestion;
mod profile;
mod query_slip;
pub mod rfc3339;
mod schema;
mod sensitive_code;
mod suggestion;
mod tag;
pub mod terminal;
mod time;
mod usersig;
mod value;
mod value_words;
mod webhook;
mod word_filter;

pub use account::{AccountSeed, AccountState};
pub use app::{AppError, AppRecord, AppSettings, CustomField, KeyId, KeyRecord};
pub use bilingual::Bilingual;
pub use cloud_code::{CLOUD_CODES, CloudCode, CloudSource};
pub use command::{COMMANDS, Command, CommandRow, Service};
pub use error_code::{ERROR_CODES, ErrorCode, ErrorRow, Evidence};
pub use event::{EventId, Origin, ProfileEvent};
pub use field::{FieldSpec, Permission, Role, STANDARD_FIELDS, StandardField, whole_tag};
pub use id::{AppKey, IdError, NewUserId, SdkAppId, UserId};
pub use json_type::JsonType;
pub use key_problem::KeyProblem;
pub use language::Language;
pub use other_command::{Member, MemberKind, OtherCommand, Standing};
pub use path_suggestion::{PathSlip, PathSuggestion, UnknownPath, suggest_path};
pub use profile::{Profile, ProfileItem, ProfilePatch, TagValue};
pub use query_slip::QuerySlip;
pub use schema::{FieldError, FieldProblem, FieldSchema, UncheckedItem};
pub use sensitive_code::SensitiveCode;
pub use suggestion::Suggestion;
pub use tag::{CustomKeyword, StandardTag, Tag};
pub use time::{Clock, UnixMillis, UnixSeconds};
pub use usersig::diagnosis::{
    Cause as SigCause, Diagnosis, DigestSlip, DocumentCause, EncodedCause, EncodingSlip, IdentifierForm,
    KeySlip, LabelStyle, LineEnds, MemberProblem, SigWarning, Slip, TextSlip, UserbufSlip, diagnose,
    sig_warnings,
};
pub use usersig::{SigError, SigFormatError, SignRequest, UserSig, sign};
pub use value::{FieldValue, NumberText, UncheckedValue, ValueProblem, ValueRule, ValueType, WrongForm};
pub use webhook::{Webhook, WebhookToken, WebhookUrl, WebhookUrlError};
pub use word_filter::{
    ALL_LISTS_BYTES_MAX, SensitiveWord, WORD_BYTES_MAX, WORDS_MAX, WordFilter, WordFilterError, Words,
};
