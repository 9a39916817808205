//! A table: rows in the order of their indexes, cells that are made when somebody asks for them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Mib;
use crate::oid::Oid;
use crate::value::Value;

/// A column of a table with rows of type `R`.
#[derive(Debug)]
pub struct Column<R> {
    /// Its number below the entry
    pub number: u32,
    /// Its cell in a row; `None`: there is none, and a walk passes over it
    pub value: fn(&R) -> Option<Value>,
}

/// A table. A walk goes column by column, and through each in the order of the indexes.
#[derive(Debug)]
pub struct Table<R: 'static> {
    entry: Oid,
    columns: &'static [Column<R>],
    rows: BTreeMap<Vec<u32>, R>,
}

impl<R> Table<R> {
    /// A table whose entry (the node above the columns) is `entry`, of columns in rising order.
    pub fn new(entry: Oid, columns: &'static [Column<R>]) -> Self {
        debug_assert!(columns.is_sorted_by(|one, other| one.number < other.number));
        Self {
            entry,
            columns,
            rows: BTreeMap::new(),
        }
    }

    /// Adds a row; a former one of the same index goes.
    pub fn insert(&mut self, index: impl Into<Vec<u32>>, row: R) {
        self.rows.insert(index.into(), row);
    }

    /// The node above the columns.
    pub fn entry(&self) -> &Oid {
        &self.entry
    }

    /// The row of an index.
    pub fn row(&self, index: &[u32]) -> Option<&R> {
        self.rows.get(index)
    }

    /// The first cell of a column at or behind an index.
    fn first_cell(&self, column: &Column<R>, from: Bound<&[u32]>) -> Option<(Oid, Value)> {
        let mut rows = self.rows.range::<[u32], _>((from, Bound::Unbounded));
        rows.find_map(|(index, row)| {
            let value = (column.value)(row)?;
            let mut behind = vec![column.number];
            behind.extend_from_slice(index);
            Some((self.entry.with(&behind), value))
        })
    }
}

impl<R> Mib for Table<R> {
    fn get(&self, oid: &Oid) -> Option<Value> {
        let (number, index) = oid.below(&self.entry)?.split_first()?;
        let place = self.columns.binary_search_by_key(number, |column| column.number).ok()?;
        (self.columns.get(place)?.value)(self.rows.get(index)?)
    }

