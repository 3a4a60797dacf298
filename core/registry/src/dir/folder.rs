//! The folder of a `dir:` registry: which one it is, whether it can be trusted, and making it.

use crate::Role;
use libfast_model::{Error, ErrorKind, Result, ServiceName};
use rustix::process::geteuid;
use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A registry's folder, which need not exist yet.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// The user's own default folder, which nobody else may have a hand in.
    own: bool,
}

impl Folder {
    /// The folder `path`, or the user's own default folder. Makes nothing.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self> {
        let folder = match path {
            Some(path) => Self {
                path: std::path::absolute(&path).map_err(|error| {
                    Error::new(ErrorKind::Invalid, format!("registry folder {path:?}: {error}"))
                })?,
                own: false,
            },
            None => Self { path: default_path(geteuid().as_raw()), own: true },
        };
        folder.check()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the entries of one list of a service are.
    pub(super) fn list(&self, service: &ServiceName, role: Role) -> PathBuf {
        self.path.join(service.as_str()).join(role.folder())
    }

    /// Makes the folder of one list and what is missing above it.
    pub(super) fn create(&self, list: &Path) -> Result<()> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        if self.own {
            // Not recursive: what is above the default folder is not ours to make.
            match builder.create(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failure("make", &self.path, &error));
                }
                _ => self.check()?,
            }
        }
        builder.recursive(true).create(list).map_err(|error| failure("make", list, &error))
    }

    /// Refuses a default folder that somebody else could write to. A folder that does not exist yet passes; one that
    /// was given explicitly is the user's affair.
    pub(super) fn check(&self) -> Result<()> {
        if !self.own {
            return Ok(());
        }
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) => match distrust(&found, geteuid().as_raw()) {
                Some(why) => Err(Error::new(
                    ErrorKind::Registry,
                    format!(
                        "the default registry folder {} is not safe to use: {why}; remove it or correct its owner and \
                         mode, or name another folder, as in dir:///some/folder/service",
                        self.path.display()
                    ),
                )),
                None => Ok(()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failure("look at", &self.path, &error)),
        }
    }
}

/// What could not be done to which path, why, and what to do about it.
pub(super) fn failure(verb: &str, path: &Path, why: &io::Error) -> Error {
    Error::new(
        ErrorKind::Registry,
        format!(
            "the registry cannot {verb} {}: {why}; make its folder readable and writable for user {}, or name another \
             folder, as in dir:///some/folder/service",
            path.display(),
            geteuid().as_raw()
        ),
    )
}

/// The default folder of the user `uid`. It depends on nothing else: a login shell and a service of the same user, one of which
/// has `$XDG_RUNTIME_DIR` and the other not, must find each other.
fn default_path(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/libfast-{uid}"))
}

/// Why somebody other than `uid` could have a hand in what was found.
fn distrust(found: &Metadata, uid: u32) -> Option<String> {
    let mode = found.mode() & 0o7777;
    if found.is_symlink() {
        Some("it is a symbolic link".into())
    } else if !found.is_dir() {
        Some("it is no folder".into())
    } else if found.uid() != uid {
        Some(format!("it belongs to user {}, and this process runs as user {uid}", found.uid()))
    } else if mode & 0o022 != 0 {
        Some(format!("its mode {mode:o} lets others write to it"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn own(path: PathBuf) -> Folder {
        Folder { path, own: true }
    }

    #[test]
    fn a_default_folder_is_made_for_its_user_alone() {
        let above = tempfile::tempdir().unwrap();
        let folder = own(above.path().join("mine"));
        folder.check().unwrap();
        let list = folder.list(&"echo".parse().unwrap(), Role::Provider);
        folder.create(&list).unwrap();
        folder.create(&list).unwrap();
        assert!(list.ends_with("mine/echo/providers") && list.is_dir());
        assert_eq!(std::fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_default_folder_that_others_can_write_to_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("open");
        std::fs::create_dir(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
        let error = own(path.clone()).check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Registry);
        assert!(
            error.message().contains("770") && error.message().contains(path.to_str().unwrap()),
            "{error}"
        );

        let link = above.path().join("link");
        symlink(above.path(), &link).unwrap();
        let error = own(link.clone()).create(&link.join("echo/providers")).unwrap_err();
        assert!(error.message().contains("symbolic link"), "{error}");

        let file = above.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(own(file).check().unwrap_err().message().contains("no folder"));
    }

    #[test]
    fn a_default_folder_of_somebody_else_is_refused() {
        if !geteuid().is_root() {
            eprintln!(
                "skipped a_default_folder_of_somebody_else_is_refused: only root can give a folder away"
            );
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(12_345), None).unwrap();
        let error = own(folder.path().to_owned()).check().unwrap_err();
        assert!(error.message().contains("belongs to user 12345"), "{error}");
    }

    #[test]
    fn a_folder_below_a_file_says_what_and_why() {
        let above = tempfile::NamedTempFile::new().unwrap();
        let folder = Folder::open(Some(above.path().join("registry"))).unwrap();
        let error = folder.create(&folder.list(&"echo".parse().unwrap(), Role::Provider)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Registry);
        assert!(
            error.message().contains("Not a directory") && error.message().contains("name another"),
            "{error}"
        );
        assert!(error.message().contains(above.path().to_str().unwrap()), "{error}");
    }
}
