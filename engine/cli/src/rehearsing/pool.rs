//! Work side by side, told in order.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Returns how many worlds there are at once: two a core, because the processes of a world often wait for one another.
pub(crate) fn jobs() -> NonZeroUsize {
    const A_CORE: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
    cores().saturating_mul(A_CORE)
}

/// Returns how many threads can compute at once.
pub(crate) fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does the work for every item, `jobs` at once, none of it in this thread, and returns what came of it in the order of
/// the items. `done` is told of each as soon as it and all before it are done.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: NonZeroUsize,
    work: impl Fn(usize, &T) -> R + Sync,
    done: impl FnMut(&T, &R),
) -> Vec<R> {
    let work = |(): &mut (), at: usize, item: &T| work(at, item);
    in_parallel_at(items, jobs, |_| (), work, done)
}

/// Does the work as [`in_parallel`] does, each of the `jobs` at a place of its own, which is made first.
pub(crate) fn in_parallel_at<P, T: Sync, R: Send>(
    items: &[T],
    jobs: NonZeroUsize,
    place: impl Fn(usize) -> P + Sync,
    work: impl Fn(&mut P, usize, &T) -> R + Sync,
    mut done: impl FnMut(&T, &R),
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for job in 0..jobs.get().min(items.len()) {
            let (sender, next, place, work) = (sender.clone(), &next, &place, &work);
            scope.spawn(move || {
                let mut place = place(job);
                while let Some((at, item)) = take(items, next) {
                    // Nobody listens only if this function has panicked.
                    let _unheard = sender.send((at, work(&mut place, at, item)));
                }
            });
        }
        drop(sender);
        let mut told = 0;
        for (at, result) in receiver {
            results[at] = Some(result);
            while let Some(Some(result)) = results.get(told) {
                done(&items[told], result);
                told += 1;
            }
        }
    });
    results.into_iter().flatten().collect()
}

fn take<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    items.get(at).map(|item| (at, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_told_in_order() {
        let items: Vec<u64> = (0..50).collect();
        let mut told = Vec::new();
        let results = in_parallel(&items, jobs(), |_, item| item * 2, |_, result| told.push(*result));
        let expected: Vec<u64> = (0..50).map(|item| item * 2).collect();
        assert_eq!((results, told), (expected.clone(), expected));
    }
}
