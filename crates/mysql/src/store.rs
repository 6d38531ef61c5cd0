//! The store: starts and stops the tasks, and passes each call of the trait to one of them.

use crate::beside::Beside;
use crate::connection::parsed;
use crate::fault::Fault;
use crate::hosts::Hosts;
use crate::load::{StoredEvent, StoredToken, parsed_token, parsed_user};
use crate::nodes::Nodes;
use crate::open::{OpenError, any_host, finished, prepare};
use crate::place::part_of_user;
use crate::reader::{self, CALL_READERS, ROW_READERS, Read, Reader};
use crate::schema::{self, Database, SchemaError};
use crate::shared::{Shared, WRITERS};
use crate::sql::{Arg, fill};
use crate::statements;
use crate::status;
use crate::stored_rows::outbox_event;
use crate::url::MysqlUrl;
use crate::writer::{self, Request, Writer};
use futures_util::future::BoxFuture;
use mysql_async::prelude::FromRow;
use portraitd_model::{AccountState, AppRecord, SdkAppId, Tag, UnixMillis, UserId, bilingual};
use portraitd_store::engine::last_with_prefix;
use portraitd_store::{
    AuditEntry, AuditNote, AuditSeq, Backlog, BackupReport, DeliveryRight, EventState, Found, Measurements,
    NodeTables, NodesStatus, OutboxCursor, OutboxEvent, OutboxSeq, Probe, Store, StoreError, StoreFuture,
    StoreId, StoreStats, StoreStatus, TokenRecord, Write, WriteOutcome,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A store in a database that several portraitd use at the same time. Its tasks run on the runtime that opened it.
pub struct MysqlStore {
    pub(crate) shared: Arc<Shared>,
    database: Database,
    name: String,
    beside: Beside,
    /// Taken by [`Store::close`].
    queues: std::sync::Mutex<Option<Queues>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Clone)]
struct Queues {
    writers: Vec<mpsc::Sender<Request>>,
    call_reads: mpsc::Sender<Read>,
    row_reads: mpsc::Sender<Read>,
}

impl MysqlStore {
    /// Opens the store. `name` is what operators know this process by, such as its host and port. Tables are made in an empty
    /// database with [`MysqlStore::migrate`] only.
    pub async fn open(url: MysqlUrl, name: &str) -> Result<Self, OpenError> {
        let hosts = Hosts::new(url);
        let (database, shared) = prepare(hosts, name).await?;
        let stop = CancellationToken::new();
        let mut tasks =
            vec![tokio::spawn(Nodes::new(Arc::clone(&shared), name.to_owned()).run(stop.clone()))];
        let mut readers = |count| {
            let (reads, queue) = mpsc::channel(reader::QUEUE_MAX);
            let queue = Arc::new(Mutex::new(queue));
            let reader = || Reader::new(Arc::clone(&shared), Arc::clone(&queue));
            tasks.extend((0..count).map(|_| tokio::spawn(reader().run())));
            reads
        };
        let (call_reads, row_reads) = (readers(CALL_READERS), readers(ROW_READERS));
        let mut writers = Vec::new();
        for index in 0..WRITERS {
            let (sender, queue) = mpsc::channel(writer::QUEUE_MAX);
            tasks.push(tokio::spawn(Writer::new(Arc::clone(&shared), queue, index).run()));
            writers.push(sender);
        }
        let queues = std::sync::Mutex::new(Some(Queues { writers, call_reads, row_reads }));
        let (name, beside) = (name.to_owned(), Beside::new(Arc::clone(&shared)));
        Ok(Self { shared, database, name, beside, queues, stop, tasks: Mutex::new(tasks) })
    }

    /// Makes the tables in an empty database; does nothing when they are there.
    pub async fn migrate(url: &MysqlUrl) -> Result<(), OpenError> {
        let hosts = Hosts::new(url.clone());
        let made = async {
            let mut link = any_host(&hosts).await?;
            let made = match schema::check(&mut link).await? {
                Err(SchemaError::Empty | SchemaError::Unusable(_)) => schema::create(&mut link).await.map(Ok),
                checked => Ok(checked.map(drop)),
            };
            link.close().await;
            made
        };
        finished(&hosts, made.await)
    }

    /// What the database says it is, such as `10.11.19-MariaDB`.
    pub fn version(&self) -> &str {
        &self.database.version
    }

    fn queues(&self) -> Result<Queues, StoreError> {
        let queues = self.queues.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        queues.clone().ok_or_else(StoreError::closed)
    }

