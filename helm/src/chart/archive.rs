//! Packaged charts. Helm: `pkg/chart/loader/archive`.

use std::io::Read as _;

use file_tree::clean;
use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::directory::without_bom;
use super::{Error, File};

/// How many bytes all files of a chart may have together, unpacked. Helm: `MaxDecompressedChartSize`. Here it is the sum with
/// all subcharts, whereas Helm counts each package inside a package anew.
pub const MAX_SIZE: u64 = 100 << 20;

/// How many files a chart with its subcharts may have.
const MAX_FILES: u64 = 100_000;

/// How deep packages may lie in packages.
const MAX_NESTING: u64 = 32;

/// What is left of what one chart may hold.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
    files: u64,
    nesting: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_SIZE, files: MAX_FILES, nesting: MAX_NESTING }
    }
}

impl Budget {
    /// Counts one file.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        let too_large = || Error::TooLarge { what: "the decompressed chart", limit: MAX_SIZE };
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or_else(too_large)?;
        let too_many = || Error::TooLarge { what: "the number of files of a chart", limit: MAX_FILES };
        self.files = self.files.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }

    /// Does something one level deeper in the charts.
    pub(super) fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let too_deep = || Error::TooLarge { what: "the nesting of subcharts", limit: MAX_NESTING };
        self.nesting = self.nesting.checked_sub(1).ok_or_else(too_deep)?;
        let result = inside(self);
        self.nesting += 1;
        result
    }
}

/// Refuses what is no gzip with a hint at what it might be. Helm: `EnsureArchive`.
pub(super) fn ensure(path: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(b"\x1f\x8b\x08") {
        return Ok(());
    }
    let reason = if [".yml", ".yaml"].iter().any(|extension| path.ends_with(extension)) {
        "seems to be a YAML file, but expected a gzipped archive"
    } else {
        "does not appear to be a gzipped archive"
    };
    Err(Error::NoArchive { path: path.to_owned(), reason: reason.to_owned() })
}

/// Unpacks the files of a package. Helm: `LoadArchiveFiles`.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<Vec<File>, Error> {
    // Headers cost too: twice the bytes of files bounds what is decompressed at all.
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(2 * MAX_SIZE));
    let mut files = Vec::new();
    let broken = |error: std::io::Error| Error::Archive(error.to_string());
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if matches!(entry.header().entry_type(), EntryType::Directory | EntryType::XGlobalHeader | EntryType::XHeader) {
            // They cost time all the same.
            budget.spend(0)?;
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(name) = name_in_chart(&path)? else { continue };
        let mut data = Vec::new();
        let limit = budget.bytes.saturating_add(1);
        if entry.size() > budget.bytes {
            budget.spend(usize::try_from(entry.size()).unwrap_or(usize::MAX))?;
        }
        entry.take(limit).read_to_end(&mut data).map_err(broken)?;
        budget.spend(data.len())?;
        files.push(File::new(name, without_bom(&data)));
    }
    if files.is_empty() {
        return Err(Error::Archive("no files in chart archive".to_owned()));
    }
    Ok(files)
}

/// The path of an entry in its chart: without the first directory, which is the chart's own. `None` for a directory.
fn name_in_chart(path: &str) -> Result<Option<String>, Error> {
    if path.ends_with('/') {
        return Ok(None);
    }
    let delimiter = if path.contains('\\') { '\\' } else { '/' };
    let refuse = |text: &str| Err(Error::Archive(format!("{text}: {path:?}")));
    let (first, rest) = path.split_once(delimiter).unwrap_or((path, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return refuse("chart illegally contains absolute paths");
    }
    let name = clean(&rest);
    if name == "." {
        return refuse("chart illegally contains content outside the base directory");
    }
    if name.starts_with("..") {
        return refuse("chart illegally references parent directory");
    }
    let mut chars = name.chars();
    if chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.as_str().starts_with(":/") {
        return refuse("chart contains illegally named files");
    }
    if first == "Chart.yaml" {
        return refuse("chart yaml not in base directory");
    }
    Ok(Some(name))
}
