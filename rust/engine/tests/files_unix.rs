//! Promises of local files that only Unix systems can keep: pipes, sockets, links and permissions.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::object::Object;

mod support;

use support::{Directory, errno};

#[test]
fn what_is_no_file_is_neither_absent_nor_waited_for() {
    let directory = Directory::new();
    let root = directory.0.join("root");
    for files in directory.kinds() {
        for name in ["pipe", "socket", "device", "nowhere", "below", "directory"] {
            std::fs::remove_dir(root.join(name)).or_else(|_| std::fs::remove_file(root.join(name))).ok();
        }
        std::fs::create_dir(root.join("directory")).unwrap();
        assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        symlink("/dev/zero", root.join("device")).unwrap();
        symlink("not/there", root.join("nowhere")).unwrap();
        symlink("made/below", root.join("below")).unwrap();
        let never = Cancel::new();
        let context = Context::new(&never);
        for (key, number) in
            [("directory", 21), ("pipe", 22), ("socket", 22), ("device", 22), ("nowhere", 22), ("below", 22)]
        {
            let mut buf = Vec::new();
            let errors = [
                files.open(key).unwrap_err(),
                files.read_all(key, None, &mut buf).unwrap_err(),
                files.get(key, -4, None).unwrap_err(),
                files.claim(key, None).unwrap_err(),
                files.exchange(key, Some(b"x"), None, &context).unwrap_err(),
                files.exchange(key, None, None, &context).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(errno(&error), Some(number), "{error}");
                assert!(error.to_string().contains(&format!("[key \"{key}\"]")), "{error}");
            }
        }
        let error = files.delete("directory").unwrap_err();
        assert_eq!(errno(&error), Some(21), "EISDIR: {error}");
        // Things that a file can replace as a whole may be replaced.
        for key in ["pipe", "socket", "device", "nowhere"] {
            files.write(key, b"x").unwrap();
            assert_eq!(files.get(key, 0, None).unwrap().unwrap(), b"x");
        }
        files.delete("below").unwrap();
        assert!(files.open("below").unwrap().is_none());
    }
}

#[test]
fn a_directory_that_must_not_be_written_is_told() {
    let directory = Directory::new();
    let locked = directory.0.join("root/locked");
    std::fs::create_dir_all(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if let Err(error) = directory.files().write("locked/k", b"x") {
        // The superuser may.
        assert_eq!(errno(&error), Some(13), "EACCES: {error}");
        assert!(error.to_string().contains("\"locked/k\""), "{error}");
    }
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn links_are_followed_by_readers_and_replaced_by_writers() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("target", b"old").unwrap();
    symlink("target", directory.0.join("root/link")).unwrap();
    assert_eq!(files.get("link", 0, None).unwrap().unwrap(), b"old");
    files.write("link", b"new").unwrap();
    assert_eq!(files.get("target", 0, None).unwrap().unwrap(), b"old");
    assert_eq!(files.get("link", 0, None).unwrap().unwrap(), b"new");
}

#[test]
fn new_files_obey_the_umask() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("k", b"x").unwrap();
    std::fs::write(directory.0.join("reference"), b"x").unwrap();
    let mode = |path: &str| std::fs::metadata(directory.0.join(path)).unwrap().permissions().mode();
    assert_eq!(mode("root/k"), mode("reference"));
}

#[test]
fn a_file_is_unlocked_though_a_forked_process_has_it_open() {
    let directory = Directory::new();
    for files in directory.kinds() {
        files.write("k", b"old").unwrap();
        let claimed = files.claim("k", None).unwrap().unwrap();
        let inherited = claimed.file().unwrap().as_fd().try_clone_to_owned().unwrap();
        drop(claimed);
        assert_eq!(files.claim("k", None).unwrap().unwrap().size(), 3);
        drop(inherited);
        assert!(!files.unlocked());
    }
}
