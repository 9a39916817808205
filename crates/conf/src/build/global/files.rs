//! Files, and how the configuration is read again.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::{Builder, Item};
use crate::config::ReloadFile;
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;

/// The checks of plain `include` lines.
const INCLUDE_CHECKS: [&str; 4] = ["read", "match", "wildcard_match", "brace_match"];

impl Builder<'_> {
    pub(super) fn file_setting(&mut self, item: &Item<'_>) -> bool {
        let (name, argument) = (item.keyword.name, &item.argument);
        if name == "tmp_config_directory" && !self.is_first(item) {
            return true;
        }
        let global = &mut self.global.global_defs;
        let (files, reload) = (&mut global.files, &mut global.reload);
        let path = item.word(1).map(|word| word.text.to_owned());
        match name {
            "umask" => self.umask(item),
            "config_save_dir" => files.config_save_dir = path,
            "tmp_config_directory" => files.tmp_config_directory = path,
            "data_use_instance" => files.data_use_instance = argument.bool().unwrap_or(files.data_use_instance),
            "state_dump_file" => files.state_dump_file = path,
            "stats_dump_file" => files.stats_dump_file = path,
            "json_dump_file" => files.json_dump_file = path,
            "json_version" => files.json_version = argument.number(),
            "iproute_usr_dir" => files.iproute_usr_dir = path,
            "iproute_etc_dir" => files.iproute_etc_dir = path,
            "reload_check_config" => reload.check_config = Some(path.unwrap_or_else(|| "/dev/null".to_owned())),
            "reload_time_file" => reload.time_file = path,
            "reload_repeat" => reload.repeat = true,
            "reload_file" => reload.file = Some(path.map_or(ReloadFile::Default, ReloadFile::Path)),
            "random_seed" => global.random_seed = argument.number(),
            "include_check" => self.include_check(item),
            _ => return false,
        }
        true
    }

    /// A number as C writes it, or names of bits with `|` between them.
    fn umask(&mut self, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        match umask(word.text) {
            Some(mask) => self.global.global_defs.files.umask = Some(mask),
            None => self
                .invalid(
                    findings::INVALID_VALUE,
                    format!("'{}' is no umask; the line is ignored", word.text),
                    word,
                )
                .hint("0077, or names of bits without blanks: IRWXG|IRWXO")
                .send(self),
        }
    }

    /// What it does, the reading of files has done already.
    fn include_check(&mut self, item: &Item<'_>) {
        let mut bare = false;
        for word in item.words.iter().skip(1) {
            let check = word.text.strip_prefix(['+', '-']).unwrap_or(word.text);
            if !INCLUDE_CHECKS.contains(&check) {
                self.bad_include_check(*word);
            } else if check.len() == word.text.len() && std::mem::replace(&mut bare, true) {
                let message =
                    format!("'{check}' is ignored: only the first check of the line may stand without + or -");
                let span = word.span(self.text);
                self.report(
                    Diagnostic::new(findings::CONTRADICTION, message, Some(span)).hint(format!("write +{check}")),
                );
            }
        }
    }

    fn bad_include_check(&mut self, word: Word<'_>) {
        let message = format!("'{}' is no check of includes; it is ignored", word.text);
        self.invalid(findings::INVALID_VALUE, message, word)
            .hint(format!("one of {}, with + or - before it", INCLUDE_CHECKS.join(", ")))
            .send(self);
    }
}

fn umask(text: &str) -> Option<u16> {
    let number = if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u16::from_str_radix(digits, 16)
    } else if let Some(digits) = text.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        u16::from_str_radix(digits, 8)
    } else if text.starts_with(|first: char| first.is_ascii_digit()) {
        text.parse()
    } else {
        return text.split('|').map(bit).try_fold(0, |mask, bit| Some(mask | bit?));
    };
    number.ok().filter(|mask| *mask <= 0o777)
}

/// The bits of `sys/stat.h`, without their `S_`.
fn bit(name: &str) -> Option<u16> {
    Some(match name {
        "IRUSR" => 0o400,
        "IWUSR" => 0o200,
        "IXUSR" => 0o100,
        "IRWXU" => 0o700,
        "IRGRP" => 0o040,
        "IWGRP" => 0o020,
        "IXGRP" => 0o010,
        "IRWXG" => 0o070,
        "IROTH" => 0o004,
        "IWOTH" => 0o002,
        "IXOTH" => 0o001,
        "IRWXO" => 0o007,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_a_number_or_names_of_bits() {
        assert_eq!(umask("0177"), Some(0o177));
        assert_eq!(umask("0x1ff"), Some(0o777));
        assert_eq!(umask("18"), Some(0o22));
        assert_eq!(umask("0"), Some(0));
        assert_eq!(umask("IXUSR|IRWXG|IRWXO"), Some(0o177));
        for wrong in ["777", "01000", "IRWXG|", "IRWXG|FOO", "-1", "1.5", "zzz", "08"] {
            assert_eq!(umask(wrong), None, "{wrong}");
        }
    }
}
