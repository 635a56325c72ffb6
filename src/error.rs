//! The error type.
//!
//! Each message is one sentence that says what failed and how to fix it, if there is a way. Callers branch on the
//! variant only; the text is for people.

use std::ops::RangeInclusive;
use std::path::Path;
use std::{fmt, io};

/// An error, with the exit code that it leads to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting has an unknown value, or settings do not go together (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// The job could not be done (exit code 1).
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C stopped the job; finished work was kept (exit code 130).
    #[error("{0}")]
    Interrupted(String),
    /// The program that read the output has ended (exit code 141, as of any program in a pipeline). It is not reported: that
    /// program wanted no more.
    #[error("the reader of the output is gone")]
    ReaderGone,
    /// The other end of a channel is gone because another thread failed first. Never the root cause.
    #[error("another thread of the job stopped first")]
    Disconnected,
    /// An impossible state: a bug in impasto (exit code 1).
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

/// The result of a function that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Fails if the setting `name` has a `value` out of its range.
///
/// # Errors
/// It has; the message says which values it may have.
pub fn within<T: PartialOrd + fmt::Display>(name: &str, value: T, range: &RangeInclusive<T>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::usage(format!("{name} {value} is not from {} to {}", range.start(), range.end())))
}

impl Error {
    /// An [`Error::Failed`] with this message.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// An [`Error::Usage`] with this message.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// An [`Error::Internal`] with this message.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// The error for a `path` that could not be read; its text depends on the kind of `error`.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("no file '{path}'; check the name and the folder")
            }
            io::ErrorKind::PermissionDenied => {
                format!("no permission to read '{path}'; change its permissions, or run as its owner")
            }
            io::ErrorKind::IsADirectory => {
                format!("'{path}' is a folder, not a file; give a file in it")
            }
            _ => format!("cannot read '{path}': {}", cause(error)),
        })
    }

    /// The error for a `path` that could not be written; its text depends on the kind of `error`.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        let path = path.display();
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("cannot write '{path}': its folder does not exist; create it first")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!("'{path}' is not writable; choose another output with -o")
            }
            io::ErrorKind::IsADirectory => {
                format!("'{path}' is a folder, not a file; name a file in it")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("the disk is full while writing '{path}'; free some space and run again")
            }
            _ => format!("cannot write '{path}': {}; choose another output with -o", cause(error)),
        })
    }

    /// The exit code of the process: 1 for a failure, 2 for wrong usage, 130 for an interruption, 141 if the program that read
    /// the output has ended.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 130,
            // 128 and the number of SIGPIPE.
            Self::ReaderGone => 141,
            Self::Failed(_) | Self::Disconnected | Self::Internal(_) => 1,
        }
    }

    /// Which of two errors to report: the root cause, not the channel that closed because of it.
    #[must_use]
    pub fn root(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Disconnected, _) => other,
            _ => self,
        }
    }
}

/// The reason that the system or a library gives, as a clause: its first line, without the number that Rust adds
/// (`(os error 5)`) and without a full stop.
pub fn cause(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.split(" (os error ").next().unwrap_or_default().trim_end_matches('.').to_owned()
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
    fn an_internal_error_asks_for_a_report_and_is_a_root_cause() {
        let error = Error::Disconnected.root(Error::internal("no container called nut"));
        assert_eq!(error.to_string(), "internal error: no container called nut; please report it");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_to_write() {
        let error = Error::writing(Path::new("pipe"), &io::ErrorKind::BrokenPipe.into());
        assert_eq!(error.exit_code(), 141);
    }

    #[test]
    fn a_folder_is_no_file_to_write() {
        let error = Error::writing(Path::new("out/"), &io::ErrorKind::IsADirectory.into()).to_string();
        assert_eq!(error, "'out/' is a folder, not a file; name a file in it");
    }

    #[test]
    fn the_cause_of_an_error_is_told_in_words_only() {
        let error = Error::reading(Path::new("a.jpg"), &io::Error::from_raw_os_error(5)).to_string();
        assert!(error.starts_with("cannot read 'a.jpg': ") && !error.contains("os error"), "{error}");
        assert_eq!(cause(&"Node failed.\nSee the log."), "Node failed");
    }

    #[test]
    fn the_error_for_a_missing_file_gives_its_path() {
        let error = Error::reading(Path::new("a.jpg"), &io::ErrorKind::NotFound.into());
        assert!(error.to_string().contains("no file 'a.jpg'"));
        assert_eq!(error.exit_code(), 1);
    }
}
