//! The readers: a few connections for all reads. Calls that wait for profiles of one app are answered by one statement: five
//! times as many profiles a second as with a statement each (`cargo bench -p portraitd-mysql`). Statements for rows, which may be
//! long, have connections of their own, so that no call waits for them.

use crate::connection::{Purpose, parsed};
use crate::fault::{Fault, FaultKind};
use crate::hosts::HostConnection;
use crate::load::parsed_user;
use crate::shared::Shared;
use crate::sql::{Arg, fill};
use crate::statements;
use mysql_async::Row;
use mysql_async::prelude::FromRow;
use portraitd_model::{AccountState, Profile, SdkAppId, UnixSeconds, UserId, bilingual};
use portraitd_store::{Found, StoreError, codec};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};

/// The connections that read for calls. Fewer connections gather more reads into a statement; of two, one can be in use while
/// the other's answer is handed out.
pub(crate) const CALL_READERS: usize = 2;
/// The connections that read rows.
pub(crate) const ROW_READERS: usize = 2;
/// The most reads that wait in a queue.
pub(crate) const QUEUE_MAX: usize = 8192;
/// The most reads that one statement answers, and about how many users it asks for.
const READS_MAX: usize = 64;
const USERS_MAX: usize = 256;
/// For how long a read is tried.
const DEADLINE: Duration = Duration::from_secs(5);
/// The wait before the next host is tried.
const HOST_WAIT: Duration = Duration::from_millis(50);

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A read that waits for a connection.
pub(crate) enum Read {
    Profiles { app: SdkAppId, users: Vec<UserId>, reply: Reply<Vec<Found>> },
    States { app: SdkAppId, users: Vec<UserId>, reply: Reply<Vec<Option<AccountState>>> },
    Rows { sql: String, reply: Reply<Vec<Row>> },
}

/// What reads must have in common to be answered by one statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Profiles(SdkAppId),
    States(SdkAppId),
    Alone,
}

impl Read {
    fn shape(&self) -> Shape {
        match self {
            Self::Profiles { app, .. } => Shape::Profiles(*app),
            Self::States { app, .. } => Shape::States(*app),
            Self::Rows { .. } => Shape::Alone,
        }
    }

    fn users(&self) -> &[UserId] {
        match self {
            Self::Profiles { users, .. } | Self::States { users, .. } => users,
            Self::Rows { .. } => &[],
        }
    }

    fn fail(self, error: StoreError) {
        match self {
            Self::Profiles { reply, .. } => _ = reply.send(Err(error)),
            Self::States { reply, .. } => _ = reply.send(Err(error)),
            Self::Rows { reply, .. } => _ = reply.send(Err(error)),
        }
    }
}

/// A queue that several readers take from.
pub(crate) type ReadQueue = Arc<Mutex<mpsc::Receiver<Read>>>;

/// One reader.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    queue: ReadQueue,
    link: Option<HostConnection>,
    /// Taken from the queue, but not fit for the statement that was gathered.
    held: Option<Read>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, queue: ReadQueue) -> Self {
        Self { shared, queue, link: None, held: None }
    }

    /// Runs until every sender of the queue is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        while let Some(reads) = self.gather().await {
            self.answer(reads).await;
        }
        if let Some(link) = self.link.take() {
            link.connection.close().await;
        }
    }

    async fn gather(&mut self) -> Option<Vec<Read>> {
        let (first, queue) = if let Some(held) = self.held.take() {
            // Another reader may hold the queue and wait for a read that does not come.
            (held, self.queue.try_lock().ok())
        } else {
            let mut queue = self.queue.lock().await;
            (queue.recv().await?, Some(queue))
        };
        let Some(mut queue) = queue else { return Some(vec![first]) };
        let (shape, mut users, mut reads) = (first.shape(), first.users().len(), vec![first]);
        while shape != Shape::Alone && reads.len() < READS_MAX && users < USERS_MAX {
            let Ok(read) = queue.try_recv() else { break };
            if read.shape() != shape {
                self.held = Some(read);
                break;
            }
            users += read.users().len();
            reads.push(read);
        }
        Some(reads)
    }

    async fn answer(&mut self, reads: Vec<Read>) {
        let Some(sql) = statement(&reads) else { return };
        let deadline = Instant::now() + DEADLINE;
        let rows = loop {
            match self.query(&sql).await {
                Ok(rows) => break Ok(rows),
                Err(fault) if fault.kind == FaultKind::Permanent || Instant::now() >= deadline => {
                    break Err(fault);
                }
                Err(_) => tokio::time::sleep(HOST_WAIT).await,
            }
        };
        match rows.and_then(|rows| Answers::new(&reads, rows)) {
            Ok(answers) => reads.into_iter().for_each(|read| answers.send(read)),
            Err(fault) => {
                let error = fault.into_store_error();
                tracing::error!(reads = reads.len(), %error, "a read failed");
                for read in reads {
                    read.fail(error.clone());
                }
            }
        }
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        let link = match self.link.take().filter(|link| self.shared.hosts.is_current(link)) {
            Some(link) => link,
            None => self.shared.hosts.connect(Purpose::Reading).await?,
        };
        let link = self.link.insert(link);
        let rows = link.connection.query(sql).await;
        if let Err(fault) = &rows
            && fault.ends_connection()
            && let Some(link) = self.link.take()
        {
            self.shared.hosts.failed(&link);
        }
        rows
    }
}

