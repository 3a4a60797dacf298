//! Fetches ZooKeeper's jars with apt, without installing them.

use crate::Unavailable;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What ZooKeeper 3.8 loads at run time, by the names of Debian 12 and 13.
const PACKAGES: &[&str] = &[
    "libzookeeper-java",
    "libslf4j-java",
    "liblog4j1.2-java",
    "libnetty-java",
    "libcommons-cli-java",
    "libcommons-io-java",
    "libdropwizard-metrics-java",
    "libjackson2-annotations-java",
    "libjackson2-core-java",
    "libjackson2-databind-java",
    "libjetty9-java",
    "libservlet-api-java",
    "libsnappy-java",
    "libfindbugs-annotations-java",
];

/// The class path, fetched first if this is the first use in this repository. Processes that come at the same time
/// wait for the one that fetches.
pub fn class_path() -> Result<String, Unavailable> {
    let cache = build_folder().join("zookeeper");
    let jars = cache.join("jars");
    if !jars.is_dir() {
        fs::create_dir_all(&cache)?;
        let lock = File::create(cache.join("lock"))?;
        lock.lock()?;
        if !jars.is_dir() {
            fetch(&cache, &jars)?;
        }
    }
    list(&jars)
}

/// `$FAST_BUILD_DIR`, else `.build` beside the workspace's `Cargo.toml`.
fn build_folder() -> PathBuf {
    std::env::var_os("FAST_BUILD_DIR")
        .filter(|folder| !folder.is_empty())
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.build"), PathBuf::from)
}

fn fetch(cache: &Path, jars: &Path) -> Result<(), Unavailable> {
    let fresh = tempfile::Builder::new().prefix("fetch-").tempdir_in(cache)?;
    let packages = fresh.path().join("packages");
    fs::create_dir(&packages)?;
    if let Err(first) = run(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(&packages)) {
        // The lists may be missing, as in a fresh container; only then is it worth a second try.
        run(Command::new("apt-get").arg("update")).map_err(|_| first)?;
        run(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(&packages))?;
    }
    let root = fresh.path().join("root");
    for package in fs::read_dir(&packages)? {
        run(Command::new("dpkg").arg("-x").arg(package?.path()).arg(&root))?;
    }
    // Renaming makes the folder appear whole or not at all.
    fs::rename(root.join("usr/share/java"), jars)
        .map_err(|error| Unavailable::NoPackages(format!("the packages hold no jars ({error})")))
}

fn run(command: &mut Command) -> Result<(), Unavailable> {
    let output = command.output().map_err(|error| {
        Unavailable::NoPackages(format!("{} cannot be run: {error}", command.get_program().display()))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| line.starts_with("E:")).unwrap_or(said.trim());
    Err(Unavailable::NoPackages(format!("{}: {last}", command.get_program().display())))
}

fn list(folder: &Path) -> Result<String, Unavailable> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Links repeat the same files under versioned names, and slf4j must find exactly one place to log to.
        let wanted = !name.contains("slf4j") || matches!(&*name, "slf4j-api.jar" | "slf4j-simple.jar");
        if name.ends_with(".jar") && wanted && !path.is_symlink() {
            paths.push(path.to_string_lossy().into_owned());
        }
    }
    paths.sort();
    if !paths.iter().any(|path| path.ends_with("zookeeper.jar")) {
        return Err(Unavailable::NoPackages(format!("{} has no zookeeper.jar", folder.display())));
    }
    Ok(paths.join(":"))
}
