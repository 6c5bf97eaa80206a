//! Packages: names that lead out, links, bombs, and bytes that are no package.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::case::{CHART, Case, Want};

/// One entry: its path as it stands in the package, what it is, its bytes.
type Entry<'e> = (&'e str, EntryType, &'e [u8]);

fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    // Names are written as they are: the library would refuse those that this is about.
    let name = &mut header.as_old_mut().name;
    let length = path.len().min(name.len());
    name[..length].copy_from_slice(&path.as_bytes()[..length]);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, bytes) in entries {
        builder.append(&header(path, *kind, bytes.len() as u64), *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A package with a chart and more.
fn package(more: &[Entry<'_>]) -> Vec<u8> {
    let mut entries = vec![("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())];
    entries.extend_from_slice(more);
    gzip(&tar(&entries))
}

/// A package whose last entry has `size` zeroes, written as they are compressed.
fn zeroes(path: &str, size: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let head = tar(&[("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())]);
    encoder.write_all(&head[..head.len() - 1024]).unwrap();
    encoder.write_all(header(path, EntryType::Regular, size).as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(size), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

const SIZE: &str = "the decompressed chart is larger than the maximum of 104857600";

fn names() -> Vec<Case> {
    [
        ("web/../../x", "illegally references parent directory"),
        ("web/a/../../../x", "illegally references parent directory"),
        ("web/..", "illegally"),
        ("web//etc/passwd", "illegally contains absolute paths"),
        ("web/.", "illegally contains content outside the base directory"),
        ("web/C:/x", "illegally named files"),
        ("web\\..\\..\\x", "illegally references parent directory"),
        ("Chart.yaml", "illegally"),
        ("x", "illegally contains content outside the base directory"),
    ]
    .into_iter()
    .map(|(path, said)| {
        Case::package(&format!("a package with {path}"), package(&[(path, EntryType::Regular, b"x")]), &[said])
    })
    .collect()
}

fn broken() -> Vec<Case> {
    let whole = package(&[("web/values.yaml", EntryType::Regular, b"a: b\n")]);
    let mut cases: Vec<Case> = (0..whole.len())
        .step_by(whole.len() / 20)
        .map(|length| {
            // As in Helm, what follows the end of the files is not read.
            let case = Case::package(&format!("a package cut at {length}"), whole[..length].to_vec(), &[]);
            case.wanting(Want::Any(vec![String::new()]))
        })
        .collect();
    let mut sum_of_tar = tar(&[("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())]);
    sum_of_tar[148] ^= 0x7;
    let mut size = tar(&[("web/Chart.yaml", EntryType::Regular, CHART.as_bytes())]);
    size[124..136].copy_from_slice(b"zzzzzzzzzzzz");
    cases.extend([
        Case::package("a package with a bad header", gzip(&sum_of_tar), &[""]),
        Case::package("a package with a bad size", gzip(&size), &[""]),
        Case::package("an empty package", gzip(&[]), &["no files in chart archive"]),
        Case::package("a package of zeroes", gzip(&[0; 4096]), &["no files in chart archive"]),
        Case::package("a package of text", gzip(b"just words\n"), &[""]),
        Case::package(
            "a package that is YAML",
            b"a: b\n".to_vec(),
            &["web.tgz", "does not appear to be a gzipped archive"],
        ),
        Case::package("a package that is a zip", b"PK\x03\x04".to_vec(), &["web.tgz", "gzipped archive"]),
        Case::package("nothing", Vec::new(), &["web.tgz", "gzipped archive"]),
        Case::package(
            "a package without a chart",
            gzip(&tar(&[("web/a", EntryType::Regular, b"x")])),
            &["Chart.yaml file is missing"],
        ),
    ]);
    cases
}

/// Links in packages are no files: they hold nothing, and lead nowhere.
fn links() -> Vec<Case> {
    [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::Block]
        .into_iter()
        .map(|kind| {
            let bytes = package(&[("web/values.yaml", EntryType::Regular, b"["), ("web/templates/b.yaml", kind, b"")]);
            Case::package(&format!("a package with a {kind:?}"), bytes, &["values.yaml"])
        })
        .collect()
}

fn bombs() -> Vec<Case> {
    let nested =
        (0..40).fold(package(&[]), |inside, _| package(&[("web/charts/web.tgz", EntryType::Regular, &inside)]));
    let bomb = zeroes("web/a", 150 << 20);
    let twice = gzip(&gzip(&vec![0; 8 << 20]));
    let many: Vec<String> = (0..100_001).map(|n| format!("web/{n}")).collect();
    let many: Vec<Entry<'_>> = many.iter().map(|path| (path.as_str(), EntryType::Regular, &b""[..])).collect();
    let directories: Vec<Entry<'_>> = vec![("web/d/", EntryType::Directory, b""); 100_001];
    let mut huge = tar(&[]);
    huge.splice(..0, header("web/a", EntryType::Regular, 1 << 40).as_bytes().iter().copied());
    vec![
        Case::package("packages in packages", nested, &["the nesting of subcharts is larger than the maximum of 32"]),
        Case::package("a bomb in a package", package(&[("web/charts/b.tgz", EntryType::Regular, &bomb)]), &[SIZE]),
        Case::package("a bomb", bomb, &[SIZE]),
        Case::package("a package twice", twice, &[""]),
        Case::package("a size of a terabyte", gzip(&huge), &[SIZE]),
        Case::package(
            "many files",
            package(&many),
            &["the number of files of a chart is larger than the maximum of 100000"],
        ),
        Case::package(
            "many directories",
            package(&directories),
            &["the number of files of a chart is larger than the maximum of 100000"],
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [names(), broken(), links(), bombs()].into_iter().flatten().collect()
}
