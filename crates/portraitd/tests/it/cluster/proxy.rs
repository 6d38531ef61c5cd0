//! Stands before a database, and loses answers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// `COMMIT` on the wire: the packet's length, its number, the command "query", the statement.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

/// A proxy that forwards everything, and now and then a COMMIT without its answer: the connection is closed instead.
pub(crate) struct LossyProxy {
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Of so many COMMITs, one loses its answer; 0 for none.
    one_of: AtomicU64,
    commits: AtomicU64,
    cuts: AtomicU64,
}

impl LossyProxy {
    /// Starts it before a database.
    pub(crate) fn start(database: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (shared, database) = (Arc::clone(&state), database.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&database) else { continue };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || connect(&client, &server, &state));
            }
        });
        Self { address, state }
    }

    /// From now on, one of so many COMMITs loses its answer.
    pub(crate) fn lose_one_of(&self, commits: u64) {
        self.state.one_of.store(commits, Ordering::Relaxed);
    }

    /// How many answers were lost.
    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

fn connect(client: &TcpStream, server: &TcpStream, state: &State) -> Option<()> {
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    let (answers, back) = (server.try_clone().ok()?, client.try_clone().ok()?);
    // A clone for `cut`: the threads own the others.
    let (mut asked, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let (answer_needed, answer_read) = sync_channel::<()>(1);
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&is_cut);
    std::thread::spawn(move || pass_answers(answers, back, &cut, &answer_needed));
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = asked.read(&mut bytes).ok().filter(|read| *read > 0);
        let Some(read) = read else { break };
        if bytes[..read].ends_with(COMMIT) && must_cut(state) {
            is_cut.store(true, Ordering::SeqCst);
            to.write_all(&bytes[..read]).ok()?;
            // The database has answered, so the transaction is committed.
            let _ = answer_read.recv();
            state.cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
        to.write_all(&bytes[..read]).ok()?;
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    Some(())
}

fn must_cut(state: &State) -> bool {
    let (one_of, number) =
        (state.one_of.load(Ordering::Relaxed), state.commits.fetch_add(1, Ordering::Relaxed));
    one_of > 0 && number.is_multiple_of(one_of)
}

fn pass_answers(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool, answered: &SyncSender<()>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read) = from.read(&mut bytes) {
        if is_cut.load(Ordering::SeqCst) {
            // Also when the database closes instead.
            let _ = answered.send(());
            return;
        }
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
