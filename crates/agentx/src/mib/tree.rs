//! Many sets of objects as one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use super::{Mib, SetError, Table};
use crate::oid::Oid;
use crate::value::Value;

/// An object that is there once, made from `S` when somebody asks for it.
#[derive(Debug)]
pub struct Scalar<S> {
    /// Where it is below the node that it is added to, without the 0 at the end
    pub path: &'static [u32],
    /// Its value; `None`: it is not there
    pub value: fn(&S) -> Option<Value>,
}

/// Sets of objects that do not overlap, in the order of their roots.
#[derive(Default)]
pub struct Tree {
    parts: BTreeMap<Oid, Box<dyn Mib>>,
}

impl Tree {
    /// A tree without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds objects that are all at or below `root`, where nothing else may be.
    pub fn add(&mut self, root: Oid, mib: impl Mib + 'static) {
        self.parts.insert(root, Box::new(mib));
    }

    /// Adds a table.
    pub fn add_table<R: 'static>(&mut self, table: Table<R>) {
        self.add(table.entry().clone(), table);
    }

    /// Adds scalars below `root`, all made from `source`.
    pub fn add_scalars<S: 'static>(&mut self, root: &Oid, scalars: &'static [Scalar<S>], source: &Rc<S>) {
        for scalar in scalars {
            let oid = root.with(scalar.path).with(&[0]);
            let cell = Cell {
                oid: oid.clone(),
                value: scalar.value,
                source: Rc::clone(source),
            };
            self.add(oid, cell);
        }
    }

    /// The part that an object would be in.
    fn part_of(&self, oid: &Oid) -> Option<&dyn Mib> {
        let (root, part) = self.parts.range(..=oid).next_back()?;
        oid.is_within(root).then_some(part.as_ref())
    }
}

impl Mib for Tree {
    fn get(&self, oid: &Oid) -> Option<Value> {
        self.part_of(oid)?.get(oid)
    }

    fn next(&self, after: &Oid, inclusive: bool) -> Option<(Oid, Value)> {
        if let Some(found) = self.part_of(after).and_then(|part| part.next(after, inclusive)) {
            return Some(found);
        }
        let mut behind = self.parts.range::<Oid, _>((Bound::Excluded(after), Bound::Unbounded));
        behind.find_map(|(_, part)| part.next(after, inclusive))
    }

    fn test_set(&self, oid: &Oid, value: &Value) -> Result<(), SetError> {
        self.part_of(oid).ok_or(SetError::NoAccess)?.test_set(oid, value)
    }
}

struct Cell<S> {
    oid: Oid,
    value: fn(&S) -> Option<Value>,
    source: Rc<S>,
}

impl<S> Mib for Cell<S> {
    fn get(&self, oid: &Oid) -> Option<Value> {
        (*oid == self.oid).then(|| (self.value)(&self.source))?
    }

    fn next(&self, after: &Oid, inclusive: bool) -> Option<(Oid, Value)> {
        let is_next = *after < self.oid || inclusive && *after == self.oid;
        let value = is_next.then(|| (self.value)(&self.source))??;
        Some((self.oid.clone(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    struct Facts {
        name: &'static str,
        port: Option<u32>,
    }

    const SCALARS: &[Scalar<Facts>] = &[
        Scalar {
            path: &[1],
            value: |facts| Some(Value::text(facts.name)),
        },
        Scalar {
            path: &[3, 6],
            value: |facts| facts.port.map(Value::Gauge32),
        },
        Scalar {
            path: &[4],
            value: |_| Some(Value::truth(true)),
        },
    ];

    const COLUMNS: &[Column<&str>] = &[Column {
        number: 2,
        value: |text| Some(Value::text(text)),
    }];

    fn tree(port: Option<u32>, rows: u32) -> Tree {
        let root = Oid::from([1, 5]);
        let mut tree = Tree::new();
        tree.add_scalars(&root, SCALARS, &Rc::new(Facts { name: "n", port }));
        let mut table = Table::new(root.with(&[3, 5, 1]), COLUMNS);
        for row in 1..=rows {
            table.insert([row], "t");
        }
        tree.add_table(table);
        tree
    }

    fn walk(tree: &Tree, from: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let mut at: Oid = from.parse().unwrap();
        while let Some((oid, value)) = tree.next(&at, false) {
            assert_eq!(tree.get(&oid), Some(value));
            seen.push(oid.to_string());
            at = oid;
        }
        seen
    }

    #[test]
    fn scalars_and_tables_are_walked_in_the_order_of_the_identifiers() {
        let all = [".1.5.1.0", ".1.5.3.5.1.2.1", ".1.5.3.5.1.2.2", ".1.5.3.6.0", ".1.5.4.0"];
        assert_eq!(walk(&tree(Some(25), 2), "1"), all);
        assert_eq!(walk(&tree(Some(25), 2), "1.5.1"), all);
        assert_eq!(walk(&tree(Some(25), 2), "1.5.1.0"), all[1..]);
        assert_eq!(walk(&tree(Some(25), 2), "1.5.3.5.1.2.2"), all[3..]);
        assert_eq!(walk(&tree(Some(25), 2), "1.5.3.5.1.2.9"), all[3..]);
        assert_eq!(walk(&tree(Some(25), 2), "1.5.4.0"), [""; 0]);
        assert_eq!(walk(&tree(Some(25), 2), "2"), [""; 0]);
        assert_eq!(walk(&tree(None, 0), "1"), [all[0], all[4]]);
    }

    #[test]
    fn the_object_itself_is_next_when_it_counts() {
        let tree = tree(Some(25), 2);
        let at: Oid = "1.5.3.5.1.2.2".parse().unwrap();
        assert_eq!(tree.next(&at, true), Some((at, Value::text("t"))));
        let absent: Oid = "1.5.3.5.1.2.3".parse().unwrap();
        assert_eq!(
            tree.next(&absent, true).map(|(oid, _)| oid.to_string()).as_deref(),
            Some(".1.5.3.6.0")
        );
    }

    #[test]
    fn nothing_can_be_set_where_nobody_takes_it() {
        let set = |oid: &str| tree(None, 1).test_set(&oid.parse().unwrap(), &Value::Integer(1));
        assert_eq!(set("1.5.1.0"), Err(SetError::NotWritable));
        assert_eq!(set("1.5.3.6.0"), Err(SetError::NoAccess));
        assert_eq!(set("1.5.2.0"), Err(SetError::NoAccess));
    }
}
