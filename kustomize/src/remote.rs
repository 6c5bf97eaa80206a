//! Which paths kustomize takes for something on another machine.
//!
//! kustomize: api/internal/git/repospec.go (`NewRepoSpecFromURL`), `IsRemoteFile` in api/internal/loader/fileloader.go.

const SCHEMES: [&str; 4] = ["ssh://", "https://", "http://", "file://"];

/// Whether a path is the address of a repository.
pub(crate) fn is_repository(path: &str) -> bool {
    if path.starts_with('/') {
        return false;
    }
    let path = path.split_once('?').map_or(path, |(before, _)| before);
    let Some((host, rest)) = host(path) else { return false };
    let Some((repository, directory)) = parts(rest, host == "file://") else { return false };
    !repository.is_empty() && !leaves(directory)
}

/// Whether a path is the address of a file.
pub(crate) fn is_file(path: &str) -> bool {
    after_prefix(path, "http://").or_else(|| after_prefix(path, "https://")).is_some()
}

fn after_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn host(path: &str) -> Option<(&str, &str)> {
    let path = after_prefix(path, "git::").unwrap_or(path);
    let scheme = SCHEMES.into_iter().find(|scheme| after_prefix(path, scheme).is_some());
    let path = scheme.map_or(path, |scheme| &path[scheme.len()..]);
    let (user, rest) = user(path);
    let github = after_prefix(rest, "github.com/").or_else(|| after_prefix(rest, "github.com:")).is_some();
    let scp = scheme.is_none() && (user || github);
    if scheme.is_none() && !scp {
        return None;
    }
    if scheme == Some("file://") {
        return Some(("file://", rest));
    }
    let slash = rest.find('/');
    let end = match (scp.then(|| rest.find(':')).flatten(), slash) {
        (Some(colon), None) => Some(colon),
        (Some(colon), Some(slash)) if colon > 0 && colon < slash => Some(colon),
        (_, slash) => slash,
    };
    let (host, rest) = end.map_or((rest, ""), |end| rest.split_at(end + 1));
    (github || !host.is_empty()).then_some((host, rest))
}

/// Whether a path begins with `name@`, and what follows.
fn user(path: &str) -> (bool, &str) {
    match path.split_once('@') {
        Some((name, rest))
            if name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
        {
            (true, rest)
        }
        _ => (false, path),
    }
}

/// The path of the repository, and of the directory in it.
fn parts(path: &str, whole: bool) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let start = at + "_git/".len();
        let end = path[start..].find('/').map_or(path.len(), |length| start + length);
        return Some((&path[..end], path[end..].trim_start_matches('/')));
    }
    if let Some((repository, directory)) = path.split_once("//") {
        return Some((repository, directory));
    }
    if let Some(at) = path.find(".git") {
        return Some(path.split_at(at + ".git".len()));
    }
    if whole {
        return Some((path, ""));
    }
    let first = path.find('/')?;
    let end = path[first + 1..].find('/').map_or(path.len(), |length| first + 1 + length);
    Some((&path[..end], path[end..].trim_start_matches('/')))
}

/// Whether a directory lies outside of its repository.
fn leaves(directory: &str) -> bool {
    let mut depth = 0_i32;
    for part in directory.trim_start_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for path in [
            "https://github.com/org/repo",
            "https://github.com/org/repo//dir?ref=v1",
            "github.com/org/repo/dir",
            "git@github.com:org/repo.git",
            "git::https://example.com/repo.git",
            "ssh://git@example.com/org/repo",
            "https://example.com/org/_git/repo/dir",
            "file:///srv/repo",
        ] {
            assert!(is_repository(path), "{path}");
        }
        for path in
            ["base", "../base", "/abs/base", "github.com", "example.com/org/repo", "./github.com/org/repo", "a@b"]
        {
            assert!(!is_repository(path), "{path}");
        }
        assert!(is_file("HTTPS://example.com/x.yaml") && !is_file("x.yaml"));
    }
}
