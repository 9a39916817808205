//! Answers to a master agent's questions about objects.

use crate::mib::Mib;
use crate::oid::Oid;
use crate::pdu::{Content, HEADER_LENGTH, Response, SearchRange, VarBind};

/// An answer to a bulk request ends when it has so many objects: a manager asks for the rest.
const MOST_OBJECTS: usize = 2_000;

/// And when its octets come to so much: more does not fit into a datagram anyway.
const MOST_BYTES: usize = 60_000;

/// The values of these objects.
pub fn get(mib: &dyn Mib, ranges: &[SearchRange]) -> Response {
    let objects = ranges.iter().map(|range| VarBind {
        content: mib.get(&range.start).map_or(Content::NoSuchInstance, Content::Value),
        name: range.start.clone(),
    });
    Response {
        objects: objects.collect(),
        ..Response::default()
    }
}

/// The objects behind these.
pub fn get_next(mib: &dyn Mib, ranges: &[SearchRange]) -> Response {
    Response {
        objects: ranges.iter().map(|range| next_in(mib, range)).collect(),
        ..Response::default()
    }
}

/// One object behind each of the first ranges, and up to `max_repetitions` behind each of the others, in turn.
pub fn get_bulk(mib: &dyn Mib, non_repeaters: u16, max_repetitions: u16, ranges: &[SearchRange]) -> Response {
    let (once, often) = ranges
        .split_at_checked(usize::from(non_repeaters))
        .unwrap_or((ranges, &[]));
    let mut objects: Vec<VarBind> = once.iter().map(|range| next_in(mib, range)).collect();
    let mut at: Vec<SearchRange> = often.to_vec();
    let mut bytes = 0_usize;
    for _ in 0..max_repetitions {
        let is_full = objects.len() >= MOST_OBJECTS || bytes >= MOST_BYTES;
        // RFC 2741 section 7.2.3.3: all columns are answered, or none.
        if at.is_empty() || is_full && !objects.is_empty() {
            break;
        }
        let mut is_over = true;
        for range in &mut at {
            let found = next_in(mib, range);
            is_over &= found.content == Content::EndOfMibView;
            bytes = bytes.saturating_add(size_of(&found));
            range.start = found.name.clone();
            range.include = found.content == Content::EndOfMibView && range.include;
            objects.push(found);
        }
        if is_over {
            break;
        }
    }
    Response {
        objects,
        ..Response::default()
    }
}

/// Whether all these can be set; the answer names the first that cannot.
pub fn test_set(mib: &dyn Mib, objects: &[VarBind]) -> Response {
    for (index, object) in (1_u16..).zip(objects) {
        let refused = match &object.content {
            Content::Value(value) => mib.test_set(&object.name, value).err(),
            _ => Some(crate::mib::SetError::WrongType),
        };
        if let Some(refused) = refused {
            return Response {
                error: refused as u16,
                index,
                ..Response::default()
            };
        }
    }
    Response::default()
}

fn next_in(mib: &dyn Mib, range: &SearchRange) -> VarBind {
    let is_in_range = |oid: &Oid| range.end.is_empty() || *oid < range.end;
    match mib
        .next(&range.start, range.include)
        .filter(|(oid, _)| is_in_range(oid))
    {
        Some((name, value)) => VarBind {
            name,
            content: Content::Value(value),
        },
        None => VarBind {
            name: range.start.clone(),
            content: Content::EndOfMibView,
        },
    }
}

