//! A tree without some of its nodes.

use super::{Node, Tree};
use std::collections::BTreeSet;

impl Tree {
    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The tree without some nodes and what stands in them.
    pub(crate) fn without(&self, left_out: &BTreeSet<usize>) -> Self {
        // The new index of each node, and one past the last.
        let mut indices = Vec::with_capacity(self.nodes.len() + 1);
        let mut kept = Vec::new();
        let mut skip_to = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            indices.push(kept.len());
            if left_out.contains(&index) {
                skip_to = skip_to.max(node.end);
            }
            if index >= skip_to {
                kept.push(node);
            }
        }
        indices.push(kept.len());
        let nodes = kept.into_iter().map(|node| Node {
            end: indices.get(node.end).copied().unwrap_or_default(),
            ..node.clone()
        });
        Self { nodes: nodes.collect() }
    }
}
