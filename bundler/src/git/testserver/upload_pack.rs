//! `git-upload-pack` as functions from request bytes to answer bytes.

use std::path::Path;

use git2::Repository;

use super::Options;
use crate::git::local::advertise;
use crate::git::object::ObjectId;
use crate::git::pack::{self, Selection};
use crate::git::pktline::{put, put_delimiter, put_flush};
use crate::git::protocol::{AdvertisedRef, FetchRequest};

/// A packet of a request: `Some` line, or `None` for flush and delimiter.
type Line = Option<String>;

/// Splits a request into packets; `None` while it is not complete.
pub(super) fn lines(mut body: &[u8]) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    while !body.is_empty() {
        let length = usize::from_str_radix(std::str::from_utf8(body.get(..4)?).ok()?, 16).ok()?;
        if length < 4 {
            lines.push(None);
            body = &body[4..];
        } else {
            lines.push(Some(String::from_utf8_lossy(body.get(4..length)?).trim_end().to_owned()));
            body = &body[length..];
        }
    }
    Some(lines)
}

/// What the server says first.
pub(super) fn greeting(folder: &Path, version_2: bool, options: &Options) -> Result<Vec<u8>, git2::Error> {
    let mut out = Vec::new();
    if version_2 {
        put(&mut out, "version 2\n");
        put(&mut out, "agent=test/1\n");
        put(&mut out, "ls-refs=unborn\n");
        put(&mut out, if options.no_filter { "fetch=shallow\n" } else { "fetch=shallow filter\n" });
        put(&mut out, "object-format=sha1\n");
        put_flush(&mut out);
        return Ok(out);
    }
    let filter = if options.no_filter { "" } else { " filter" };
    let capabilities =
        format!("multi_ack_detailed side-band-64k thin-pack ofs-delta shallow no-progress agent=test/1{filter}");
    let references = advertise(&Repository::open(folder)?, &["HEAD".to_owned(), "refs/".to_owned()])?;
    if references.is_empty() {
        put(&mut out, format!("{} capabilities^{{}}\0{capabilities}\n", "0".repeat(40)));
    }
    for (at, reference) in references.iter().enumerate() {
        let tail = if at == 0 { format!("\0{capabilities}") } else { String::new() };
        put(&mut out, format!("{} {}{tail}\n", reference.id, reference.name));
        if let Some(peeled) = reference.peeled {
            put(&mut out, format!("{peeled} {}^{{}}\n", reference.name));
        }
    }
    put_flush(&mut out);
    Ok(out)
}

/// Answers one complete request.
pub(super) fn answer(folder: &Path, request: &[Line], version_2: bool, options: &Options) -> Vec<u8> {
    let answered = Repository::open(folder).and_then(|repository| match (version_2, request.first()) {
        (true, Some(Some(command))) if command == "command=ls-refs" => ls_refs(&repository, request),
        _ => fetch(&repository, request, version_2, options),
    });
    answered.unwrap_or_else(|error| {
        let mut out = Vec::new();
        put(&mut out, format!("ERR {}\n", error.message()));
        out
    })
}

fn ls_refs(repository: &Repository, request: &[Line]) -> Result<Vec<u8>, git2::Error> {
    let prefixes: Vec<String> =
        request.iter().flatten().filter_map(|line| line.strip_prefix("ref-prefix ")).map(str::to_owned).collect();
    let mut out = Vec::new();
    for AdvertisedRef { name, id, peeled } in advertise(repository, &prefixes)? {
        let peeled = peeled.map(|id| format!(" peeled:{id}")).unwrap_or_default();
        put(&mut out, format!("{id} {name}{peeled}\n"));
    }
    put_flush(&mut out);
    Ok(out)
}

fn fetch(
    repository: &Repository,
    request: &[Line],
    version_2: bool,
    options: &Options,
) -> Result<Vec<u8>, git2::Error> {
    let ids = |word: &str| -> Vec<ObjectId> {
        let lines = request.iter().flatten().filter_map(|line| line.strip_prefix(word));
        lines.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
    };
    let request = FetchRequest {
        wants: ids("want "),
        haves: ids("have "),
        shallow: ids("shallow "),
        depth: request.iter().flatten().find_map(|line| line.strip_prefix("deepen ")?.parse().ok()),
        commits_only: request.iter().flatten().any(|line| line == "filter tree:0"),
    };
    let advertised: Vec<ObjectId> =
        advertise(repository, &["refs/".to_owned()])?.into_iter().map(|reference| reference.id).collect();
    for want in &request.wants {
        let allowed = version_2 || advertised.contains(want);
        if !allowed || repository.find_object(want.oid(), None).is_err() {
            return Err(git2::Error::from_str(&format!("upload-pack: not our ref {want}")));
        }
    }
    let selection = pack::select(repository, &request)?;
    let mut data = Vec::new();
    pack::build(repository, &selection)?.foreach(|piece| {
        data.extend_from_slice(piece);
        true
    })?;
    if options.break_off {
        data.truncate(data.len() / 2);
    }
    let known = request.haves.iter().find(|have| repository.find_commit(have.oid()).is_ok());
    Ok(frame(&selection, &data, version_2, request.depth.is_some(), known, options))
}

fn frame(
    selection: &Selection,
    data: &[u8],
    version_2: bool,
    deepened: bool,
    known: Option<&ObjectId>,
    options: &Options,
) -> Vec<u8> {
    let mut out = Vec::new();
    if deepened {
        if version_2 {
            put(&mut out, "shallow-info\n");
        }
        for id in selection.shallow.iter().map(|id| ObjectId::from(*id)) {
            put(&mut out, format!("shallow {id}\n"));
        }
        for id in selection.unshallow.iter().map(|id| ObjectId::from(*id)) {
            put(&mut out, format!("unshallow {id}\n"));
        }
        if version_2 { put_delimiter(&mut out) } else { put_flush(&mut out) }
    }
    match (version_2, known) {
        (true, _) => put(&mut out, "packfile\n"),
        (false, Some(id)) => {
            put(&mut out, format!("ACK {id} common\n"));
            put(&mut out, format!("ACK {id}\n"));
        }
        (false, None) => put(&mut out, "NAK\n"),
    }
    put(&mut out, b"\x02counting\n");
    for piece in data.chunks(60_000) {
        put(&mut out, [b"\x01", piece].concat());
    }
    if !options.break_off {
        put_flush(&mut out);
    }
    out
}
