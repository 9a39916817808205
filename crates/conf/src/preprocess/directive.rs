//! Lines of `global_defs` that say how the lines after them are read: `include_check` and `random_seed`. Whether their
//! words are right is asked when the block is read; here wrong ones just do nothing.

use super::Preprocessor;
use super::include::Checks;
use super::line::{BLANKS, Line};

impl Preprocessor<'_> {
    /// Follows the line when it is such a one. It may stand in one line with its block.
    pub(super) fn directive(&mut self, line: &Line) {
        for statement in line.as_str().split(['{', '}']) {
            let mut words = statement.split(BLANKS).filter(|word| !word.is_empty());
            match words.next() {
                Some("include_check") => self.include_check(words),
                Some("random_seed") => {
                    if let Some(seed) = words.next().and_then(|seed| seed.parse::<u32>().ok()) {
                        self.definitions.seed(seed.into());
                    }
                }
                _ => {}
            }
        }
    }

    /// Without words all checks hold. The first word without a sign replaces what holds, `+` adds and `-` takes away.
    fn include_check<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        let Some(file) = self.including.last_mut() else { return };
        let mut words = words.peekable();
        if words.peek().is_none() {
            file.checks = Checks::ALL;
        }
        let mut replaced = false;
        for word in words {
            match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(check), _) => file.checks.set(check, true),
                (_, Some(check)) => file.checks.set(check, false),
                _ if !replaced && Checks::is_check(word) => {
                    replaced = true;
                    file.checks = Checks::default();
                    file.checks.set(word, true);
                }
                _ => {}
            }
        }
    }
}
