//! `images`.
//!
//! kustomize: api/internal/builtins/ImageTagTransformer.go, api/filters/imagetag, api/internal/image.

use regex::Regex;

use crate::Error;
use crate::fieldspec::{FieldSpec, walk_all};
use crate::kustomization::Image;
use crate::resmap::ResMap;
use crate::yaml::{Kind, Node, Value};

/// Another name, tag or digest for the images of one name.
#[derive(Debug)]
pub(crate) struct ImageTag {
    image: Image,
    name: Regex,
    fields: Vec<FieldSpec>,
}

impl ImageTag {
    /// # Errors
    /// The name is no regular expression.
    pub(crate) fn new(image: Image, fields: Vec<FieldSpec>) -> Result<Self, Error> {
        let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
        let name = Regex::new(&pattern).map_err(|error| {
            Error::new(format!("the name {:?} is no regular expression: {error}", image.name)).in_field("images")
        })?;
        Ok(Self { image, name, fields })
    }

    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        for resource in map.resources_mut() {
            if &*resource.kind() == "CustomResourceDefinition" {
                continue;
            }
            resource.change(|node| self.in_containers(node))?;
        }
        for resource in map.resources_mut() {
            if &*resource.kind() == "CustomResourceDefinition" {
                continue;
            }
            resource.change(|node| walk_all(node, &self.fields, None, &mut |field| self.set(field)))?;
        }
        Ok(())
    }

    /// All images of `containers` and `initContainers`, wherever they are. Go: `LegacyFilter`.
    fn in_containers(&self, node: &mut Node) -> Result<(), Error> {
        match &mut node.value {
            Value::Scalar(_) => Ok(()),
            Value::Sequence(items) => items.iter_mut().try_for_each(|item| self.in_containers(item)),
            Value::Mapping(fields) => fields.iter_mut().try_for_each(|field| {
                self.in_containers(&mut field.value)?;
                if !matches!(&*field.key.text, "containers" | "initContainers") {
                    return Ok(());
                }
                for container in field.value.elements_mut().into_iter().flatten() {
                    container.expect_kind(Kind::Mapping)?;
                    if let Some(image) = container.field_mut("image") {
                        self.set(image)?;
                    }
                }
                Ok(())
            }),
        }
    }

    fn set(&self, field: &mut Node) -> Result<(), Error> {
        field.expect_kind(Kind::Scalar)?;
        if !self.name.is_match(field.text()) {
            return Ok(());
        }
        let (name, mut tag, mut digest) = split(field.text());
        let name = if self.image.new_name.is_empty() { name } else { &self.image.new_name };
        let suffixed = format!("{tag}{}", self.image.tag_suffix);
        if !self.image.new_tag.is_empty() {
            (tag, digest) = (&self.image.new_tag, &self.image.digest);
        } else if !self.image.digest.is_empty() {
            (tag, digest) = ("", &self.image.digest);
        } else if !self.image.tag_suffix.is_empty() {
            (tag, digest) = (&suffixed, "");
        }
        let mut image = name.to_owned();
        if !tag.is_empty() {
            image = format!("{image}:{tag}");
        }
        if !digest.is_empty() {
            image = format!("{image}@{digest}");
        }
        field.set_scalar(Node::scalar(image));
        Ok(())
    }
}

/// Name, tag and digest of an image. Go: `image.Split`.
fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or(0);
    let at = image[start..].find('@').map(|at| at + start);
    let colon = image[start..].find(':').map(|colon| colon + start);
    match (at, colon) {
        (None, None) => (image, "", ""),
        (Some(at), None) => (&image[..at], "", &image[at + 1..]),
        (Some(at), Some(colon)) if at < colon => (&image[..at], "", &image[at + 1..]),
        (Some(at), Some(colon)) => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (None, Some(colon)) => (&image[..colon], &image[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn images_are_divided_at_colon_and_at() {
        for (image, parts) in [
            ("nginx", ("nginx", "", "")),
            ("host:5000/a/b:1", ("host:5000/a/b", "1", "")),
            ("a@sha256:x", ("a", "", "sha256:x")),
            ("a:1@sha256:x", ("a", "1", "sha256:x")),
            ("host:5000/a", ("host:5000/a", "", "")),
        ] {
            assert_eq!(split(image), parts);
        }
    }
}
