//! What went wrong and what cures it.
//!
//! Every message is one sentence that names the thing and, where there is one, the cure. A caller branches on the
//! variant only; the words are for people.

use std::io;
use std::path::Path;

/// A failure of the program, with the exit code it stands for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that does not exist or does not fit together (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// The job could not be done (exit code 1).
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C: what had been finished was kept (exit code 130).
    #[error("{0}")]
    Interrupted(String),
    /// A channel's other end is gone because another thread failed first; never the root cause.
    #[error("another part of the job ended first")]
    Disconnected,
    /// Something that cannot happen did: a bug in impasto (exit code 1).
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A [`Error::Failed`] from anything that can be shown.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// A [`Error::Usage`] from anything that can be shown.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// An [`Error::Internal`] from anything that can be shown.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// `path` could not be read; the reason and the cure follow from `error`.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("no file '{path}'; check the spelling, and the folder it is relative to")
            }
            io::ErrorKind::PermissionDenied => {
                format!("'{path}' may not be read; change its permissions, or run as its owner")
            }
            io::ErrorKind::IsADirectory => {
                format!("'{path}' is a folder, not a file; name a file in it")
            }
            _ => format!("cannot read '{path}': {error}"),
        })
    }

    /// `path` could not be written; the reason and the cure follow from `error`.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("cannot write '{path}': its folder does not exist; create it first")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!("'{path}' may not be written; choose another output with -o")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("the disk is full while writing '{path}'; free some space and run again")
            }
            _ => format!("cannot write '{path}': {error}; choose another output with -o"),
        })
    }

    /// The exit code of the process: 1 failed, 2 wrong usage, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 130,
            Self::Failed(_) | Self::Disconnected | Self::Internal(_) => 1,
        }
    }

    /// The one of two failures to show: the root cause wins over a channel that closed because of it.
    #[must_use]
    pub fn root(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Disconnected, _) => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_cause_wins_over_a_closed_channel() {
        let cause = || Error::failed("disk full");
        assert_eq!(Error::Disconnected.root(cause()).to_string(), "disk full");
        assert_eq!(cause().root(Error::Disconnected).to_string(), "disk full");
    }

    #[test]
    fn a_bug_is_called_one_and_is_a_root_cause() {
        let error = Error::Disconnected.root(Error::internal("no container called nut"));
        assert_eq!(error.to_string(), "internal error: no container called nut; please report it");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn a_missing_file_is_named_with_a_cure() {
        let error = Error::reading(Path::new("a.jpg"), &io::ErrorKind::NotFound.into());
        assert!(error.to_string().contains("no file 'a.jpg'"));
        assert_eq!(error.exit_code(), 1);
    }
}