/// The statement that answers reads of one shape.
fn statement(reads: &[Read]) -> Option<String> {
    let users: BTreeSet<&UserId> = reads.iter().flat_map(Read::users).collect();
    let list = || Arg::List(users.iter().map(|user| user.as_str().into()).collect());
    Some(match reads.first()? {
        Read::Rows { sql, .. } => sql.clone(),
        Read::Profiles { app, .. } => fill(statements::READ_PROFILES, &[app.0.into(), list()]),
        Read::States { app, .. } => fill(statements::READ_STATES, &[app.0.into(), list()]),
    })
}

/// What a statement returned, for all reads that it answers.
enum Answers {
    Profiles(HashMap<UserId, Vec<u8>>),
    States(HashMap<UserId, u64>),
    Rows(Vec<Row>),
}

impl Answers {
    fn new(reads: &[Read], rows: Vec<Row>) -> Result<Self, Fault> {
        Ok(match reads.first().map(Read::shape) {
            Some(Shape::Profiles(_)) => Self::Profiles(by_user(rows)?),
            Some(Shape::States(_)) => Self::States(by_user(rows)?),
            Some(Shape::Alone) | None => Self::Rows(rows),
        })
    }

    fn send(&self, read: Read) {
        match (self, read) {
            (Self::Profiles(stored), Read::Profiles { app, users, reply }) => {
                let found = |user: &UserId| {
                    stored.get(user).map_or(Found::Missing, |bytes| decoded(app, *user, bytes))
                };
                _ = reply.send(Ok(users.iter().map(found).collect()));
            }
            (Self::States(stored), Read::States { users, reply, .. }) => {
                let state = |kicked_at: &u64| AccountState {
                    kicked_at: (*kicked_at > 0).then_some(UnixSeconds(*kicked_at)),
                };
                _ = reply.send(Ok(users.iter().map(|user| stored.get(user).map(state)).collect()));
            }
            (Self::Rows(rows), Read::Rows { reply, .. }) => _ = reply.send(Ok(rows.clone())),
            (_, read) => read.fail(StoreError::Unavailable(bilingual!(
                "a read was answered by another",
                "读取得到了另一次读取的应答"
            ))),
        }
    }
}

fn by_user<T>(rows: Vec<Row>) -> Result<HashMap<UserId, T>, Fault>
where
    (Vec<u8>, T): FromRow,
{
    parsed::<(Vec<u8>, T)>(rows)?.into_iter().map(|(user, value)| Ok((parsed_user(&user)?, value))).collect()
}

pub(crate) fn decoded(app: SdkAppId, user: UserId, bytes: &[u8]) -> Found {
    decoded_profile(app, user, bytes).map_or(Found::Damaged, Found::Profile)
}

/// The profile, if it reads back.
pub(crate) fn decoded_profile(app: SdkAppId, user: UserId, bytes: &[u8]) -> Option<Profile> {
    let decoded = codec::decode_profile(app, user, bytes);
    decoded.inspect_err(|damaged| tracing::error!(sdkappid = app.0, %user, "{damaged}")).ok()
}
