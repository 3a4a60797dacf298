//! Under which name an entry stands.

use uuid::Uuid;

/// The node of an entry: a name that is never used twice, so that it cannot collide with what a dead session left behind,
/// followed by the generation of its data, if entries of its kind change. Data never changes under a name; readers rely on it.
#[derive(Debug, Clone)]
pub struct Place {
    folder: String,
    id: Uuid,
    generation: Option<u64>,
    /// Nodes that must go when the present one comes. It can be among them, if it has no generation.
    pub former: Vec<String>,
}

impl Place {
    /// A new entry of `folder`.
    pub fn new(folder: String, has_generations: bool) -> Self {
        Self { folder, id: Uuid::new_v4(), generation: has_generations.then_some(0), former: Vec::new() }
    }

    /// The node whose child it is.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The node.
    pub fn path(&self) -> String {
        let (folder, id) = (&self.folder, self.id.simple());
        match self.generation {
            Some(generation) => format!("{folder}/{id}.{generation}"),
            None => format!("{folder}/{id}"),
        }
    }

    /// Whether other data has another name.
    pub fn has_generations(&self) -> bool {
        self.generation.is_some()
    }

    /// Makes room for other data.
    pub fn advance(&mut self) {
        self.former.push(self.path());
        self.generation = self.generation.map(|generation| generation + 1);
    }
}

/// Whether a node is named as those that are made here, so that what it holds never changes.
pub fn is_lasting(name: &str) -> bool {
    split(name).0 != name
}

/// Takes a node's name apart: what all generations of its entry have in common, and its generation. A name that is not made
/// here is whole, and 0.
pub fn split(name: &str) -> (&str, u64) {
    let parts = name.rsplit_once('.').filter(|(id, _)| Uuid::try_parse(id).is_ok());
    parts.and_then(|(id, number)| Some((id, number.parse().ok()?))).unwrap_or((name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_count_up_under_one_id() {
        let mut place = Place::new("/fast/echo/providers".into(), true);
        let first = place.path();
        place.advance();
        assert_eq!(place.former.len(), 1);
        assert_eq!(place.former[0], first);
        let second = place.path();
        let [first, second] =
            [&first, &second].map(|path| split(path.strip_prefix("/fast/echo/providers/").unwrap()));
        assert_eq!((first.1, second), (0, (first.0, 1)));
        assert!(is_lasting(&format!("{}.1", first.0)));
    }

    #[test]
    fn a_name_without_generation_is_its_own_successor() {
        let mut place = Place::new("/fast/echo/consumers".into(), false);
        let path = place.path();
        assert!(!path.contains('.'));
        place.advance();
        assert_eq!((place.path(), place.former), (path.clone(), vec![path]));
    }

    #[test]
    fn foreign_names_are_whole() {
        for name in ["member_0000000001", "10.0.0.1", "10.0.0.1:2030", "a.1", ".", ""] {
            assert!(split(name) == (name, 0) && !is_lasting(name), "{name}");
        }
    }
}
