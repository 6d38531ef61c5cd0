//! A large file to the storage in parts, and back.

use super::super::manifest::hexadecimal;
use super::problem::explain;
use super::upload::Upload;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use portraitd_model::{Bilingual, bilingual};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

/// The least size of a part; S3 wants 5 MiB.
const PART: u64 = 8 << 20;
/// S3 takes 10,000.
const PARTS_MAX: u64 = 9_000;
/// Within this time something more of an object must arrive.
const PIECE_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends a file of so many bytes in parts, one after the other: one part is in memory. The object is there once the upload is
/// completed.
pub(super) async fn send(
    upload: &mut Upload,
    (file, bytes): (&Path, u64),
    place: &str,
) -> Result<(), Bilingual> {
    let part_bytes = PART.max(bytes / PARTS_MAX + 1);
    let unreadable = |error: String| unusable(file, &error);
    let mut open = File::open(file).map_err(|error| unreadable(error.to_string()))?;
    loop {
        let read = move || {
            let mut part = Vec::new();
            let read = (&mut open).take(part_bytes).read_to_end(&mut part);
            read.map(|_| (open, part))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|error| unreadable(error.to_string()))?;
        let part;
        (open, part) = read.map_err(|error| unreadable(error.to_string()))?;
        if part.is_empty() {
            return Ok(());
        }
        upload.put(part.into()).await.map_err(|error| explain(place, &error))?;
    }
}

/// Reads an object whole, and returns its length and its SHA-256, in hexadecimal digits. Writes it into a file, if there is one.
pub(super) async fn receive(
    store: &dyn ObjectStore,
    from: &ObjectPath,
    into: Option<&Path>,
    place: &str,
) -> Result<(u64, String), Bilingual> {
    let got = store.get(from).await.map_err(|error| explain(place, &error))?;
    let mut pieces: BoxStream<'static, _> = got.into_stream();
    let mut file = into.map(|path| (path, create(path)));
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    loop {
        let piece = tokio::time::timeout(PIECE_TIMEOUT, pieces.next()).await.map_err(|_| {
            bilingual!(
                "{place}: the storage sent nothing for 60 s; check the network",
                "{place}：存储 60 秒内没有发送数据；请检查网络"
            )
        })?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| explain(place, &error))?;
        hash.update(&piece);
        bytes += piece.len() as u64;
        if let Some((path, open)) = &mut file {
            let written = open.as_mut().map_err(|error| error.to_string());
            let written = written.and_then(|file| file.write_all(&piece).map_err(|error| error.to_string()));
            written.map_err(|error| unusable(path, &error))?;
        }
    }
    if let Some((path, open)) = file {
        let synced = open.and_then(|file| file.sync_all());
        synced.map_err(|error| unusable(path, &error.to_string()))?;
    }
    Ok((bytes, hexadecimal(hash)))
}

fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn unusable(path: &Path, error: &str) -> Bilingual {
    let path = path.display();
    bilingual!("{path} can't be used: {error}", "无法使用 {path}：{error}")
}
