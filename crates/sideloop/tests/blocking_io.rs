//! std's traits over tokio's.

mod support;

use std::io::{BufRead, Read, Seek, SeekFrom, Write};

use sideloop::{Runner, blocking, run_sync};
use support::{ends, root, runtime};
use tokio::io::{BufReader, duplex};
use tokio::net::{TcpListener, TcpStream};

#[test]
fn a_tcp_connection_is_read_and_written() {
    ends(|| {
        let (client, server) = run_sync(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let client = TcpStream::connect(address).await.expect("the server");
            (client, listener.accept().await.expect("the client").0)
        });
        let echo = std::thread::spawn(move || {
            let mut server = blocking(server);
            let mut said = Vec::new();
            server.read_to_end(&mut said).expect("the client's end");
            server.write_all(&said).expect("the client reads");
        });
        let mut client = blocking(client);
        client.write_all(&[7; 100_000]).expect("the server reads");
        client.flush().expect("nothing is buffered");
        client.shutdown().expect("the server reads to its end");
        let mut back = Vec::new();
        client.read_to_end(&mut back).expect("the echo");
        assert_eq!(back, [7; 100_000]);
        echo.join().expect("no panic");
    });
}

#[test]
fn lines_are_read_through_a_buffer() {
    ends(|| {
        let (here, there) = duplex(3);
        let writes = std::thread::spawn(move || {
            let mut there = blocking(there);
            writeln!(there, "first line").and_then(|()| write!(there, "second")).expect("read");
        });
        let lines = blocking(BufReader::new(here)).lines();
        let lines: Vec<_> = lines.map(|line| line.expect("no error")).collect();
        assert_eq!(lines, ["first line", "second"]);
        writes.join().expect("no panic");
    });
}

#[test]
fn a_file_is_written_sought_and_read() {
    ends(|| {
        let path = std::env::temp_dir().join(format!("sideloop-{}", std::process::id()));
        let options =
            || tokio::fs::OpenOptions::new().read(true).write(true).create(true).to_owned();
        let mut file = blocking(run_sync(options().open(&path)).expect("a file"));
        file.write_all(b"0123456789").expect("room");
        assert_eq!(file.seek(SeekFrom::Start(4)).expect("within"), 4);
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "456789");
        assert_eq!(file.seek(SeekFrom::End(-1)).expect("within"), 9);
        assert_eq!(file.stream_position().expect("known"), 9);
        drop(file.into_inner());
        std::fs::remove_file(path).expect("it was there");
    });
}

#[test]
fn it_works_inside_runtimes() {
    for workers in [0, 1] {
        ends(move || {
            root(&runtime(workers), async {
                let runner = Runner::new("io");
                let (here, there) = duplex(64);
                let (mut here, mut there) = (runner.blocking(here), runner.blocking(there));
                there.write_all(b"said").expect("room");
                let mut said = [0; 4];
                here.read_exact(&mut said).expect("said");
                assert_eq!(&said, b"said");
            });
        });
    }
}