    fn next(&self, after: &Oid, inclusive: bool) -> Option<(Oid, Value)> {
        let Some(below) = after.below(&self.entry) else {
            // Either all of the table is behind it, or nothing.
            let is_before = *after < self.entry;
            let mut columns = self.columns.iter().filter(|_| is_before);
            return columns.find_map(|column| self.first_cell(column, Bound::Unbounded));
        };
        let (number, index) = below
            .split_first()
            .map_or((0, [].as_slice()), |(number, index)| (*number, index));
        let from = if inclusive {
            Bound::Included(index)
        } else {
            Bound::Excluded(index)
        };
        let first = self.columns.partition_point(|column| column.number < number);
        let mut columns = self.columns.iter().skip(first);
        columns.find_map(|column| {
            let from = if column.number == number {
                from
            } else {
                Bound::Unbounded
            };
            self.first_cell(column, from)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row {
        name: &'static str,
        number: Option<i32>,
    }

    const COLUMNS: &[Column<Row>] = &[
        Column {
            number: 2,
            value: |row| Some(Value::text(row.name)),
        },
        Column {
            number: 5,
            value: |row| row.number.map(Value::Integer),
        },
        Column {
            number: 9,
            value: |_| None,
        },
        Column {
            number: 10,
            value: |row| Some(Value::text(row.name)),
        },
    ];

    fn table() -> Table<Row> {
        let mut table = Table::new(Oid::from([1, 3, 1]), COLUMNS);
        for (index, name, number) in [
            (vec![2, 1], "b", None),
            (vec![1], "a", Some(7)),
            (vec![10], "d", Some(9)),
            (vec![2, 2], "c", Some(8)),
        ] {
            table.insert(index, Row { name, number });
        }
        table
    }

    fn walk(mib: &dyn Mib, from: Oid) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        let mut at = from;
        while let Some((oid, value)) = mib.next(&at, false) {
            assert_eq!(mib.get(&oid).as_ref(), Some(&value), "{oid}");
            assert_eq!(mib.next(&oid, true), Some((oid.clone(), value.clone())), "{oid}");
            seen.push((oid.to_string(), value));
            at = oid;
        }
        seen
    }

    #[test]
    fn a_walk_goes_column_by_column_in_the_order_of_the_indexes_and_passes_over_absent_cells() {
        let text = |oid: &str, text: &str| (oid.to_owned(), Value::text(text));
        let number = |oid: &str, number| (oid.to_owned(), Value::Integer(number));
        let all = [
            text(".1.3.1.2.1", "a"),
            text(".1.3.1.2.2.1", "b"),
            text(".1.3.1.2.2.2", "c"),
            text(".1.3.1.2.10", "d"),
            number(".1.3.1.5.1", 7),
            number(".1.3.1.5.2.2", 8),
            number(".1.3.1.5.10", 9),
            text(".1.3.1.10.1", "a"),
            text(".1.3.1.10.2.1", "b"),
            text(".1.3.1.10.2.2", "c"),
            text(".1.3.1.10.10", "d"),
        ];
        for from in [vec![], vec![1], vec![1, 3, 1], vec![1, 3, 0, 9], vec![1, 3, 1, 1, 4]] {
            assert_eq!(walk(&table(), Oid::new(&from)), all, "{from:?}");
        }
        let from = |parts: &[u32]| walk(&table(), Oid::new(parts)).len();
        assert_eq!(from(&[1, 3, 1, 2]), 11);
        assert_eq!(from(&[1, 3, 1, 2, 2]), 10);
        assert_eq!(from(&[1, 3, 1, 2, 2, 1, 7]), 9);
        assert_eq!(from(&[1, 3, 1, 5, 10]), 4);
        assert_eq!(from(&[1, 3, 1, 9]), 4);
        assert_eq!(from(&[1, 3, 1, 10, 10]), 0);
        assert_eq!(from(&[1, 3, 1, 11]), 0);
        assert_eq!(from(&[1, 3, 2]), 0);
    }

    #[test]
    fn an_object_that_is_not_there_has_no_value() {
        for parts in [
            [1, 3, 1].as_slice(),
            &[1, 3, 1, 2],
            &[1, 3, 1, 2, 2],
            &[1, 3, 1, 2, 1, 0],
            &[1, 3, 1, 3, 1],
            &[1, 3, 1, 9, 1],
            &[1, 3, 2, 2, 1],
        ] {
            assert_eq!(table().get(&Oid::new(parts)), None, "{parts:?}");
        }
    }

    #[test]
    fn what_is_there_is_not_writable_and_what_is_not_cannot_be_reached() {
        let set = |parts: &[u32]| table().test_set(&Oid::new(parts), &Value::Integer(1));
        assert_eq!(set(&[1, 3, 1, 5, 1]), Err(super::super::SetError::NotWritable));
        assert_eq!(set(&[1, 3, 1, 5, 3]), Err(super::super::SetError::NoAccess));
    }

    #[test]
    fn a_walk_of_a_large_table_makes_each_cell_a_few_times_only() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static MADE: AtomicUsize = AtomicUsize::new(0);
        fn count() -> Value {
            MADE.fetch_add(1, Ordering::Relaxed);
            Value::Integer(1)
        }
        const COUNTING: &[Column<()>] = &[
            Column {
                number: 1,
                value: |()| Some(count()),
            },
            Column {
                number: 2,
                value: |()| Some(count()),
            },
        ];
        let mut table = Table::new(Oid::from([1]), COUNTING);
        for row in 0..10_000 {
            table.insert([row], ());
        }
        let mut at = Oid::default();
        let mut cells = 0;
        while let Some((oid, _)) = table.next(&at, false) {
            at = oid;
            cells += 1;
        }
        assert_eq!(cells, 20_000);
        assert_eq!(MADE.load(Ordering::Relaxed), 20_000);
    }
}
