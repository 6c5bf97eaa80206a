//! Nodes that are one node in kustomize.
//!
//! A label that kustomize adds at several places of an object (metadata, selector, template) is one value in its memory:
//! a later patch of one place changes all of them. kustomize: api/filters/filtersutil/setters.go (`SetEntry`, whose
//! node is appended without a copy).

use std::cell::Cell;
use std::rc::Rc;

use super::node::{Node, Value};

/// The writes to one value that stands at several places, counted.
#[derive(Clone, Debug, Default)]
pub struct Group(Rc<Cell<u32>>);

/// Whether a node is one of a group. A clone of a node is a node of its own, as in kyaml.
#[derive(Debug, Default)]
pub struct Membership(Option<Box<Member>>);

#[derive(Debug)]
struct Member {
    group: Group,
    /// The number of the last write through this place.
    written: u32,
}

impl Clone for Membership {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl PartialEq for Membership {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Membership {}

impl Membership {
    /// Records a write through this place.
    pub(super) fn touch(&mut self) {
        if let Some(member) = &mut self.0 {
            let next = member.group.0.get() + 1;
            member.group.0.set(next);
            member.written = next;
        }
    }
}

impl Node {
    /// Makes this node one of `group`.
    #[must_use]
    pub fn in_group(mut self, group: &Group) -> Self {
        self.shared = Membership(Some(Box::new(Member { group: group.clone(), written: 0 })));
        self
    }

    /// Gives all places of each group below this node the value that was written last.
    pub fn settle_groups(&mut self) {
        let mut written: Vec<(Group, Node)> = Vec::new();
        self.visit_members(&mut |node, member| {
            if member.written != 0 && member.written == member.group.0.get() {
                written.push((member.group.clone(), node.clone()));
            }
        });
        if !written.is_empty() {
            self.overwrite(&written);
        }
    }

    fn visit_members(&self, visit: &mut dyn FnMut(&Node, &Member)) {
        if let Some(member) = &self.shared.0 {
            visit(self, member);
        }
        match &self.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter().for_each(|item| item.visit_members(visit)),
            Value::Mapping(fields) => fields.iter().for_each(|field| field.value.visit_members(visit)),
        }
    }

    fn overwrite(&mut self, written: &[(Group, Node)]) {
        let same = |member: &&mut Box<Member>, group: &Group| Rc::ptr_eq(&member.group.0, &group.0);
        if let Some(member) = &mut self.shared.0
            && let Some((group, value)) = written.iter().find(|(group, _)| same(&member, group))
        {
            member.written = 0;
            group.0.set(0);
            let membership = std::mem::take(&mut self.shared);
            *self = value.clone();
            self.shared = membership;
            return;
        }
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.overwrite(written)),
            Value::Mapping(fields) => fields.iter_mut().for_each(|field| field.value.overwrite(written)),
        }
    }
}
