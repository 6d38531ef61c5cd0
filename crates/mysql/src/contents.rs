//! The whole content of a database, to copy it to another engine or from one, while no portraitd uses it.
//!
//! A copy is written by one connection in the order of the keys, many rows in a transaction, so that the last row of each
//! section tells how far it got: also after a COMMIT whose answer was lost. Rows are inserted plainly, so none is written twice.
//! The numbers `copy_high` and `copy_low` in `portrait_meta`, the identity of the source, keep nodes from starting until it
//! is complete.

use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::hosts::{HostConnection, Hosts};
use crate::leases::DEAD_AFTER;
use crate::load::{StoredEvent, StoredToken, parsed_token, parsed_user};
use crate::nodes::{COPY_HIGH, expire};
use crate::open::{OpenError, any_host, finished};
use crate::place::copied_from;
use crate::schema;
use crate::sql::Arg;
use crate::statements;
use crate::stored_rows::{COPY_LANE, audit_row, decoded_settings, event_row, halves, inserts, parse_all};
use crate::url::MysqlUrl;
use portraitd_model::{SdkAppId, UnixMillis, UserId, bilingual};
use portraitd_store::{
    Contents, CopyStart, CopyTarget, OutboxSeq, RowKey, Section, StoreError, StoreFuture, StoreId, StoredRow,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often a read is tried.
const READ_TRIES: usize = 10;
/// The wait before the next host is tried.
const HOST_WAIT: Duration = Duration::from_millis(500);

/// A node's row.
type StoredNode = (u32, u64, u64, u64, Vec<u8>);

/// The content of a database that no portraitd uses.
pub struct MysqlContents {
    hosts: Hosts,
    id: StoreId,
    reading: Option<HostConnection>,
    writing: Option<HostConnection>,
    /// As they were when it was opened: no node has started or beaten since, while they are the same.
    nodes: Vec<StoredNode>,
    /// The admins of each app, read when its first account is written.
    admins: BTreeMap<SdkAppId, BTreeSet<UserId>>,
}

impl MysqlContents {
    /// Opens a database whose tables are there. Whether a node still uses it, [`MysqlContents::ensure_idle`] tells.
    pub async fn open(url: MysqlUrl) -> Result<Self, OpenError> {
        let hosts = Hosts::new(url);
        let opened = async {
            let mut link = any_host(&hosts).await?;
            let database = match schema::check(&mut link).await? {
                Ok(database) => database,
                Err(error) => return Ok(Err(error)),
            };
            let nodes = link.rows(statements::READ_NODES, &[]).await?;
            link.close().await;
            Ok(Ok((database.id, nodes)))
        };
        let opened = opened.await;
        let (id, nodes) = finished(&hosts, opened)?;
        Ok(Self { hosts, id, reading: None, writing: None, nodes, admins: BTreeMap::new() })
    }

    /// The names of the nodes that have not signed off: they live, or were killed.
    pub fn registered(&self) -> Vec<String> {
        let named = self.nodes.iter().filter(|(.., name)| !name.is_empty());
        named.map(|(node, .., name)| format!("{node} ({})", String::from_utf8_lossy(name))).collect()
    }

    /// Makes sure that no node lives: watches those that have not signed off until they are surely dead, and signs them off.
    /// Returns the name of one that lives.
    pub async fn ensure_idle(&mut self) -> Result<Option<String>, StoreError> {
        let until = Instant::now() + DEAD_AFTER;
        while !self.registered().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now: Vec<StoredNode> = self.rows(statements::READ_NODES, &[]).await?;
            let lives = now.iter().find(|row| !row.4.is_empty() && !self.nodes.contains(row));
            if let Some((node, .., name)) = lives {
                return Ok(Some(format!("{node} ({})", String::from_utf8_lossy(name))));
            }
            if Instant::now() >= until {
                for (node, incarnation, beat, ..) in now.iter().filter(|(.., name)| !name.is_empty()) {
                    let connection = self.connection().await?;
                    let expired = expire(connection, *node, *incarnation, *beat).await;
                    expired.map_err(Fault::into_store_error)?;
                }
                self.nodes = self.rows(statements::READ_NODES, &[]).await?;
            } else {
                self.nodes = now;
            }
        }
        Ok(None)
    }

    async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.reading.is_none() {
            self.reading = Some(self.hosts.connect(Purpose::Reading).await.map_err(Fault::into_store_error)?);
        }
        self.reading.as_mut().map(|link| &mut link.connection).ok_or_else(|| {
            StoreError::Unavailable(bilingual!(
                "there is no connection to the database",
                "没有与数据库的连接"
            ))
        })
    }

    /// Reads rows, on the next host where one fails.
    async fn rows<T: mysql_async::prelude::FromRow>(
        &mut self,
        statement: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let mut last =
            StoreError::Unavailable(bilingual!("the database was not asked", "尚未向数据库发出请求"));
        for _ in 0..READ_TRIES {
            match self.connection().await {
                Ok(connection) => match connection.rows(statement, args).await {
                    Ok(rows) => return Ok(rows),
                    Err(fault) if fault.kind == FaultKind::Permanent => return Err(refused(fault)),
                    Err(fault) => last = fault.into_store_error(),
                },
                Err(error) => last = error,
            }
            if let Some(link) = self.reading.take() {
                self.hosts.failed(&link);
            }
            tokio::time::sleep(HOST_WAIT).await;
        }
        Err(last)
    }

    async fn one<T: mysql_async::prelude::FromRow>(
        &mut self,
        statement: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(statement, args).await?.into_iter().next())
    }

    async fn read_section(
        &mut self,
        section: Section,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let place = if let Some(RowKey::Number(place)) = &after { *place } else { 0 };
        let name = if let Some(RowKey::Name(name)) = &after { name.as_str() } else { "" };
        match section {
            Section::Apps => {
                let apps: Vec<(u32, u64, Vec<u8>, Vec<u8>)> = self.rows(statements::READ_APPS, &[]).await?;
                let row = |(id, revision, settings, words)| StoredRow::App {
                    id: SdkAppId(id),
                    revision,
                    settings,
                    words,
                };
                Ok(apps
                    .into_iter()
                    .filter(|(id, ..)| after.is_none() || u64::from(*id) > place)
                    .map(row)
                    .collect())
            }
            Section::Tokens => {
                let tokens: Vec<StoredToken> = self.rows(statements::READ_TOKENS, &[]).await?;
                let tokens = tokens.into_iter().filter(|(stored, ..)| stored.as_slice() > name.as_bytes());
                parse_all(tokens, |token| parsed_token(token).map(StoredRow::Token))
            }
            Section::Audit => {
                let args = [place.into(), limit.into()];
                let entries: Vec<(u64, u32, u64, Vec<u8>)> =
                    self.rows(statements::READ_AUDIT_AFTER, &args).await?;
                Ok(entries.into_iter().map(audit_row).collect())
            }
            Section::Accounts(app) => {
                let args = [app.0.into(), name.into(), limit.into()];
                let accounts: Vec<(Vec<u8>, u64, u64, Vec<u8>)> =
                    self.rows(statements::READ_ACCOUNTS_AFTER, &args).await?;
                parse_all(accounts.into_iter(), |(user, created, kicked_at, profile)| {
                    let (user, created) = (parsed_user(&user)?, UnixMillis(created));
                    Ok(StoredRow::Account { user, created, kicked_at, profile })
                })
            }
            Section::Deletions(app) => {
                let args = [app.0.into(), name.into(), limit.into()];
                let notes: Vec<(Vec<u8>, u64)> = self.rows(statements::READ_DELETIONS_AFTER, &args).await?;
                parse_all(notes.into_iter(), |(user, at)| {
                    Ok(StoredRow::Deletion { user: parsed_user(&user)?, at: UnixMillis(at) })
                })
            }
            Section::Events(app) => {
                let args = [app.0.into(), place.into(), limit.into()];
                let events: Vec<StoredEvent> = self.rows(statements::READ_ALL_EVENTS, &args).await?;
                Ok(events.into_iter().map(event_row).collect())
            }
        }
    }

    async fn read_populations(&mut self) -> Result<Vec<(SdkAppId, u64)>, StoreError> {
        let stored: Vec<(u32, i64)> = self.rows(statements::READ_POPULATIONS, &[]).await?;
        let some = stored.into_iter().filter(|(_, sum)| *sum > 0);
        Ok(some.map(|(app, sum)| (SdkAppId(app), sum.unsigned_abs())).collect())
    }

    async fn begin_copy(&mut self, source: StoreId) -> Result<CopyStart, StoreError> {
        let (high, low) = halves(source);
        let mut begun = [None, None];
        for (half, name) in begun.iter_mut().zip(COPY_NUMBERS) {
            *half = self.one::<(u64,)>(statements::READ_META, &[name.into()]).await?.map(|(value,)| value);
        }
        if let [Some(of_high), Some(of_low)] = begun {
            let of = StoreId::from_bytes((u128::from(of_high) << 64 | u128::from(of_low)).to_be_bytes());
            return Ok(if of == source { CopyStart::Continued } else { CopyStart::OfAnother(of) });
        }
        let is_empty = self.read_section(Section::Apps, None, 1).await?.is_empty()
            && self.read_section(Section::Tokens, None, 1).await?.is_empty()
            && self.read_section(Section::Audit, None, 1).await?.is_empty()
            && self.read_populations().await?.is_empty();
        if !is_empty {
            return Ok(CopyStart::NotEmpty);
        }
        let numbers = COPY_NUMBERS.iter().zip([high, low]);
        let numbers = Arg::Rows(numbers.map(|(name, half)| vec![(*name).into(), half.into()]).collect());
        let begun = self
            .transaction(vec![
                (statements::ADD_META, vec![numbers]),
                (statements::FENCE_LANES, vec![0_u32.into(), COPY_LANE.into()]),
            ])
            .await;
        begun.map(|()| CopyStart::New)
    }

    /// Runs statements in one transaction.
    async fn transaction(&mut self, statements: Vec<(&str, Vec<Arg<'_>>)>) -> Result<(), StoreError> {
        let mut link = match self.writing.take() {
            Some(link) => link,
            None => self.hosts.connect(Purpose::Writing).await.map_err(Fault::into_store_error)?,
        };
        let done = async {
            for (statement, args) in statements {
                link.connection.run(statement, &args).await?;
            }
            link.connection.run(statements::COMMIT, &[]).await.map_err(Fault::at_commit)
        };
        match done.await {
            Ok(_) => self.writing = Some(link),
            // A connection that is dropped ends its transaction.
            Err(fault) => {
                if fault.ends_connection() {
                    self.hosts.failed(&link);
                }
                return Err(refused(fault));
            }
        }
        Ok(())
    }

    async fn last_key(&mut self, section: Section) -> Result<Option<RowKey>, StoreError> {
        let name = |row: Option<(Vec<u8>,)>| {
            row.map(|(name,)| String::from_utf8(name).map(RowKey::Name)).transpose().map_err(|_| {
                StoreError::Corrupt(bilingual!("a stored name is not UTF-8", "保存的名称不是 UTF-8"))
            })
        };
        let number = |row: Option<(u64,)>| row.map(|(number,)| RowKey::Number(number));
        match section {
            // Few enough to be read.
            Section::Apps | Section::Tokens => {
                let rows = self.read_section(section, None, usize::MAX).await?;
                Ok(rows.last().map(StoredRow::key))
            }
            Section::Audit => Ok(number(self.one(statements::LAST_AUDIT, &[]).await?)),
            Section::Accounts(app) => name(self.one(statements::LAST_ACCOUNT, &[app.0.into()]).await?),
            Section::Deletions(app) => name(self.one(statements::LAST_DELETION, &[app.0.into()]).await?),
            Section::Events(app) => {
                let last: Option<(u64,)> = self.one(statements::LAST_EVENT, &[app.0.into()]).await?;
                Ok(last.map(|(place,)| RowKey::Number(copied_from(OutboxSeq(place)))))
            }
        }
    }

    async fn write_section(&mut self, section: Section, rows: &[StoredRow]) -> Result<(), StoreError> {
        let admins = match section {
            Section::Accounts(app) => self.admins_of(app).await?,
            _ => BTreeSet::new(),
        };
        self.transaction(inserts(section, rows, &admins)?).await
    }

    async fn admins_of(&mut self, app: SdkAppId) -> Result<BTreeSet<UserId>, StoreError> {
        if let Some(admins) = self.admins.get(&app) {
            return Ok(admins.clone());
        }
        let mut admins = BTreeSet::new();
        for row in self.read_section(Section::Apps, None, usize::MAX).await? {
            if let StoredRow::App { id, settings, words, .. } = row
                && id == app
            {
                admins.extend(decoded_settings(app, settings, words)?.admins);
            }
        }
        self.admins.insert(app, admins.clone());
        Ok(admins)
    }

    async fn finish_copy(&mut self) -> Result<(), StoreError> {
        let audit: Option<(u64,)> = self.one(statements::LAST_AUDIT, &[]).await?;
        let catalog: Option<(u64,)> = self.one(statements::READ_META, &["catalog".into()]).await?;
        let (audit, catalog) = (audit.map_or(0, |(last,)| last), catalog.map_or(0, |(version,)| version) + 1);
        // The comparison took long: the host may have closed the connection that wrote.
        self.writing = None;
        let names = Arg::List(COPY_NUMBERS.iter().map(|name| (*name).into()).collect());
        self.transaction(vec![
            (statements::SET_META, vec![audit.into(), "audit".into()]),
            (statements::SET_META, vec![catalog.into(), "catalog".into()]),
            (statements::REMOVE_META, vec![names]),
        ])
        .await?;
        if let Some(link) = self.writing.take() {
            link.connection.close().await;
        }
        Ok(())
    }

    async fn compare_nodes(&mut self) -> Result<(), StoreError> {
        let now: Vec<StoredNode> = self.rows(statements::READ_NODES, &[]).await?;
        if now == self.nodes {
            return Ok(());
        }
        Err(StoreError::Refused(bilingual!(
            "a portraitd has used the database meanwhile, so the copy is not one of one moment",
            "期间有 portraitd 使用了该数据库，副本不属于同一时刻"
        )))
    }
}

