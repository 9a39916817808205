//! Object identifiers.

use std::fmt;
use std::str::FromStr;

/// RFC 2741 section 5.1: no identifier has more parts.
const MOST_PARTS: usize = 128;

/// An object identifier: numbers, in the order in which SNMP walks.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

/// A text that is no object identifier, or one of more than 128 parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier")]
pub struct OidError;

impl Oid {
    /// The identifier of these parts; those beyond the 128th, which SNMP has no place for, are left out.
    pub fn new(parts: &[u32]) -> Self {
        Self(parts.get(..MOST_PARTS).unwrap_or(parts).to_vec())
    }

    /// Its parts.
    pub fn parts(&self) -> &[u32] {
        &self.0
    }

    /// It has no parts: "none" where AgentX may leave an identifier out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This one with more parts behind it.
    #[must_use]
    pub fn with(&self, more: &[u32]) -> Self {
        let mut parts = Vec::with_capacity(self.0.len().saturating_add(more.len()));
        parts.extend_from_slice(&self.0);
        parts.extend_from_slice(more);
        parts.truncate(MOST_PARTS);
        Self(parts)
    }

    /// What is behind `root`; `None`: it is not below it, nor the same.
    pub fn below(&self, root: &Self) -> Option<&[u32]> {
        self.0.strip_prefix(root.parts())
    }

    /// Whether it is `root` or below it.
    pub fn is_within(&self, root: &Self) -> bool {
        self.below(root).is_some()
    }
}

impl From<&[u32]> for Oid {
    fn from(parts: &[u32]) -> Self {
        Self::new(parts)
    }
}

impl<const N: usize> From<[u32; N]> for Oid {
    fn from(parts: [u32; N]) -> Self {
        Self::new(&parts)
    }
}

impl FromStr for Oid {
    type Err = OidError;

    /// Reads `1.3.6` or `.1.3.6`.
    fn from_str(text: &str) -> Result<Self, OidError> {
        let parts = text.strip_prefix('.').unwrap_or(text).split('.');
        let parts: Vec<u32> = parts
            .map(|part| part.parse().map_err(|_| OidError))
            .collect::<Result<_, _>>()?;
        if parts.len() > MOST_PARTS {
            return Err(OidError);
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            write!(f, ".{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_a_walk() {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        let sorted = ["", "1", "1.3", "1.3.6", "1.3.6.0", "1.3.6.1", "1.3.10", "1.4", "2"];
        let oids: Vec<Oid> = sorted
            .iter()
            .map(|text| if text.is_empty() { Oid::default() } else { oid(text) })
            .collect();
        assert!(oids.is_sorted());
        assert_eq!(oid(".1.3.6").to_string(), ".1.3.6");
    }

    #[test]
    fn what_is_below_is_known() {
        let root = Oid::from([1, 3, 6]);
        assert_eq!(root.with(&[4, 5]).below(&root), Some([4, 5].as_slice()));
        assert_eq!(root.below(&root), Some([].as_slice()));
        assert_eq!(root.below(&root.with(&[1])), None);
        assert!(!Oid::from([1, 3, 7, 1]).is_within(&root));
    }

    #[test]
    fn no_identifier_is_longer_than_snmp_allows() {
        assert_eq!(Oid::new(&[1; 200]).parts().len(), 128);
        assert_eq!(Oid::new(&[1; 100]).with(&[2; 100]).parts().len(), 128);
        assert_eq!(vec!["1"; 129].join(".").parse::<Oid>(), Err(OidError));
        assert_eq!("1.x".parse::<Oid>(), Err(OidError));
        assert_eq!("".parse::<Oid>(), Err(OidError));
        assert_eq!("1.4294967296".parse::<Oid>(), Err(OidError));
    }
}
