use super::*;

#[test]
fn the_number_at_the_start_counts_and_the_rest_does_not() {
    for (text, number) in [
        ("", 0),
        ("7", 7),
        ("-60\n", -60),
        ("+5 of 10", 5),
        ("  \n12abc", 12),
        ("abc", 0),
        ("-", 0),
        ("0x10", 0),
        ("- 3", 0),
        ("99999999999999999999", i64::MAX),
        ("-99999999999999999999", -i64::MAX),
    ] {
        assert_eq!(number_at_start(text.as_bytes()), number, "{text:?}");
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("holdfast-{name}-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn init_file_overwrites_only_when_told_and_never_through_a_link() {
    let folder = Folder::new("init-file");
    let path = folder.0.join("value");
    let init = |value, overwrite| initialise(&path, InitFile { value, overwrite });
    init(5, false);
    assert_eq!(read(&path), 5);
    init(6, false);
    assert_eq!(read(&path), 5);
    init(-12, true);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "-12\n");
    std::fs::remove_file(&path).unwrap();
    folder.write("other", "1");
    std::os::unix::fs::symlink(folder.0.join("other"), &path).unwrap();
    init(9, true);
    assert_eq!(read(&folder.0.join("other")), 1);
}

#[test]
fn what_cannot_be_read_is_0_and_a_pipe_makes_nobody_wait() {
    let folder = Folder::new("track-file-pipe");
    let pipe = folder.0.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(read(&pipe), 0);
    assert_eq!(read(&folder.0), 0, "a directory");
    assert_eq!(read(&folder.0.join("nothing")), 0);
}

#[test]
fn every_way_to_change_a_file_is_seen_and_so_is_a_directory_that_comes_back() {
    let folder = Folder::new("track-file");
    let inner = folder.0.join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("value");
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let (sender, mut values) = mpsc::unbounded_channel();
            let (stop, stopped) = mpsc::channel(1);
            let watched = Watched {
                name: "tf".to_owned(),
                path: path.clone(),
                value: 0,
            };
            std::fs::write(&path, "1").unwrap();
            let task = tokio::spawn(watch(vec![watched], stopped, move |_, value| {
                sender.send(value).unwrap();
            }));
            let mut next = async || {
                let value = tokio::time::timeout(Duration::from_mins(1), values.recv()).await;
                value.expect("a change that was not seen").unwrap()
            };
            assert_eq!(next().await, 1, "written before the watch began");
            std::fs::write(&path, "2").unwrap();
            assert_eq!(next().await, 2, "written in place");
            std::fs::write(inner.join("new"), "3").unwrap();
            std::fs::rename(inner.join("new"), &path).unwrap();
            assert_eq!(next().await, 3, "replaced");
            std::fs::remove_file(&path).unwrap();
            assert_eq!(next().await, 0, "removed");
            std::fs::write(&path, "4").unwrap();
            assert_eq!(next().await, 4, "there again");
            std::fs::rename(&inner, folder.0.join("away")).unwrap();
            assert_eq!(next().await, 0, "the directory was renamed");
            std::fs::create_dir(&inner).unwrap();
            std::fs::write(&path, "5").unwrap();
            assert_eq!(next().await, 5, "another directory of that name");
            std::fs::remove_dir_all(&inner).unwrap();
            assert_eq!(next().await, 0, "the directory was removed");
            drop(stop);
            task.await.unwrap();
        });
}

/// As Kubernetes changes a `ConfigMap`: the file is a link into a link, and that is turned.
#[test]
fn links_on_the_way_may_be_turned() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("track-file-links");
    for (name, value) in [("first", "1"), ("second", "2")] {
        std::fs::create_dir(folder.0.join(name)).unwrap();
        folder.write(&format!("{name}/value"), value);
    }
    symlink("first", folder.0.join("data")).unwrap();
    let path = folder.0.join("value");
    symlink("data/value", &path).unwrap();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let (sender, mut values) = mpsc::unbounded_channel();
            let (stop, stopped) = mpsc::channel(1);
            let watched = Watched {
                name: "tf".to_owned(),
                path: path.clone(),
                value: 0,
            };
            let task = tokio::spawn(watch(vec![watched], stopped, move |_, value| {
                sender.send(value).unwrap();
            }));
            let mut next = async || {
                let value = tokio::time::timeout(Duration::from_mins(1), values.recv()).await;
                value.expect("a change that was not seen").unwrap()
            };
            assert_eq!(next().await, 1);
            symlink("second", folder.0.join("new")).unwrap();
            std::fs::rename(folder.0.join("new"), folder.0.join("data")).unwrap();
            assert_eq!(next().await, 2, "turned");
            folder.write("second/value", "3");
            assert_eq!(next().await, 3, "written where it leads to now");
            std::fs::remove_file(folder.0.join("data")).unwrap();
            assert_eq!(next().await, 0, "leads nowhere");
            symlink(folder.0.join("first"), folder.0.join("data")).unwrap();
            assert_eq!(next().await, 1, "leads somewhere again, and by a whole path");
            symlink("value", folder.0.join("new")).unwrap();
            std::fs::rename(folder.0.join("new"), &path).unwrap();
            assert_eq!(next().await, 0, "leads in a circle");
            drop(stop);
            task.await.unwrap();
        });
}
