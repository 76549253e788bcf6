//! TCP on this machine: a call sends a byte and reads it back, once, ten or a hundred times. The server is
//! a thread with a runtime of its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread;

use criterion::{BenchmarkId, Criterion};
use sideloop_benches::peers::{
    BlockInPlace, DedicatedThread, HandleBlockOn, Owned, Peer, Pollster, ReqwestsPattern, Sideloop,
    Spawned, current_thread, multi_thread,
};
use sideloop_benches::ratios::{Claim, compare};
use sideloop_benches::worker::time_inside;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

const ROUND_TRIPS: [u32; 3] = [1, 10, 100];

/// One connection; the lock is never contended, and is there because some peers change threads.
type Connection = Arc<Mutex<TcpStream>>;

#[expect(clippy::disallowed_methods, reason = "the root of the server's thread")]
fn serve() -> SocketAddr {
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        current_thread().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.set_nonblocking(true).expect("a socket can");
            sender.send(listener.local_addr().expect("it is bound")).expect("main waits");
            let listener = tokio::net::TcpListener::from_std(listener).expect("in a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        });
    });
    address.recv().expect("the server's thread sends it")
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count]).await?,
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Arc::new(Mutex::new(stream)))
}

async fn talk(connection: Connection, round_trips: u32) -> io::Result<()> {
    let mut stream = connection.lock().await;
    for _ in 0..round_trips {
        stream.write_all(b"x").await?;
        stream.read_u8().await?;
    }
    Ok(())
}

fn outside<P: Peer>(criterion: &mut Criterion, server: SocketAddr, peer: &P) {
    let mut group = criterion.benchmark_group("echo, outside");
    let connection = peer.run(connect(server)).expect("the server listens");
    for round_trips in ROUND_TRIPS {
        let id = BenchmarkId::new(P::NAME, format!("{round_trips} round trips"));
        group.bench_function(id, |bencher| {
            bencher.iter(|| peer.run(talk(Arc::clone(&connection), round_trips)).expect("echoed"));
        });
    }
    group.finish();
}

fn inside<P: Peer + Send + 'static>(criterion: &mut Criterion, server: SocketAddr, peer: P) {
    let mut group = criterion.benchmark_group("echo, inside a worker");
    let runtime = multi_thread();
    let peer = Arc::new(peer);
    for round_trips in ROUND_TRIPS {
        let id = BenchmarkId::new(P::NAME, format!("{round_trips} round trips"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|times| {
                let peer = Arc::clone(&peer);
                let mut connection = None;
                time_inside(&runtime, times, move || {
                    let connection = connection
                        .get_or_insert_with(|| peer.run(connect(server)).expect("it listens"));
                    peer.run(talk(Arc::clone(connection), round_trips)).expect("echoed");
                })
            });
        });
    }
    group.finish();
}

fn main() {
    let claims = ["1", "10", "100"].map(|round_trips| {
        let group: &str = match round_trips {
            "1" => "echo, outside, 1 round trips",
            "10" => "echo, outside, 10 round trips",
            _ => "echo, outside, 100 round trips",
        };
        Claim { group, peer: Owned::NAME, at_most: 1.0 }
    });
    compare("echo", &claims, |criterion| {
        let server = serve();
        outside(criterion, server, &Sideloop);
        outside(criterion, server, &Owned::default());
        outside(criterion, server, &Spawned);
        outside(criterion, server, &HandleBlockOn::default());
        outside(criterion, server, &DedicatedThread::default());
        outside(criterion, server, &ReqwestsPattern::default());
        outside(criterion, server, &Pollster::default());
        inside(criterion, server, Sideloop);
        inside(criterion, server, BlockInPlace);
        inside(criterion, server, DedicatedThread::default());
    });
}
