//! The objects of a build, in order.
//!
//! kustomize: api/resmap/reswrangler.go.

use std::collections::BTreeSet;

use crate::Error;
use crate::generator::{self, Behavior};
use crate::id::ResId;
use crate::resource::{Origin, Resource, behavior_name};
use crate::selector::Selector;

/// Objects in the order in which they were read; no two of one current id.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    pub list: Vec<Resource>,
}

fn taken(id: &ResId) -> Error {
    Error::new(format!("may not add resource with an already registered id: {id}"))
}

impl ResMap {
    /// A set of the objects.
    ///
    /// # Errors
    /// Two of them have one id.
    pub(crate) fn of(list: Vec<Resource>) -> Result<Self, Error> {
        let mut map = Self::default();
        map.append_all(list)?;
        Ok(map)
    }

    /// Adds an object.
    ///
    /// # Errors
    /// Its id is taken.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), Error> {
        let id = resource.current_id();
        if self.list.iter().any(|known| known.current_id().is(&id)) {
            return Err(taken(&id));
        }
        self.list.push(resource);
        Ok(())
    }

    /// Adds objects.
    ///
    /// # Errors
    /// An id is taken.
    pub(crate) fn append_all(&mut self, list: Vec<Resource>) -> Result<(), Error> {
        let mut known: BTreeSet<_> = self.list.iter().map(|resource| resource.current_id().key()).collect();
        for resource in list {
            let id = resource.current_id();
            if !known.insert(id.key()) {
                return Err(taken(&id));
            }
            self.list.push(resource);
        }
        Ok(())
    }

    /// Adds what a generator made: new objects, or objects that replace or merge with known ones as their behaviour says.
    /// Go: `AbsorbAll`.
    ///
    /// # Errors
    /// The behaviour does not fit what is there.
    pub(crate) fn absorb_all(&mut self, other: Self) -> Result<(), Error> {
        other.list.into_iter().try_for_each(|resource| self.absorb(resource))
    }

    fn absorb(&mut self, mut resource: Resource) -> Result<(), Error> {
        let id = resource.current_id();
        let matches = self.positions_called(&id);
        let behavior = resource.behavior();
        let [position] = matches[..] else {
            if !matches.is_empty() {
                return Err(Error::new(format!("found {} objects that could accept the merge of {id}", matches.len())));
            }
            return match behavior {
                Behavior::Merge | Behavior::Replace => {
                    Err(Error::new(format!("id {id} does not exist; cannot {}", behavior_name(behavior))))
                }
                Behavior::Create => self.append(resource),
            };
        };
        let old = &self.list[position];
        match behavior {
            Behavior::Replace => resource.take_metadata(old)?,
            Behavior::Merge => {
                let origin = old.origin()?;
                resource.take_metadata(old)?;
                generator::merge_data(&mut resource.node, &old.node)?;
                if origin.is_some() {
                    resource.set_origin(origin.as_ref())?;
                }
            }
            Behavior::Create => {
                let name = behavior_name(behavior);
                let message =
                    format!("id {id} exists; can not use behavior: '{name}', behavior must be merge or replace");
                return Err(Error::new(message));
            }
        }
        let id = resource.current_id();
        let same: Vec<usize> = self.positions(|known| known.current_id().is(&id));
        if same != [position] {
            return Err(Error::new(format!("cannot replace the resource {id}: {} of that id exist", same.len())));
        }
        self.list[position] = resource;
        Ok(())
    }

    fn positions(&self, matches: impl Fn(&Resource) -> bool) -> Vec<usize> {
        (0..self.list.len()).filter(|at| matches(&self.list[*at])).collect()
    }

    /// The objects of which any id, former ones included, matches. Go: `GetMatchingResourcesByAnyId`.
    pub(crate) fn positions_by_any_id(&self, matches: impl Fn(&ResId) -> bool) -> Vec<usize> {
        self.positions(|resource| !resource.is_gone() && resource.all_ids().iter().any(&matches))
    }

    /// The objects that are or were called `id`. Every patch asks for its object, so names are compared first, and ids made
    /// only of what has the name.
    fn positions_called(&self, id: &ResId) -> Vec<usize> {
        let is_called = |resource: &Resource| resource.all_ids().iter().any(|known| known.is(id));
        self.positions(|resource| !resource.is_gone() && resource.has_name(&id.name) && is_called(resource))
    }

    /// The only object that is or was called `id`. Go: `GetById`.
    ///
    /// # Errors
    /// There is none, or several.
    pub(crate) fn position_of(&self, id: &ResId) -> Result<usize, Error> {
        match self.positions_called(id)[..] {
            [position] => Ok(position),
            [] => Err(Error::new(format!("no matches for Id {id}; failed to find unique target for patch {id}"))),
            _ => Err(Error::new(format!("multiple matches for Id {id}; failed to find unique target for patch {id}"))),
        }
    }

    /// The objects that a selector selects. Go: `Select`.
    ///
    /// # Errors
    /// The selector is malformed.
    pub(crate) fn select(&self, selector: &Selector) -> Result<Vec<usize>, Error> {
        let matcher = selector.compile()?;
        Ok(self.positions(|resource| matcher.selects(resource)))
    }

    /// Applies a strategic merge patch to the objects at `selected`. Go: `ApplySmPatch`.
    ///
    /// # Errors
    /// The patch cannot be applied, or makes two ids equal.
    pub(crate) fn apply_merge_patch(&mut self, selected: &[usize], patch: &Resource) -> Result<(), Error> {
        let ids: BTreeSet<_> = selected.iter().map(|at| self.list[*at].current_id().key()).collect();
        let list = std::mem::take(&mut self.list);
        let mut kept = Vec::with_capacity(list.len());
        for mut resource in list {
            if ids.contains(&resource.current_id().key()) {
                let mut copy = patch.clone();
                copy.take_metadata(patch)?;
                copy.set_api_version(&resource.api_version())?;
                copy.set_kind(&patch.kind())?;
                resource.apply_merge_patch(&mut copy)?;
            }
            if !resource.is_gone() {
                kept.push(resource);
            }
        }
        self.append_all(kept)
    }

    /// Drops what patches have deleted.
    pub(crate) fn drop_gone(&mut self) {
        self.list.retain(|resource| !resource.is_gone());
    }

    /// Marks what has no origin yet. Go: `AddOriginAnnotation`.
    ///
    /// # Errors
    /// The annotation cannot be written.
    pub(crate) fn add_origin(&mut self, origin: Option<&Origin>) -> Result<(), Error> {
        let Some(origin) = origin else { return Ok(()) };
        for resource in &mut self.list {
            // An annotation that cannot be read counts as one.
            if resource.origin().is_ok_and(|known| known.is_none()) {
                resource.set_origin(Some(origin))?;
            }
        }
        Ok(())
    }

    /// Notes a transformer at every object; at one without origin as its origin. Go: `AddTransformerAnnotation`.
    ///
    /// # Errors
    /// An annotation cannot be read.
    pub(crate) fn add_transformation(&mut self, origin: &Origin) -> Result<(), Error> {
        for resource in &mut self.list {
            if resource.origin()?.is_none() {
                resource.set_origin(Some(origin))?;
            } else {
                resource.add_transformation(origin)?;
            }
        }
        Ok(())
    }
}
