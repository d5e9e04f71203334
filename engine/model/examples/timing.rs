//! x
#![allow(clippy::all)]
fn main() {
    let p = std::env::args().nth(1).unwrap();
    let b = std::fs::read(&p).unwrap();
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let s = firedrill_model::source::Source::from_bytes("x", b.clone()).unwrap();
        let t0 = t.elapsed();
        let (pb, d) = firedrill_model::decode::parse(&s);
        let t1 = t.elapsed();
        let n = d.len();
        let r = pb.map(|pb| firedrill_model::check::check(pb, None));
        let t2 = t.elapsed();
        println!(
            "source {t0:?} parse {:?} check {:?} total {t2:?} faults {n} {:?}",
            t1 - t0,
            t2 - t1,
            r.map(|r| match r {
                Ok((_, w)) => format!("ok {}", w.len()),
                Err(e) => format!("{} errors, first {:?}", e.len(), e.first().map(|e| &e.message)),
            })
        );
    }
}