/// About how many bytes it takes.
fn size_of(object: &VarBind) -> usize {
    use crate::value::Value;
    let value = match &object.content {
        Content::Value(Value::OctetString(octets) | Value::Opaque(octets)) => octets.len(),
        _ => 8,
    };
    let name = object.name.parts().len().saturating_mul(4);
    HEADER_LENGTH.saturating_add(name).saturating_add(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mib::{Column, Table};
    use crate::value::Value;

    const COLUMNS: &[Column<i32>] = &[
        Column {
            number: 1,
            value: |number| Some(Value::Integer(*number)),
        },
        Column {
            number: 2,
            value: |number| (*number > 1).then_some(Value::Integer(-number)),
        },
    ];

    fn table(rows: u32) -> Table<i32> {
        let mut table = Table::new(Oid::from([1, 3]), COLUMNS);
        for row in 1..=rows {
            table.insert([row], row.cast_signed());
        }
        table
    }

    fn range(start: &str, include: bool, end: &str) -> SearchRange {
        SearchRange {
            start: start.parse().unwrap(),
            include,
            end: end.parse().unwrap_or_default(),
        }
    }

    fn shown(response: &Response) -> Vec<String> {
        let objects = response.objects.iter();
        objects
            .map(|object| match &object.content {
                Content::Value(Value::Integer(number)) => format!("{}={number}", object.name),
                Content::NoSuchInstance => format!("{}=none", object.name),
                Content::EndOfMibView => format!("{}=end", object.name),
                other => format!("{}={other:?}", object.name),
            })
            .collect()
    }

    #[test]
    fn what_is_not_there_is_said_and_ends_nothing() {
        let ranges = [
            range("1.3.1.2", false, ""),
            range("1.3.2.1", false, ""),
            range("9", false, ""),
        ];
        assert_eq!(
            shown(&get(&table(3), &ranges)),
            [".1.3.1.2=2", ".1.3.2.1=none", ".9=none"]
        );
    }

    #[test]
    fn the_next_object_is_in_the_range_or_there_is_none() {
        let next = |start, include, end| shown(&get_next(&table(3), &[range(start, include, end)])).remove(0);
        assert_eq!(next("1.3", true, "1.4"), ".1.3.1.1=1");
        assert_eq!(next("1.3.1.2", true, "1.4"), ".1.3.1.2=2");
        assert_eq!(next("1.3.1.2", false, "1.4"), ".1.3.1.3=3");
        assert_eq!(next("1.3.1.3", false, "1.3.2"), ".1.3.1.3=end");
        // The cell of the first row is absent.
        assert_eq!(next("1.3.1.3", false, "1.3.2.3"), ".1.3.2.2=-2");
        assert_eq!(next("1.3.1.3", false, "1.3.2.2"), ".1.3.1.3=end");
        assert_eq!(next("1.3.2.3", false, ""), ".1.3.2.3=end");
    }

    #[test]
    fn a_bulk_is_answered_in_turn_and_ends_with_what_there_is() {
        let ranges = [
            range("1.3", true, "1.4"),
            range("1.3.1", true, "1.3.2"),
            range("1.3.2", true, "1.4"),
        ];
        let bulk = |non_repeaters, repetitions| shown(&get_bulk(&table(3), non_repeaters, repetitions, &ranges));
        assert_eq!(
            bulk(1, 2),
            [".1.3.1.1=1", ".1.3.1.1=1", ".1.3.2.2=-2", ".1.3.1.2=2", ".1.3.2.3=-3"]
        );
        assert_eq!(bulk(3, 9), [".1.3.1.1=1", ".1.3.1.1=1", ".1.3.2.2=-2"]);
        assert_eq!(bulk(9, 9), bulk(3, 0));
        let all = bulk(2, 9);
        assert_eq!(
            all,
            [".1.3.1.1=1", ".1.3.1.1=1", ".1.3.2.2=-2", ".1.3.2.3=-3", ".1.3.2.3=end"]
        );
    }

    #[test]
    fn a_bulk_of_everything_does_not_grow_without_bound() {
        let answer = get_bulk(&table(20_000), 0, u16::MAX, &[range("1.3", true, "1.4")]);
        assert!(
            answer.objects.len() > 1_000 && answer.objects.len() <= 2_000,
            "{}",
            answer.objects.len()
        );
    }

    #[test]
    fn the_first_object_that_cannot_be_set_is_named() {
        let object = |name: &str, content| VarBind {
            name: name.parse().unwrap(),
            content,
        };
        let one = object("1.3.1.1", Content::Value(Value::Integer(1)));
        let answer = test_set(&table(3), std::slice::from_ref(&one));
        assert_eq!((answer.error, answer.index), (17, 1));
        let none = object("1.4", Content::Value(Value::Integer(1)));
        assert_eq!(test_set(&table(3), &[none]).error, 6);
        assert_eq!(test_set(&table(3), &[object("1.3.1.1", Content::Null)]).error, 7);
        assert_eq!(test_set(&table(3), &[]).error, 0);
    }
}
