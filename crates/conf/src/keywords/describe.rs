//! What keywords take and do, in words for people.

use super::Value;

impl Value {
    /// What is valid, such as `a whole number from 1 to 255`; nothing where the arguments say it all.
    pub fn describe(self) -> String {
        match self {
            Self::Flag => "nothing".to_owned(),
            Self::Bool => "nothing, or true, on, yes, false, off, no".to_owned(),
            Self::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Self::OptionalInteger(least, most) => format!("nothing, or a whole number from {least} to {most}"),
            Self::Seconds(least, most) => {
                format!(
                    "seconds from {} to {}, with up to six decimals",
                    decimal(least, 6),
                    decimal(most, 6)
                )
            }
            Self::Milliseconds(least, most) => format!(
                "milliseconds from {} to {}, with up to three decimals",
                decimal(least, 3),
                decimal(most, 3)
            ),
            Self::Clamped(least, most) => {
                format!("a whole number from {least} to {most}; others count as the nearest of these")
            }
            Self::Weight(most) => format!("a whole number from -{most} to {most}, and perhaps reverse"),
            Self::OneOf(words) => words.join(" or "),
            Self::Address => "an IP address".to_owned(),
            Self::Ipv4 => "an IPv4 address".to_owned(),
            Self::Ipv6 => "an IPv6 address".to_owned(),
            Self::OneWord => "one word".to_owned(),
            Self::Script => "a command, and perhaps a user and a group".to_owned(),
            Self::Block(_) => "a block".to_owned(),
            Self::Word | Self::Text | Self::Entry => String::new(),
        }
    }
}

/// A number of 10 to the minus `decimals`, without needless zeros.
fn decimal(value: i64, decimals: usize) -> String {
    let digits = format!("{value:0width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let text = format!("{whole}.{fraction}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shown_in_the_unit_of_the_keyword() {
        let seconds = Value::Seconds(10_000, 255_000_000).describe();
        assert_eq!(seconds, "seconds from 0.01 to 255, with up to six decimals");
        assert_eq!(decimal(0, 6), "0");
    }
}
