//! keepalived 2.4.3's verdict on each keyword, and ours: a complete file around each keyword's example, and one around
//! each of its wrong or unusual arguments. The files come from `../shared` or from where `HOLDFAST_SHARED` says;
//! without it these tests say nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, unreachable_pub)] // helpers of tests are tests

mod cases;
mod lvs;
mod vrrp;

#[test]
fn each_keyword_is_judged_by_one_part() {
    let [Some(examples), Some(probes)] = [cases::examples(), cases::probes()] else {
        return;
    };
    let mut wrong = Vec::new();
    for case in examples.iter().chain(probes) {
        let parts = [&lvs::PART, &vrrp::PART].map(|part| part.has(case));
        if parts[0] == parts[1] {
            wrong.push(format!("{} {}", case.context, case.keyword));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