    /// Hands a write to the writer of its user, so that the changes of one account do not wait for each other's locks.
    fn submit(
        &self,
        write: Write,
        note: Option<AuditNote>,
    ) -> Result<oneshot::Receiver<Result<WriteOutcome, StoreError>>, StoreError> {
        let ours = self.shared.membership();
        if matches!(write, Write::Change(_) | Write::Import(_)) && !self.shared.is_up_to_date() {
            return Err(rejoining());
        }
        let index = match &write {
            Write::Change(change) => part_of_user(&change.user),
            Write::Kick(kick) => part_of_user(&kick.user),
            Write::Import(import) => import.seeds.first().map_or(0, |seed| part_of_user(&seed.user.id())),
            Write::Delete(delete) => delete.users.first().map_or(0, part_of_user),
            _ => 0,
        };
        let writers = self.queues()?.writers;
        let writer = writers.get(usize::from(index) % writers.len().max(1));
        let (request, answer) = Request::new(write, note, ours);
        let sent = writer.is_some_and(|writer| writer.try_send(request).is_ok());
        if sent { Ok(answer) } else { Err(overloaded()) }
    }

    async fn read<T>(
        &self,
        read: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Read,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let (read, queues) = (read(reply), self.queues()?);
        let queue = match read {
            Read::Profiles { .. } | Read::States { .. } => queues.call_reads,
            Read::Rows { .. } => queues.row_reads,
        };
        queue.try_send(read).map_err(|_| overloaded())?;
        answer.await.map_err(|_| ended())?
    }

    pub(crate) async fn rows<T: FromRow>(
        &self,
        statement: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let sql = fill(statement, args);
        let rows = self.read(|reply| Read::Rows { sql, reply }).await?;
        parsed(rows).map_err(Fault::into_store_error)
    }
}

fn overloaded() -> StoreError {
    StoreError::Unavailable(bilingual!("too many operations wait for the database", "等待数据库的操作过多"))
}

fn rejoining() -> StoreError {
    StoreError::Unavailable(bilingual!(
        "this node was taken for dead, and what the others have changed since is not in force here yet",
        "本节点曾被视为失效，其他节点此后的更改尚未在此生效"
    ))
}

fn ended() -> StoreError {
    StoreError::Unavailable(bilingual!(
        "the task that talks to the database has ended",
        "与数据库通信的任务已结束"
    ))
}

