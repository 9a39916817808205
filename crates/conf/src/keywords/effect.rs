//! Which keywords are acted on.

use super::{Context, Keyword, Status};

impl Keyword {
    /// Is it acted on in this block, by its own name or by the one that it stands for?
    pub fn is_in_effect(&self, context: Context) -> bool {
        // What took the place of a word may stand in another block.
        let meant = self.alias.and_then(|alias| context.find(alias.of)).unwrap_or(self);
        meant.status != Status::NotYet
    }

    /// Does keepalived not know it, or not with these arguments?
    pub(crate) fn is_extension(&self, arguments: &[String]) -> bool {
        let value = || matches!((self.name, arguments), ("http_protocol", [version]) if version == "2");
        self.status == Status::Extension || value()
    }
}

impl Context {
    /// Is every block acted on that leads here by one of [`Self::paths`]? Nothing is in effect in a block that is not.
    pub fn is_path_in_effect(path: &str) -> bool {
        let mut at = Self::Top;
        for name in path.split('/').filter(|_| path != "(top)") {
            match at.find(name) {
                Some(keyword) if keyword.is_in_effect(at) => match at.inside(keyword) {
                    Some(inner) => at = inner,
                    None => return false,
                },
                _ => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_as_the_one_in_whose_place_it_stands() {
        let is_in_effect = |name: &str| {
            let keyword = Context::VrrpInstance.find(name);
            keyword.is_some_and(|keyword| keyword.is_in_effect(Context::VrrpInstance))
        };
        assert!(is_in_effect("thread_timer_expired"));
        assert!(
            is_in_effect("linkbeat_use_polling"),
            "in the place of a block at the top level"
        );
    }

    #[test]
    fn nothing_is_in_effect_in_a_block_that_is_not() {
        assert!(Context::is_path_in_effect("(top)"));
        assert!(Context::is_path_in_effect("virtual_server/real_server/TCP_CHECK"));
        assert!(!Context::is_path_in_effect("virtual_server/real_server/colour"));
        for context in Context::ALL.iter().filter(|context| **context != Context::Top) {
            for path in context.paths() {
                let outer = path.rsplit_once('/').map_or("(top)", |(outer, _)| outer);
                assert!(
                    Context::is_path_in_effect(outer) || !Context::is_path_in_effect(path),
                    "{path}"
                );
            }
        }
    }
}
