//! TLS handshakes as an attack: half ones, broken ones, and one after the other.

use crate::attack_support::{Target, connect, withstands};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

/// The first bytes that a client sends.
fn hello(target: &Target) -> Vec<u8> {
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(target.client(), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// Reads until the server has closed.
fn is_closed(mut stream: TcpStream) {
    let mut scrap = [0; 4096];
    while stream.read(&mut scrap).is_ok_and(|length| length > 0) {}
}

#[test]
fn half_a_greeting() {
    let target = Target::secure();
    let hello = hello(&target);
    assert!(hello.len() > 100);
    withstands("half a ClientHello, or none", &target, 1, |app, _| {
        let mut streams: Vec<TcpStream> = (0..400).filter_map(|_| connect(app)).collect();
        for (n, stream) in streams.iter_mut().enumerate() {
            let part = [0, 1, 5, hello.len() / 2, hello.len() - 1][n % 5];
            stream.write_all(&hello[..part]).unwrap();
        }
        // A byte each in turn wins them nothing.
        for byte in &hello[..100] {
            for stream in streams.iter_mut().skip(1).step_by(5) {
                let _ = stream.write_all(&[*byte]);
            }
        }
        streams.into_iter().for_each(crate::attack_support::wait_for_end);
    });
}

#[test]
fn floods_of_handshakes() {
    let target = Target::secure();
    let hello = hello(&target);
    withstands("garbage", &target, 2, |app, stop| {
        let garbage: Vec<Vec<u8>> = vec![
            [&[22, 3, 1, 0x40, 0][..], &[7; 0x4000]].concat(),
            [&[22, 3, 1, 0xff, 0xff][..], &[0; 100]].concat(),
            vec![0x80; 5000],
            hello.iter().map(|byte| byte ^ 1).collect(),
            [&hello[..20], &[0; 2000][..]].concat(),
            // A ClientHello that is cut into records of one byte.
            hello[5..]
                .iter()
                .flat_map(|byte| [22, 3, 1, 0, 1, *byte])
                .chain([21, 3, 1, 0, 2, 2, 0])
                .collect(),
        ];
        for bytes in garbage.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(mut stream) = connect(app) else { continue };
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            is_closed(stream);
        }
    });
    withstands("handshakes broken off once the server has signed", &target, 2, |app, stop| {
        while !stop.load(Ordering::Relaxed) {
            let Some(mut stream) = connect(app) else { continue };
            let _ = stream.write_all(&hello);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let client = target.client();
    withstands("whole handshakes, one after the other", &target, 2, |_, stop| {
        while !stop.load(Ordering::Relaxed) {
            drop(target.shake_hands(&client));
        }
    });
}
