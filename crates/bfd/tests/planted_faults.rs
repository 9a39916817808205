//! The list of faults that the tests have been seen to find stays true to the code: each can still be planted.

use std::path::Path;

#[test]
fn every_fault_can_be_planted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = include_str!("planted-faults.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'));
    for line in faults {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, file, before, after] = fields[..] else {
            panic!("four fields: {line}");
        };
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(source.matches(before).count(), 1, "{name}: {before}");
        assert_ne!(before, after, "{name}");
    }
}
