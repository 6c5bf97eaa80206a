//! Renders what is rendered in the cluster. Called by [`values`](crate::values).
//!
//! The program renders in a process of its own, which is the program again: whatever a chart does to it (a panic, which aborts; a
//! stack that is used up; memory), it is the end of that render, and what it took of memory is given back. Sources and values go
//! through pipes alone.
//!
//! Invariant: of a process that ended in another way than it should nothing is told, as a panic may quote a value.

use fleet_api::wire::Deployment;
use fleet_api::{Digest, Note, Reason};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skiff_render::{ClusterFacts, InCluster, Values, from_sources, packed};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The one argument of a process that renders.
pub const ARGUMENT: &str = "render-from-stdin";

/// Where is rendered.
#[derive(Clone, Debug, Default)]
pub enum Renderer {
    /// In this process, which has to unwind.
    #[default]
    Here,
    /// In a process of this program, which [`serve`]s where its argument is [`ARGUMENT`].
    Apart(PathBuf),
}

/// What is rendered.
#[derive(Clone)]
pub struct Job {
    /// Digest of the document.
    pub source: Digest,
    /// A Deployment with sources.
    pub document: Vec<u8>,
    /// Its files, packed.
    pub files: Vec<u8>,
    /// Facts of the cluster.
    pub cluster: Arc<ClusterFacts>,
    /// Each laid over the one before.
    pub values: Arc<Vec<Values>>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The Deployment.
    pub document: Vec<u8>,
    /// Its objects.
    pub objects: Vec<Vec<u8>>,
}

/// Why nothing came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Unrendered {
    /// It does not render, and will not another time.
    Failed(Note),
    /// It may another time.
    Later(String),
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Renderer {
    /// That of a program whose `main` [`serve`]s.
    pub fn of_this_program() -> Self {
        let path = Path::new("/proc/self/exe");
        // The same program even where another was put in its place meanwhile.
        let program = if path.exists() { Ok(path.to_owned()) } else { std::env::current_exe() };
        program.map_or(Self::Here, Self::Apart)
    }

    /// Renders; it may take a while.
    ///
    /// # Errors
    /// Nothing of the values stands in them.
    pub fn render(&self, job: &Job) -> Result<Rendered, Unrendered> {
        match self {
            Self::Here => here(job).map_err(Unrendered::Failed),
            Self::Apart(program) => apart(program, job),
        }
    }
}

/// What is told of a render that panicked: not what the panic says, as it may quote a value.
pub fn panicked(source: Digest) -> Note {
    Note::new(Reason::Internal, format!("rendering deployment {source} in the cluster panicked"))
}

fn here(job: &Job) -> Result<Rendered, Note> {
    let internal = |what: String| Note::new(Reason::Internal, what);
    let document: Deployment = serde_json::from_slice(&job.document).map_err(|error| internal(error.to_string()))?;
    let files = packed::unpack(&job.files).map_err(|error| internal(error.to_string()))?;
    let with = InCluster { files: &files, cluster: &job.cluster, values: &job.values };
    let made = catch_unwind(AssertUnwindSafe(|| from_sources(&document, job.source, with)));
    let (deployment, objects) = made.unwrap_or_else(|_| Err(panicked(job.source)))?;
    let document = serde_json::to_vec(&deployment).map_err(|error| internal(error.to_string()))?;
    Ok(Rendered { document, objects: objects.into_iter().map(|(_, bytes)| bytes).collect() })
}