/// The numbers in `portrait_meta` that say which store a copy is of.
const COPY_NUMBERS: [&str; 2] = [COPY_HIGH, "copy_low"];

/// Waiting may help, unless the fault is a permanent one.
fn refused(fault: Fault) -> StoreError {
    match fault.kind {
        FaultKind::Permanent => {
            StoreError::Refused(bilingual!("the database: {}", "数据库：{}", fault.message))
        }
        _ => fault.into_store_error(),
    }
}

impl Contents for MysqlContents {
    fn id(&self) -> StoreId {
        self.id
    }

    fn read(
        &mut self,
        section: Section,
        after: Option<RowKey>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRow>> {
        Box::pin(self.read_section(section, after, limit))
    }

    fn populations(&mut self) -> StoreFuture<'_, Vec<(SdkAppId, u64)>> {
        Box::pin(self.read_populations())
    }

    fn ensure_unused(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(self.compare_nodes())
    }
}

impl CopyTarget for MysqlContents {
    fn begin(&mut self, source: StoreId) -> StoreFuture<'_, CopyStart> {
        Box::pin(self.begin_copy(source))
    }

    fn written_to(&mut self, section: Section) -> StoreFuture<'_, Option<RowKey>> {
        Box::pin(self.last_key(section))
    }

    fn write(&mut self, section: Section, rows: Vec<StoredRow>) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.write_section(section, &rows).await })
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(self.finish_copy())
    }
}
