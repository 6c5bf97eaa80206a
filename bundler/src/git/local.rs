//! Repositories on the hub's own disk (`file://`, behind a flag): read through libgit2, packed as a server would pack
//! them, so that a later change of the source cannot change what was fetched. Blocking.

use git2::{ErrorCode, Repository};

use super::error::Error;
use super::object::ObjectId;
use super::pack::{self, PackSink};
use super::protocol::{AdvertisedRef, FetchRequest};
use super::remote::Remote;
use super::store::Ancestry;

fn open(remote: &Remote) -> Result<Repository, Error> {
    Repository::open(remote.file_path()).map_err(|error| {
        let (remote, reason) = (remote.to_string(), error.message().to_owned());
        match error.code() {
            ErrorCode::NotFound => Error::RepositoryNotFound { remote, reason },
            ErrorCode::Owner => Error::AuthenticationFailed {
                remote,
                offered: "the hub's own user".to_owned(),
                reason: format!("{reason}; the repository must belong to the user that the hub runs as"),
            },
            _ => Error::Unreachable { remote, reason },
        }
    })
}

fn unreachable(remote: &Remote) -> impl Fn(git2::Error) -> Error {
    let remote = remote.to_string();
    move |error| Error::Unreachable { remote: remote.clone(), reason: error.message().to_owned() }
}

/// The references whose full names start with one of `prefixes`.
pub(super) fn references(remote: &Remote, prefixes: &[String]) -> Result<Vec<AdvertisedRef>, Error> {
    let repository = open(remote)?;
    advertise(&repository, prefixes).map_err(unreachable(remote))
}

/// The references of an open repository, sorted by name.
pub(super) fn advertise(repository: &Repository, prefixes: &[String]) -> Result<Vec<AdvertisedRef>, git2::Error> {
    let mut found = Vec::new();
    let head = repository.find_reference("HEAD").into_iter().map(Ok);
    for reference in head.chain(repository.references()?) {
        let reference = reference?;
        let Ok(name) = reference.name() else { continue };
        if !prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            continue;
        }
        let Some(id) = reference.resolve().ok().and_then(|direct| direct.target()) else { continue };
        let peeled = reference.peel_to_commit().ok().map(|commit| commit.id()).filter(|commit| *commit != id);
        found.push(AdvertisedRef { name: name.to_owned(), id: id.into(), peeled: peeled.map(ObjectId::from) });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Packs what is asked for into `sink`.
pub(super) fn fetch(remote: &Remote, request: &FetchRequest, mut sink: PackSink<'_>) -> Result<u64, Error> {
    let repository = open(remote)?;
    for want in &request.wants {
        if repository.find_object(want.oid(), None).is_err() {
            let reason = "the repository does not contain it".to_owned();
            return Err(Error::CommitRefused { remote: remote.to_string(), commit: *want, reason });
        }
    }
    let failed = unreachable(remote);
    let selection = pack::select(&repository, request).map_err(&failed)?;
    let mut refused = None;
    let packed = pack::build(&repository, &selection).map_err(&failed)?.foreach(|data| match sink.write(data) {
        Ok(()) => true,
        Err(error) => {
            refused = Some(error);
            false
        }
    });
    match refused {
        Some(error) => Err(error),
        None => packed.map_err(failed).and_then(|()| sink.finish()),
    }
}

/// How `new` relates to `old`, which may be gone from the repository.
pub(super) fn ancestry(remote: &Remote, old: ObjectId, new: ObjectId) -> Result<Ancestry, Error> {
    let repository = open(remote)?;
    if repository.find_commit(old.oid()).is_err() {
        return Ok(Ancestry::Rewritten);
    }
    let follows = |new: ObjectId, old: ObjectId| {
        repository.graph_descendant_of(new.oid(), old.oid()).map_err(unreachable(remote))
    };
    Ok(if follows(new, old)? {
        Ancestry::Descendant
    } else if follows(old, new)? {
        Ancestry::Rewound
    } else {
        Ancestry::Rewritten
    })
}
