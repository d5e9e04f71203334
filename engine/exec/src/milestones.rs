//! Milestones of running attempts: what was captured of their output is scanned line by line as it grows.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use firedrill_model::pattern::Pattern;
use firedrill_model::plan::Milestone;

/// How much of a line is looked at.
const LONGEST_LINE: usize = 64 << 10;

/// The milestones that an attempt has not reached, and how far its output was scanned.
#[derive(Debug)]
pub(crate) struct Watch {
    awaited: Vec<(String, Pattern)>,
    streams: [Stream; 2],
}

#[derive(Debug)]
struct Stream {
    path: PathBuf,
    scanned: u64,
    /// The beginning of the line whose end has not been printed.
    line: Vec<u8>,
}

impl Watch {
    /// Returns a watch over the files to which a command prints, or `None` if there is nothing to watch for.
    pub(crate) fn over<'m>(
        stdout: &Path,
        stderr: &Path,
        milestones: impl Iterator<Item = &'m Milestone>,
    ) -> Option<Watch> {
        // Every regex of a plan was compiled when its playbook was read.
        let compiled = milestones.filter_map(|it| Some((it.name.clone(), Pattern::compile(&it.pattern).ok()?)));
        let awaited: Vec<(String, Pattern)> = compiled.collect();
        (!awaited.is_empty()).then(|| Watch { awaited, streams: [stdout, stderr].map(Stream::of) })
    }

    /// Iterates over the files that are watched.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.streams.iter().map(|stream| stream.path.as_path())
    }

    /// Returns whether every milestone was found.
    pub(crate) fn is_over(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Stops watching for a milestone.
    pub(crate) fn forget(&mut self, name: &str) {
        self.awaited.retain(|(awaited, _)| awaited != name);
    }

    /// Reads what was printed since the last look and returns the milestones that it holds, each once.
    pub(crate) fn look(&mut self) -> io::Result<Vec<String>> {
        let Watch { awaited, streams } = self;
        let mut found = Vec::new();
        for stream in streams {
            stream.read(|line| {
                let reached = awaited.extract_if(.., |(_, pattern)| matches(pattern, line));
                found.extend(reached.map(|(name, _)| name));
            })?;
        }
        Ok(found)
    }
}

impl Stream {
    fn of(path: &Path) -> Stream {
        Stream { path: path.to_owned(), scanned: 0, line: Vec::new() }
    }

    /// Reads on from where the last look ended and hands over every line that is whole by now.
    fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.scanned))?;
        let mut buffer = vec![0; LONGEST_LINE];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.scanned += read as u64;
            self.split(&buffer[..read], &mut take);
        }
    }

    fn split(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = LONGEST_LINE - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if is_whole {
                take(&self.line);
                self.line.clear();
            }
        }
    }
}

fn matches(pattern: &Pattern, mut line: &[u8]) -> bool {
    // Bytes in memory can always be read.
    matches!(pattern.search(&mut line), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    fn milestone(name: &str, pattern: &str) -> Milestone {
        Milestone { name: name.to_owned(), pattern: pattern.to_owned() }
    }

    #[test]
    fn a_milestone_is_found_once_its_line_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| dir.path().join(name));
        let milestones = [milestone("locked", "^locked$"), milestone("copying", "Copying")];
        let mut watch = Watch::over(&stdout, &stderr, milestones.iter()).unwrap();
        let say = |path: &Path, text: &[u8]| {
            OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text).unwrap();
        };
        assert_eq!(watch.look().unwrap(), [""; 0], "nothing is there yet");
        say(&stdout, b"unlocked\nlock");
        say(&stderr, b"\xff Copy");
        assert_eq!(watch.look().unwrap(), [""; 0]);
        say(&stderr, b"ing\nCopying\n");
        assert_eq!(watch.look().unwrap(), ["copying"]);
        say(&stdout, b"ed\nlocked\nCopying\n");
        assert_eq!(watch.look().unwrap(), ["locked"]);
        assert!(watch.is_over());
    }

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        let stdout = dir.path().join("stdout");
        let mut text = vec![b'x'; 3 * LONGEST_LINE];
        text.extend_from_slice(b" far\nnear\n");
        std::fs::write(&stdout, text).unwrap();
        let milestones = [milestone("far", "far"), milestone("near", "near")];
        let mut watch = Watch::over(&stdout, &stdout, milestones.iter()).unwrap();
        assert_eq!(watch.look().unwrap(), ["near"]);
        assert!(watch.streams[0].line.capacity() <= 2 * LONGEST_LINE);
    }
}
