//! Directed graphs over dense numbers. The only module that knows the graph library.

use std::collections::VecDeque;

use petgraph::Direction;
use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

/// From how many nodes of a tangle a shortest circle is searched.
const MAX_STARTS: usize = 200;

/// What needs what.
pub(crate) struct Graph {
    graph: DiGraph<(), ()>,
}

impl Graph {
    /// Returns the graph in which node `i` needs the nodes `needs(i)`.
    pub(crate) fn new<N: IntoIterator<Item = usize>>(nodes: usize, needs: impl Fn(usize) -> N) -> Self {
        let mut graph = DiGraph::new();
        for _ in 0..nodes {
            graph.add_node(());
        }
        for below in 0..nodes {
            for above in needs(below) {
                graph.add_edge(NodeIndex::new(above), NodeIndex::new(below), ());
            }
        }
        Self { graph }
    }

    /// Returns an order in which every node follows what it needs, nothing if there is none.
    pub(crate) fn order(&self) -> Option<Vec<usize>> {
        let order = toposort(&self.graph, None).ok()?;
        Some(order.into_iter().map(NodeIndex::index).collect())
    }

    /// Returns the sets of nodes that need each other, each sorted, in the order of their first nodes.
    pub(crate) fn tangles(&self) -> Vec<Vec<usize>> {
        let mut tangles: Vec<Vec<usize>> = kosaraju_scc(&self.graph)
            .into_iter()
            .filter(|nodes| nodes.len() > 1 || self.graph.contains_edge(nodes[0], nodes[0]))
            .map(|nodes| nodes.into_iter().map(NodeIndex::index).collect())
            .collect();
        for tangle in &mut tangles {
            tangle.sort_unstable();
        }
        tangles.sort_unstable();
        tangles
    }

    /// Returns a shortest circle in a tangle: each node needs the next one, the last needs the first.
    pub(crate) fn shortest_circle(&self, tangle: &[usize]) -> Vec<usize> {
        let circles = tangle.iter().take(MAX_STARTS).filter_map(|&start| self.circle_through(start));
        circles.min_by_key(Vec::len).unwrap_or_default()
    }

    /// Finds the shortest way from a node back to itself, breadth first.
    fn circle_through(&self, start: usize) -> Option<Vec<usize>> {
        let mut came_from = vec![usize::MAX; self.graph.node_count()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for above in self.needs(node) {
                if above == start {
                    return Some(way_back(&came_from, start, node));
                }
                if came_from[above] == usize::MAX {
                    came_from[above] = node;
                    queue.push_back(above);
                }
            }
        }
        None
    }

    fn needs(&self, node: usize) -> impl Iterator<Item = usize> {
        self.graph.neighbors_directed(NodeIndex::new(node), Direction::Incoming).map(NodeIndex::index)
    }

    /// Tells for each pair `(above, below)` whether `below` needs `above`, directly or through others.
    ///
    /// `order` is this graph's. Sixty-four nodes are followed at a time, so that many questions stay cheap.
    pub(crate) fn reaches(&self, order: &[usize], pairs: &[(usize, usize)]) -> Vec<bool> {
        let mut above: Vec<usize> = pairs.iter().map(|&(above, _)| above).collect();
        above.sort_unstable();
        above.dedup();
        let mut answers = vec![false; pairs.len()];
        let mut by_above: Vec<usize> = (0..pairs.len()).collect();
        by_above.sort_unstable_by_key(|&pair| pairs[pair].0);
        let mut rest = by_above.as_slice();
        for batch in above.chunks(64) {
            let marks = self.marks(order, batch);
            let last = batch[batch.len() - 1];
            let (these, others) = rest.split_at(rest.partition_point(|&pair| pairs[pair].0 <= last));
            for &pair in these {
                let bit = batch.partition_point(|&node| node < pairs[pair].0);
                answers[pair] = marks[pairs[pair].1] & (1 << bit) != 0;
            }
            rest = others;
        }
        answers
    }

    /// Returns for each node which of up to 64 others it needs.
    fn marks(&self, order: &[usize], batch: &[usize]) -> Vec<u64> {
        let mut own = vec![0_u64; self.graph.node_count()];
        for (bit, &node) in batch.iter().enumerate() {
            own[node] = 1 << bit;
        }
        let mut marks = vec![0_u64; self.graph.node_count()];
        for &node in order {
            marks[node] = self.needs(node).fold(0, |all, above| all | marks[above] | own[above]);
        }
        marks
    }
}

fn way_back(came_from: &[usize], start: usize, mut node: usize) -> Vec<usize> {
    let mut way = vec![node];
    while node != start {
        node = came_from[node];
        way.push(node);
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[&[usize]]) -> Graph {
        Graph::new(needs.len(), |node| needs[node].iter().copied())
    }

    #[test]
    fn circles() {
        let tangled = graph(&[&[2], &[0], &[1, 3], &[2], &[]]);
        assert_eq!(tangled.order(), None);
        assert_eq!(tangled.tangles(), [[0, 1, 2, 3]]);
        assert_eq!(tangled.shortest_circle(&[0, 1, 2, 3]), [2, 3]);
        assert_eq!(graph(&[&[0]]).tangles(), [[0]]);
    }

    #[test]
    fn what_needs_what() {
        let chain = Graph::new(200, |node| node.checked_sub(1));
        let order = chain.order().expect("a chain has an order");
        let pairs = [(0, 199), (199, 0), (100, 100), (63, 64), (64, 63), (150, 199), (0, 1)];
        assert_eq!(chain.reaches(&order, &pairs), [true, false, false, true, false, true, true]);
    }

    #[test]
    fn a_long_chain_overflows_nothing() {
        let chain = Graph::new(100_000, |node| node.checked_sub(1));
        assert_eq!(chain.order().map(|order| order.len()), Some(100_000));
        assert_eq!(chain.tangles(), Vec::<Vec<usize>>::new());
        let ring = Graph::new(100_000, |node| Some((node + 99_999) % 100_000));
        assert_eq!(ring.tangles().len(), 1);
    }
}
