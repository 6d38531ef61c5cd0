//! When what is searched for sensitive words is made.

use super::{Server, ServerParts, ServerTls};
use crate::config::Config;
use crate::config::log::LogSection;
use crate::logging::start_log;
use futures_util::future::join;
use portraitd_admin::secret::AdminToken;
use portraitd_api::clock::SystemClock;
use portraitd_api::registry::Registry;
use portraitd_model::{AppSettings, SdkAppId, Words};
use portraitd_store::{MemoryStore, Store};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

const APP: SdkAppId = SdkAppId(1_400_000_000);

/// An app with a word, which is shared with the returned list.
fn app_with_a_word(word: &str) -> (AppSettings, Words) {
    let words: Words = [word].into_iter().collect();
    (AppSettings { words: words.clone(), ..AppSettings::new(APP) }, words)
}

/// Occupies a thread of the runtime that is there for work that blocks, once it has done what it was given before. Sending a
/// message frees it, and fails when it was freed by itself: a start that waits for it would wait for ever.
fn occupy_a_blocking_thread() -> SyncSender<()> {
    let (free, freed) = sync_channel(1);
    spawn_blocking(move || freed.recv_timeout(Duration::from_secs(20)));
    free
}

async fn first_line_of_an_answer(server: &Server) -> String {
    let mut client = TcpStream::connect(server.socket("http").unwrap()).await.unwrap();
    let request = b"POST /v4/profile/portrait_get HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// The runtime has one thread for work that blocks, which does one thing after the other. After the apps were read it is
/// occupied, so that nothing can be made of their words until the test frees it.
#[test]
fn a_start_does_not_wait_for_words() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(async {
        let (settings, words) = app_with_a_word("bad");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        store.put_app(settings, None).await.unwrap();
        let any_port = || SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
        let mut config = Config::default();
        (config.server.listen, config.server.admin_listen) = (any_port(), any_port());
        let start = Server::start(ServerParts {
            config: &config,
            data: None,
            store,
            clock: Arc::new(SystemClock),
            log: Arc::new(start_log(&LogSection::default()).unwrap()),
            admin_token: AdminToken::new("token"),
            tls: ServerTls::default(),
            emulator: None,
        });
        let before = occupy_a_blocking_thread();
        // The start comes first: by then it waits for the apps to be read.
        let (server, after) = join(start, async {
            let after = occupy_a_blocking_thread();
            before.send(()).unwrap();
            after
        })
        .await;
        let server = server.unwrap();
        assert_eq!(first_line_of_an_answer(&server).await, "HTTP/1.1 200 OK");
        assert!(!words.is_prepared());
        after.send(()).expect("the start waited until the thread was free");
        // It is behind the words in the queue of the only thread.
        spawn_blocking(|| ()).await.unwrap();
        assert!(words.is_prepared(), "nothing but the start made it");
        server.stop().await;
    });
}

#[tokio::test]
async fn changed_words_are_in_force_with_what_is_searched() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let revision = store.put_app(app_with_a_word("bad").0, None).await.unwrap();
    let registry = Registry::load(Arc::clone(&store)).await.unwrap();
    store.put_app(app_with_a_word("worse").0, Some(revision)).await.unwrap();
    registry.reload().await.unwrap();
    let app = registry.app(APP).unwrap();
    assert!(app.settings.words.lines() == "worse\n" && app.settings.words.is_prepared());
}
