use super::*;
use crate::{LoadOptions, MemoryLoader, load};
use std::path::Path;

fn codes(text: &str) -> Vec<u16> {
    let files = MemoryLoader::new().with("main.conf", text);
    let loaded = load(&files, Path::new("main.conf"), &LoadOptions::default());
    let advice = crate::lint(&loaded, None);
    loaded.diagnostics.iter().chain(&advice).map(|it| it.code.0).collect()
}

#[test]
fn every_finding_is_explained_once() {
    let pages: Vec<u16> = PAGES
        .iter()
        .copied()
        .flatten()
        .map(|page| page.finding.code.0)
        .collect();
    let mut sorted = pages.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), pages.len());
    let unexplained: Vec<_> = findings::ALL
        .iter()
        .filter(|finding| finding.explanation().is_none())
        .map(|finding| finding.code.to_string())
        .collect();
    assert_eq!(unexplained, [""; 0], "write their pages in src/diagnostic/explanation/");
}

#[test]
fn examples_have_the_finding_until_they_are_mended() {
    let mut wrong = Vec::new();
    for page in PAGES.iter().copied().flatten() {
        let code = page.finding.code;
        let has = |text: &str| codes(text).contains(&code.0);
        if !page.wrong.is_empty() && !has(page.wrong) {
            wrong.push(format!(
                "{code} is not found in\n{}, but {:?}",
                page.wrong,
                codes(page.wrong)
            ));
        }
        if !page.right.is_empty() && has(page.right) {
            wrong.push(format!("{code} is found in\n{}", page.right));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_code_is_found_by_any_of_its_spellings() {
    for name in ["HF0300", "hf0300", "HF300", "300"] {
        assert_eq!(Finding::by_name(name), Some(&findings::UNKNOWN_KEYWORD), "{name}");
    }
    for name in ["", "HF", "HF9999", "vrrp", "é"] {
        assert_eq!(Finding::by_name(name), None, "{name}");
    }
}
