//! How full the file systems of a VM are, and what is mounted.

use std::fs;
use std::path::Path;

use crate::foundation::Disk;
use crate::{err, out};

use super::Inside;

const KIB: u64 = 1024;

/// A file system, in KiB.
struct FileSystem {
    source: &'static str,
    target: &'static str,
    size: u64,
    used: u64,
}

impl FileSystem {
    fn available(&self) -> u64 {
        self.size.saturating_sub(self.used)
    }

    fn percent(&self) -> u64 {
        (self.used * 100).div_ceil(self.size.max(1))
    }
}

/// `df [-h|-k|-m] [--output=FIELDS] [FILE]...`
pub(super) fn df(inside: &Inside, args: &[String]) -> u8 {
    let all = file_systems(inside);
    let paths: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut shown: Vec<&FileSystem> = Vec::new();
    for path in &paths {
        if !Path::new(path).exists() {
            err(&format!("df: {}: No such file or directory\n", inside.seen(path)));
            return 1;
        }
        let seen = inside.seen(&std::path::absolute(path).unwrap_or_default().display().to_string());
        let holds = all.iter().filter(|one| seen.starts_with(one.target));
        shown.extend(holds.max_by_key(|one| one.target.len()));
    }
    if paths.is_empty() {
        shown = all.iter().collect();
    }
    let is_human = args.iter().any(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.contains('h'));
    let fields = args.iter().find_map(|arg| arg.strip_prefix("--output="));
    let unit: fn(u64) -> String = if is_human { human } else { |kib| kib.to_string() };
    out(&match fields {
        Some(fields) => chosen(&shown, fields, unit),
        None => chosen(&shown, "source,size,used,avail,pcent,target", unit),
    });
    0
}

/// `mountpoint [-q] FOLDER`
pub(super) fn mountpoint(inside: &Inside, args: &[String]) -> u8 {
    let path = args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str);
    let seen = inside.seen(path);
    let seen = seen.trim_end_matches('/');
    let is_mounted = file_systems(inside).iter().any(|one| one.target == seen);
    if !args.iter().any(|arg| arg == "-q") {
        out(&format!("{seen} is {}a mountpoint\n", if is_mounted { "" } else { "not " }));
    }
    if is_mounted { 0 } else { 32 }
}

fn file_systems(inside: &Inside) -> Vec<FileSystem> {
    let root = FileSystem { source: "/dev/sda1", target: "/", size: 5 * KIB * KIB, used: 2 * KIB * KIB };
    let data = FileSystem { source: "/dev/sdb2", target: "/var/vcap/data", size: 32 * KIB * KIB, used: 3 * KIB * KIB };
    let store = inside.foundation.mounted_on(&inside.instance).map(|disk| store(inside, disk));
    [root, data].into_iter().chain(store).collect()
}

fn store(inside: &Inside, disk: &Disk) -> FileSystem {
    let size = disk.size_mb * KIB;
    let content = bytes_in(&inside.world.disk_dir(&disk.cid)).div_ceil(KIB);
    let used = if disk.is_full { size } else { content + 24 };
    FileSystem { source: "/dev/sdc1", target: "/var/vcap/store", size, used }
}

fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}

fn chosen(shown: &[&FileSystem], fields: &str, unit: fn(u64) -> String) -> String {
    let fields: Vec<&str> = fields.split(',').collect();
    let titles = fields.iter().map(|field| match *field {
        "source" => "Filesystem",
        "size" => "1K-blocks",
        "used" => "Used",
        "avail" => "Available",
        "pcent" => "Use%",
        _ => "Mounted on",
    });
    let mut text = titles.collect::<Vec<_>>().join(" ") + "\n";
    for one in shown {
        let cells = fields.iter().map(|field| match *field {
            "source" => one.source.to_owned(),
            "size" => unit(one.size),
            "used" => unit(one.used),
            "avail" => unit(one.available()),
            "pcent" => format!("{}%", one.percent()),
            _ => one.target.to_owned(),
        });
        text += &(cells.collect::<Vec<_>>().join(" ") + "\n");
    }
    text
}

fn human(kib: u64) -> String {
    match kib {
        0..KIB => format!("{kib}K"),
        _ if kib < KIB * KIB => format!("{}M", kib.div_ceil(KIB)),
        _ => format!("{}G", kib.div_ceil(KIB * KIB)),
    }
}
