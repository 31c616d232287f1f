//! Where the keys that seal secrets come from: a file of the data directory, a command, or a
//! variable of the environment.

mod command;

use crate::config::{SEALING_COMMAND, SEALING_KEY};
use command::KeyCommand;
use cresset_catalog::seal::{KeySource, Sealer, SourceKind};
use cresset_catalog::{Error, Result};
use cresset_model::SecretString;
use std::path::{Path, PathBuf};

/// Name of the file with the keys, inside the data directory.
const KEY_FILE: &str = "sealing.key";

/// Where the keys are.
#[derive(Debug)]
pub(crate) enum KeyPlace {
    /// In this file.
    File(PathBuf),
    /// In what this command prints, whose text may hold a credential.
    Command(SecretString),
    /// In [`SEALING_KEY`].
    Variable,
}

impl KeyPlace {
    /// The place for a server that is set to use `command`; none if that is empty.
    pub(crate) fn of(data_dir: &Path, command: &SecretString) -> Self {
        if !command.expose().is_empty() {
            Self::Command(command.clone())
        } else if std::env::var_os(SEALING_KEY).is_some() {
            Self::Variable
        } else {
            Self::File(data_dir.join(KEY_FILE))
        }
    }

    /// The place for a command line, which does not read the server's configuration.
    pub(crate) fn of_command_line(data_dir: &Path) -> Self {
        let command = std::env::var(SEALING_COMMAND).unwrap_or_default();
        Self::of(data_dir, &SecretString::new(command))
    }

    /// Reads the keys.
    pub(crate) fn sealer(&self) -> Result<Sealer> {
        match self {
            Self::File(path) => Sealer::load_file(path),
            Self::Command(text) => Sealer::from_source(Box::new(KeyCommand::new(text.clone()))),
            Self::Variable => Sealer::from_source(Box::new(KeyVariable)),
        }
    }
}

/// The variable with the keys, which for a running process is always the same.
#[derive(Debug)]
struct KeyVariable;

impl KeySource for KeyVariable {
    fn read(&self) -> Result<SecretString> {
        let text = std::env::var(SEALING_KEY)
            .map_err(|_| Error::Seal(format!("{SEALING_KEY} is not text")))?;
        let text = SecretString::new(text);
        // A variable with several lines is unhandy.
        let keys: Vec<&str> = text.expose().split([',', ' ', '\n', '\r']).collect();
        Ok(SecretString::new(keys.join("\n")))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Variable
    }

    fn name(&self) -> String {
        SEALING_KEY.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_command_is_not_printed() {
        let command = SecretString::new("curl -u user:the-password");
        let place = KeyPlace::of(Path::new("data"), &command);
        assert!(matches!(place, KeyPlace::Command(_)));
        let text = format!("{place:?}");
        assert!(!text.contains("password"), "{text}");
    }
}
