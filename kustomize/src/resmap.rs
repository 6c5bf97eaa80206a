//! The objects of a build, in order.
//!
//! kustomize: api/resmap/reswrangler.go.

mod index;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Error;
use crate::generator::{self, Behavior};
use crate::id::ResId;
use crate::resource::{Origin, Resource, behavior_name};
use crate::selector::Selector;
use index::Index;

/// Objects in the order in which they were read; no two of one current id.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    list: Vec<Resource>,
    /// Made when somebody asks, kept while objects change one by one ([`ResMap::change`]).
    index: Option<Index>,
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

    /// The objects, in order.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.list
    }

    /// All objects, to change any of them. For a few of them, [`ResMap::change`] costs less.
    pub(crate) fn resources_mut(&mut self) -> &mut [Resource] {
        self.index = None;
        &mut self.list
    }

    /// The objects, out of the set.
    pub(crate) fn take(&mut self) -> Vec<Resource> {
        self.index = None;
        std::mem::take(&mut self.list)
    }

    /// Puts the objects into another order: `order` names the present place of each. None is copied.
    ///
    /// # Errors
    /// Two of them have one id.
    pub(crate) fn reorder(&mut self, order: &[usize]) -> Result<(), Error> {
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, at)| places[*at] = place);
        for at in 0..places.len() {
            while places[at] != at {
                let place = places[at];
                self.list.swap(at, place);
                places.swap(at, place);
            }
        }
        self.index = None;
        match self.first_repeated() {
            Some(resource) => Err(resource.locate(taken(&resource.current_id()).about_field("metadata.name"))),
            None => Ok(()),
        }
    }

    /// The first object of whose id there is another, without an index of all: the sums of the ids take little memory.
    fn first_repeated(&self) -> Option<&Resource> {
        let sum = |resource: &Resource| {
            let mut hasher = DefaultHasher::new();
            resource.current_id().key().hash(&mut hasher);
            hasher.finish()
        };
        let mut sums: Vec<u64> = self.list.iter().map(sum).collect();
        sums.sort_unstable();
        if sums.windows(2).all(|pair| pair[0] != pair[1]) {
            return None;
        }
        let index = Index::of(&self.list);
        self.list.iter().find(|resource| index.count(&resource.current_id().key()) > 1)
    }

    /// Drops what `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Resource) -> bool) {
        // Most patches delete nothing, and then the index stays.
        if !self.list.iter().all(&keep) {
            self.index = None;
            self.list.retain(keep);
        }
    }

    /// Changes one object.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn change<T>(
        &mut self,
        at: usize,
        work: impl FnOnce(&mut Resource) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let resource = &mut self.list[at];
        if let Some(index) = &mut self.index {
            index.remove(at, resource);
        }
        let result = work(resource);
        if let Some(index) = &mut self.index {
            index.add(at, resource);
        }
        result
    }

    fn index(&mut self) -> &mut Index {
        self.index.get_or_insert_with(|| Index::of(&self.list))
    }

    /// Adds an object.
    ///
    /// # Errors
    /// Its id is taken.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), Error> {
        let id = resource.current_id();
        let key = id.key();
        let index = self.index();
        if index.count(&key) > 0 {
            return Err(resource.locate(taken(&id).about_field("metadata.name")));
        }
        index.push(key);
        self.list.push(resource);
        Ok(())
    }

    /// Adds objects.
    ///
    /// # Errors
    /// An id is taken.
    pub(crate) fn append_all(&mut self, list: Vec<Resource>) -> Result<(), Error> {
        list.into_iter().try_for_each(|resource| self.append(resource))
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
        let old_id = old.current_id();
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
        let same = self.index().count(&id.key());
        if same != 1 || !old_id.is(&id) {
            return Err(Error::new(format!("cannot replace the resource {id}: {same} of that id exist")));
        }
        self.change(position, |old| {
            *old = resource;
            Ok(())
        })
    }

    fn positions(&self, matches: impl Fn(&Resource) -> bool) -> Vec<usize> {
        (0..self.list.len()).filter(|at| matches(&self.list[*at])).collect()
    }

    /// The objects of which any id, former ones included, matches. Go: `GetMatchingResourcesByAnyId`.
    pub(crate) fn positions_by_any_id(&self, matches: impl Fn(&ResId) -> bool) -> Vec<usize> {
        self.positions(|resource| !resource.is_gone() && resource.all_ids().iter().any(&matches))
    }

    /// The objects that are or were called `id`.
    fn positions_called(&mut self, id: &ResId) -> Vec<usize> {
        let index = self.index.get_or_insert_with(|| Index::of(&self.list));
        let mut places = index.places_of(&id.name, &self.list);
        places.retain(|at| {
            let resource = &self.list[*at];
            !resource.is_gone() && resource.all_ids().iter().any(|known| known.is(id))
        });
        places
    }

    /// The only object that is or was called `id`. Go: `GetById`.
    ///
    /// # Errors
    /// There is none, or several.
    pub(crate) fn position_of(&mut self, id: &ResId) -> Result<usize, Error> {
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
        for at in self.of_same_id(selected) {
            self.change(at, |resource| {
                let mut copy = patch.clone();
                copy.take_metadata(patch)?;
                copy.set_api_version(&resource.api_version())?;
                copy.set_kind(&patch.kind())?;
                resource.apply_merge_patch(&mut copy)
            })?;
        }
        self.drop_gone();
        if self.index().is_unique() {
            return Ok(());
        }
        // To tell which one comes twice.
        let list = self.take();
        self.append_all(list)
    }

    /// The objects that have the current id of any of the given ones: only patches can have made two of one id.
    fn of_same_id(&mut self, selected: &[usize]) -> Vec<usize> {
        if self.index().is_unique() {
            return selected.to_vec();
        }
        let ids: BTreeSet<_> = selected.iter().map(|at| self.list[*at].current_id().key()).collect();
        self.positions(|resource| ids.contains(&resource.current_id().key()))
    }

    /// Drops what patches have deleted.
    pub(crate) fn drop_gone(&mut self) {
        self.retain(|resource| !resource.is_gone());
    }

    /// Marks what has no origin yet. Go: `AddOriginAnnotation`.
    ///
    /// # Errors
    /// The annotation cannot be written.
    pub(crate) fn add_origin(&mut self, origin: Option<&Origin>) -> Result<(), Error> {
        let Some(origin) = origin else { return Ok(()) };
        for resource in self.resources_mut() {
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
        for resource in self.resources_mut() {
            if resource.origin()?.is_none() {
                resource.set_origin(Some(origin))?;
            } else {
                resource.add_transformation(origin)?;
            }
        }
        Ok(())
    }
}
