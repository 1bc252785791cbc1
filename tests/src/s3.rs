//! A real S3 server (moto, from PyPI) for the tests that need one.

use crate::cluster::wait_until;
use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub struct S3 {
    pub endpoint: String,
    server: Child,
}

impl S3 {
    /// Starts a server with one bucket, or says that there is none on this machine (an error when
    /// `SKEP_TEST_S3_REQUIRED` is set, as in CI).
    pub fn start(bucket: &str) -> Option<S3> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("SKEP_TEST_S3_REQUIRED").is_none(),
                "moto_server is required and not there"
            );
            eprintln!(
                "skipped: no moto_server (pip install 'moto[server,s3]'; set SKEP_TEST_VENV to its environment)"
            );
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        let address = format!("127.0.0.1:{port}");
        wait_until("the S3 server listens", || TcpStream::connect(&address).is_ok());
        let s3 = S3 { endpoint: format!("http://{address}"), server };
        s3.make_bucket(&address, bucket);
        Some(s3)
    }

    /// What the AWS tools call them; for clients and workers alike.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "testing".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "testing".to_owned()),
        ]
    }

    fn make_bucket(&self, address: &str, bucket: &str) {
        use std::io::{Read, Write};
        let mut socket = TcpStream::connect(address).expect("the server listens");
        let request = format!(
            "PUT /{bucket} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "the bucket was not made: {answer}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program() -> Option<PathBuf> {
    let in_venv =
        std::env::var_os("SKEP_TEST_VENV").map(|folder| PathBuf::from(folder).join("bin/moto_server"));
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    in_venv.into_iter().chain(in_path.map(|folder| folder.join("moto_server"))).find(|path| path.exists())
}
