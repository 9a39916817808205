//! Lines of options, of which each makes one thing.

use super::words::Words;
use crate::build::Builder;
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::Span;

/// How lines of one kind are read.
pub(in crate::build) struct Lines<'a, Draft, Done> {
    /// What a line begins with; its place is that of its first word.
    pub(in crate::build) new: fn(Span) -> Draft,
    /// Takes one option; `None` when the line is to be dropped, which was said.
    pub(in crate::build) option: TakeOption<'a, Draft>,
    /// What the line is as a whole, with its first word; `None` as above.
    pub(in crate::build) finish: fn(&mut Builder<'a>, Draft, Word<'a>) -> Option<Done>,
}

type TakeOption<'a, Draft> = fn(&mut Builder<'a>, &mut Draft, Word<'a>, &mut Words<'a>, Context) -> Option<()>;

impl<'a> Builder<'a> {
    /// What the lines of a block make.
    pub(in crate::build) fn made_of_lines<Draft, Done>(
        &mut self,
        block: usize,
        context: Context,
        kind: &Lines<'a, Draft, Done>,
    ) -> Vec<Done> {
        let lines = self.lines(block);
        lines
            .into_iter()
            .filter_map(|line| self.made_of_line(line, context, kind))
            .collect()
    }

    fn made_of_line<Draft, Done>(
        &mut self,
        line: Vec<Word<'a>>,
        context: Context,
        kind: &Lines<'a, Draft, Done>,
    ) -> Option<Done> {
        let first = *line.first()?;
        let mut draft = (kind.new)(first.span(self.text));
        let mut words = line.into_iter().peekable();
        while let Some(option) = words.next() {
            (kind.option)(self, &mut draft, option, &mut words, context)?;
        }
        (kind.finish)(self, draft, first)
    }
}
