//! What nodes share besides the data: sign-ins, and figures. Small statements, each a transaction of its own, on one connection
//! that is opened with the first. They are not part of a lane: to repeat one does no harm, or is left to the caller.

use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::hosts::HostConnection;
use crate::shared::Shared;
use crate::sql::Arg;
use crate::statements;
use mysql_async::prelude::FromRow;
use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_store::{CallTally, NodeTables, SignIn, StoreError, StoreFuture};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often a statement is tried that may be repeated.
const TRIES: u32 = 6;
/// The wait before the next host is tried.
const HOST_WAIT: Duration = Duration::from_millis(200);

/// The tables, and the connection to them.
pub(crate) struct Beside {
    shared: Arc<Shared>,
    /// Taken while it is used: one whose future was dropped half way is not used again.
    link: Mutex<Option<HostConnection>>,
}

impl Beside {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, link: Mutex::new(None) }
    }

    pub(crate) async fn close(&self) {
        if let Some(link) = self.link.lock().await.take() {
            link.connection.close().await;
        }
    }

    async fn once<T>(&self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut slot = self.link.lock().await;
        let mut link = match slot.take().filter(|link| self.shared.hosts.is_current(link)) {
            Some(link) => link,
            None => self.shared.hosts.connect(Purpose::Reading).await?,
        };
        let done = work(&mut link.connection).await;
        match &done {
            Err(fault) if fault.ends_connection() => self.shared.hosts.failed(&link),
            _ => *slot = Some(link),
        }
        done
    }

    async fn run(&self, statement: &str, args: &[Arg<'_>], tries: u32) -> Result<u64, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.once(async |connection| connection.run(statement, args).await).await {
                Ok(found) => return Ok(found),
                Err(fault) if tried >= tries || fault.kind == FaultKind::Permanent => {
                    return Err(fault.into_store_error());
                }
                Err(_) => tokio::time::sleep(HOST_WAIT).await,
            }
        }
    }

    async fn rows<T: FromRow>(&self, statement: &str, args: &[Arg<'_>]) -> Result<Vec<T>, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.once(async |connection| connection.rows(statement, args).await).await {
                Ok(rows) => return Ok(rows),
                Err(fault) if tried >= TRIES || fault.kind == FaultKind::Permanent => {
                    return Err(fault.into_store_error());
                }
                Err(_) => tokio::time::sleep(HOST_WAIT).await,
            }
        }
    }

    async fn read_sign_ins(&self, statement: &str, args: &[Arg<'_>]) -> Result<Vec<SignIn>, StoreError> {
        type Stored = (Vec<u8>, Vec<u8>, Vec<u8>, u64, u64);
        let stored: Vec<Stored> = self.rows(statement, args).await?;
        // A damaged row is no sign-in.
        let sign_in = |(hash, name, scope, made, used): Stored| {
            let (name, scope) = (String::from_utf8(name).ok()?, String::from_utf8(scope).ok()?);
            let (made, used) = (UnixMillis(made), UnixMillis(used));
            Some(SignIn { hash: hash.try_into().ok()?, name, scope, made, used })
        };
        Ok(stored.into_iter().filter_map(sign_in).collect())
    }

    async fn read_calls(&self, app: SdkAppId) -> Result<Vec<CallTally>, StoreError> {
        let stored: Vec<(Vec<u8>, u32, u64, u64)> =
            self.rows(statements::READ_CALLS, &[app.0.into()]).await?;
        let tally = |(command, code, calls, last): (Vec<u8>, u32, u64, u64)| {
            let command = String::from_utf8_lossy(&command).into_owned();
            CallTally { command, code, calls, last: UnixMillis(last) }
        };
        Ok(stored.into_iter().map(tally).collect())
    }
}

impl NodeTables for Beside {
    fn sign_in(&self, hash: [u8; 32]) -> StoreFuture<'_, Option<SignIn>> {
        Box::pin(async move {
            let found = self.read_sign_ins(statements::READ_SIGN_IN, &[hash.as_slice().into()]).await?;
            Ok(found.into_iter().next())
        })
    }

    fn sign_ins(&self) -> StoreFuture<'_, Vec<SignIn>> {
        Box::pin(self.read_sign_ins(statements::READ_SIGN_INS, &[]))
    }

    fn add_sign_in(&self, sign_in: SignIn) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let SignIn { hash, name, scope, made, used } = &sign_in;
            let (hash, name, scope) = (hash.as_slice().into(), name.as_str().into(), scope.as_str().into());
            let row = vec![hash, name, scope, made.0.into(), used.0.into()];
            self.run(statements::ADD_SIGN_IN, &[Arg::Rows(vec![row])], TRIES).await.map(drop)
        })
    }

    fn note_use(&self, hash: [u8; 32], used: UnixMillis) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.run(statements::USE_SIGN_IN, &[used.0.into(), hash.as_slice().into()], TRIES).await.map(drop)
        })
    }

    fn remove_sign_ins(&self, hashes: Vec<[u8; 32]>) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            if hashes.is_empty() {
                return Ok(0);
            }
            // Repeated after a lost answer, it counts nothing: a ticket may then be lost, but is never used twice.
            let hashes = Arg::List(hashes.iter().map(|hash| hash.as_slice().into()).collect());
            self.run(statements::REMOVE_SIGN_INS, &[hashes], TRIES).await
        })
    }

    fn add_calls(&self, app: SdkAppId, calls: Vec<CallTally>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut rows: Vec<Vec<Arg<'_>>> = Vec::with_capacity(calls.len());
            for CallTally { command, code, calls, last } in &calls {
                rows.push(vec![
                    app.0.into(),
                    command.as_str().into(),
                    (*code).into(),
                    (*calls).into(),
                    last.0.into(),
                ]);
            }
            if rows.is_empty() {
                Ok(())
            } else {
                self.run(statements::ADD_CALLS, &[Arg::Rows(rows)], 1).await.map(drop)
            }
        })
    }

    fn calls(&self, app: SdkAppId) -> StoreFuture<'_, Vec<CallTally>> {
        Box::pin(self.read_calls(app))
    }
}
