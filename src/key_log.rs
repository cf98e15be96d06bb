//! Master secrets for those who have to read what went over the wire.

use core::fmt::Debug;

/// Is told the master secret of each connection: whoever has it can decrypt all of that connection. For debugging with
/// programs such as Wireshark, and for nothing else.
pub trait KeyLog: Debug + Send + Sync {
    /// `label` is `CLIENT_RANDOM`, `client_random` tells the connection, and `secret` is its master secret (48 bytes), as in
    /// the lines of the NSS key log format. Called once in each handshake, when the secret is made.
    fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]);
}

#[cfg(feature = "std")]
mod file {
    use std::ffi::OsString;
    use std::fmt::Write as _;
    use std::fs::{File, OpenOptions};
    use std::io::{self, Write as _};
    use std::path::Path;
    use std::string::String;
    use std::sync::{Mutex, PoisonError};

    use zeroize::Zeroizing;

    use super::KeyLog;

    /// Appends to a file in the NSS key log format, which Wireshark reads: a line `CLIENT_RANDOM`, the client's random and the
    /// master secret, in hexadecimal, for each connection.
    #[derive(Debug)]
    pub struct KeyLogFile {
        file: Mutex<File>,
    }

    impl KeyLogFile {
        /// Appends to this file, which is created if it isn't there: on Unix for its owner alone (mode 0600). One that is there
        /// keeps its permissions.
        ///
        /// # Errors
        /// The file cannot be opened.
        pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(path)?;
            Ok(KeyLogFile { file: Mutex::new(file) })
        }

        /// Appends to the file that the environment variable `SSLKEYLOGFILE` names; `None` if it names none.
        ///
        /// # Errors
        /// The file cannot be opened.
        pub fn from_environment() -> io::Result<Option<Self>> {
            let path: Option<OsString> = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty());
            path.map(Self::open).transpose()
        }
    }

    impl KeyLog for KeyLogFile {
        /// A line that cannot be written is left out: the connection matters more.
        fn log(&self, label: &'static str, client_random: &[u8; 32], secret: &[u8]) {
            // As long as it gets, so that no part of it is left behind where the string was before it grew.
            let room = label.len() + 2 * (client_random.len() + secret.len()) + 3;
            let mut line = Zeroizing::new(String::with_capacity(room));
            line.push_str(label);
            for bytes in [client_random.as_slice(), secret] {
                line.push(' ');
                for byte in bytes {
                    _ = write!(line, "{byte:02x}");
                }
            }
            line.push('\n');
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            _ = file.write_all(line.as_bytes());
        }
    }
}

#[cfg(feature = "std")]
pub use file::KeyLogFile;

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::string::String;
    use std::{env, fs, process};

    use super::*;

    #[test]
    fn a_file_gets_a_line_for_each_connection_behind_what_it_had() {
        let path = env::temp_dir().join(alloc::format!("tls12-key-log-{}", process::id()));
        fs::write(&path, "# before\n").unwrap();
        let log = KeyLogFile::open(&path).unwrap();
        log.log("CLIENT_RANDOM", &[0x0a; 32], &[0xf1; 48]);
        log.log("CLIENT_RANDOM", &[0xb0; 32], &[0x02; 48]);
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let line = |random: &str, secret: &str| -> String {
            alloc::format!("CLIENT_RANDOM {} {}\n", random.repeat(32), secret.repeat(48))
        };
        assert_eq!(text, String::from("# before\n") + &line("0a", "f1") + &line("b0", "02"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_created_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let path = env::temp_dir().join(alloc::format!("tls12-new-key-log-{}", process::id()));
        drop(KeyLogFile::open(&path).unwrap());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::remove_file(&path).unwrap();
        assert_eq!(mode & 0o077, 0, "mode {mode:o}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        assert!(KeyLogFile::open(env::temp_dir()).is_err(), "a folder");
    }
}
