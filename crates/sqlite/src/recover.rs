//! A start: reads what the journal has and the tables do not, into memory, from where it is served and applied.

use crate::OpenError;
use crate::apply::slices;
use crate::batch::NextNumbers;
use crate::connection::{self, Access};
use crate::frames::FoundFrames;
use crate::identity;
use crate::journal::{self, Active, Frozen, JournalRow, Scanned, SegmentFile};
use crate::pending::Pending;
use crate::profile_cache::ProfileCache;
use crate::replay::Replayed;
use crate::wal::{mark, verify};
use crate::{apply, schema};
use portraitd_store::StoreId;
use portraitd_store::engine::Backlogs;
use rusqlite::Connection;
use std::path::Path;

/// The journal of a directory, read and found to continue the database.
pub(crate) struct Opened {
    pub(crate) files: [SegmentFile; 2],
    pub(crate) scanned: Scanned,
    pub(crate) row: JournalRow,
}

/// Opens the files and reads them. Refuses a journal that is missing, damaged, or another database's; creates one where none is
/// needed, with files of a size.
pub(crate) fn open(
    dir: &Path,
    bytes: u64,
    connection: &Connection,
    store: StoreId,
) -> Result<Opened, OpenError> {
    let opened = open_damaged(dir, bytes, connection, store)?;
    if let Some((segment, offset)) = opened.scanned.damage() {
        return Err(OpenError::DamagedJournal { path: journal::path(dir, segment.index), offset });
    }
    Ok(opened)
}

/// As [`open`], also when acknowledged changes are damaged.
pub(crate) fn open_damaged(
    dir: &Path,
    bytes: u64,
    connection: &Connection,
    store: StoreId,
) -> Result<Opened, OpenError> {
    let row = JournalRow::read(connection).map_err(OpenError::engine(&dir.join("portraitd.db")))?;
    if let Some(path) = journal::paths(dir).into_iter().find(|path| row.needed && !path.exists()) {
        return Err(OpenError::LostJournal { path });
    }
    journal::create(dir, bytes)?;
    let files = SegmentFile::open_both(dir)?;
    let scanned = journal::scan(&files, store, row.applied)?;
    if let Some(segment) = scanned.pending.first().filter(|_| !row.needed) {
        // The database was closed, which applies everything.
        return Err(OpenError::ForeignJournal { path: journal::path(dir, segment.index) });
    }
    Ok(Opened { files, scanned, row })
}

/// Brings what a stopped store's journal has into its tables. Writes nothing when they have it, and nothing of a damaged journal.
pub(crate) fn apply_stopped(dir: &Path) -> Result<(), OpenError> {
    apply_with(dir, open)
}

/// As [`apply_stopped`], but what reads back of a damaged journal.
pub(crate) fn apply_damaged(dir: &Path) -> Result<(), OpenError> {
    apply_with(dir, open_damaged)
}

fn apply_with(
    dir: &Path,
    open: fn(&Path, u64, &Connection, StoreId) -> Result<Opened, OpenError>,
) -> Result<(), OpenError> {
    let path = dir.join("portraitd.db");
    let engine = OpenError::engine(&path);
    // As a start does; no other connection may be open. What is written from here on must not lie behind a damaged place of the log.
    drop(schema::existing(&path, Access::Write)?);
    verify::verify_and_sync(&path)?;
    let inspected = schema::existing(&path, Access::Write)?;
    if !identity::has_table(&inspected, "journal").map_err(&engine)? {
        return journal::refuse_any(dir);
    }
    if !JournalRow::read(&inspected).map_err(&engine)?.needed {
        return refuse_foreign(dir, &inspected);
    }
    drop(inspected);
    let connection = connection::writing(&path).map_err(&engine)?;
    let store = identity::store_id(&connection).map_err(&engine)?;
    // Files that are missing are refused, or only stand for those that are given up.
    let opened = open(dir, 0, &connection, store)?;
    let shared = apply::Shared::stopped(dir, &connection, opened.row.applied).map_err(&engine)?;
    // What follows is in the WAL only. Repair may have given up the one before.
    mark::set(&connection, &path)?;
    let recovered = recover(&path, &connection, opened, &shared.cache, &shared.pending)?;
    let active = recovered.frames.active.map(|active| active.freeze(false, false));
    for mut frozen in recovered.frozen.into_iter().chain(active) {
        let go_on = &mut |_| true;
        slices::segment(&connection, frozen.segment, &mut frozen.rows, &shared, go_on).map_err(&engine)?;
        shared.set_applied(frozen.segment);
    }
    // Only now: a later segment is in one of the files. And whatever was read: an earlier process may have applied a deletion, and
    // not have overwritten it.
    journal::erase_all(dir)?;
    JournalRow::close(&connection).map_err(&engine)
}

/// Refuses a journal that does not belong to a database that was closed, when both of its files are there.
fn refuse_foreign(dir: &Path, connection: &Connection) -> Result<(), OpenError> {
    if journal::paths(dir).iter().any(|path| !path.exists()) {
        return Ok(());
    }
    let store = identity::store_id(connection).map_err(OpenError::engine(&dir.join("portraitd.db")))?;
    open(dir, 0, connection, store).map(drop)
}

/// What a start goes on from.
pub(crate) struct Recovered {
    pub(crate) frames: FoundFrames,
    /// The segment before the one that goes on, which is to be applied.
    pub(crate) frozen: Option<Frozen>,
    pub(crate) next: NextNumbers,
    pub(crate) backlogs: Backlogs,
}

/// Reads every pending segment into memory.
pub(crate) fn recover(
    path: &Path,
    connection: &Connection,
    opened: Opened,
    cache: &ProfileCache,
    pending: &Pending,
) -> Result<Recovered, OpenError> {
    let Opened { files, scanned, row } = opened;
    let dir = path.parent().unwrap_or(Path::new("."));
    let (mut last_segment, mut last_frames) = (row.applied, 0);
    let mut replayed = Replayed::default();
    let mut files = files.map(Some);
    let (mut active, mut frozen) = (None, None);
    for (place, found) in scanned.pending.iter().enumerate() {
        last_segment = found.sealed.header.segment;
        let Some(mut file) = files.get_mut(found.index).and_then(Option::take) else { continue };
        let (rows, erases) = replayed.segment(found, &file, cache, pending)?;
        // The last one goes on, unless another was begun behind it. Of one before it, every frame is on the disk.
        if place + 1 == scanned.pending.len() && scanned.begun.is_none() {
            let path = journal::path(dir, found.index);
            // Without a frame that reads back there is nothing to secure. And what lies behind a damaged place proves that the frames
            // before it are on the disk, and stays as it is: a repair that is interrupted must find the damage again.
            let segment = if found.frames == 0 || found.damage().is_some() {
                *found
            } else {
                found.secure(&mut file).map_err(OpenError::io(&path))?
            };
            active = Some(Active::resume(file, &segment, rows, erases));
        } else {
            last_frames = found.frames;
            frozen = Some(Frozen {
                file,
                segment: last_segment,
                frames: found.frames,
                rows,
                erases,
                filled: true,
                exactly: false,
            });
        }
    }
    let begun = scanned.begun.and_then(|index| files.get_mut(index)?.take());
    let spare = files.into_iter().flatten().collect();
    let (next, backlogs) = replayed.finish(connection, pending).map_err(OpenError::engine(path))?;
    let last_frames = active.as_ref().map_or(last_frames, Active::frames);
    let last_segment = (last_segment, last_frames);
    let frames = FoundFrames { active, begun, spare, last_segment, last_place: backlogs.last_place() };
    Ok(Recovered { frames, frozen, next, backlogs })
}
