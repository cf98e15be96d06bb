//! A session that outlives the program.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tls12::pki_types::{ServerName, UnixTime};
use tls12::{ClientSessions, Session};
use zeroize::Zeroizing;

/// One session in a file: [`Session::to_bytes`]. The file is for its owner alone, since whoever reads it can decrypt the
/// session's connections, and whoever writes it can choose their keys. A file that is of no use is a full handshake, with a
/// note on standard error.
///
/// A ticket is offered as often as the file is used, so those who watch the network can tell that it is the same client;
/// `ClientCache` offers each one once.
#[derive(Debug)]
pub(crate) struct SessionFile {
    path: PathBuf,
    session: Mutex<Option<Arc<Session>>>,
}

impl SessionFile {
    pub(crate) fn open(path: &Path) -> Self {
        let session = match read(path) {
            Ok(session) => session,
            Err(error) => {
                eprintln!("note: {} is of no use: {error}", path.display());
                None
            }
        };
        SessionFile { path: path.to_path_buf(), session: Mutex::new(session) }
    }

    fn session(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessions for SessionFile {
    fn find(&self, server_name: &ServerName<'_>, now: UnixTime) -> Option<Arc<Session>> {
        let session = self.session().clone()?;
        let problem = match session.server_name() {
            name if name != Some(&*server_name.to_str()) => "is of another server",
            _ if session.is_expired(now) => "has expired",
            _ if session.is_from_the_future(now) => "was made later than now",
            _ => return Some(session),
        };
        eprintln!("note: the session in {} {problem}", self.path.display());
        None
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        if let Err(error) = write(&self.path, &session.to_bytes()) {
            eprintln!("note: the session was not saved to {}: {error}", self.path.display());
        }
        *self.session() = Some(session);
    }

    fn remove(&self, _: &ServerName<'_>, session: &Arc<Session>) {
        let mut kept = self.session();
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, session)) {
            *kept = None;
            _ = fs::remove_file(&self.path);
        }
    }
}

/// `None` if there is no file yet.
fn read(path: &Path) -> Result<Option<Arc<Session>>, Box<dyn Error>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o077 != 0 {
        return Err("it is open to others (chmod 600)".into());
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)?;
    Ok(Some(Session::from_bytes(&bytes)?))
}

/// To a new file that takes the place of the old one, so that no half is ever read.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What a program left behind that was ended in here.
    _ = fs::remove_file(&new);
    options.open(&new)?.write_all(bytes)?;
    Ok(fs::rename(&new, path)?)
}
