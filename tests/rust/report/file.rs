use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    time::{Duration, SystemTime},
};

use ptpd_monitoring::{
    error::Error,
    export::{Replacement, write_atomically},
};
use tempfile::tempdir;

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn assert_fails_naming(path: &Path) {
    let error = write_atomically(path, b"new").unwrap_err();
    assert!(
        matches!(&error, Error::Io { path: named, .. } if named == path),
        "{error:?}"
    );
    assert!(
        error.to_string().contains(&*path.to_string_lossy()),
        "{error}"
    );
}

#[test]
fn a_file_is_made_and_replaced_whole_with_nothing_left_beside_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("report.json");
    for content in ["first and long", "", "second"] {
        write_atomically(&path, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(names_in(folder.path()), ["report.json"]);
    }
}

#[test]
fn the_longest_name_that_the_file_system_takes_can_be_written() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("n".repeat(255));
    write_atomically(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_missing_folder_is_an_error_that_names_the_path() {
    let folder = tempdir().unwrap();
    assert_fails_naming(&folder.path().join("missing").join("report.json"));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn a_failed_renaming_leaves_no_temporary_behind() {
    assert_fails_naming(Path::new(""));
    let left = names_in(Path::new("."));
    let temporary = |name: &String| Path::new(name).extension().is_some_and(|e| e == "tmp");
    assert!(left.len() > 3 && !left.iter().any(temporary), "{left:?}");
}

#[test]
fn a_folder_in_the_files_place_is_an_error_and_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "old").unwrap();
    assert_fails_naming(&path);
    assert_eq!(names_in(folder.path()), ["report.json"]);
    assert_eq!(fs::read_to_string(path.join("inside")).unwrap(), "old");
}

#[test]
fn a_relative_path_is_written_below_the_current_folder() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let path = Path::new(folder.path().file_name().unwrap()).join("report.json");
    write_atomically(&path, b"new").unwrap();
    assert_eq!(fs::read(folder.path().join("report.json")).unwrap(), b"new");
}

/// A file of that name, last written that long ago.
fn aged(folder: &Path, name: &str, age: Duration) -> File {
    let file = File::create(folder.join(name)).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    file
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_a_killed_writer_left_behind_is_removed_and_nothing_else() {
    let folder = tempdir().unwrap();
    let names = [
        ".ptpd-monitoring.12.0123456789abcdef.tmp.old",
        ".ptpd-monitoring.12.0123456789abcdef0.tmp",
        ".ptpd-monitoring.12.tmp",
        ".ptpd-monitoring.x.0123456789abcdef.tmp",
        "ptpd-monitoring.12.0123456789abcdef.tmp",
    ];
    for name in names {
        drop(aged(folder.path(), name, HOUR));
    }
    let fresh = ".ptpd-monitoring.13.0123456789abcdef.tmp";
    drop(aged(folder.path(), fresh, Duration::ZERO));
    drop(aged(
        folder.path(),
        ".ptpd-monitoring.12.0123456789abcdef.tmp",
        HOUR,
    ));
    write_atomically(&folder.path().join("report.json"), b"new").unwrap();
    let mut expected = [&names[..], &[fresh, "report.json"]].concat();
    expected.sort_unstable();
    assert_eq!(names_in(folder.path()), expected);
}

#[test]
fn the_temporary_of_a_writer_still_at_work_stays_however_old() {
    let folder = tempdir().unwrap();
    let name = ".ptpd-monitoring.12.0123456789abcdef.tmp";
    let file = aged(folder.path(), name, HOUR);
    file.lock().unwrap();
    write_atomically(&folder.path().join("one"), b"new").unwrap();
    assert_eq!(names_in(folder.path()), [name, "one"]);
    drop(file);
    write_atomically(&folder.path().join("one"), b"new").unwrap();
    assert_eq!(names_in(folder.path()), ["one"]);
}

#[test]
fn what_others_write_takes_the_place_of_the_old_file_once_it_is_finished() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, "old").unwrap();
    let replacement = Replacement::begin(&path).unwrap();
    assert_eq!(replacement.place().parent(), Some(folder.path()));
    let mut file = File::create(replacement.place()).unwrap();
    for line in ["one\n", "two\n"] {
        file.write_all(line.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
    replacement.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    assert_eq!(names_in(folder.path()), ["rows.csv"]);
}

#[test]
fn what_is_not_finished_is_gone_and_the_old_file_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, "old").unwrap();
    let replacement = Replacement::begin(&path).unwrap();
    fs::write(replacement.place(), "half").unwrap();
    drop(replacement);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names_in(folder.path()), ["rows.csv"]);
}

#[test]
fn writers_of_one_file_at_once_leave_the_whole_text_of_one_of_them() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("report.json");
    let texts = ["a".repeat(100_000), "b".repeat(150_000), "c".repeat(50_000)];
    fs::write(&path, &texts[0]).unwrap();
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| {
                for _ in 0..20 {
                    write_atomically(&path, text.as_bytes()).unwrap();
                    let found = fs::read_to_string(&path).unwrap();
                    assert!(texts.contains(&found), "half of a file");
                }
            });
        }
    });
    assert_eq!(names_in(folder.path()), ["report.json"]);
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::Permissions,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn the_old_files_permissions_stay() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        for mode in [0o600, 0o640, 0o666, 0o755] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            write_atomically(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let (folder, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
        let target = elsewhere.path().join("target.json");
        fs::write(&target, "old").unwrap();
        let link = folder.path().join("link.json");
        symlink(&target, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names_in(folder.path()), ["link.json"]);
        assert_eq!(names_in(elsewhere.path()), ["target.json"]);
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_yet_makes_it() {
        let folder = tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let link = folder.path().join("link.json");
        symlink("sub/target.json", &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::read(folder.path().join("sub/target.json")).unwrap(),
            b"new"
        );
        assert_eq!(names_in(folder.path()), ["link.json", "sub"]);
    }

    #[test]
    fn links_in_a_circle_are_an_error_and_stay() {
        let folder = tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        symlink(&one, &two).unwrap();
        symlink(&two, &one).unwrap();
        assert_fails_naming(&one);
        assert_eq!(fs::read_link(&one).unwrap(), two);
        assert_eq!(names_in(folder.path()), ["one", "two"]);
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_an_error_and_keeps_the_old_file() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
        // Root may write anywhere.
        if fs::write(folder.path().join("probe"), "").is_err() {
            assert_fails_naming(&path);
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            assert_eq!(names_in(folder.path()), ["report.json"]);
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_device_is_written_to_and_its_error_told() {
        write_atomically(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        #[cfg(target_os = "linux")]
        assert_fails_naming(Path::new("/dev/full"));
    }
}
