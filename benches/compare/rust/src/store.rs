//! Profiles as JSON, in SQLite through sqlx or in fjall.

use crate::Failure;
use fjall::{KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace};
use serde_json::{Map, Value};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub type Profile = Map<String, Value>;

#[derive(Clone)]
pub enum Store {
    /// SQLite has one writer at a time: one connection writes, and callers wait for it in the pool rather than in SQLite.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Fjall {
        database: SingleWriterTxDatabase,
        profiles: SingleWriterTxKeyspace,
    },
}

impl Store {
    pub async fn sqlite(path: &str) -> Result<Self, Failure> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        // A connection to a file does not break, so it is not tried before each use.
        let pool = |connections| {
            let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
            pool.connect_with(options.clone())
        };
        let (writer, readers) = (pool(1).await?, pool(4).await?);
        sqlx::query("CREATE TABLE IF NOT EXISTS profiles (user TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID")
            .execute(&writer)
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    pub fn fjall(path: &str) -> Result<Self, Failure> {
        let database = SingleWriterTxDatabase::builder(path).cache_size(512 << 20).open()?;
        let profiles = database.keyspace("profiles", KeyspaceCreateOptions::default)?;
        Ok(Self::Fjall { database, profiles })
    }

    /// Stores whole profiles, all of them or none in SQLite.
    pub async fn load(
        &self,
        accounts: impl Iterator<Item = Result<(String, Profile), Failure>>,
    ) -> Result<(), Failure> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut transaction = writer.begin().await?;
                for account in accounts {
                    let (user, profile) = account?;
                    let insert = sqlx::query("INSERT INTO profiles VALUES (?, ?)").bind(user);
                    insert.bind(serde_json::to_string(&profile)?).execute(&mut *transaction).await?;
                }
                transaction.commit().await?;
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(writer).await?;
            }
            Self::Fjall { database, profiles } => {
                for account in accounts {
                    let (user, profile) = account?;
                    profiles.insert(user, serde_json::to_vec(&profile)?)?;
                }
                database.persist(PersistMode::SyncAll)?;
            }
        }
        Ok(())
    }

    /// Merges fields into a profile. Returns when they are on the disk.
    pub async fn set(&self, user: String, fields: Profile) -> Result<(), Failure> {
        match self.clone() {
            Self::Sqlite { writer, .. } => {
                // A statement alone is a transaction; sqlx keeps it prepared.
                let update =
                    sqlx::query("UPDATE profiles SET profile = json_patch(profile, ?) WHERE user = ?");
                let done = update.bind(serde_json::to_string(&fields)?).bind(user).execute(&writer).await?;
                if done.rows_affected() == 1 { Ok(()) } else { Err("no such account".into()) }
            }
            Self::Fjall { database, profiles } => {
                let merge = move || {
                    // fdatasync, as SQLite syncs its log.
                    let mut transaction = database.write_tx().durability(Some(PersistMode::SyncData));
                    let stored = transaction.get(&profiles, &user)?.ok_or("no such account")?;
                    let mut profile: Profile = serde_json::from_slice(&stored)?;
                    profile.extend(fields);
                    transaction.insert(&profiles, user, serde_json::to_vec(&profile)?);
                    Ok(transaction.commit()?)
                };
                tokio::task::spawn_blocking(merge).await?
            }
        }
    }

    pub async fn get(&self, user: &str) -> Result<Profile, Failure> {
        match self {
            Self::Sqlite { readers, .. } => {
                let select = sqlx::query_scalar("SELECT profile FROM profiles WHERE user = ?").bind(user);
                let stored: String = select.fetch_one(readers).await?;
                Ok(serde_json::from_str(&stored)?)
            }
            Self::Fjall { profiles, .. } => {
                Ok(serde_json::from_slice(&profiles.get(user)?.ok_or("no such account")?)?)
            }
        }
    }
}
