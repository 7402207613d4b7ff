use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::*;

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn write(target: &mut FileTarget, line: &str) -> bool {
    let begins = target.ready().unwrap();
    assert_eq!(target.write(line.as_bytes(), 1).unwrap(), line.len());
    begins
}

/// The files in a folder, but for this one.
fn others(folder: &Path, path: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    all.filter(|it| it != path).collect()
}

fn at_size(size: u64) -> Rotation {
    Rotation { size: Some(size), ..Rotation::default() }
}

#[test]
fn a_file_that_was_moved_away_is_begun_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("flows.json"), folder.path().join("flows.json.1"));
    let reopen = Reopen::default();
    let mut target = FileTarget::new(path.clone(), Rotation::default(), &reopen);
    assert!(write(&mut target, "first\n"));
    fs::rename(&path, &moved).unwrap();
    assert!(!write(&mut target, "second\n"));
    assert!(!path.exists());
    reopen.ask();
    assert!(write(&mut target, "third\n"));
    assert_eq!((text(&moved).as_str(), text(&path).as_str()), ("first\nsecond\n", "third\n"));
}

#[test]
fn a_line_that_was_cut_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.json");
    fs::write(&path, "{\"type\":").unwrap();
    let mut target = FileTarget::new(path.clone(), Rotation::default(), &Reopen::default());
    assert!(!write(&mut target, "{}\n"));
    assert_eq!(text(&path), "{\"type\":\n{}\n");
}

#[test]
fn a_large_file_makes_room_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.csv");
    let rotation = Rotation { size: Some(10), keep: Some(2), compress: true, every: None };
    let mut target = FileTarget::new(path.clone(), rotation, &Reopen::default());
    for _ in 0..5 {
        assert!(write(&mut target, "0123456789\n"), "each begins a file");
    }
    // Waits for the one that compresses.
    drop(target);
    let others = others(folder.path(), &path);
    assert_eq!(others.len(), 2, "{others:?}");
    let mode = |path: &Path| path.metadata().unwrap().mode();
    for other in others {
        assert!(other.to_str().unwrap().ends_with(".csv.gz"), "{other:?}");
        assert_eq!(mode(&other), mode(&path), "whoever may not read one may not read the other");
        let mut whole = String::new();
        let mut compressed = flate2::read::GzDecoder::new(File::open(other).unwrap());
        compressed.read_to_string(&mut whole).unwrap();
        assert_eq!(whole, "0123456789\n");
    }
    assert_eq!(text(&path), "0123456789\n");
}

#[test]
fn what_a_file_begins_with_is_no_reason_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.csv");
    let mut target = FileTarget::new(path.clone(), at_size(4), &Reopen::default());
    assert!(target.ready().unwrap());
    target.begin(b"a header\n").unwrap();
    assert!(!target.ready().unwrap(), "it has no record yet");
    target.write(b"a record\n", 1).unwrap();
    assert!(target.ready().unwrap());
    drop(target);
    let others = others(folder.path(), &path);
    assert_eq!(others.iter().map(|it| text(it)).collect::<Vec<_>>(), ["a header\na record\n"]);
}

/// What happens to files also happens to root where this does.
fn blocked(folder: &Path, path: &Path) {
    // A folder has taken the name.
    fs::rename(path, folder.join("moved")).unwrap();
    fs::create_dir(path).unwrap();
}

#[test]
fn where_there_is_no_next_file_the_open_one_is_written_to_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("flows.json"), folder.path().join("moved"));
    let reopen = Reopen::default();
    let mut target = FileTarget::new(path.clone(), at_size(1), &reopen);
    assert!(write(&mut target, "first\n"));
    blocked(folder.path(), &path);
    assert!(!write(&mut target, "second\n"));
    reopen.ask();
    assert!(!write(&mut target, "third\n"));
    assert!(target.trouble().unwrap().contains("this is a folder"), "{:?}", target.trouble());
    assert_eq!(text(&moved), "first\nsecond\nthird\n");
    fs::remove_dir(&path).unwrap();
    let long_ago = Instant::now().checked_sub(RETRY_AFTER).unwrap();
    target.failed.as_mut().unwrap().at = long_ago;
    assert!(write(&mut target, "fourth\n"));
    assert_eq!((target.trouble(), text(&path).as_str()), (None, "fourth\n"));
}

#[test]
fn a_folder_and_a_link_are_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (link, elsewhere) = (folder.path().join("flows.json"), folder.path().join("elsewhere"));
    fs::write(&elsewhere, "another's\n").unwrap();
    symlink(&elsewhere, &link).unwrap();
    for (path, what) in [(folder.path(), "a folder"), (&link, "name the file that it leads to")] {
        let mut target = FileTarget::new(path.to_owned(), at_size(1), &Reopen::default());
        let error = target.ready().unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    assert_eq!(text(&elsewhere), "another's\n");
}

#[test]
fn what_an_earlier_process_left_half_compressed_goes_and_links_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (path, secret) = (folder.path().join("flows.json"), folder.path().join("secret"));
    let earlier = |time: &str| folder.path().join(format!("flows-20261123T09000000000{time}"));
    fs::write(earlier("0Z.json.gz.begun"), "half").unwrap();
    fs::write(earlier("0Z.json"), "whole\n").unwrap();
    fs::set_permissions(earlier("0Z.json"), Permissions::from_mode(0o600)).unwrap();
    fs::write(&secret, "another's\n").unwrap();
    symlink(&secret, earlier("1Z.json")).unwrap();
    symlink(&secret, earlier("2Z.json.gz.begun")).unwrap();
    let rotation = Rotation { compress: true, ..at_size(1) };
    drop(FileTarget::new(path, rotation, &Reopen::default()));
    let mut left: Vec<_> = others(folder.path(), &secret);
    left.sort();
    assert_eq!(left, [earlier("0Z.json.gz"), earlier("1Z.json")]);
    assert_eq!(left[0].metadata().unwrap().mode() & 0o777, 0o600);
    assert!(left[1].is_symlink() && text(&secret) == "another's\n");
}
