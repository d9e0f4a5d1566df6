//! Writes the files of an import into a folder. What a person has changed there is not
//! overwritten: then nothing is written at all, unless that is asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why the folder is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system says no.
    #[error("cannot write {}: {source}. Correct --output-dir, or its permissions", .path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody's changes would be lost.
    #[error(
        "nothing was written, because these files in {} have another content: {}. Move them away, \
         or give --overwrite", .folder.display(), .names.join(", ")
    )]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// The files, at most ten.
        names: Vec<String>,
    },
}

/// Writes the files; those that are there as they should be are left alone.
///
/// # Errors
/// See [`Error`].
pub fn write(
    folder: &Path,
    files: &BTreeMap<String, String>,
    overwrite: bool,
) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::System { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut missing = Vec::new();
    let mut changed = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => changed.push(name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(name),
            Err(error) => return Err(failed(&path)(error)),
        }
    }
    if !changed.is_empty() && !overwrite {
        let names = changed.into_iter().take(10).cloned().collect();
        let folder = folder.to_owned();
        return Err(Error::Changed { folder, names });
    }
    for name in missing.into_iter().chain(changed) {
        let path = folder.join(name);
        // Whole or not at all: a reader of the folder never sees half a file.
        let part = folder.join(format!(".{name}.part"));
        fs::write(&part, &files[name]).map_err(failed(&part))?;
        fs::rename(&part, &path).map_err(failed(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_is_left_alone_and_the_rest_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        write(&folder, &files(&[("one.yaml", "1")]), false).unwrap();
        fs::write(folder.join("mine.yaml"), "mine").unwrap();
        let before = fs::metadata(folder.join("one.yaml"))
            .unwrap()
            .modified()
            .unwrap();
        write(
            &folder,
            &files(&[("one.yaml", "1"), ("two.yaml", "2")]),
            false,
        )
        .unwrap();
        let after = fs::metadata(folder.join("one.yaml"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(before, after);
        assert_eq!(names(&folder), ["mine.yaml", "one.yaml", "two.yaml"]);
    }

    #[test]
    fn changes_are_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("one.yaml"), "changed").unwrap();
        let wanted = files(&[("one.yaml", "1"), ("two.yaml", "2")]);
        let refused = write(folder, &wanted, false).unwrap_err().to_string();
        assert!(
            refused.contains("one.yaml") && refused.contains("--overwrite"),
            "{refused}"
        );
        assert_eq!(names(folder), ["one.yaml"], "nothing was written");
        write(folder, &wanted, true).unwrap();
        assert_eq!(fs::read_to_string(folder.join("one.yaml")).unwrap(), "1");
        assert_eq!(names(folder), ["one.yaml", "two.yaml"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = write(file.path(), &files(&[("a", "b")]), false).unwrap_err();
        assert!(refused.to_string().contains("--output-dir"), "{refused}");
    }
}