impl Store for MysqlStore {
    fn write(&self, write: Write, note: Option<AuditNote>) -> StoreFuture<'_, WriteOutcome> {
        let submitted = self.submit(write, note);
        Box::pin(async move { submitted?.await.map_err(|_| ended())? })
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        if users.is_empty() {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.read(move |reply| Read::Profiles { app, users, reply }))
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        if users.is_empty() {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.read(move |reply| Read::States { app, users, reply }))
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        Box::pin(async move {
            let last = last_with_prefix(&prefix);
            let after = after.as_ref().map_or("", UserId::as_str);
            let args =
                [app.0.into(), after.into(), prefix.as_str().into(), last.as_str().into(), limit.into()];
            let users: Vec<(Vec<u8>,)> = self.rows(statements::READ_USERS, &args).await?;
            users.into_iter().map(|(user,)| parsed_user(&user).map_err(Fault::into_store_error)).collect()
        })
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let sum: Vec<(i64,)> = self.rows(statements::READ_ACCOUNTS_COUNT, &[app.0.into()]).await?;
            Ok(sum.first().map_or(0, |(sum,)| u64::try_from(*sum).unwrap_or(0)))
        })
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        Box::pin(self.count_holders(app, tag))
    }

    fn has_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let args = [app.0.into(), until.0.into()];
            let found: Vec<(u64,)> = self.rows(statements::READ_OLD_DELETION, &args).await?;
            Ok(!found.is_empty())
        })
    }

    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        Box::pin(self.read_catalog())
    }

    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>> {
        Box::pin(async move {
            let parked = u32::from(state == EventState::Parked);
            let args = [app.0.into(), parked.into(), after.unwrap_or_default().0.into(), limit.into()];
            let stored: Vec<StoredEvent> = self.rows(statements::READ_EVENTS, &args).await?;
            Ok(stored.into_iter().map(outbox_event).collect())
        })
    }

    fn deliverable<'a>(
        &'a self,
        app: SdkAppId,
        cursor: &'a mut OutboxCursor,
        limit: usize,
    ) -> StoreFuture<'a, Vec<OutboxEvent>> {
        Box::pin(self.read_deliverable(app, cursor, limit))
    }

    fn delivery_right(&self, cursor: &OutboxCursor, user: &UserId) -> DeliveryRight {
        let part = part_of_user(user);
        let epoch = cursor.scans.iter().find_map(|scan| scan.parts.get(&part));
        epoch.map_or(DeliveryRight::Lost, |epoch| self.shared.leases.right(part, *epoch))
    }

    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.shared.backlogs()
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        Box::pin(async move {
            let before = before.map_or(u64::MAX, |seq| seq.0);
            let stored: Vec<(u64, u32, u64, Vec<u8>)> = match app {
                Some(app) => {
                    self.rows(statements::READ_AUDIT_OF_APP, &[app.0.into(), before.into(), limit.into()])
                        .await?
                }
                None => self.rows(statements::READ_AUDIT, &[before.into(), limit.into()]).await?,
            };
            let entry = |(seq, app, at, text): (u64, u32, u64, Vec<u8>)| {
                let (app, text) =
                    ((app != 0).then_some(SdkAppId(app)), String::from_utf8_lossy(&text).into_owned());
                AuditEntry { seq: AuditSeq(seq), note: AuditNote { app, at: UnixMillis(at), text } }
            };
            Ok(stored.into_iter().map(entry).collect())
        })
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        Box::pin(async move {
            let stored: Vec<StoredToken> = self.rows(statements::READ_TOKENS, &[]).await?;
            stored.into_iter().map(|token| parsed_token(token).map_err(Fault::into_store_error)).collect()
        })
    }

    fn id(&self) -> StoreId {
        self.database.id
    }

    fn backup(&self, _to: &Path, _report: BackupReport) -> StoreFuture<'_, ()> {
        let instead = bilingual!(
            "the data is in a database: back it up with the database's own tools; `portraitd export` writes an app's accounts \
             to a file, and `portraitd store copy` copies everything while no server runs",
            "数据存放在数据库中：请使用该数据库自带的工具备份；`portraitd export` 将应用的账号导出到文件，`portraitd store copy` \
             在所有服务停止时复制全部数据"
        );
        Box::pin(std::future::ready(Err(StoreError::Refused(instead))))
    }

    fn nodes(&self) -> Option<NodesStatus> {
        Some(status::nodes_status(&self.shared, &self.name))
    }

    fn node_tables(&self) -> Option<&dyn NodeTables> {
        Some(&self.beside)
    }

    fn adopt_catalog(&self, version: u64) {
        self.shared.adopted.store(version, Ordering::SeqCst);
    }

    fn settle(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            let mut answers = Vec::new();
            for writer in self.queues()?.writers {
                let (request, answer) = Request::new(Probe.into(), None, self.shared.membership());
                writer.try_send(request).map_err(|_| overloaded())?;
                answers.push(answer);
            }
            for answer in answers {
                answer.await.map_err(|_| ended())??;
            }
            Ok(())
        })
    }

    fn stats(&self) -> StoreStats {
        let (changes, commits) = (&self.shared.changes, &self.shared.commits);
        StoreStats { changes: changes.load(Ordering::Relaxed), commits: commits.load(Ordering::Relaxed) }
    }

    fn measurements(&self) -> Option<&Measurements> {
        Some(&self.shared.measurements)
    }

    fn status(&self) -> StoreStatus {
        let waiting = |writer: &mpsc::Sender<Request>| (writer.max_capacity() - writer.capacity()) as u64;
        let waiting = self.queues().map_or(0, |queues| queues.writers.iter().map(waiting).sum());
        StoreStatus { waiting, ..StoreStatus::default() }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        /// A database that is away must not keep a process from ending.
        const TIMEOUT: Duration = Duration::from_secs(15);
        Box::pin(async {
            // Held to the end, so that a second `close` waits for the first.
            let mut tasks = self.tasks.lock().await;
            self.queues.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            let (nodes, others) = {
                let mut drained = tasks.drain(..);
                (drained.next(), drained.collect::<Vec<_>>())
            };
            let ended = async {
                // The writers first: a node without a number can't write.
                for task in others {
                    _ = task.await;
                }
                self.beside.close().await;
                self.stop.cancel();
                if let Some(nodes) = nodes {
                    _ = nodes.await;
                }
            };
            if tokio::time::timeout(TIMEOUT, ended).await.is_err() {
                tracing::warn!(
                    "the database did not answer at the end; what it did not acknowledge may be lost"
                );
            }
        })
    }
}

impl Drop for MysqlStore {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
