//! What an API server serves, as Helm's `.Capabilities.APIVersions` names it.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `group/version` and `group/version/Kind`, sorted: `apps/v1`, `apps/v1/Deployment`, `v1`, `v1/Pod`.
///
/// Cheap to clone and to compare: a hub has thousands of clusters and a handful of lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct ApiVersions(Arc<Served>);

#[derive(Debug, PartialEq, Eq)]
struct Served {
    digest: Digest,
    list: Vec<String>,
}

impl ApiVersions {
    /// The list.
    pub fn list(&self) -> &[String] {
        &self.0.list
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.list.is_empty()
    }

    /// What stands for the list where only equality counts.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Whether this list is held nowhere else.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Default for ApiVersions {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<String>> for ApiVersions {
    fn from(mut list: Vec<String>) -> Self {
        list.sort_unstable();
        list.dedup();
        // A kind has no line feed, and one in a lie only makes another list.
        let digest = Digest::of(list.join("\n").as_bytes());
        Self(Arc::new(Served { digest, list }))
    }
}

impl From<ApiVersions> for Vec<String> {
    fn from(versions: ApiVersions) -> Self {
        versions.list().to_vec()
    }
}
