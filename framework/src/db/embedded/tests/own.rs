//! A PostgreSQL that a test has for itself: set as the test likes, on a port of the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use super::*;

pub(in crate::db) struct OwnServer {
    process: Child,
    port: u16,
    _directory: Directory,
}

impl OwnServer {
    /// Starts a server with these settings, and these files beside its data.
    pub(in crate::db) fn start(settings: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let directory = Directory::new();
        let user = ServerUser::find().unwrap();
        let home = Home::prepare(directory.path(), &user).unwrap();
        let binaries = Binaries::find(&home.data()).unwrap();
        home.initialise(&binaries, &user, OPTIONS).unwrap();
        for (name, text) in files {
            let path = home.data().join(name);
            std::fs::write(&path, text).unwrap();
            user.own(&path).unwrap();
        }
        for _ in 0..10 {
            // Somebody else may take the port before the server does.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut command = binaries.command("postgres");
            let fixed =
                [("listen_addresses", "127.0.0.1"), ("unix_socket_directories", ""), ("fsync", "off")];
            command.arg("-D").arg(home.data()).arg("-p").arg(port.to_string());
            for (name, value) in fixed.iter().chain(settings) {
                command.arg("-c").arg(format!("{name}={value}"));
            }
            let log = File::create(home.log()).unwrap();
            command
                .env("LC_ALL", "C")
                .current_dir(&home.0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log);
            user.run(command.process_group(0));
            let mut process = command.spawn().unwrap();
            if home.becomes_ready(&mut process).unwrap() {
                return Self { process, port, _directory: directory };
            }
        }
        panic!("{}", home.failure())
    }

    /// The superuser's URL: this host's name, which stands for the loopback address, and these options.
    pub(in crate::db) fn url(&self, host: &str, options: &str) -> Url {
        let port = self.port;
        Url::parse(&format!("postgres://{SUPERUSER}@{host}:{port}/postgres?hostaddr=127.0.0.1&{options}"))
            .unwrap()
    }

    pub(in crate::db) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), Signal::SIGINT);
        let _ = self.process.wait();
    }
}