fn apart(program: &Path, job: &Job) -> Result<Rendered, Unrendered> {
    let later =
        |what: &str, error: std::io::Error| Unrendered::Later(format!("the process that renders {what}: {error}"));
    let head = Head {
        source: job.source,
        kubernetes_version: job.cluster.kubernetes_version.clone(),
        api_versions: job.cluster.api_versions.clone(),
        values: job.values.iter().map(|values| values.as_map().clone()).collect(),
    };
    let head = serde_json::to_vec(&head)
        .map_err(|_| Unrendered::Failed(Note::new(Reason::Internal, "the values have no JSON")))?;
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| later("cannot be started", error))?;
    if let Some(mut input) = child.stdin.take() {
        // Where it has ended already, its end says why.
        drop(
            [head.as_slice(), &job.document, &job.files].into_iter().try_for_each(|part| write_part(&mut input, part)),
        );
    }
    let output = child.wait_with_output().map_err(|error| later("cannot be waited for", error))?;
    if is_killed(output.status) {
        return Err(Unrendered::Later("the process that renders was killed, perhaps for want of memory".to_owned()));
    }
    let parts = Some(output.stdout.as_slice()).filter(|_| output.status.success()).and_then(parts);
    match parts.as_deref() {
        Some([b"", document, objects @ ..]) => Ok(Rendered {
            document: document.to_vec(),
            objects: objects.iter().map(|object| object.to_vec()).collect(),
        }),
        Some([note]) => Err(Unrendered::Failed(serde_json::from_slice(note).unwrap_or_else(|_| panicked(job.source)))),
        _ => Err(Unrendered::Failed(panicked(job.source))),
    }
}

/// What a process does that was started to render.
///
/// # Errors
/// It cannot read, or not write, or what it reads is no job.
pub fn serve(mut input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let job = parts(&bytes).as_deref().and_then(job).ok_or_else(|| std::io::Error::other("this is no job"))?;
    drop(bytes);
    match here(&job) {
        Ok(Rendered { document, objects }) => {
            write_part(&mut output, b"")?;
            write_part(&mut output, &document)?;
            objects.iter().try_for_each(|object| write_part(&mut output, object))?;
        }
        Err(note) => write_part(&mut output, &serde_json::to_vec(&note)?)?,
    }
    output.flush()
}

#[derive(Serialize, Deserialize)]
struct Head {
    source: Digest,
    kubernetes_version: String,
    api_versions: Vec<String>,
    values: Vec<Map<String, Value>>,
}

fn job(parts: &[&[u8]]) -> Option<Job> {
    let [head, document, files] = parts else { return None };
    let mut head = serde_json::Deserializer::from_slice(head);
    // Values were read already; one that nests too deep for this process is its end alone.
    head.disable_recursion_limit();
    let Head { source, kubernetes_version, api_versions, values } = Head::deserialize(&mut head).ok()?;
    Some(Job {
        source,
        document: document.to_vec(),
        files: files.to_vec(),
        cluster: Arc::new(ClusterFacts { kubernetes_version, api_versions, ..ClusterFacts::default() }),
        values: Arc::new(values.into_iter().map(Values::from_json).collect()),
    })
}

fn write_part(to: &mut impl Write, part: &[u8]) -> std::io::Result<()> {
    to.write_all(&(part.len() as u64).to_le_bytes())?;
    to.write_all(part)
}

/// What was written part by part, if it is whole.
fn parts(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        parts.push(part);
        bytes = rest;
    }
    bytes.is_empty().then_some(parts)
}

#[cfg(unix)]
fn is_killed(status: std::process::ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGKILL)
}

#[cfg(not(unix))]
fn is_killed(_: std::process::ExitStatus) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde_json does so where it is asked to (`float_roundtrip`).
    #[test]
    fn every_float_comes_through_as_it_is() {
        let mut bits: u64 = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let float = f64::from_bits(bits);
            if float.is_finite() {
                let sent = serde_json::to_vec(&Value::from(float)).unwrap();
                let value: Value = serde_json::from_slice(&sent).unwrap();
                assert_eq!(value.as_f64().map(f64::to_bits), Some(bits), "{float:e}");
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        let mut bytes = Vec::new();
        [b"one".as_slice(), b"", b"three"].into_iter().for_each(|part| write_part(&mut bytes, part).unwrap());
        assert_eq!(parts(&bytes).unwrap(), [b"one".as_slice(), b"", b"three"]);
        for end in 1..bytes.len() {
            assert!(parts(&bytes[..end]).is_none_or(|parts| parts.len() < 3), "{end}");
        }
    }
}
