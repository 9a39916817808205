//! The body of an answer, held against what is expected of it while it arrives.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{Failure, Md5 as Digest, Url};
use holdfast_regex::{Regex, SearchError, Stream};
use md5::{Digest as _, Md5};

/// A body that is longer than this many bytes is cut off.
pub const BODY_LIMIT: u64 = 64 * 1024 * 1024;

/// An answer, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The header, up to and with the empty line.
    pub header: Vec<u8>,
    /// The status code in it.
    pub status: u16,
    /// The bytes after the header.
    pub body_length: u64,
    /// The MD5 of the body, as a `digest` in a configuration is compared with it.
    pub digest: Digest,
}

#[derive(Debug)]
pub(crate) struct Body {
    /// The header and the status code, if they are kept.
    head: Option<(Vec<u8>, u16)>,
    /// Bytes that still count for the digest; `None`: all.
    counting: Option<u64>,
    length: u64,
    digest: Option<Md5>,
    search: Option<Stream>,
}

fn search(settings: &holdfast_regex::Settings) -> Result<Stream, Failure> {
    let regex = Regex::new(settings).map_err(|error| Failure::RegexGivenUp(error.to_string()))?;
    Ok(Stream::new(regex))
}

fn given_up(error: &SearchError) -> Failure {
    Failure::RegexGivenUp(error.to_string())
}

impl Body {
    /// For an answer with this status, of which only the status counts if it is wrong. The header is given if it is to be
    /// handed out at the end; only the first `counting` bytes count for the digest.
    pub(crate) fn open(
        url: &Url,
        status: u16,
        header: Option<Vec<u8>>,
        counting: Option<u64>,
    ) -> Result<Self, Failure> {
        if !url.status.contains(status) {
            return Err(Failure::Status(status));
        }
        Ok(Self {
            digest: (header.is_some() || url.digest.is_some()).then(Md5::new),
            head: header.map(|header| (header, status)),
            counting,
            length: 0,
            search: url.regex.as_ref().map(search).transpose()?,
        })
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(count);
        if self.length > BODY_LIMIT {
            return Err(Failure::BodyTooLong(BODY_LIMIT));
        }
        let counted = match &mut self.counting {
            None => bytes,
            Some(left) => {
                let take = count.min(*left);
                *left = left.saturating_sub(take);
                usize::try_from(take)
                    .ok()
                    .and_then(|take| bytes.get(..take))
                    .unwrap_or(bytes)
            }
        };
        if let Some(digest) = &mut self.digest {
            digest.update(counted);
        }
        if let Some(search) = &mut self.search {
            search.push(bytes).map_err(|error| given_up(&error))?;
        }
        Ok(())
    }

    /// First the digest, then the pattern.
    pub(crate) fn compare(self, url: &Url) -> Result<Option<Answer>, Failure> {
        let digest = self.digest.map(|digest| Digest(digest.finalize().into()));
        if let (Some(expected), Some(got)) = (url.digest, digest)
            && got != expected
        {
            return Err(Failure::Digest { expected, got });
        }
        if let (Some(settings), Some(search)) = (&url.regex, self.search) {
            let found = search.finish().map_err(|error| given_up(&error))?;
            if found == settings.no_match {
                return Err(Failure::Regex {
                    unwanted: settings.no_match,
                });
            }
        }
        let kept = self.head.zip(digest);
        Ok(kept.map(|((header, status), digest)| Answer {
            header,
            status,
            body_length: self.length,
            digest,
        }))
    }
}
